"""Many small writes, one commit: what waits while a commit runs is taken by the next one."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: "Future[Result]"


class GroupCommit(Generic[Item, Result]):
    """Runs `commit` over batches of submitted items in a thread of its own.

    Args:
        commit: takes the items of a batch in the order they came, gives a result for each. What it
            raises is raised for every item of the batch.
        interval_s: at least so long between the beginnings of two commits; the first of a lull is
            not delayed.
        max_batch: weight of the items of one commit; a heavier one goes alone.
        weigh: what an item weighs; without it each weighs 1.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        interval_s: float = 0.2,
        max_batch: int = 10_000,
        weigh: Callable[[Item], int] = lambda item: 1,
    ) -> None:
        self._commit, self._interval_s, self._max_batch = commit, interval_s, max_batch
        self._weigh = weigh
        self._waiting: queue.SimpleQueue[_Waiting[Item, Result] | None] = queue.SimpleQueue()
        self._is_closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> Result:
        """Commit an item together with whatever else is waiting; returns when it is done.

        Raises:
            RuntimeError: the queue was closed.
        """
        return self.begin(item).result()

    def begin(self, item: Item) -> "Future[Result]":
        """As `submit`, without waiting: the result, or what was raised, comes with the future."""
        future: Future[Result] = Future()
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the market is closed; nothing more can be written")
            self._waiting.put(_Waiting(item, future))
        return future

    def close(self) -> None:
        """Commit what waits, then stop."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._waiting.put(None)
        self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        began, is_open = -self._interval_s, True
        while is_open:
            first = self._waiting.get()
            if first is None:
                return
            time.sleep(max(0.0, began + self._interval_s - time.monotonic()))
            began, batch, weight = time.monotonic(), [first], self._weigh(first.item)
            while weight < self._max_batch and not self._waiting.empty():
                more = self._waiting.get()
                if more is None:
                    is_open = False
                    break
                batch.append(more)
                weight += self._weigh(more.item)
            self._settle(batch)

    def _settle(self, batch: Sequence[_Waiting[Item, Result]]) -> None:
        try:
            results = self._commit([waiting.item for waiting in batch])
            if len(results) != len(batch):
                raise ValueError(f"{len(results)} results for {len(batch)} items")
        except Exception as fault:  # raised again in every writer that waits
            for waiting in batch:
                waiting.future.set_exception(fault)
            return
        for waiting, result in zip(batch, results, strict=True):
            waiting.future.set_result(result)
