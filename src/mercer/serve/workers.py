"""Synchronous market calls on a fixed number of threads, with a bounded queue and a deadline."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, final

from mercer.serve.problem import Problem

T = TypeVar("T")


@final
class Workers:
    """Runs calls in threads. Overload and slowness are answered, never piled up.

    A call that overran its deadline keeps its thread until it returns, so that the number of threads
    is a true bound; the caller has its 503 long before.
    """

    def __init__(
        self,
        name: str,
        *,
        n_threads: int,
        max_waiting: int,
        timeout_s: float,
        told: Callable[[int], None] = lambda n_open: None,
    ) -> None:
        """`told` hears of each change of the number of calls that run or wait; it has to be quick."""
        self._told = told
        self._name, self._n_threads = name, n_threads
        self._pool: ThreadPoolExecutor | None = None  # an app may be started again after its end
        self._max_open = n_threads + max_waiting
        self._timeout_s = timeout_s
        self._n_open, self._lock = 0, threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """The result of `call`. Raises Problem (busy, timeout) and whatever the call raises."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()
        running = self._submit(call)
        running.add_done_callback(partial(_ended, loop, waiting))
        late = loop.call_later(self._timeout_s, self._give_up, waiting)
        try:
            return await waiting
        finally:
            late.cancel()
            running.cancel()  # one that was not begun is left out where nobody waits any more

    def call(self, call: Callable[[], T]) -> T:
        """The same for a thread that is none of these and waits.

        Raises:
            Problem: busy.
            TimeoutError, CancelledError: the deadline, the end.
        """
        running = self._submit(call)
        try:
            return running.result(self._timeout_s)
        finally:
            running.cancel()

    @property
    def n_open(self) -> int:
        """Calls that run or wait."""
        return self._n_open

    def _submit(self, call: Callable[[], T]) -> "Future[T]":
        with self._lock:
            if self._n_open >= self._max_open:
                raise Problem(
                    "busy",
                    f"{self._n_open} calls are running or waiting, {self._max_open} are allowed",
                    headers={"Retry-After": "1"},
                )
            self._count(1)
            if self._pool is None:
                prefix = f"mercer-{self._name}"
                self._pool = ThreadPoolExecutor(self._n_threads, thread_name_prefix=prefix)
            running = self._pool.submit(call)
        running.add_done_callback(self._closed)
        return running

    def _closed(self, _: "Future[Any]") -> None:
        with self._lock:
            self._count(-1)

    def _count(self, more: int) -> None:
        self._n_open += more
        self._told(self._n_open)

    def _give_up(self, waiting: "asyncio.Future[Any]") -> None:
        if not waiting.done():
            detail = f"the call took longer than {self._timeout_s:g} s, the longest allowed"
            waiting.set_exception(Problem("timeout", detail, headers={"Retry-After": "1"}))

    def close(self) -> None:
        """Drop what waits and let what runs finish in its own time."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _ended(
    loop: asyncio.AbstractEventLoop, waiting: "asyncio.Future[T]", done: "Future[T]"
) -> None:
    """In the thread that ran the call, or in the one that cancelled it."""
    with suppress(RuntimeError):  # the loop is closed, and nobody waits
        loop.call_soon_threadsafe(_settle, waiting, done)


def _settle(waiting: "asyncio.Future[T]", done: "Future[T]") -> None:
    """Hand over what a call came to, on the loop; whoever waited may have gone."""
    if waiting.done():
        return
    if done.cancelled():
        waiting.cancel()
    elif (fault := done.exception()) is not None:
        waiting.set_exception(fault)
    else:
        waiting.set_result(done.result())
