"""What runs of words tell of attributes: counts over listings that say them and state the attribute."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numba as nb
import numpy as np

from mercer.features.column import F64s, I64s, U64s
from mercer.features.hash import combined, combined_plain
from mercer.features.kernel_types import U8S
from mercer.features.transform import Arrays
from mercer.metrics.share import wilson_low
from mercer.text.kernel_types import I8S, U4S, read_only

BEGIN: Final = 1  # what the words of a run are combined from
LONGEST: Final = 2  # words of a run that is learned
_BUCKETS: Final = 1 << 22
Z: Final = 1.0  # of the lower bound of a share: five of six true shares lie above it


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of each run of words and each attribute that enough of its listings state."""

    runs: U64s  # (m,) the words combined, as `facts.Phrases` has them
    words: Any  # (m, LONGEST) uint32 the words themselves, 0 behind a shorter run
    attributes: U64s  # (m,) ids of the names
    facts: U64s  # (m,) the one that most of these listings state
    saying: I64s  # (m,) listings that say the run
    n: I64s  # (m,) those that state the attribute
    hits: I64s  # (m,) of these, those that state the fact
    usual: F64s  # (m,) share of the fact among all listings that state the attribute

    def low(self) -> F64s:
        """(m,) what share of the listings that say the run have the fact, at least (`wilson_low`)."""
        return wilson_low(self.hits, self.n, z=Z)


@nb.njit(nb.void(I8S, U4S, nb.i4[::1]), cache=True, nogil=True)
def count_runs(word_ends: I64s, words: Any, out: Any) -> None:
    """out[h mod its size] = how often runs with such a hash stand in the listings; a power of 2."""
    mask = np.uint64(out.size - 1)
    first = np.int64(0)
    for row in range(word_ends.size):
        for i in range(first, word_ends[row]):
            h: Any = np.uint64(BEGIN)
            for j in range(i, min(i + LONGEST, word_ends[row])):
                if words[j] == np.uint32(0):
                    break
                h = combined(h, np.uint64(words[j]))
                out[h & mask] += np.int32(1)
        first = word_ends[row]


@nb.njit(
    nb.i8(I8S, U4S, read_only(nb.i4), nb.i8, nb.u8[::1], nb.i8[::1], nb.i8[::1]),
    cache=True,
    nogil=True,
)
def find_runs(
    word_ends: I64s, words: Any, counts: Any, at_least: int, keys: U64s, rows: I64s, places: I64s
) -> Any:
    """Runs that are counted at least so often: what they combine to, in which listing, beginning where.

    Returns: how many were written; there is room for LONGEST times the words.
    """
    mask = np.uint64(counts.size - 1)
    first = at = np.int64(0)
    for row in range(word_ends.size):
        for i in range(first, word_ends[row]):
            h: Any = np.uint64(BEGIN)
            for j in range(i, min(i + LONGEST, word_ends[row])):
                if words[j] == np.uint32(0):
                    break
                h = combined(h, np.uint64(words[j]))
                if counts[h & mask] >= at_least:
                    keys[at], rows[at], places[at] = h, row, i * LONGEST + (j - i)
                    at += 1
        first = word_ends[row]
    return at


@nb.njit(nb.void(nb.i8[::1], I8S, nb.i8[::1], nb.i8[::1]), cache=True, nogil=True)
def _find_best(facts: I64s, attribute_of: I64s, hits: I64s, best: I64s) -> None:
    """Of each attribute the fact with most hits, of equal ones the first; `best` is -1 before."""
    for fact in facts:
        other = best[attribute_of[fact]]
        is_more = other < 0 or hits[fact] > hits[other]
        if is_more or (hits[fact] == hits[other] and fact < other):
            best[attribute_of[fact]] = fact


@nb.njit(
    nb.i8(
        U8S, I8S, I8S, I8S, I8S, nb.i8, nb.i8,
        nb.i8[::1], nb.i8[::1], nb.i8[::1], nb.i8[::1], nb.i8[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def weigh_runs(
    keys: U64s, rows: I64s, fact_ends: I64s, facts: I64s, attribute_of: I64s, n_attributes: int,
    at_least: int, out_run: I64s, out_fact: I64s, out_saying: I64s, out_n: I64s, out_hits: I64s,
) -> Any:  # fmt: skip
    """Of each run and attribute: listings that state it, and the fact that most of them state.

    Args:
        keys, rows: sorted; a listing that says a run twice counts once.
        fact_ends, facts: what listings state, as numbers from 0; rising with the ids, so that of two
            facts which are as frequent the one with the smaller id is taken.
        attribute_of: (n_facts,) number of the attribute of each fact.
        at_least: listings that state the attribute; what has fewer is left out.
    Returns: how many were written: place of the run in `keys`, fact, listings that say the run, that
        state the attribute, that state the fact.
    """
    at = np.int64(0)
    hits = np.zeros(attribute_of.size, np.int64)
    fact_seen = np.full(attribute_of.size, -1, np.int64)  # the place in `keys` of the last listing
    n = np.zeros(n_attributes, np.int64)
    seen = np.full(n_attributes, -1, np.int64)
    best = np.full(n_attributes, -1, np.int64)
    met_facts = np.empty(attribute_of.size, np.int64)
    met = np.empty(n_attributes, np.int64)
    first = 0
    while first < keys.size:
        n_met = n_met_facts = saying = 0
        last = first
        while last < keys.size and keys[last] == keys[first]:
            row = rows[last]
            if last == first or row != rows[last - 1]:
                saying += 1
                for i in range(fact_ends[row - 1] if row > 0 else 0, fact_ends[row]):
                    fact = facts[i]
                    attribute = attribute_of[fact]
                    if hits[fact] == 0:
                        met_facts[n_met_facts] = fact
                        n_met_facts += 1
                    if fact_seen[fact] != last:
                        fact_seen[fact] = last
                        hits[fact] += 1
                    if n[attribute] == 0:
                        met[n_met] = attribute
                        n_met += 1
                    if seen[attribute] != last:
                        seen[attribute] = last
                        n[attribute] += 1
            last += 1
        _find_best(met_facts[:n_met_facts], attribute_of, hits, best)
        for i in range(n_met):
            attribute = met[i]
            if n[attribute] >= at_least:
                out_run[at], out_fact[at] = first, best[attribute]
                out_saying[at], out_n[at] = saying, n[attribute]
                out_hits[at] = hits[best[attribute]]
                at += 1
            n[attribute], best[attribute] = 0, -1
        for i in range(n_met_facts):
            hits[met_facts[i]] = 0
        first = last
    return at


def evidence(sample: Arrays, *, at_least: int) -> Evidence:
    """What the listings of a sample (`fact_sample`) tell.

    Args:
        at_least: listings that say a run and state an attribute; what has fewer is left out.
    """
    word_ends, words = sample["word_ends"], sample["row_words"]
    counts = np.zeros(_BUCKETS, np.int32)
    count_runs(word_ends, words, counts)
    keys = np.empty(words.size * LONGEST, np.uint64)
    rows, places = np.empty((2, keys.size), np.int64)
    found = find_runs(word_ends, words, counts, at_least, keys, rows, places)
    order = np.argsort(keys[:found], kind="stable")
    keys, rows, places = keys[order], rows[order], places[order]
    ids, first, facts = np.unique(sample["row_facts"], return_index=True, return_inverse=True)
    names, attribute_of = np.unique(sample["row_attributes"][first], return_inverse=True)
    fact_ends = sample["fact_ends"]
    lengths = np.diff(fact_ends, prepend=0)
    run, fact, saying, n, hits = np.empty((5, int(lengths[rows].sum()) // at_least + 1), np.int64)
    found = weigh_runs(
        keys, rows, fact_ends, facts, attribute_of, names.size, at_least,
        run, fact, saying, n, hits,
    )  # fmt: skip
    run, fact = run[:found], fact[:found]
    return Evidence(
        runs=keys[run],
        words=_words_at(words, places[run]),
        attributes=names[attribute_of[fact]],
        facts=ids[fact],
        saying=saying[:found].copy(),
        n=n[:found].copy(),
        hits=hits[:found].copy(),
        usual=_usual(facts, attribute_of, lengths)[fact],
    )


def _words_at(words: Any, places: I64s) -> Any:
    begin, more = np.divmod(places, LONGEST)
    at = np.minimum(begin[:, None] + np.arange(LONGEST), max(words.size - 1, 0))
    return np.where(np.arange(LONGEST) <= more[:, None], words[at], np.uint32(0))


def _usual(facts: I64s, attribute_of: I64s, lengths: I64s) -> F64s:
    """(n_facts,) the share of each fact among the listings that state its attribute."""
    row = np.repeat(np.arange(lengths.size), lengths)
    n_facts, n_attributes = attribute_of.size, int(attribute_of.max(initial=0)) + 1
    stating = np.unique(row * n_facts + facts) % max(n_facts, 1)
    having = np.unique(row * n_attributes + attribute_of[facts]) % n_attributes
    n = np.bincount(having, minlength=n_attributes)
    share: F64s = np.bincount(stating, minlength=n_facts) / n[attribute_of]
    return share


def evidence_plain(
    listings: Sequence[tuple[Sequence[tuple[int, int]], Sequence[int]]], *, at_least: int
) -> dict[tuple[int, int], tuple[int, int, int, int]]:
    """The twin of `evidence`: (run, attribute) -> (fact, saying, n, hits).

    Args:
        listings: of each the facts with their attributes, and its words, 0 between two texts.
    """
    said: dict[int, dict[int, int]] = {}
    for row, (_, words) in enumerate(listings):
        for i in range(len(words)):
            h = BEGIN
            for word in words[i : i + LONGEST]:
                if word == 0:
                    break
                h = combined_plain(h, word)
                said.setdefault(h, {})[row] = 1
    found = {}
    for run, rows in said.items():
        n, hits = Counter[int](), Counter[tuple[int, int]]()
        for row in rows:
            stated = {(attribute, fact) for fact, attribute in listings[row][0]}
            hits.update(stated)
            n.update({attribute for attribute, _ in stated})
        for attribute in n:
            most, fact = min((-hits[one], one[1]) for one in hits if one[0] == attribute)
            if n[attribute] >= at_least:
                found[run, attribute] = (fact, len(rows), n[attribute], -most)
    return found
