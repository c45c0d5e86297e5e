"""From words by listing to listings by stem: the inverted side of a segment, in two passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.retrieve.segment import COUNT_BITS, I32s, I64s, KnownStems, Postings, U16s, U32s
from mercer.retrieve.sorted_strings import SortedStrings
from mercer.text.analyze import Tokens

_I8 = nb.types.Array(nb.i8, 1, "C", readonly=True)
_I4 = nb.types.Array(nb.i4, 1, "C", readonly=True)
_U2 = nb.types.Array(nb.u2, 1, "C", readonly=True)
_SHIFTS = np.cumsum((0, *COUNT_BITS[:-1]))
_TOPS = np.array([(1 << bits) - 1 for bits in COUNT_BITS])


def sorted_stems(stems: Sequence[str]) -> tuple[pa.StringArray, I32s]:
    """Distinct stems in order, and the place of each one given."""
    found = pa.array(stems, pa.string())
    order = np.asarray(pc.sort_indices(found))
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return found.take(pa.array(order)), place


def build_postings(
    fields: Sequence[Tokens], stems: Sequence[str], stem_of_word: I32s, order: I64s
) -> tuple[Postings, I32s]:
    """Postings over the rows `order` puts the listings in.

    Args:
        fields: words of each text field by listing, in the order of TEXT_FIELDS.
        stems: distinct ones.
        stem_of_word: (n_words,) which of them is the stem of the word behind each code.
        order: (n,) listing of each row.
    Returns:
        The postings, and for each word the code of its stem.
    """
    in_order, place = sorted_stems(stems)
    stem_of = place[stem_of_word]
    n_stems = len(stems)
    offsets = np.zeros(n_stems + 1, np.int64)
    cursors = np.zeros(n_stems, np.int64)
    nothing_rows, nothing_counts = np.zeros(0, np.uint32), np.zeros(0, np.uint16)
    one, two, three, four = fields
    parts = (
        one.offsets, one.codes, two.offsets, two.codes,
        three.offsets, three.codes, four.offsets, four.codes,
    )  # fmt: skip
    # Counting needs no order of rows; as they came, the words lie one after the other in memory.
    as_they_came = np.arange(len(order))
    _invert(*parts, stem_of, as_they_came, cursors, nothing_rows, nothing_counts)
    np.cumsum(cursors, out=offsets[1:])
    rows = np.empty(offsets[-1], np.uint32)
    counts = np.empty(offsets[-1], np.uint16)
    if offsets[-1]:
        _invert(*parts, stem_of, order, offsets[:-1].copy(), rows, counts)
    return Postings(SortedStrings(in_order), offsets, rows, counts), stem_of


@dataclass(frozen=True, slots=True)
class SaidStems:
    """The distinct stems of n listings with their packed counts, as they first occur.

    Some 400 bytes a listing; with them postings are made by moving numbers, at a tenth of the price.
    """

    offsets: I64s  # (n + 1,)
    stems: I32s
    counts: U16s


NOTHING_SAID = SaidStems(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint16))


def said_stems(fields: Sequence[Tokens], n_stems: int, stem_of_word: I32s) -> SaidStems:
    """What listings say; arguments as of `build_postings`."""
    one, two, three, four = fields
    offsets = np.zeros(len(one.offsets), np.int64)
    size = sum(len(field.codes) for field in fields)
    stems, counts = np.empty(size, np.int32), np.empty(size, np.uint16)
    _say(
        one.offsets, one.codes, two.offsets, two.codes,
        three.offsets, three.codes, four.offsets, four.codes,
        stem_of_word, np.full(n_stems, -1, np.int64), offsets, stems, counts,
    )  # fmt: skip
    return SaidStems(offsets, stems[: offsets[-1]].copy(), counts[: offsets[-1]].copy())


def joined_stems(one: SaidStems, two: SaidStems) -> SaidStems:
    """The listings of both, one after the other."""
    return SaidStems(
        np.concatenate([one.offsets, two.offsets[1:] + one.offsets[-1]]),
        np.concatenate([one.stems, two.stems]),
        np.concatenate([one.counts, two.counts]),
    )


def postings_of(said: SaidStems, numbers: Mapping[str, int], order: I64s) -> tuple[Postings, I32s]:
    """As `build_postings`, the same bits; and the code of each of the stems.

    Args:
        numbers: of the stems, in the order of `said.stems`; may grow later.
    """
    stems = list(numbers)
    in_order, place = sorted_stems(stems)
    codes = place[said.stems]
    offsets = np.zeros(len(stems) + 1, np.int64)
    np.cumsum(np.bincount(codes, minlength=len(stems)), out=offsets[1:])
    rows, counts = np.empty(len(codes), np.uint32), np.empty(len(codes), np.uint16)
    _move(said.offsets, codes, said.counts, order, offsets[:-1].copy(), rows, counts)
    known = KnownStems(numbers, place)
    return Postings(SortedStrings(in_order), offsets, rows, counts, known), place


@nb.njit(nb.void(_I8, _I4, _U2, _I8, nb.i8[::1], nb.u4[::1], nb.u2[::1]), cache=True, nogil=True)
def _move(
    offsets: I64s, codes: I32s, said: U16s, order: I64s, cursors: I64s, rows: U32s, counts: U16s
) -> None:
    for row in range(order.size):
        for i in range(offsets[order[row]], offsets[order[row] + 1]):
            at = cursors[codes[i]]
            cursors[codes[i]] = at + 1
            rows[at] = row
            counts[at] = said[i]


@nb.njit(
    nb.void(
        _I8, _I4, _I8, _I4, _I8, _I4, _I8, _I4, _I4, nb.i8[::1], nb.i8[::1], nb.i4[::1], nb.u2[::1]
    ),
    cache=True,
    nogil=True,
)
def _say(
    offsets_0: I64s, codes_0: I32s, offsets_1: I64s, codes_1: I32s,
    offsets_2: I64s, codes_2: I32s, offsets_3: I64s, codes_3: I32s,
    stem_of: I32s, found_at: I64s, out_offsets: I64s, out_stems: I32s, out_counts: U16s,
) -> None:  # fmt: skip
    """found_at: (n_stems,) all -1; where a stem of the present listing was written."""
    end = 0
    for listing in range(out_offsets.size - 1):
        begin = end
        for field in range(4):
            if field == 0:
                first, last, codes = offsets_0[listing], offsets_0[listing + 1], codes_0
            elif field == 1:
                first, last, codes = offsets_1[listing], offsets_1[listing + 1], codes_1
            elif field == 2:
                first, last, codes = offsets_2[listing], offsets_2[listing + 1], codes_2
            else:
                first, last, codes = offsets_3[listing], offsets_3[listing + 1], codes_3
            shift, top = _SHIFTS[field], _TOPS[field]
            for i in range(first, last):
                s = stem_of[codes[i]]
                at = found_at[s]
                if at < begin:
                    at = found_at[s] = end
                    out_stems[at] = s
                    out_counts[at] = 0
                    end += 1
                if (out_counts[at] >> shift) & top < top:
                    out_counts[at] += np.uint16(1 << shift)
        out_offsets[listing + 1] = end


@nb.njit(
    nb.void(_I8, _I4, _I8, _I4, _I8, _I4, _I8, _I4, _I4, _I8, nb.i8[::1], nb.u4[::1], nb.u2[::1]),
    cache=True,
    nogil=True,
)
def _invert(
    offsets_0: I64s, codes_0: I32s, offsets_1: I64s, codes_1: I32s,
    offsets_2: I64s, codes_2: I32s, offsets_3: I64s, codes_3: I32s,
    stem_of: I32s, order: I64s, cursors: I64s, rows: U32s, counts: U16s,
) -> None:  # fmt: skip
    """Row by row: each distinct stem with its counts goes to its cursor, or is only counted there.

    Args:
        cursors: (n_stems,) where the next posting of a stem goes; moved on for each one.
        rows, counts: written at the cursors; with length 0 nothing is written.
    """
    seen_at = np.full(cursors.size, -1, np.int64)  # last row in which a stem was seen
    found = np.empty(256, np.int64)  # distinct stems of the row
    packed = np.zeros(cursors.size, np.uint16)
    for row in range(order.size):
        listing = order[row]
        n_found = 0
        for field in range(4):
            if field == 0:
                start, end, codes = offsets_0[listing], offsets_0[listing + 1], codes_0
            elif field == 1:
                start, end, codes = offsets_1[listing], offsets_1[listing + 1], codes_1
            elif field == 2:
                start, end, codes = offsets_2[listing], offsets_2[listing + 1], codes_2
            else:
                start, end, codes = offsets_3[listing], offsets_3[listing + 1], codes_3
            shift, top = _SHIFTS[field], _TOPS[field]
            for at in range(start, end):
                s = stem_of[codes[at]]
                if seen_at[s] != row:
                    seen_at[s] = row
                    packed[s] = 0
                    if n_found == found.size:
                        larger = np.empty(found.size * 2, np.int64)
                        larger[:n_found] = found
                        found = larger
                    found[n_found] = s
                    n_found += 1
                if (packed[s] >> shift) & top < top:
                    packed[s] += np.uint16(1 << shift)
        for i in range(n_found):
            s = found[i]
            at = cursors[s]
            cursors[s] = at + 1
            if rows.size:
                rows[at] = row
                counts[at] = packed[s]
