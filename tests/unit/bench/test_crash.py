"""`mercer bench crash`: promises hold under kills and failing disks, and the check sees broken ones."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from mercer.bench.crash import CrashBench, bench_crash
from mercer.bench.crash_check import check
from mercer.bench.crash_load import Acknowledged
from mercer.demo import ensure_market
from mercer.schema.errors import ConfigError


def quiet(step: str, n: int) -> None:
    """Progress that nobody looks at."""


def test_nothing_acknowledged_is_lost_or_doubled() -> None:
    """Killed under load, with a disk that is full and one that fails, a market keeps its word."""
    line = bench_crash(CrashBench(kills=4, faults=2, listings=300, moment_s=1.0), progress=quiet)
    told = {name: line[name] for name in ("broken", "faults", "exit_status", "acknowledged")}
    assert line["is_kept"], told
    assert line["kills"] == 4
    assert line["views"] == 3
    assert min(line["acknowledged"][name] for name in ("events", "listings", "pages")) > 0, told
    if shutil.which("cc") or shutil.which("gcc"):
        assert line["faulty_s"] > 0


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crash") / "market"
    ensure_market(path, n_listings=50, seed=1, name="Crash")
    return path


@pytest.mark.parametrize(
    ("known", "broken"),
    [
        (Acknowledged(event_ids={"never"}), "events_lost"),
        (Acknowledged(billable={"never"}), "clicks_unsigned"),
        (Acknowledged(page_ids=["019b0000-0000-7000-8000-000000000000"]), "pages_lost"),
        (Acknowledged(listings={"never": (1, "x")}), "listings_lost"),
        (Acknowledged(listings={"L00000001": (1 << 50, "x")}), "listings_lost"),
        (Acknowledged(deleted={"L00000001": 1 << 50}), "listings_risen"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_broken_promise_is_seen(market: Path, known: Acknowledged, broken: str) -> None:
    """What was acknowledged and is not there is counted, and nothing else is."""
    found = check(market, known)
    counted = {name: found[name] for name in found if name.endswith(("lost", "risen", "unsigned"))}
    assert {name for name, n in counted.items() if n} == {broken}


def test_numbers_out_of_range_are_refused() -> None:
    """The message says what is allowed."""
    with pytest.raises(ConfigError, match="kills and faults must be 0 or more"):
        bench_crash(dataclasses.replace(CrashBench(), kills=-1), progress=quiet)
