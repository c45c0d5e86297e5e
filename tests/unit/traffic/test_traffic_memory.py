"""The memory of a server that is watched."""

import os
import subprocess
import sys

import pytest

from mercer.schema.errors import ConfigError
from mercer.traffic.memory import memory_mib, watched

CHILD = "import sys; held = bytearray(40 << 20); print('up', flush=True); sys.stdin.read()"


def test_memory_counts_what_runs_below() -> None:
    """A child's memory is part of its parent's figure, and gone with it."""
    before = memory_mib(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with watched(os.getpid(), every_s=0.01) as seen:
            while "last" not in seen:
                pass
        during = memory_mib(os.getpid())
        child.communicate()
    assert before is not None
    assert during is not None
    assert during > before + 35
    assert seen["first"] <= seen["max"] >= seen["last"] > before + 35


def test_a_process_that_is_not_there_is_told() -> None:
    """The number is named."""
    with pytest.raises(ConfigError, match="no process 99999999"), watched(99_999_999):
        pass
    with watched(None) as seen:
        assert seen == {}
