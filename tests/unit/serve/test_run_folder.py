"""MARKET/run: for the market's own processes only."""

import stat
from pathlib import Path

from mercer.serve.run_folder import claim


def test_only_its_own_user_may_enter(tmp_path: Path) -> None:
    """The sockets in it ask for no key; a folder that others could enter is closed to them."""
    run = tmp_path / "run"
    run.mkdir(mode=0o755)
    with claim(run):
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
