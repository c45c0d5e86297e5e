"""A process that is made to die: one line on stdin, one death. Started by tests/unit/engines/test_crash.py.

Lines: `build|SECONDS|FOLDER` indexes the market and is killed so long after it began (as by kill -9);
`step|NAME|FOLDER` is killed when the build has told of that step; `write|ID|FOLDER` puts a listing,
deletes "l0", and is killed once both are acknowledged. The answer is the child's wait status.
"""

import os
import signal
import sys
from pathlib import Path

from mercer.app import own_market
from mercer.app_index import index_market
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from support.market_kit import T0, small_encoder


def build(folder: Path, *, last_step: str = "") -> None:
    def progress(step: str, n: int) -> None:
        if step == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    market = MarketFolder(folder)
    with small_encoder(), open_store(market) as store:
        index_market(store, market, progress=progress)


def write(folder: Path, listing_id: str) -> None:
    with own_market(folder) as market:
        market.put_listings([{"listing_id": listing_id, "title": "red mug", "updated_ms": T0 + 5}])
        market.delete_listings(["l0"], updated_ms=T0 + 5)
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    for line in sys.stdin:
        verb, argument, name = line.rstrip("\n").split("|")
        folder, child = Path(name), os.fork()
        if not child:
            if verb == "build":
                # Its default action ends the process at once, as SIGKILL does.
                signal.setitimer(signal.ITIMER_REAL, float(argument))
                build(folder)
            elif verb == "step":
                build(folder, last_step=argument)
            else:
                write(folder, argument)
            os._exit(0)
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
