"""Texts as numbers of words, and as the words with one space between them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercer.features.row_kernel import sizes_of
from mercer.features.text import fold_table, stem_table
from mercer.features.text.bits import LANES
from mercer.features.text.cut_kernel import (
    CHARACTERS,
    DONE,
    LONGER_ROW,
    MORE_ROOM,
    cut_rows,
)
from mercer.features.text.murmur import PAD, murmur_plain
from mercer.text.analyze import stem, words

U8s = NDArray[np.uint8]
U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]

_STEMS_AT_ONCE = 1 << 12
_NO_TEXT = np.zeros(0, np.int64), np.zeros(0, np.uint8)


@dataclass(frozen=True, slots=True)
class Cut:
    """The words of n texts, in order; none where there was no text."""

    offsets: I64s  # (n + 1,) of ids
    ids: U32s  # MurmurHash3 of each word, or of its stem
    text_offsets: I64s  # (n + 1,) of text; (0,) where it was not wanted
    text: U8s  # UTF-8, folded, unstemmed, PAD bytes more at the end


def cut(
    starts: I64s, stops: I64s, data: U8s, *, stem: bool = False, with_text: bool = False
) -> Cut:
    """The words of each text as numbers, as `text.analyze.words` cuts them.

    What a row gives depends on that row only. Releases the GIL but for stems that are new.

    Args:
        starts, stops: (n,) row i is data[starts[i]:stops[i]]; missing where stops < starts.
        data: UTF-8, as in an Arrow buffer.
        stem: number the stem (Snowball English) instead of the word.
        with_text: give the words themselves too.
    """
    n, (size, longest) = len(starts), sizes_of(starts, stops)
    if not size:
        return _nothing(n, with_text=with_text)
    work = _Work(
        np.zeros(n + 1, np.int64),
        np.empty((size + n) // 2 + 1, np.uint32),
        np.zeros(n + 1, np.int64) if with_text else _NO_TEXT[0],
        np.empty(size + LANES, np.uint8) if with_text else _NO_TEXT[1],
        with_stems=stem,
    )
    work.run(starts, stops, data, longest)
    n_words = work.offsets[-1]
    n_bytes = work.text_offsets[-1] + PAD if with_text else 0
    return Cut(work.offsets, work.ids[:n_words], work.text_offsets, work.text[:n_bytes])


def _nothing(n: int, *, with_text: bool) -> Cut:
    """Of texts without a byte."""
    offsets = np.zeros(n + 1, np.int64)
    if not with_text:
        return Cut(offsets, np.zeros(0, np.uint32), *_NO_TEXT)
    return Cut(offsets, np.zeros(0, np.uint32), offsets, np.zeros(PAD, np.uint8))


def cut_plain(texts: Sequence[str | None], *, stem_words: bool = False) -> list[list[int]]:
    """The twin of `cut(...).ids`."""
    found = [words(text) if text else [] for text in texts]
    return [[murmur_plain((stem(w) if stem_words else w).encode()) for w in row] for row in found]


def text_plain(texts: Sequence[str | None]) -> list[str]:
    """The twin of `cut(...).text`."""
    return [" ".join(words(text)) if text else "" for text in texts]


@dataclass(slots=True)
class _Work:
    """What the kernel fills, and the rooms it works in, which grow when it says so."""

    offsets: I64s
    ids: U32s
    text_offsets: I64s
    text: U8s
    with_stems: bool
    unknown: I64s = field(default_factory=lambda: np.empty(0, np.int64))
    unknown_bytes: U8s = field(default_factory=lambda: np.empty(0, np.uint8))

    def run(self, starts: I64s, stops: I64s, data: U8s, longest: int) -> None:
        scratch = _scratch(longest)
        folds = fold_table.TABLE.arrays
        stems = stem_table.TABLE.arrays if self.with_stems else stem_table.NO_STEMS
        if self.with_stems:
            self._reserve_stems(min(_STEMS_AT_ONCE, longest // 2 + 1))
        row, n_unknown, why, amount = 0, 0, MORE_ROOM, 0
        while True:
            row, n_unknown, why, amount = cut_rows(
                starts, stops, data, folds.block_of, folds.starts, folds.data, *scratch,
                stems.keys, stems.ids, self.unknown, self.unknown_bytes, n_unknown,
                row, self.offsets, self.ids, self.text_offsets, self.text,
            )  # fmt: skip
            if why == DONE:
                break
            if why == CHARACTERS:
                folds = fold_table.TABLE.add(amount)
            elif why == LONGER_ROW:
                scratch = _scratch(amount)
            elif why == MORE_ROOM:
                self.ids = _longer(self.ids, amount)
                self.text = (
                    _longer(self.text, amount + LANES) if self.text_offsets.size else self.text
                )
            else:
                self._fill_stems(n_unknown)
                n_unknown, stems = 0, stem_table.TABLE.arrays
                self._reserve_stems(amount)
        self._fill_stems(n_unknown)

    def _reserve_stems(self, n_words: int) -> None:
        if n_words > self.unknown.size:
            self.unknown = np.empty(n_words, np.int64)
            self.unknown_bytes = np.empty(64 * n_words, np.uint8)

    def _fill_stems(self, n: int) -> None:
        if n:
            found = self.unknown_bytes[: 64 * n].view("S64").tolist()
            self.ids[self.unknown[:n]] = stem_table.TABLE.stem_ids(found)


def _scratch(longest: int) -> tuple[U8s, U8s, U64s, U64s, I64s]:
    """folded, lower, inside, points, edges for rows of up to `longest` bytes; see `cut_rows`."""
    n_blocks = max(-(-longest // LANES), 4)
    folded, lower = np.zeros((2, (n_blocks + 1) * LANES), np.uint8)
    inside, points = np.zeros((2, n_blocks), np.uint64)
    return folded, lower, inside, points, np.empty(n_blocks * LANES + 2, np.int64)


def _longer(values: NDArray[Any], amount: int) -> NDArray[Any]:
    """The same values with room for at least `amount` more."""
    return np.concatenate([values, np.empty(values.size + amount, values.dtype)])
