"""The look-up of `Speller`, compiled: typed words in columns to the best words in columns."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.delete_index import MAX_VARIANTS, deletions, find_slot
from mercer.text.edit_distance import (
    MAX_LETTERS,
    clear_pattern,
    load_pattern,
    osa_distance,
    typing_cost,
)
from mercer.text.kernel_types import F4S, F8_CUBE, F8_TABLE, F8S, I4S, I8S, U1S, U2S, U4S

Codes = NDArray[np.uint16]
I64s = NDArray[np.int64]
I32s = NDArray[np.int32]
F64s = NDArray[np.float64]
U32s = NDArray[np.uint32]

_SEEN = 1024  # slots that remember the last candidates; forgetting one costs a second look only
_ONE = np.uint64(1)


@nb.njit(nb.void(nb.i4[::1], nb.i1[::1], nb.f8[::1], nb.i8, nb.i8, nb.f8), cache=True, nogil=True)
def _insert(
    word: I32s, distance: NDArray[np.int8], score: F64s, new: int, edits: int, nats: float
) -> None:
    """Put a candidate in its place among the best; ties go to the lower row, doubles are dropped."""
    n = word.size
    if nats > score[n - 1] or (nats == score[n - 1] and word[n - 1] >= 0 and new > word[n - 1]):
        return
    for k in range(n):
        if word[k] == new:
            return
    k = n - 1
    while k > 0 and (score[k - 1] > nats or (score[k - 1] == nats and word[k - 1] > new)):
        word[k], distance[k], score[k] = word[k - 1], distance[k - 1], score[k - 1]
        k -= 1
    word[k], distance[k], score[k] = new, edits, nats


@nb.njit(
    nb.void(
        *(U2S, I8S, I8S, nb.b1),
        *(U2S, I8S, I4S, U4S, U4S, nb.i8),
        *(F4S, U1S, F8_TABLE, F8_CUBE, F8_TABLE, F8S, nb.f8),
        *(nb.i4[:, ::1], nb.i1[:, ::1], nb.f8[:, ::1]),
    ),
    cache=True,
    nogil=True,
)
def search(
    typed_codes: Codes,
    typed_starts: I64s,
    allowed: I64s,
    even_if_known: bool,
    codes: Codes,
    starts: I64s,
    slots: I32s,
    bucket: U32s,
    postings: U32s,
    id_bits: int,
    rarity: NDArray[np.float32],
    letter: NDArray[np.uint8],
    substitute: F64s,
    omit: F64s,
    extra: F64s,
    scalars: F64s,
    two_edits: float,
    word: I32s,
    distance: NDArray[np.int8],
    score: F64s,
) -> None:
    """Fill word, distance and score (n, n_best) with the best candidates of each typed word.

    Args:
        typed_codes: letters of the typed words.
        typed_starts: (n + 1,).
        allowed: (n,) edits, 0..2.
        even_if_known: look for candidates of known words too.
        codes: letters of the vocabulary; starts: (n_words + 1,).
        slots: table of known words; bucket, postings, id_bits: table of deletions.
        rarity: (n_words,) nats on top of the slips' cost, >= 0.
        letter: (n_codes,) class of each code; substitute, omit, extra, scalars: `CostTables`.
        two_edits: the least that two edits can cost. What is one edit away is looked up first;
            when that fills the places at this price, nothing further away can be better.
        word: (n, n_best) of -1; distance: of -1; score: of inf.
    """
    variants, work = np.empty(MAX_VARIANTS, np.uint64), np.empty(24, np.uint64)
    bits = np.zeros(letter.size, np.uint64)
    cost_work = np.empty((5, MAX_LETTERS + 2))
    seen_word, seen_by = np.empty(_SEEN, np.int64), np.full(_SEEN, -1, np.int64)
    id_mask = (_ONE << np.uint64(id_bits)) - _ONE
    tag_mask = (_ONE << np.uint64(32 - id_bits)) - _ONE
    shift = np.uint64(64)
    n_buckets = bucket.size - 1
    while n_buckets > 1:
        shift -= _ONE
        n_buckets >>= 1
    n_best = word.shape[1]
    for t in range(allowed.size):
        typed = typed_codes[typed_starts[t] : typed_starts[t + 1]]
        known = slots[find_slot(typed, codes, starts, slots)]
        if known >= 0:
            _insert(word[t], distance[t], score[t], known, 0, 0.0)
            if not even_if_known:
                continue
        limit = allowed[t]
        if limit == 0:
            continue
        load_pattern(typed, bits)
        found = deletions(typed, limit, variants, work)
        first_pair = deletions(typed, min(limit, 1), variants, work)
        for v in range(found):
            if v == first_pair and score[t, n_best - 1] < two_edits:
                break
            b = int(variants[v] >> shift)
            tag = variants[v] & tag_mask
            for at in range(bucket[b], bucket[b + 1]):
                posting = np.uint64(postings[at])
                if posting >> np.uint64(id_bits) != tag:
                    continue
                w = int(posting & id_mask)
                place = w & (_SEEN - 1)
                if seen_by[place] == t and seen_word[place] == w:
                    continue
                seen_by[place], seen_word[place] = t, w
                base, end = starts[w], starts[w + 1]
                if abs(end - base - typed.size) > limit or w == known:
                    continue
                meant = codes[base:end]
                edits = osa_distance(typed.size, meant, bits)
                if edits > limit or rarity[w] > score[t, n_best - 1]:
                    continue
                nats = rarity[w] + typing_cost(
                    typed, meant, letter, substitute, omit, extra, scalars, cost_work
                )
                _insert(word[t], distance[t], score[t], w, edits, nats)
        clear_pattern(typed, bits)
