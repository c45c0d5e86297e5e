"""Builds the next generation in a process of its own when enough has changed since the last one."""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import final

from mercer.schema.errors import MarketError

_RETRY_S = 60.0


@final
class Merger:
    """One merge at a time. Thread-safe.

    Args:
        command: builds a generation and makes it current.
        done: called when that has happened.
    """

    def __init__(self, command: Sequence[str], *, done: Callable[[], None]) -> None:
        self._command, self._done = list(command), done
        self._busy = threading.Lock()
        self._is_closing = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._fault, self._not_before_s = "", 0.0

    @property
    def fault(self) -> str:
        """Why the last merge failed; "" where it did not."""
        return self._fault

    def start(self) -> bool:
        """Begin to merge; False where one is under way, or one failed a moment ago."""
        if self._is_closing.is_set() or time.monotonic() < self._not_before_s:
            return False
        if not self._busy.acquire(blocking=False):
            return False
        self._thread = threading.Thread(target=self._run, name="merge", daemon=True)
        self._thread.start()
        return True

    def _run(self) -> None:
        try:
            self._build()
            if not self._is_closing.is_set():
                self._done()
                self._fault = ""
        except (
            Exception
        ) as fault:  # a thread of its own: nobody else would hear of it; health tells
            self._fault = f"merge: {fault}; the delta is served until the next attempt"
            self._not_before_s = time.monotonic() + _RETRY_S
        finally:
            self._busy.release()

    def _build(self) -> None:
        with subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            self._process = process
            if self._is_closing.is_set():
                process.kill()
            _, said = process.communicate()
        if process.returncode and not self._is_closing.is_set():
            raise MarketError((said.strip().splitlines() or [f"status {process.returncode}"])[-1])

    def close(self) -> None:
        """Give a merge up: what it has built so far is no generation yet."""
        self._is_closing.set()
        if self._process is not None:
            self._process.kill()
        if self._thread is not None:
            self._thread.join()
