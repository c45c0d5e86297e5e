"""The tutorials work as they are written: their files are made, their commands run in order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(?P<words>[^\n]*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "docs" / "tutorial").glob("*.md")))
def test_tutorial_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    """A fence that names a file makes it, a fence marked `sh` runs and succeeds; others are read."""
    text = (ROOT / "docs" / "tutorial" / name).read_text("utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    n_ran = 0
    for fence in FENCE.finditer(text):
        language, _, file_name = fence["words"].partition(" ")
        if file_name:
            (tmp_path / file_name).write_text(fence["body"], "utf-8")
        elif language == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", fence["body"]],
                cwd=tmp_path,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, f"{fence['body']}\n{done.stdout}\n{done.stderr}"
            n_ran += 1
    assert n_ran > 0
