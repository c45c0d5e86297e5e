"""Processes that are made to die: a script of tests/support that forks for each line and dies there."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Child = Callable[[str], int]
"""One line on the script's stdin -> the wait status of the process that did what it says."""


@contextmanager
def dying_child(script: str) -> Iterator[Child]:
    """The script, started once; each line is a death of its own."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(line: str) -> int:
            print(line, file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield ask
        process.stdin.close()
