"""A process that loses its event log in the middle: one line on stdin, one forked child.

Lines: `kill|STEP|FOLDER` appends batches and is killed at the third time the commit tells of STEP;
`random|SECONDS|FOLDER` is killed so long after it began; `limit|BYTES|FOLDER` may write files of so
many bytes only, so that the storage fails with an error. Each batch is `b<i>-0 .. b<i>-9`; those that
were acknowledged are named in FOLDER/acked, those that failed in FOLDER/failed. The answer is the
child's wait status.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from mercer.engines.embedded.log.event_log import EventLog
from mercer.schema.errors import MarketError
from support.log_kit import event_rows

N_BATCHES, N_ROWS = 200, 10


def write(folder: Path, *, kill_at: str = "") -> None:
    seen = 0

    def on_step(step: str) -> None:
        nonlocal seen
        seen += step == kill_at
        if seen == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    log = EventLog(folder, on_step=on_step, interval_s=0.0, memory_ids=64)
    with open(folder / "acked", "a") as acked, open(folder / "failed", "a") as failed:
        for i in range(N_BATCHES):
            try:
                log.append(event_rows(*(f"b{i}-{j}" for j in range(N_ROWS))))
            except MarketError:
                print(f"b{i}", file=failed, flush=True)
            else:
                print(f"b{i}", file=acked, flush=True)
    # Also what failed before is taken, once there is room again.
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    log.append(event_rows("after"))
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        verb, argument, name = line.rstrip("\n").split("|")
        folder, child = Path(name), os.fork()
        if not child:
            if verb == "random":
                signal.setitimer(signal.ITIMER_REAL, float(argument))  # its default: to end at once
            elif verb == "limit":
                unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(argument), unlimited))
            write(folder, kill_at=argument if verb == "kill" else "")
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
