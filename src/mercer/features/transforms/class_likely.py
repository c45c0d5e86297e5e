"""class_likely: how likely words mean the class of a row, such as the category of a listing.

ln(0.1 + sum over classes k of likeness(class, k) P(k | words)): what the words mean by naive Bayes,
spread over classes whose texts are alike, so that a class beside the one that is meant counts for more
than one that has nothing to do with it (`text/classes.py` has the formulas).
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numba as nb
import numpy as np

from mercer.features.column import Column, F64s, I64s, U64s, ids_of, ragged_of
from mercer.features.kernel_types import U8S
from mercer.features.lookup import place_of
from mercer.features.merged_late import MergedLate
from mercer.features.param import Param
from mercer.features.text.classes import ClassWords, Meaning, meaning_of
from mercer.features.transform import STATE_OF, Arrays, ColumnOp, Fit, Params, Transform
from mercer.text.kernel_types import F8S, I8S, U4S

FLOOR: Final = 0.1  # of a likelihood, so that its logarithm stays where differences mean something
_UNLIKELY: Final = 1e-6  # a class less likely than this is not looked at


class ClassWordsFit:
    """How many rows of each class have each word."""

    is_exact = True
    bound = "exact"

    def empty(self, params: Params) -> Arrays:
        """No row."""
        return ClassWords.nothing().to_arrays()

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """With n more rows of a class and words."""
        more = ClassWords.of(ids_of(inputs[0]), ragged_of(inputs[1]))
        return MergedLate.of(state, more.to_arrays(), _merged)

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Of the rows of both."""
        return MergedLate.of(a, b, _merged)


def _merged(a: Arrays, b: Arrays) -> Arrays:
    return ClassWords.from_arrays(a).merge(ClassWords.from_arrays(b)).to_arrays()


def _close(params: Params, fitted: Arrays) -> Arrays:
    counted = ClassWords.from_arrays(fitted)
    return {**counted.commonest(params["most"]).to_arrays(), **counted.alike()}


def _prepare(params: Params, fitted: Arrays) -> Meaning:
    return meaning_of(fitted, prior_rows=params["prior_rows"])


@nb.njit(
    nb.void(
        U4S, nb.i8, nb.i8, F8S, F8S, U8S, I8S, I8S, F8S, I8S, I8S, F8S, nb.f8[::1], nb.f8[::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def _understand(
    words: Any, start: int, stop: int, log_prior: F64s, log_unseen: F64s, known: U64s,
    first: I64s, its_class: I64s, for_it: F64s, near_first: I64s, near: I64s, near_cosine: F64s,
    chance: F64s, like: F64s,
) -> None:  # fmt: skip
    """Fill `like` (n_classes,) for words[start:stop]; `chance` is scratch."""
    chance[:] = log_prior
    n_known = 0
    for i in range(start, stop):
        is_new = True
        for j in range(start, i):
            if words[j] == words[i]:
                is_new = False
                break
        if is_new:
            at = np.searchsorted(known, np.uint64(words[i]))
            if at < known.size and known[at] == np.uint64(words[i]):
                n_known += 1
                for j in range(first[at], first[at + 1]):
                    chance[its_class[j]] += for_it[j]
    top = -np.inf
    for k in range(chance.size):
        chance[k] += n_known * log_unseen[k]
        top = max(top, chance[k])
    whole = 0.0
    for k in range(chance.size):
        chance[k] = math.exp(chance[k] - top)
        whole += chance[k]
    like[:] = 0.0
    for k in range(chance.size):
        share = chance[k] / whole
        if share >= _UNLIKELY:
            for j in range(near_first[k], near_first[k + 1]):
                like[near[j]] += near_cosine[j] * share


@nb.njit(
    nb.void(
        I8S, I8S, U4S, U8S, U8S, F8S, F8S, U8S, I8S, I8S, F8S, I8S, I8S, F8S, nb.f8[::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def likelihoods(
    starts: I64s, stops: I64s, words: Any, of_row: U64s, classes: U64s, log_prior: F64s,
    log_unseen: F64s, known: U64s, first: I64s, its_class: I64s, for_it: F64s, near_first: I64s,
    near: I64s, near_cosine: F64s, out: F64s,
) -> None:  # fmt: skip
    """Of each row; what its words mean is worked out once where rows share them."""
    chance, like = np.empty(classes.size), np.empty(classes.size)
    start, stop = np.int64(-1), np.int64(-1)
    for row in range(out.size):
        if stops[row] <= starts[row] or of_row[row] == np.uint64(0):
            out[row] = np.nan
            continue
        if starts[row] != start or stops[row] != stop:
            start, stop = starts[row], stops[row]
            _understand(
                words, start, stop, log_prior, log_unseen, known, first, its_class, for_it,
                near_first, near, near_cosine, chance, like,
            )  # fmt: skip
        at = place_of(classes, 0, classes.size, of_row[row])
        out[row] = math.log(FLOOR + like[at]) if at >= 0 else math.log(FLOOR)


def _run(inputs: Sequence[Column], params: Params, prepared: Meaning, n: int) -> F64s:
    words, out = ragged_of(inputs[0]), np.empty(n, np.float64)
    likelihoods(
        words.starts, words.stops, words.values, np.ascontiguousarray(ids_of(inputs[1])),
        prepared.classes, prepared.log_prior, prepared.log_unseen, prepared.words, prepared.first,
        prepared.its_class, prepared.for_it, prepared.near_first, prepared.near,
        prepared.near_cosine, out,
    )  # fmt: skip
    return out


def twin(
    words: Sequence[int] | None, one: int, _: Sequence[int] | None = None,
    *, params: Params, fitted: Arrays,
) -> float:  # fmt: skip
    """The same of one row."""
    if not words or not one:
        return math.nan
    said = _prepare(params, fitted)
    place = {c: i for i, c in enumerate(said.classes.tolist())}
    if one not in place:
        return math.log(FLOOR)
    at = {w: i for i, w in enumerate(said.words.tolist())}
    chance = said.log_prior.tolist()
    known = [at[word] for word in dict.fromkeys(words) if word in at]
    for i in known:
        for j in range(said.first[i], said.first[i + 1]):
            chance[said.its_class[j]] += float(said.for_it[j])
    chance = [c + len(known) * u for c, u in zip(chance, said.log_unseen.tolist(), strict=True)]
    top = max(chance)
    chance = [math.exp(c - top) for c in chance]
    whole, like = 0.0, [0.0] * len(chance)
    for c in chance:
        whole += c
    for k, c in enumerate(chance):
        if (share := c / whole) >= _UNLIKELY:
            for j in range(said.near_first[k], said.near_first[k + 1]):
                like[said.near[j]] += float(said.near_cosine[j]) * share
    return math.log(FLOOR + like[place[one]])


TRANSFORM = Transform(
    name="class_likely",
    summary="ln of how likely the words mean the class of the row, or one like it, by the words that "
    "fitted rows of each class have.",
    inputs=(("words", "id", "words"),),
    output="number",
    run=ColumnOp(_run, _prepare),
    twin=twin,
    params=(
        Param(
            name="prior_rows", kind="number", default=20.0, low=0.001, high=1e9,
            doc="rows like all rows that each class is given beside its own",
        ),
        Param(
            name="most", kind="integer", default=1 << 21, low=0, high=1 << 40,
            doc="pairs of a class and a word that are kept, the commonest",
        ),
        Param(
            name=STATE_OF, kind="text", default="",
            doc="the feature whose counts are used; empty: those of the rows it was fitted on",
        ),
    ),
    fit=ClassWordsFit(),
    fitted_input=(1, 2),
    close=_close,
)  # fmt: skip
_conforms: type[Fit] = ClassWordsFit
