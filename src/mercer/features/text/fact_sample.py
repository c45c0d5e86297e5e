"""A sample of what listings state and of the words that they say: the same whatever parts it is of.

Kept are the listings whose hashes are the smallest (a bottom-k sketch), alike ones once. The k
smallest of a union are those of the k smallest of its parts, so samples merge to the bits of the
whole, and their size has a bound whatever the market has.

Source: Broder 1997, doi:10.1109/SEQUEN.1997.666900; Cohen & Kaplan 2007, doi:10.1145/1281100.1281133.
"""

from typing import Any, Final

import numba as nb
import numpy as np

from mercer.features.column import I64s, Ragged, U64s
from mercer.features.hash import combined
from mercer.features.kernel_types import I8_TABLE, U8S
from mercer.features.ragged_rows import lengths_of, present_values
from mercer.features.transform import Arrays
from mercer.text.kernel_types import I8S, U4S

MOST_WORDS: Final = 128  # of a listing that are kept, the first ones
MOST_FACTS: Final = 16
_BEGIN: Final = 1  # what the hash of a listing is combined from


@nb.njit(nb.void(I8S, U8S, I8_TABLE, I8_TABLE, U4S, nb.u8[::1]), cache=True, nogil=True)
def hash_listings(
    stated: I64s, facts: U64s, word_starts: I64s, word_stops: I64s, words: Any, out: U64s
) -> None:
    """Of each row the hash of what is kept of it; 0 where it states nothing or says nothing.

    Args:
        stated: (n + 1,) row i states facts[stated[i]:stated[i + 1]]; a fact of 0 is none.
        word_starts, word_stops: (n_texts, n) into `words`; nothing where stops <= starts.
        out: (n,) to be written.
    """
    for row in range(out.size):
        h: Any = np.uint64(_BEGIN)
        n_facts = n_words = 0
        for i in range(stated[row], stated[row + 1]):
            if facts[i] != np.uint64(0) and n_facts < MOST_FACTS:
                h = combined(h, facts[i])
                n_facts += 1
        for text in range(word_starts.shape[0]):
            h = combined(h, np.uint64(0))  # where a text ends is told apart
            for i in range(word_starts[text, row], word_stops[text, row]):
                if n_words == MOST_WORDS:
                    break
                h = combined(h, np.uint64(words[i]))
                n_words += 1
        out[row] = h if n_facts > 0 and n_words > 0 else np.uint64(0)


@nb.njit(
    nb.void(
        I8S, I8S, U8S, U8S, I8_TABLE, I8_TABLE, U4S,
        nb.i8[::1], nb.u8[::1], nb.u8[::1], nb.i8[::1], nb.u4[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def write_listings(
    rows: I64s, stated: I64s, facts: U64s, attributes: U64s,
    word_starts: I64s, word_stops: I64s, words: Any,
    fact_ends: I64s, out_facts: U64s, out_attributes: U64s, word_ends: I64s, out_words: Any,
) -> None:  # fmt: skip
    """What is kept of some rows, one after the other; 0 stands behind each text but the last.

    Args:
        rows: (m,) of the rows of `hash_listings`.
        fact_ends, word_ends: (m,) where each of them ends; to be written, as the rest.
    """
    at = end = np.int64(0)
    for k in range(rows.size):
        row, first = rows[k], at
        for i in range(stated[row], stated[row + 1]):
            if facts[i] != np.uint64(0) and at - first < MOST_FACTS:
                out_facts[at], out_attributes[at] = facts[i], attributes[i]
                at += 1
        n_words = 0
        for text in range(word_starts.shape[0]):
            if text > 0:
                out_words[end] = np.uint32(0)
                end += 1
            for i in range(word_starts[text, row], word_stops[text, row]):
                if n_words == MOST_WORDS:
                    break
                out_words[end] = words[i]
                end, n_words = end + 1, n_words + 1
        fact_ends[k], word_ends[k] = at, end


def no_sample() -> Arrays:
    """Of no listing: hashes rising (r,), and of each its facts, their attributes and its words."""
    return {
        "rows": np.zeros(0, np.uint64),
        "fact_ends": np.zeros(0, np.int64),
        "row_facts": np.zeros(0, np.uint64),
        "row_attributes": np.zeros(0, np.uint64),
        "word_ends": np.zeros(0, np.int64),
        "row_words": np.zeros(0, np.uint32),
    }


def sample_of(
    stated: I64s, facts: U64s, attributes: U64s, texts: tuple[I64s, I64s, Any], *,
    most: int, below: int,
) -> Arrays:  # fmt: skip
    """The sample of some rows.

    Args:
        stated, facts, attributes: row i states facts[stated[i]:stated[i + 1]]; 0 is none.
        texts: (n_texts, n) where the words of each text start and stop, and the words.
        most: listings that are kept.
        below: hashes that are larger are not needed.
    """
    hashes = np.zeros(stated.size - 1, np.uint64)
    hash_listings(stated, facts, *texts, hashes)
    kept, place = np.unique(hashes, return_index=True)
    is_needed = (kept != 0) & (kept <= np.uint64(below))
    rows = place[is_needed][:most].astype(np.int64)
    size = rows.size * (MOST_WORDS + len(texts[0]))
    fact_ends, word_ends = np.zeros((2, rows.size), np.int64)
    row_facts, row_attributes = np.zeros((2, rows.size * MOST_FACTS), np.uint64)
    row_words = np.zeros(size, np.uint32)
    write_listings(
        rows, stated, facts, attributes, *texts,
        fact_ends, row_facts, row_attributes, word_ends, row_words,
    )  # fmt: skip
    n_facts, n_words = int(fact_ends.max(initial=0)), int(word_ends.max(initial=0))
    return {
        "rows": hashes[rows],
        "fact_ends": fact_ends,
        "row_facts": row_facts[:n_facts].copy(),
        "row_attributes": row_attributes[:n_facts].copy(),
        "word_ends": word_ends,
        "row_words": row_words[:n_words].copy(),
    }


def merged_samples(a: Arrays, b: Arrays, *, most: int) -> Arrays:
    """Of the rows of both."""
    if not b["rows"].size:
        return {name: a[name] for name in no_sample()}
    hashes, place = np.unique(np.concatenate([a["rows"], b["rows"]]), return_index=True)
    place = place[:most]
    facts = [_joined(a, b, "fact_ends", name, place) for name in ("row_facts", "row_attributes")]
    words = _joined(a, b, "word_ends", "row_words", place)
    return {
        "rows": hashes[:most],
        "fact_ends": facts[0][0],
        "row_facts": facts[0][1],
        "row_attributes": facts[1][1],
        "word_ends": words[0],
        "row_words": words[1],
    }


def _joined(a: Arrays, b: Arrays, ends: str, name: str, place: I64s) -> tuple[I64s, Any]:
    """Where the values of the listings at `place` of both end, and the values."""
    stops = np.concatenate([a[ends], b[ends] + a[name].size])
    starts = np.concatenate([[0], stops[:-1]])
    every = Ragged(starts, stops, np.concatenate([a[name], b[name]])).taken(place)
    return np.cumsum(lengths_of(every)), present_values(every)


def largest(sample: Arrays, *, most: int) -> int:
    """The hash that a listing may not exceed to get into a sample."""
    rows = sample["rows"]
    return int(rows[-1]) if rows.size >= most else 2**64 - 1
