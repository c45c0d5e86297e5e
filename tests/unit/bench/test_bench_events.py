"""`mercer bench events`: it counts what was made durable, and every part says what it measured."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from mercer.bench.event_writer import event_batches, measure
from mercer.bench.events import PARTS, EventsBench, bench_events
from mercer.bench.page_cost import measure as measure_pages
from mercer.cli import app
from mercer.engines.embedded.log.event_log import EventLog
from mercer.engines.embedded.log.page_folder import PageFolder
from mercer.schema.errors import ConfigError
from mercer.schema.event import EVENT


def test_events_are_as_large_as_they_say_and_all_new() -> None:
    """About 250 bytes in memory; no id comes twice; the same seed gives the same."""
    made = [event_batches(np.random.default_rng(1), n=1_100, batch=500) for _ in range(2)]
    assert [rows.num_rows for rows in made[0]] == [500, 500, 100]
    table = pa.Table.from_batches(made[0], schema=EVENT)
    assert 240 <= table.nbytes / 1_100 <= 275
    assert len(table.column("event_id").unique()) == 1_100
    assert table.equals(pa.Table.from_batches(made[1]))


def test_every_batch_is_written_once_and_timed(tmp_path: Path) -> None:
    """As many waits as batches, and the log has what was sent; at a rate it takes the time it should."""
    log = EventLog(tmp_path)
    batches = event_batches(np.random.default_rng(1), n=200, batch=20)
    found = measure(log, batches[:5], writers=3)
    assert len(found.waits_ms) == 5
    assert measure(log, batches[5:], writers=3, rate=50.0).wall_s >= 4 / 50
    assert log.n_rows(0) == 200
    log.close()


def test_the_command_prints_one_line(tmp_path: Path) -> None:
    """All parts by default, each with its keys; nothing is left in the folder."""
    words = ["bench", "events", "--events", "2000", "--batch", "100", "--part", "log"]
    done = CliRunner().invoke(app, [*words, "--cache", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    line = json.loads(done.stdout)
    assert line["events_per_s"] > 0
    assert (line["bench"], line["events"], line["parts"]) == ("events", 2_000, ["log"])
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    """Before anything is measured."""
    with pytest.raises(ConfigError, match="1 or more"):
        bench_events(EventsBench(events=0), cache=tmp_path)
    with pytest.raises(ConfigError, match=f"there are {', '.join(PARTS)}"):
        bench_events(EventsBench(events=1, parts=("logs",)), cache=tmp_path)


def test_pages_are_measured(tmp_path: Path) -> None:
    """The part `pages` writes and seals pages of the stated size, and refuses none."""
    line = measure_pages(tmp_path, seed=3, n_pages=40)
    assert (line["pages_refused"], line["page_candidates"], line["page_shown"]) == (0, 1_000, 24)
    assert 0 < line["page_write_us"] <= line["page_write_p99_us"]
    assert 4_000 < line["page_bytes"] < line["page_journal_bytes"] < 20_000
    (file,) = PageFolder(tmp_path / "pages-0").files()
    assert file.segment is not None
