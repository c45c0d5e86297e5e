"""Which classes (such as categories) words mean, and which classes are alike: what rows of texts tell.

Of n_k rows of class k, n_kw have word w in their text; N rows and C classes in all, n_w rows with w. The
chance that somebody who says the words W means class k is that of naive Bayes over the words that are
there,

    P(k) = (n_k + 1/2) / (N + C/2)        P(w) = n_w / N
    P(w | k) = (n_kw + a P(w)) / (n_k + a)        P(k | W) ~ P(k) prod_{w in W} P(w | k) / P(w)

where each class has `a` more rows that are like all rows: that no brown shoe is among ninety says little
against brown shoes, that none is called a vase says much. Words that no row has say nothing. Two classes
are alike by the cosine of their words' tf-idf: tf = n_kw / n_k, idf = ln(C / classes that have w).

Source: Manning, Raghavan & Schuetze 2008, Introduction to Information Retrieval, chapters 6 and 13; the
smoothing is that of Zhai & Lafferty 2004 with Dirichlet priors, doi:10.1145/984321.984322.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

from mercer.features.column import F64s, I64s, Ragged, U64s

_32: Final = np.uint64(32)
_USUAL: Final = 0.02  # of the rows of a class have a word: fewer do not tell classes apart
_LEAST_LIKE: Final = 0.05
_MOST_LIKE: Final = 64  # classes that are like one, itself included

Arrays = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClassWords:
    """How many rows there are of each class, and with each word; merges exactly."""

    classes: U64s  # (n_classes,) ids, rising
    rows: I64s  # (n_classes,) >= 1
    pairs: U64s  # (n_pairs,) place of the class << 32 | word, rising
    counts: I64s  # (n_pairs,) >= 1

    @classmethod
    def nothing(cls) -> "ClassWords":
        """Of no rows."""
        none, zero = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        return cls(none, zero, none, zero)

    @classmethod
    def of(cls, classes: U64s, words: Ragged) -> "ClassWords":
        """Of some rows; those without a class count nothing, a word of a row counts once.

        Args:
            classes: (n,) ids; 0: none.
            words: (n,)
        """
        kept = np.flatnonzero(classes)
        known, place, rows = np.unique(classes[kept], return_inverse=True, return_counts=True)
        length = np.maximum(words.stops[kept] - words.starts[kept], 0)
        begins = np.cumsum(length) - length
        at = np.arange(length.sum()) + np.repeat(words.starts[kept] - begins, length)
        row = np.repeat(np.arange(len(kept), dtype=np.uint64), length)
        once = np.unique(row << _32 | words.values[at].astype(np.uint64))
        of_class = place.astype(np.uint64)[(once >> _32).astype(np.int64)]
        pairs, counts = np.unique(of_class << _32 | _word(once), return_counts=True)
        return cls(known, rows.astype(np.int64), pairs, counts.astype(np.int64))

    def merge(self, other: "ClassWords") -> "ClassWords":
        """Of the rows of both."""
        classes, place = np.unique(
            np.concatenate([self.classes, other.classes]), return_inverse=True
        )
        rows = np.zeros(len(classes), np.int64)
        np.add.at(rows, place, np.concatenate([self.rows, other.rows]))
        moved = [
            to[_place(one.pairs)].astype(np.uint64) << _32 | _word(one.pairs)
            for one, to in ((self, place[: len(self.classes)]), (other, place[len(self.classes) :]))
        ]
        pairs, at = np.unique(np.concatenate(moved), return_inverse=True)
        counts = np.zeros(len(pairs), np.int64)
        np.add.at(counts, at, np.concatenate([self.counts, other.counts]))
        return ClassWords(classes, rows, pairs, counts)

    def to_arrays(self) -> dict[str, Any]:
        """To save, one array per name."""
        return {
            "classes": self.classes, "rows": self.rows, "pairs": self.pairs, "counts": self.counts
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "ClassWords":
        """What `to_arrays` gave."""
        return cls(arrays["classes"], arrays["rows"], arrays["pairs"], arrays["counts"])

    def commonest(self, most: int) -> "ClassWords":
        """With the commonest pairs only; of equally common ones the first."""
        if len(self.pairs) <= most:
            return self
        kept = np.sort(np.argsort(-self.counts, kind="stable")[:most])
        return ClassWords(self.classes, self.rows, self.pairs[kept], self.counts[kept])

    def alike(self) -> dict[str, Any]:
        """For each class those that are like it, likest first, itself the first of all.

        `near_first` (n_classes + 1,), `near` the places of the classes and `near_cosine`.
        """
        n, at = len(self.classes), _place(self.pairs)
        _, word = np.unique(_word(self.pairs), return_inverse=True)
        tf = self.counts / self.rows[at]
        kept = tf > _USUAL
        n_words = int(word.max(initial=-1)) + 1
        n_having = np.bincount(word[kept], minlength=n_words)
        idf = np.log(n / np.maximum(n_having, 1))
        told = sp.csr_array((tf[kept] * idf[word[kept]], (at[kept], word[kept])), (n, n_words))
        length = np.sqrt(np.asarray(told.multiply(told).sum(axis=1)).reshape(-1))
        told = sp.csr_array(sp.diags_array(1.0 / np.where(length > 0, length, 1.0)) @ told)
        return _nearest(told)


def _nearest(told: Any) -> dict[str, Any]:
    """Row by row, so that memory is that of one row: a market may have ten thousand categories."""
    n, across = told.shape[0], told.T.tocsr()
    firsts, near, cosines = [0], [], []
    for i in range(n):
        row = (told[[i]] @ across).tocoo()
        other = (row.data >= _LEAST_LIKE) & (row.col != i)
        places, cosine = row.col[other], np.minimum(row.data[other], 1.0)
        order = np.lexsort((places, -cosine))[: _MOST_LIKE - 1]
        near.append(np.concatenate([[i], places[order]]))
        cosines.append(np.concatenate([[1.0], cosine[order]]))
        firsts.append(firsts[-1] + len(near[-1]))
    return {
        "near_first": np.array(firsts, np.int64),
        "near": np.concatenate([*near, np.zeros(0)]).astype(np.int64),
        "near_cosine": np.concatenate([*cosines, np.zeros(0)]).astype(np.float64),
    }


def _place(pairs: U64s) -> I64s:
    found: I64s = (pairs >> _32).astype(np.int64)
    return found


def _word(pairs: U64s) -> U64s:
    found: U64s = pairs & np.uint64(0xFFFFFFFF)
    return found


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is looked up for a query: see the module."""

    classes: U64s  # (n_classes,) ids, rising
    log_prior: F64s  # (n_classes,) ln P(k)
    words: U64s  # (n_words,) rising
    first: I64s  # (n_words + 1,) word i speaks for its_class[first[i] : first[i + 1]]
    its_class: I64s  # (n_pairs,) places
    for_it: F64s  # (n_pairs,) ln((n_kw + a P(w)) / (a P(w)))
    log_unseen: (
        F64s  # (n_classes,) ln(a / (n_k + a)): of each word, whether the class has it or not
    )
    near_first: I64s  # (n_classes + 1,)
    near: I64s  # places of the classes that are like a class
    near_cosine: F64s


def meaning_of(fitted: Arrays, *, prior_rows: float) -> Meaning:
    """The tables of a closed fit; `prior_rows` is `a`."""
    counted = ClassWords.from_arrays(fitted)
    n, n_rows = len(counted.classes), counted.rows.sum()
    place, word = _place(counted.pairs), _word(counted.pairs)
    order = np.lexsort((place, word))
    words, first = np.unique(word[order], return_index=True)
    first = np.append(first, len(order)).astype(np.int64)
    count = counted.counts[order]
    having = np.add.reduceat(count, first[:-1]) if len(words) else count
    usual = np.repeat(having / max(n_rows, 1), np.diff(first))  # P(w) of each pair
    return Meaning(
        classes=counted.classes,
        log_prior=np.log((counted.rows + 0.5) / (n_rows + 0.5 * max(n, 1))),
        words=words,
        first=first,
        its_class=place[order],
        for_it=np.log1p(count / (prior_rows * usual)),
        log_unseen=np.log(prior_rows / (counted.rows + prior_rows)),
        near_first=fitted["near_first"],
        near=fitted["near"],
        near_cosine=fitted["near_cosine"],
    )
