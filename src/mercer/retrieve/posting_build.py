"""From words by listing to listings by stem: the inverted side of a segment, in two passes."""

from collections.abc import Sequence

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.retrieve.segment import COUNT_BITS, I32s, I64s, Postings, U16s, U32s
from mercer.retrieve.sorted_strings import SortedStrings
from mercer.text.analyze import Tokens

_I8 = nb.types.Array(nb.i8, 1, "C", readonly=True)
_I4 = nb.types.Array(nb.i4, 1, "C", readonly=True)
_SHIFTS = np.cumsum((0, *COUNT_BITS[:-1]))
_TOPS = np.array([(1 << bits) - 1 for bits in COUNT_BITS])


def stem_codes(stem_of: Sequence[str]) -> tuple[pa.StringArray, I32s]:
    """The distinct stems, sorted, and the place of each one given."""
    encoded = pa.array(stem_of, pa.string()).dictionary_encode()
    order = np.asarray(pc.sort_indices(encoded.dictionary))
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return encoded.dictionary.take(pa.array(order)), place[np.asarray(encoded.indices)]


def build_postings(
    fields: Sequence[Tokens], stem_of_word: Sequence[str], order: I64s
) -> tuple[Postings, I32s]:
    """Postings over the rows `order` puts the listings in.

    Args:
        fields: words of each text field by listing, in the order of TEXT_FIELDS.
        stem_of_word: the stem of the word behind each code.
        order: (n,) listing of each row.
    Returns:
        The postings, and for each word the code of its stem.
    """
    stems, stem_of = stem_codes(stem_of_word)
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
    return Postings(SortedStrings(stems), offsets, rows, counts), stem_of


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
