"""A process that is made to die while it changes which model serves: one line on stdin, one forked child.

A line is `HOW|N|WORDS`: a command of `mercer`, its words parted by tabs, killed as by kill -9 before its N-th
step on files (HOW is "step"), or by the kernel within the first write that would make a file longer than
N bytes ("size"), or not at all ("whole"). The answer is the child's wait status; 0 where it came to its end.
With "warm" it is done before the fork, so that the children need not load and compile what it needs; a
training is done once, and its result is what every later one writes.
"""

import os
import resource
import signal
import sys
from typing import Any

from typer.testing import CliRunner

from mercer.cli import app
from mercer.engines.embedded import training_ranker
from mercer.engines.embedded.lambdamart import LambdaMartParams

STEPS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"})
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def train_once() -> None:
    """Few trees, and for all trainings the same result."""
    training_ranker.LambdaMartParams = lambda **words: LambdaMartParams(
        n_trees=2, learning_rate=0.1, **words
    )
    made: list[Any] = []
    climb, report_of = training_ranker.climb, training_ranker.report_of

    def climb_once(*args: Any, **words: Any) -> Any:
        if not made:
            climbed = climb(*args, **words)
            made.extend((climbed, report_of(climbed, seed=0)))
        return made[0]

    training_ranker.climb = climb_once
    training_ranker.report_of = lambda climbed, *, seed: made[1]


def die_before(n: int) -> None:
    """Kill this process before its n-th step on files: a new name, a file opened for writing, a sync."""
    seen = 0

    def step() -> None:
        nonlocal seen
        seen += 1
        if seen == n:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(event: str, args: tuple[Any, ...]) -> None:
        if event in STEPS or (event == "open" and isinstance(args[2], int) and args[2] & WRITES):
            step()

    os.fsync = lambda handle: step()
    sys.addaudithook(heard)


def die_in_write_of(n_bytes: int) -> None:
    """Let the kernel end this process when a file becomes longer than that; what fits was written."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


def main() -> None:
    train_once()
    os.fsync = lambda handle: None  # what was written outlives a process that is killed
    for line in sys.stdin:
        how, n, words = line.rstrip("\n").split("|")
        status = 0
        if how == "warm":
            status = CliRunner().invoke(app, words.split("\t")).exit_code
        elif child := os.fork():
            status = os.waitpid(child, 0)[1]
        else:
            if how == "step":
                die_before(int(n))
            elif how == "size":
                die_in_write_of(int(n))
            os._exit(CliRunner().invoke(app, words.split("\t")).exit_code)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
