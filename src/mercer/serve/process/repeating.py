"""Something that is done again and again in a thread of its own, whatever happens to it."""

import threading
from collections.abc import Callable
from typing import final


@final
class Repeating:
    """Calls `step` every `every_s` seconds, the first time at once. Thread-safe.

    A step that raises is tried again at its next turn; `fault` tells until it succeeds.

    Args:
        step: one turn. Where it returns True there is more to do, and the next one follows at once.
    """

    def __init__(self, name: str, step: Callable[[], object], *, every_s: float) -> None:
        self.name, self._step, self._every_s = name, step, every_s
        self._is_closing = threading.Event()
        self._fault = ""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def fault(self) -> str:
        """Why the last turn failed; "" where it did not."""
        return self._fault

    def _run(self) -> None:
        while not self._is_closing.is_set():
            has_more: object = False
            try:
                has_more = self._step()
                self._fault = ""
            except Exception as fault:  # nobody else would hear of it; `fault` tells
                self._fault = f"{self.name}: {fault}"
            if has_more is not True:
                self._is_closing.wait(self._every_s)

    def close(self, *, wait_s: float = 10.0) -> None:
        """Let the turn under way finish, and stop."""
        self._is_closing.set()
        self._thread.join(wait_s)
