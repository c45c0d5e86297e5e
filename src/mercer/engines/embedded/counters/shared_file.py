"""The file of the counters, mapped into every process of a market.

    16,384 bytes   cells of 8 bytes (below), and two states: position and totals, as JSON
    keys, rows     the table (`features/counter_table.py`)
    ring           what stood at a place before each change (there: `undo`)

One process writes. It works in sections: `begin` makes the cell SEQUENCE odd, the section changes
counters, each after it was written into the ring, and `commit` writes the other state and makes
SEQUENCE even: the section is there with all its changes and its position, or not at all.

- A reader takes the last committed state as its own and reads counters at any moment, also within a
  section; what the ring has since its state turns them back to it. It never waits, and nobody waits for
  it. Only if the writer has gone around the ring meanwhile, the reader is too late and takes a new state.
- A writer that was killed within a section leaves SEQUENCE odd and the ring behind it. Readers go on
  with the state before; the next writer first rolls the section back. The file is memory of the system,
  not of the process, so nothing else is lost.
- After a power cut, or on another machine, pages of the file may be of different moments: it names the
  boot that it belongs to, and in another one it is made anew from a snapshot and the log.

The orders of stores are those of the program: `in_order` for a killed writer, `fence` for readers.
"""

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.counter_decay import HalfLives
from mercer.features.counter_memory import fence
from mercer.features.counter_table import (
    BUCKET,
    UNDO_WORDS,
    WORDS,
    CounterTable,
    n_buckets_for,
    roll_back,
)
from mercer.schema.errors import StorageError
from mercer.text.kernel_types import I8S

Cells = npt.NDArray[np.int64]

HEADER_BYTES: Final = 16_384
RING: Final = 1 << 17  # changes; 12 MB
MAX_SECTION: Final = 8_192  # updates between begin and commit; each is at most three changes
FORMAT: Final = 2
MAGIC: Final = 0x4D43_434F_554E_5431
_MAGIC, _FORMAT, _SEQUENCE, _UNDO, _N_BUCKETS, _SUPERSEDED, _LOSSES, _HALF_LIVES = range(8)
_DIGEST = slice(256, 288)
_BOOT = slice(320, 368)
_STATE_BYTES = 6_144  # a position names every partition of pages: room for some 250
_STATES = (4_096, 10_240)
_BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")


class State(msgspec.Struct, frozen=True):
    """What was committed with a section."""

    position: str = ""
    n_keys: int = 0
    n_evicted: int = 0
    n_events: int = 0
    newest_ms: int = 0  # when the newest event that is counted was received
    n_changes: int = 0  # of the ring
    n_pages: int = 0


@nb.njit("void(i8[::1], i8, i8)", cache=True, nogil=True)
def _publish(cells: Any, i: Any, value: Any) -> None:
    """Set a cell, after all that stands before and before all that stands behind."""
    fence()
    cells[i] = value
    fence()


@nb.njit(nb.i8(I8S, nb.i8), cache=True, nogil=True)
def _observe(cells: Any, i: Any) -> Any:
    """Read a cell, after all that stands before and before all that stands behind."""
    fence()
    value = cells[i]
    fence()
    return value


def boot_id() -> str:
    """Which run of the system this is; "" where it does not say."""
    try:
        return _BOOT_FILE.read_text("ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a file is made for."""

    half_lives: HalfLives
    max_keys: int
    digest: bytes  # (32,) of all that decides what is counted

    @property
    def n_bytes(self) -> int:
        """Of the whole file."""
        return _n_bytes(n_buckets_for(self.max_keys))


def _n_bytes(n_buckets: int) -> int:
    n = n_buckets * BUCKET
    return HEADER_BYTES + 8 * n + 8 * WORDS * (n + 1) + 8 * UNDO_WORDS * RING


@final
class SharedFile:
    """One mapping of the file: the table, the cells, the states.

    Args:
        path: an existing file.
        is_writer: the mapping may be written.
    Raises:
        StorageError: it is no such file, or of another format; it is a view, remove it.
    """

    def __init__(self, path: Path, *, is_writer: bool = False) -> None:
        self.path = path
        handle = os.open(path, os.O_RDWR if is_writer else os.O_RDONLY)
        try:
            size = os.fstat(handle).st_size
            if size < HEADER_BYTES:
                raise self._broken(f"it has {size} bytes")
            access = mmap.ACCESS_WRITE if is_writer else mmap.ACCESS_READ
            self._map = mmap.mmap(handle, size, access=access)
        finally:
            os.close(handle)
        self.cells: Cells = np.frombuffer(self._map, np.int64, HEADER_BYTES // 8)
        head = self.cells[: _HALF_LIVES + 4].tolist()
        n_buckets = head[_N_BUCKETS]
        if head[_MAGIC] != MAGIC or head[_FORMAT] != FORMAT or size != _n_bytes(n_buckets):
            raise self._broken(f"format {head[_FORMAT]}, {size} bytes")
        half_lives = HalfLives(tuple(one for one in head[_HALF_LIVES:] if one))
        self.table = self._mapped(half_lives, n_buckets * BUCKET)

    def _broken(self, what: str) -> StorageError:
        return StorageError(
            f"{self.path} holds no counters of this version ({what}); remove it, and the learner "
            "makes it anew from the log"
        )

    def _mapped(self, half_lives: HalfLives, n: int) -> CounterTable:
        at = HEADER_BYTES
        keys = np.frombuffer(self._map, np.uint64, n, at)
        at += keys.nbytes
        rows = np.frombuffer(self._map, np.uint64, (n + 1) * WORDS, at).reshape(n + 1, WORDS)
        at += rows.nbytes
        ring = np.frombuffer(self._map, np.uint64, RING * UNDO_WORDS, at).reshape(RING, UNDO_WORDS)
        return CounterTable(half_lives, keys, rows, ring, self.cells[_UNDO : _UNDO + 1])

    @property
    def sequence(self) -> int:
        """Even: committed; odd: within a section."""
        return int(_observe(self.cells, _SEQUENCE))

    @property
    def n_changes(self) -> int:
        """Of the ring, those of an open section included."""
        return int(_observe(self.cells, _UNDO))

    def state(self) -> State:
        """The last one that was committed."""
        while True:
            turn = self.sequence >> 1
            at = _STATES[turn & 1]
            raw = self._map[at : at + _STATE_BYTES]
            if self.sequence <= 2 * turn + 2:  # else its place is being written again
                return msgspec.json.decode(raw[4 : 4 + int.from_bytes(raw[:4], "big")], type=State)

    @property
    def digest(self) -> bytes:
        """Of what is counted."""
        return self._map[_DIGEST]

    @property
    def is_of_this_boot(self) -> bool:
        """Whether all of its pages are of the same moment."""
        mine = boot_id().encode()
        return bool(mine) and self._map[_BOOT].rstrip(b"\0") == mine

    @property
    def losses(self) -> int:
        """What the log had lost when this was made (`losses.py`)."""
        return int(self.cells[_LOSSES])

    @property
    def is_superseded(self) -> bool:
        """Whether another file took the place of this one."""
        return bool(_observe(self.cells, _SUPERSEDED))

    # -- the writer -------------------------------------------------------------------------------

    def supersede(self) -> None:
        """Tell the readers of this file to look for the new one."""
        _publish(self.cells, _SUPERSEDED, 1)

    def begin(self) -> None:
        """Open a section."""
        _publish(self.cells, _SEQUENCE, self.sequence + 1)

    def commit(self, state: State) -> None:
        """Close a section: from here on its changes count, with this state."""
        sequence = self.sequence
        self._write_state(state, turn=(sequence >> 1) + 1)
        _publish(self.cells, _SEQUENCE, sequence + 1)

    def _write_state(self, state: State, *, turn: int) -> None:
        text = msgspec.json.encode(state)
        assert len(text) + 4 <= _STATE_BYTES, "a position has few parts"
        at = _STATES[turn & 1]
        self._map[at : at + 4 + len(text)] = len(text).to_bytes(4, "big") + text

    def recover(self) -> bool:
        """Roll back what a writer left open; whether it did."""
        if self.sequence % 2 == 0:
            return False
        state = self.state()
        roll_back(self.table, to=state.n_changes)
        # The same state under a new number: whoever read meanwhile still finds its way in the ring.
        self.commit(msgspec.structs.replace(state, n_changes=self.n_changes))
        return True


def create_file(path: Path, layout: Layout, *, losses: int) -> None:
    """Make an empty file; its place on the disk is taken now, so that a full disk is told now.

    Raises:
        StorageError: there is no room for it.
    """
    path.unlink(missing_ok=True)
    n_bytes = layout.n_bytes
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _reserve(handle, n_bytes)
        head = np.zeros(HEADER_BYTES // 8, np.int64)
        head[[_MAGIC, _FORMAT, _N_BUCKETS]] = MAGIC, FORMAT, n_buckets_for(layout.max_keys)
        head[_LOSSES] = losses
        head[_HALF_LIVES : _HALF_LIVES + len(layout.half_lives)] = layout.half_lives.ms
        raw = bytearray(head.tobytes())
        raw[_DIGEST] = layout.digest
        raw[_BOOT] = boot_id().encode().ljust(_BOOT.stop - _BOOT.start, b"\0")
        text = msgspec.json.encode(State())
        raw[_STATES[0] : _STATES[0] + 4 + len(text)] = len(text).to_bytes(4, "big") + text
        os.pwrite(handle, raw, 0)
    except OSError as fault:
        path.unlink(missing_ok=True)
        raise StorageError(
            f"{path}: no room for the counters ({n_bytes / 2**20:.0f} MiB: {fault}); "
            "make room, or lower counters.max_keys"
        ) from fault
    finally:
        os.close(handle)


def _reserve(handle: int, n_bytes: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, n_bytes)
    else:
        os.ftruncate(handle, n_bytes)
