"""Reading the counters in any process: one state for each request, without waiting for the writer."""

import threading
from pathlib import Path
from typing import Final, final

import numpy as np

from mercer.engines.embedded.counters.place import BEGINNING
from mercer.engines.embedded.counters.shared_file import RING, SharedFile, State
from mercer.features.column import F32s, U64s
from mercer.features.counter_decay import HalfLives
from mercer.features.counter_read import FoundRows, find_rows, turn_back, values_of
from mercer.features.counter_reader import CounterReader
from mercer.schema.errors import StorageError

MAX_TRIES: Final = 5
"""So often a look-up that was overtaken by the writer is done anew, each time with a newer state."""
_TO_SPARE: Final = RING // 16  # changes that the writer may make while the ring is read


@final
class CounterView:
    """The counters of one request: all of its look-ups are of the state of the first one.

    A request that takes longer than the writer needs to go around the ring (26 ms at five million
    updates a second, seconds at what a market sees) cannot be answered as of its state any more: then
    `is_degraded`, and what is looked up is missing.
    """

    def __init__(self, file: SharedFile | None, half_lives: HalfLives) -> None:
        self._file, self._half_lives = file, half_lives
        self._state: State | None = None
        self.is_degraded = False

    @property
    def position(self) -> str:
        """The place in the log up to which events are counted; "" where no counters were read."""
        if self._state is None or self.is_degraded:
            return ""
        position = self._state.position or BEGINNING
        lost = 0 if self._file is None else self._file.losses
        return f"{position},losses:{lost}" if lost else position

    @property
    def was_read(self) -> bool:
        """Whether what was looked up is known; a market without events has a position of "" too."""
        return self._state is not None and not self.is_degraded

    @property
    def half_lives_ms(self) -> tuple[int, ...]:
        """The columns of `lookup`."""
        return self._half_lives.ms

    def lookup(self, keys: U64s, now_ms: int) -> F32s:
        """(n, n_half_lives) counts decayed to `now_ms`; NaN where there are no counters."""
        rows = None
        if self._file is not None:
            rows = self._rows(self._file, np.ascontiguousarray(keys))
            self.is_degraded = rows is None
        if rows is None:
            return np.full((len(keys), len(self._half_lives)), np.nan, np.float32)
        return values_of(rows, self._half_lives, now_ms=now_ms)

    def _rows(self, file: SharedFile, keys: U64s) -> FoundRows | None:
        if self._state is not None:
            return None if self.is_degraded else _rows_at(file, keys, self._state)
        for _ in range(MAX_TRIES):
            state = file.state()
            rows = _rows_at(file, keys, state)
            if rows is not None:
                self._state = state
                return rows
        return None


def _rows_at(file: SharedFile, keys: U64s, state: State) -> FoundRows | None:
    """The rows of some keys as they were in a state; None where the ring does not reach so far back."""
    found = find_rows(file.table, keys)
    until = file.n_changes
    if until - state.n_changes > RING - _TO_SPARE:
        return None
    if until > state.n_changes:
        rows = found.spread()
        turn_back(file.table, keys, rows, since=state.n_changes, until=until)
        found = FoundRows.of_all(rows)
    return found if file.n_changes - state.n_changes < RING else None


@final
class SharedCounters:
    """The counters of a market as its readers see them; follows the file when it is replaced.

    Thread-safe.

    Args:
        path: of the file; it need not be there yet.
        half_lives: that the market counts by; a file of others is none.
    """

    def __init__(self, path: Path, half_lives: HalfLives) -> None:
        self._path, self._half_lives = path, half_lives
        self._lock = threading.Lock()
        self._file: SharedFile | None = None
        self.fault = ""

    def view(self) -> CounterView:
        """The counters for one request."""
        return CounterView(self.file(), self._half_lives)

    def state(self) -> State | None:
        """What is counted now; None where there are no counters."""
        file = self.file()
        return None if file is None else file.state()

    def file(self) -> SharedFile | None:
        """The file itself; None where there is none."""
        file = self._file
        if file is not None and not file.is_superseded:
            return file
        with self._lock:
            if self._file is file:  # nobody else was faster
                self._open()
            return self._file

    def _open(self) -> None:
        try:
            file = SharedFile(self._path)
            fits = file.table.half_lives == self._half_lives
            self._file = file if fits else None
            self.fault = (
                "" if fits else f"{self._path} is of other half-lives than mercer.toml says"
            )
        except FileNotFoundError:
            self._file, self.fault = None, ""
        except (OSError, StorageError) as fault:
            self._file, self.fault = None, str(fault)


_conforms: type[CounterReader] = CounterView
