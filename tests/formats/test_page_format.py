"""Pages and Avro records that an older version wrote stay readable."""

import json
import shutil
from pathlib import Path
from typing import Any

import fastavro
import pytest

from mercer.engines.embedded.log.avro_files import read_avro
from mercer.engines.embedded.log.keeper import Keeper
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.page_log_check import check_pages
from mercer.events.avro import NAMES, VERSIONS, avro_schema
from mercer.events.log import RecordKind

HERE = Path(__file__).parent
WRITTEN = sorted(HERE.glob("page_segment_*"))


def _copy(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "log")
    return tmp_path / "log"


@pytest.mark.parametrize("folder", WRITTEN, ids=lambda p: p.name)
@pytest.mark.parametrize("is_sealed", [False, True], ids=["journal", "sealed"])
def test_written_pages_are_read(folder: Path, tmp_path: Path, is_sealed: bool) -> None:
    """Segment and journal give what was written, also when this version has sealed the journal."""
    log_folder = _copy(folder, tmp_path)
    lines = (folder / "expected.jsonl").read_text("utf-8").splitlines()
    expected: list[dict[str, Any]] = [row for line in lines for row in json.loads(line)["rows"]]
    if is_sealed:
        Keeper(log_folder, keep_days=36_500).run(now_ms=1_790_000_001_000, seal_all=True)
    log = PageLog(log_folder)
    found: list[dict[str, Any]] = []
    for _, change in log.partitions()["pages-0"].read(0, kinds={"pages"}):
        found += json.loads(json.dumps(change.rows.to_pylist()))
    pairs = zip(expected, found, strict=True)
    assert [{name: today[name] for name in row} for row, today in pairs] == expected
    assert [row["page_id"] for row in expected if log.find(row["page_id"]) is None] == []
    assert check_pages(log_folder).faults == []


@pytest.mark.parametrize("kind", NAMES)
def test_a_changed_record_has_a_new_version(kind: RecordKind) -> None:
    """The schema of a version never changes: other columns get another number (and a fixture)."""
    path = HERE / "avro" / f"{NAMES[kind]}_{VERSIONS[kind]}.avsc"
    assert json.loads(path.read_text("utf-8")) == avro_schema(kind), (
        "raise VERSIONS in events/avro.py and run tests/formats/make_pages.py"
    )


def test_every_older_schema_resolves_to_todays() -> None:
    """An Avro reader with today's schema reads what any older version wrote, by Avro's own rules."""
    for path in sorted((HERE / "avro").glob("*.avro")):
        kind = next(kind for kind, name in NAMES.items() if path.stem.startswith(f"{name}_"))
        with open(path, "rb") as file:
            rows = list(
                fastavro.reader(file, reader_schema=fastavro.parse_schema(avro_schema(kind)))
            )
        assert len(rows) == 3
        assert all(row["standing"] == "none" and row["source"] == "import" for row in rows)


def test_older_events_are_upgraded() -> None:
    """Our own reader gives later columns the defaults of the log, those that follow another too."""
    (batch,) = read_avro(HERE / "avro" / "Event_1.avro", "events")
    rows = batch.to_pylist()
    assert [row["event_id"] for row in rows] == ["e0", "e1", "e2"]
    assert all(row["received_ms"] == row["time_ms"] for row in rows)
