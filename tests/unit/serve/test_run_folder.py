"""MARKET/run: for the market's own processes only."""

import stat
from pathlib import Path

from mercer.serve.process.run_folder import (
    ProcessStatus,
    Status,
    StatusReader,
    claim,
    with_faults,
    write_faults,
    write_status,
)


def test_only_its_own_user_may_enter(tmp_path: Path) -> None:
    """The sockets in it ask for no key; a folder that others could enter is closed to them."""
    run = tmp_path / "run"
    run.mkdir(mode=0o755)
    with claim(run):
        assert stat.S_IMODE(run.stat().st_mode) == 0o700


def test_what_the_learner_cannot_do_is_told(tmp_path: Path) -> None:
    """As the state of a learner that runs, until it can; one that is down is down, and a start clears it."""
    run = tmp_path / "run"
    with claim(run):
        up = ProcessStatus("up", 1)
        write_status(run, Status(1, "http://x", 2, {"owner": up, "learner": up}))
        reader = StatusReader(run)
        for faults, state in (
            ([], "up"),
            (["keeper: no space", "traffic: broken"], "failing: keeper: no space; traffic: broken"),
            ([], "up"),
        ):
            write_faults(run, faults)
            reader.ask()
            assert reader.states() == {"owner": "up", "learner": state}
        write_faults(run, ["keeper: no space"])
        assert with_faults(run, {"learner": "down: why"}) == {"learner": "down: why"}
        assert with_faults(run, {"owner": "up"}) == {"owner": "up"}
        (run / "learner.json").write_text("[")
        assert with_faults(run, {"learner": "up"}) == {"learner": "up"}
        write_faults(run, ["keeper: no space"])
    assert with_faults(run, {"learner": "up"}) == {"learner": "up"}
