"""The page on features says what the registry has."""

import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "feature_reference.py"


def test_the_reference_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """`scripts/feature_reference.py` would write what is there."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--check"])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert done.value.code == 0, "run .venv/bin/python scripts/feature_reference.py"
