"""A process that loses its counters in the middle: one line on stdin, one forked child.

Lines: `random|SECONDS|FOLDER` keeps the counters of FOLDER/log in FOLDER/c and is killed so long after it
began; `section|N|FOLDER` is killed within its second section, after N of its updates;
`commit|-|FOLDER` is killed when its second section is about to be committed; `all|-|FOLDER` counts
all there is and ends. The answer is the child's wait status.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from mercer.engines.embedded.counters import store
from mercer.engines.embedded.counters.keeper import CounterKeeper
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.counter_table import update
from support.counter_kit import PARAMS


def die_in_section(verb: str, n: int) -> None:
    """Let the second section of this process be its last."""
    seen = 0

    def dying(table: Any, keys: Any, times_ms: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == 2 and verb == "section":
            update(table, keys[:n], times_ms[:n])
        done = update(table, keys, times_ms) if seen != 2 or verb == "commit" else None
        if seen == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    store.update = dying


def count(folder: Path) -> None:
    """Count all there is, and then again and again what was the last to come."""
    log = EmbeddedLog(folder / "log", is_owner=False)
    keeper = CounterKeeper(folder / "c", log, PARAMS)
    while keeper.step(max_events=50):
        keeper.begin_snapshot()
    keeper.close()
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        verb, argument, name = line.rstrip("\n").split("|")
        child = os.fork()
        if not child:
            if verb == "random":
                signal.setitimer(signal.ITIMER_REAL, float(argument))  # its default: to end at once
            elif verb != "all":
                die_in_section(verb, int(argument) if verb == "section" else 0)
            count(Path(name))
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
