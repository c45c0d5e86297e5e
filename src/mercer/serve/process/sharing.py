"""Searches go to the reader that has the fewest of them under way.

A client's connection leads to one reader, and that one may be busy while another has nothing to do: then
a search waits for no reason. The reader that took it asks the other one for the answer, bytes and all,
over its socket. What goes wrong there, in whatever way, is made here: asking is a short cut, never a
condition.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, final

import msgspec

from mercer.retrieve.request import SearchRequest
from mercer.schema.errors import UnavailableError
from mercer.serve.process.board import ReaderBoard
from mercer.serve.process.rpc import Handler

AGAIN_S = 1.0  # one that did not answer is left alone for so long
NAME = "answer"


class Asking(Protocol):
    """How another reader is asked."""

    def ask(self, slot: int, name: str, args: object) -> tuple[Any, bytes]:
        """Its answer. Raises UnavailableError, and whatever the call raised over there."""
        ...


def sharing_calls(
    answer: Callable[[SearchRequest], bytes], version: Callable[[], int]
) -> Mapping[str, Handler]:
    """What a reader answers to the others: a search, where it knows all that the asking one knows."""

    def found(asked: Any, _: bytes) -> tuple[Any, bytes]:
        request, least = asked
        if version() < least:
            return False, b""
        return True, answer(msgspec.convert(request, SearchRequest))

    return {NAME: found}


@final
class Sharing:
    """The other readers, as one that has too much to do sees them. Thread-safe.

    Args:
        board: how much each of them has to do.
        version: of the catalogue that this reader serves. One that is behind is not believed, so that
            what a client was acknowledged here it finds, whoever answers.
    """

    def __init__(
        self,
        board: ReaderBoard,
        asking: Asking,
        *,
        version: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board, self._asking, self._version = board, asking, version
        self._clock, self._lock = clock, threading.Lock()
        self._on_the_way: dict[int, int] = {}  # asked there and not answered, by slot
        self._closed_until_s: dict[int, float] = {}

    def tell(self, n_busy: int) -> None:
        """So many searches are under way or wait here."""
        self._board.tell_busy(n_busy)

    def freer(self, n_busy: int) -> int | None:
        """The slot of the reader with the least to do, where that is less than `n_busy` searches and what
        this one does beside them.

        What is on the way to a reader counts at once, and again as soon as it has begun there: one that
        hangs soon looks busy, and gets no more.
        """
        now_s = self._clock()
        with self._lock:
            loads = [
                (n + self._on_the_way.get(slot, 0), slot)
                for slot, n in self._board.others_busy()
                if self._closed_until_s.get(slot, 0.0) <= now_s
            ]
        mine = n_busy + self._board.extra
        least, slot = min(loads, default=(mine, None))
        return slot if least < mine else None

    def ask(self, slot: int, request: SearchRequest) -> bytes | None:
        """The encoded answer of another reader; None where it has to be made here."""
        with self._lock:
            self._on_the_way[slot] = self._on_the_way.get(slot, 0) + 1
        try:
            is_made, body = self._asking.ask(slot, NAME, (request, self._version()))
            return body if is_made else None
        except UnavailableError:
            with self._lock:
                self._closed_until_s[slot] = self._clock() + AGAIN_S
            return None
        except Exception:  # its fault is told by the search that is made here instead
            return None
        finally:
            with self._lock:
                self._on_the_way[slot] -= 1
