"""How each character is folded, as a table that a kernel reads.

`text.analyze` folds character by character, so what it makes of one character is all there is to
know. The table asks it, for 4,096 characters at a time and when the first of them comes; nothing
depends on which have come before.
"""

import threading
from dataclasses import dataclass
from typing import Any, Final, final

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.text.analyze import folded_column
from mercer.text.kernel_types import I4S, I8S, U1S

U8s = NDArray[np.uint8]
I32s = NDArray[np.int32]
I64s = NDArray[np.int64]

BLOCK_BITS: Final = 12
BLOCK: Final = 1 << BLOCK_BITS
N_BLOCKS: Final = 0x110000 // BLOCK

DONE: Final = 0
NO_ROOM: Final = -1
UNKNOWN: Final = -2
"""What `fold_row` answers below this is UNKNOWN - block: the block that the table still lacks."""


@dataclass(frozen=True, slots=True)
class FoldArrays:
    """Blocks of characters: character c of block b folds to data[starts[i]:starts[i + 1]]."""

    block_of: (
        I32s  # (N_BLOCKS,) place of each block, -1: not here yet; i = place * BLOCK + c % BLOCK
    )
    starts: I64s  # (n_blocks_here * BLOCK + 1,)
    data: U8s


@final
class FoldTable:
    """The blocks that texts have asked for so far. Thread-safe: readers keep what they were given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.arrays = FoldArrays(
            np.full(N_BLOCKS, -1, np.int32), np.zeros(1, np.int64), np.zeros(0, np.uint8)
        )

    def add(self, block: int) -> FoldArrays:
        """The table with that block in it."""
        with self._lock:
            old = self.arrays
            if old.block_of[block] < 0:
                ends, data = _folded_block(block)
                block_of = old.block_of.copy()
                block_of[block] = (old.starts.size - 1) // BLOCK
                starts = np.concatenate([old.starts, old.starts[-1] + ends])
                self.arrays = FoldArrays(block_of, starts, np.concatenate([old.data, data]))
            return self.arrays


def _folded_block(block: int) -> tuple[I64s, U8s]:
    """Where each of the block's characters ends, and the bytes of all of them."""
    points = range(block * BLOCK, (block + 1) * BLOCK)
    # A surrogate is no character and cannot stand in UTF-8; the folding of a space takes its place.
    characters = [" " if 0xD800 <= p < 0xE000 else chr(p) for p in points]
    folded = folded_column(pa.array(characters, pa.large_string()))
    _, offsets, data = folded.buffers()
    ends = np.frombuffer(offsets, np.int64)[folded.offset + 1 : folded.offset + 1 + BLOCK]
    begin = int(np.frombuffer(offsets, np.int64)[folded.offset])
    bytes_ = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    return ends - begin, bytes_[begin : int(ends[-1])]


TABLE: Final = FoldTable()
"""One for the process: a cache of what `text.analyze` says, which is the same for all."""


@nb.njit(
    nb.i8(U1S, nb.i8, nb.i8, I4S, I8S, U1S, nb.u1[::1]),
    cache=True,
    nogil=True,
)
def fold_row(
    data: U8s, start: int, stop: int, block_of: I32s, starts: I64s, folded: U8s, out: U8s
) -> Any:
    """Write data[start:stop] in lower case, folded, without apostrophes; return how many bytes.

    Bytes that are not UTF-8 become a space each, so that nothing is read past the end.

    Returns:
        Bytes written; NO_ROOM where `out` is too short; at or below UNKNOWN the block that is missing.
    """
    at: Any = start
    length: Any = 0
    while at < stop:
        c = np.int64(data[at])
        if c < 128:
            at += 1
            if c == 39 or c == 96:
                continue
            if length >= out.size:
                return NO_ROOM
            out[length] = np.uint8(c + 32 if 65 <= c <= 90 else c)
            length += 1
            continue
        size = (
            2 if 0xC2 <= c < 0xE0 else (3 if 0xE0 <= c < 0xF0 else (4 if 0xF0 <= c < 0xF5 else 1))
        )
        point = c & (0xFF >> (size + 1))
        valid = size > 1 and at + size <= stop
        if valid:
            for i in range(1, size):
                more = np.int64(data[at + i])
                if more & 0xC0 != 0x80:
                    valid = False
                point = (point << 6) | (more & 0x3F)
        if not valid or point >= 0x110000:
            size, point = 1, np.int64(32)
        at += size
        place = block_of[point >> BLOCK_BITS]
        if place < 0:
            return UNKNOWN - (point >> BLOCK_BITS)
        entry = np.int64(place) * BLOCK + (point & (BLOCK - 1))
        first, last = starts[entry], starts[entry + 1]
        if length + last - first > out.size:
            return NO_ROOM
        for i in range(first, last):
            out[length] = folded[i]
            length += 1
    return length
