"""Keeps the live index of a serving process at the catalogue's version and at the newest generation.

One thread applies changes. Another opens a new generation and brings it up to date beside it, so that
neither searches nor changes wait; the swap is one assignment.
"""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import final

from mercer.engines.embedded.index.bell import Bell
from mercer.engines.embedded.index.generation import Generation, current_generation
from mercer.engines.embedded.index.live_index import ColumnMaker, LiveIndex
from mercer.schema.catalogue import Catalogue
from mercer.schema.errors import CorruptError, MarketError, NotFoundError
from mercer.schema.money import Rates

LOOK_S = 0.05  # how often the bell is looked at
APPLY_EVERY_S = 0.2  # changes that come meanwhile are applied together
_STOP_S = 30.0
_OPEN_TRIES = 3


@final
class Follower:
    """A live index that follows. Thread-safe.

    Args:
        folder: of the generations.
        catalogue: what is followed.
        open_one: a generation by its name.
        bell: None where nobody else writes: `poke` tells of changes.
        turn: entered around each taking in of changes that are followed; it may wait.
    Raises:
        NotFoundError: nothing was indexed yet.
    """

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue,
        rates: Rates,
        *,
        open_one: Callable[[str], Generation],
        bell: Bell | None = None,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._turn = turn
        self._folder, self._catalogue, self._rates = folder, catalogue, rates
        self._open_one, self._bell = open_one, bell
        self._generations = bell.generations if bell is not None else 0
        self.index = LiveIndex(self._opened(), rates)
        self._applying = threading.Lock()  # one writer of `index` at a time
        self._moved = threading.Condition()
        self._woken, self._is_closing = threading.Event(), threading.Event()
        self._adopting: threading.Thread | None = None
        self._is_adoption_due = False
        self._fault = self._adopt_fault = ""
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)
        self.catch_up()

    def _opened(self) -> Generation:
        """The current generation; the owner may replace and remove it while it is opened."""
        for left in reversed(range(_OPEN_TRIES)):
            name = current_generation(self._folder)
            if name is None:
                raise NotFoundError(f"{self._folder.absolute()}: nothing was indexed yet")
            try:
                return self._open_one(name)
            except (CorruptError, OSError):
                if not left or current_generation(self._folder) == name:
                    raise
        raise AssertionError("the last try returns or raises")

    def start(self) -> None:
        """Follow from now on."""
        self._thread.start()

    @property
    def fault(self) -> str:
        """Why it does not follow; "" where it does."""
        return self._fault or self._adopt_fault

    def poke(self) -> None:
        """Look now."""
        self._woken.set()

    def wait_for(self, version: int, *, timeout_s: float) -> bool:
        """Wait until the index has that version of the catalogue; whether it has."""
        self.poke()
        with self._moved:
            return self._moved.wait_for(
                lambda: self.index.snapshot().version >= version, timeout=timeout_s
            )

    def catch_up(self) -> None:
        """Bring the index to the catalogue's version."""
        with self._applying:
            if self.index.is_torn:
                fresh = self.index.anew()
                self._apply_to(fresh)
                self.index.take_over(fresh)
            else:
                self._apply_to(self.index)
        with self._moved:
            self._moved.notify_all()

    def adopt(self) -> str:
        """Serve the newest generation, with the changes since as its delta; its name.

        Everything slow happens beside the index that serves.
        """
        generation = self._opened()
        name = generation.manifest.name
        if name != self.index.snapshot().generation:
            fresh = LiveIndex(generation, self._rates, makers=self.index.makers)
            self._apply_to(fresh)
            with self._applying:
                self._apply_to(fresh)  # what came meanwhile: little
                for maker in self.index.makers:
                    fresh.learn(maker)
                self.index.take_over(fresh)
        return name

    def learn(self, maker: ColumnMaker) -> bool:
        """Keep columns of another plan beside the index; whether its generation has them."""
        with self._applying:
            return self.index.learn(maker)

    def forget(self, plan_hash: str) -> None:
        """Keep columns of that plan no longer."""
        with self._applying:
            self.index.forget(plan_hash)

    def _apply_to(self, index: LiveIndex) -> None:
        for batch in self._catalogue.changes(since=index.snapshot().version):
            index.apply(batch)

    def close(self) -> None:
        """Stop following."""
        self._is_closing.set()
        self._woken.set()
        for thread in (self._thread, self._adopting):
            if thread is not None and thread.ident is not None:
                thread.join(_STOP_S)

    def _run(self) -> None:
        applied_s = -APPLY_EVERY_S
        while not self._is_closing.is_set():
            was_woken = self._woken.wait(LOOK_S)
            self._woken.clear()
            bell = self._bell
            try:
                version = self.index.snapshot().version
                if was_woken if bell is None else was_woken or bell.version > version:
                    self._is_closing.wait(max(0.0, applied_s + APPLY_EVERY_S - time.monotonic()))
                    applied_s = time.monotonic()
                    with self._turn():
                        self.catch_up()
                self._adopt_if_due()
                self._fault = ""
            except Exception as fault:  # a thread of its own: health tells, and it goes on
                self._fault = f"following: {fault}"
                self._is_closing.wait(1.0)

    def _adopt_if_due(self) -> None:
        """Start adopting where the bell told of another generation; one at a time."""
        bell = self._bell
        if bell is not None and bell.generations != self._generations:
            self._generations, self._is_adoption_due = bell.generations, True
        is_busy = self._adopting is not None and self._adopting.is_alive()
        if self._is_adoption_due and not is_busy:
            self._is_adoption_due = False
            self._adopting = threading.Thread(target=self._try_adopt, name="adopt", daemon=True)
            self._adopting.start()

    def _try_adopt(self) -> None:
        try:
            self.adopt()
            self._adopt_fault = ""
        except (MarketError, OSError) as fault:
            self._adopt_fault = f"adopting a generation: {fault}; the one before goes on serving"
            self._is_closing.wait(1.0)
            self._is_adoption_due = True
