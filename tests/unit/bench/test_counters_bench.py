"""`mercer bench counters`: one line with what was measured, and the same bits in any order."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mercer.bench.counters import CountersBench, bench_counters
from mercer.cli import app
from mercer.schema.errors import ConfigError

SMALL = ["--keys", "3000", "--updates", "20000", "--lookups", "20000", "--request", "500"]


def test_the_command_prints_one_line(tmp_path: Path) -> None:
    """With the keys that the documents name; the file is gone afterwards; people get a table."""
    where = ["--cache", str(tmp_path)]
    done = CliRunner().invoke(app, ["bench", "counters", *SMALL, *where, "--json"])
    assert done.exit_code == 0, done.output
    line = json.loads(done.stdout)
    assert line["bit_equal"] is True
    assert line["n_keys"] == 3_000
    told = ("updates_per_s", "lookups_per_s", "lookups_per_s_1_thread", "events_per_s", "mib",
            "updates_cpu_ns", "lookups_cpu_ns_uniform_1_thread")  # fmt: skip
    assert min(line[key] for key in told) > 0
    assert not list(tmp_path.iterdir())


def test_numbers_out_of_range(tmp_path: Path) -> None:
    """Are told before anything is made."""
    with pytest.raises(ConfigError, match="must be 1 or more"):
        bench_counters(CountersBench(keys=0), cache=tmp_path)
