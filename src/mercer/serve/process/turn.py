"""Two neighbouring readers take changes in one after the other, so that one of them is free to search.

All readers hear of a commit at the same moment, and a segment takes 20 to 30 ms to make, in which searches
of the same process wait for the interpreter lock. Made everywhere at once, there would be no reader left
that answers as quickly as ever; made in turns, searches go to the neighbour meanwhile. The one under way is
let finish first: a search comes back for the interpreter lock after each of its kernels, and would wait for
nearly all of what taking in takes.

    run/turn-K     locked by whichever of the readers 2K and 2K + 1 takes changes in
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

from mercer.serve.process.board import ReaderBoard

LONGEST_WAIT_S: Final = 0.1  # then they are taken in anyway: they are promised within a second
LONGEST_SEARCH_S: Final = 0.03  # so long searches under way are waited for
_LOOK_S: Final = 0.003
_LOOK_AT_SEARCHES_S: Final = 0.001


@final
class Turn:
    """The turn of one reader. For one thread at a time.

    The lock goes when its holder does, and is never waited for long: a turn is a courtesy.

    Args:
        run: the market's run folder.
        slot: of this reader.
        board: where the others see that this reader is not quite free, and how many searches it has.
    """

    def __init__(self, run: Path, *, slot: int, board: ReaderBoard) -> None:
        run.mkdir(parents=True, exist_ok=True)
        self._board = board
        self._handle = os.open(run / f"turn-{slot // 2}", os.O_RDWR | os.O_CREAT, 0o600)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, and for the searches under way; keep the turn while the block runs."""
        is_mine = self._wait()
        self._board.tell_taking(is_taking=True)  # first, so that searches go to the neighbour
        try:
            self._let_finish()
            yield
        finally:
            self._board.tell_taking(is_taking=False)
            if is_mine:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def _wait(self) -> bool:
        until_s = time.monotonic() + LONGEST_WAIT_S
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() >= until_s:
                    return False
                time.sleep(_LOOK_S)

    def _let_finish(self) -> None:
        until_s = time.monotonic() + LONGEST_SEARCH_S
        while self._board.n_busy and time.monotonic() < until_s:
            time.sleep(_LOOK_AT_SEARCHES_S)

    def close(self) -> None:
        """Take no more turns."""
        os.close(self._handle)
