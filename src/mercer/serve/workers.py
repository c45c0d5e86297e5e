"""Synchronous market calls on a fixed number of threads, with a bounded queue and a deadline."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, final

from mercer.serve.problem import Problem

T = TypeVar("T")


@final
class Workers:
    """Runs calls in threads. Overload and slowness are answered, never piled up.

    A call that overran its deadline keeps its thread until it returns, so that the number of threads
    is a true bound; the caller has its 503 long before.
    """

    def __init__(self, name: str, *, n_threads: int, max_waiting: int, timeout_s: float) -> None:
        self._name, self._n_threads = name, n_threads
        self._pool: ThreadPoolExecutor | None = None  # an app may be started again after its end
        self._max_open = n_threads + max_waiting
        self._timeout_s = timeout_s
        self._n_open, self._lock = 0, threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """The result of `call`. Raises Problem (busy, timeout) and whatever the call raises."""
        with self._lock:
            if self._n_open >= self._max_open:
                raise Problem(
                    "busy",
                    f"{self._n_open} calls are running or waiting, {self._max_open} are allowed",
                    headers={"Retry-After": "1"},
                )
            self._n_open += 1
            if self._pool is None:
                prefix = f"mercer-{self._name}"
                self._pool = ThreadPoolExecutor(self._n_threads, thread_name_prefix=prefix)
            future = self._pool.submit(call)
        future.add_done_callback(self._closed)
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if not deadline.expired():
                raise  # the call's own
            raise Problem(
                "timeout",
                f"the call took longer than {self._timeout_s:g} s, the longest allowed",
                headers={"Retry-After": "1"},
            ) from None

    def _closed(self, _: "Future[Any]") -> None:
        with self._lock:
            self._n_open -= 1

    def close(self) -> None:
        """Drop what waits and let what runs finish in its own time."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
