"""The loss of the two towers and its gradient: a softmax over listings with several right ones.

For a query with score s_l of each listing (see `retrieve.tower`) and wanted shares y_l that sum to 1,

    loss = -sum_l y_l log softmax(s)_l

where the softmax runs over all listings, estimated from the nearest ones of day one, which are all
there, and from some random others, each of which stands for many: its score gets log(others / drawn)
(the correction of sampled softmax, Bengio & Senecal 2008, doi:10.1109/TNN.2007.912312).

Trained: a gain and a shift of each query word, a weight of each signal of a listing, how far the bias
reaches for queries of 1, 2, ... words, and the sharpness. All of them are held to where they began.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercer.retrieve.tower import MOST_WORDS, unit_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TowerWeights:
    """What is trained; every field is an array."""

    log_gain: Floats  # (n_words,)
    shift: Floats  # (n_words, dim), in mean lengths of a word's vector
    signal: Floats  # (n_signals,)
    reach: Floats  # (MOST_WORDS,)
    log_sharpness: Floats  # (1,)

    @classmethod
    def start(cls, *, n_words: int, dim: int, n_signals: int, sharpness: float) -> "TowerWeights":
        """The day-one encoder as it is."""
        return cls(
            np.zeros(n_words),
            np.zeros((n_words, dim)),
            np.zeros(n_signals),
            np.ones(MOST_WORDS),
            np.array([np.log(sharpness)]),
        )


NAMES = tuple(field.name for field in fields(TowerWeights))


@dataclass(frozen=True, slots=True)
class Space:
    """What stays as it is while the towers are trained."""

    word_vectors: Floats  # (n_words, dim) of day one
    listing_vectors: NDArray[np.floating[Any]]  # (n, dim) of day one, of length 1
    signals: Floats  # (n, n_signals) in standard deviations
    word_length: float  # mean length of a word's vector, in which shifts are counted


@dataclass(frozen=True, slots=True)
class Example:
    """One query and what was wanted."""

    words: Ints  # (n_query_words,) codes, at least one
    listings: Ints  # (n,) the wanted ones first, then others
    share: Floats  # (n_wanted,) of each wanted one, summing to 1
    correction: Floats  # (n,) added to each score
    weight: float  # of the example


def loss_and_gradient(
    weights: TowerWeights, examples: Sequence[Example], space: Space
) -> tuple[float, TowerWeights]:
    """Mean weighted loss of some examples, without the pull to the start, and its gradient."""
    grad = {name: np.zeros_like(getattr(weights, name)) for name in NAMES}
    unit_of, length = _queries(weights, examples, space)
    sharpness, total = float(np.exp(weights.log_sharpness[0])), 0.0
    scale = space.word_length
    for example, query, size in zip(examples, unit_of, length[:, 0], strict=True):
        near = space.listing_vectors[example.listings]
        signals = space.signals[example.listings]
        cosine, bias = near @ query, signals @ weights.signal
        bucket = min(len(example.words), MOST_WORDS) - 1
        chance, loss = _softmax(
            sharpness * cosine + weights.reach[bucket] * bias + example.correction, example
        )
        share = example.weight / len(examples)
        total += share * loss
        slope = chance  # d loss / d score
        slope[: len(example.share)] -= example.share
        slope *= share
        grad["log_sharpness"] += sharpness * (slope @ cosine)
        grad["reach"][bucket] += slope @ bias
        grad["signal"] += weights.reach[bucket] * (slope @ signals)
        of_unit = sharpness * (slope @ near)
        of_sum = (of_unit - (of_unit @ query) * query) / size
        for word in example.words:
            gain = np.exp(weights.log_gain[word])
            moved = space.word_vectors[word] + scale * weights.shift[word]
            grad["log_gain"][word] += gain * (of_sum @ moved)
            grad["shift"][word] += gain * scale * of_sum
    return total, TowerWeights(**grad)


def loss_of(weights: TowerWeights, examples: Sequence[Example], space: Space) -> float:
    """The loss alone, over the sum of the weights."""
    unit_of, _ = _queries(weights, examples, space)
    sharpness, total = float(np.exp(weights.log_sharpness[0])), 0.0
    for example, query in zip(examples, unit_of, strict=True):
        bucket = min(len(example.words), MOST_WORDS) - 1
        score = sharpness * (space.listing_vectors[example.listings] @ query)
        score += weights.reach[bucket] * (space.signals[example.listings] @ weights.signal)
        total += example.weight * _softmax(score + example.correction, example)[1]
    return total / max(sum(example.weight for example in examples), 1e-12)


def _queries(
    weights: TowerWeights, examples: Sequence[Example], space: Space
) -> tuple[Floats, Floats]:
    """(n_examples, dim) unit vectors and (n_examples, 1) lengths of the sums of words."""
    scale, total = space.word_length, np.zeros((len(examples), space.word_vectors.shape[1]))
    for row, example in zip(total, examples, strict=True):
        gain = np.exp(weights.log_gain[example.words])[:, None]
        moved = space.word_vectors[example.words] + scale * weights.shift[example.words]
        row[:] = (gain * moved).sum(axis=0)
    return unit_rows(total)


def _softmax(score: Floats, example: Example) -> tuple[Floats, float]:
    """Chance of each listing, and the loss."""
    score = score - score.max()
    chance = np.exp(score)
    whole = chance.sum()
    wanted = score[: len(example.share)] - np.log(whole)
    return chance / whole, float(-(example.share * wanted).sum())
