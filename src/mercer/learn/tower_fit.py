"""Training of the two towers: examples with their others, Adam, and when to stop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mercer.learn.tower_loss import (
    NAMES,
    Example,
    Floats,
    Ints,
    Space,
    TowerWeights,
    loss_and_gradient,
    loss_of,
)
from mercer.retrieve.tower import unit_rows
from mercer.schema.errors import ConfigError

_DECAY, _DECAY_2, _TINY = 0.9, 0.99, 1e-6  # of Adam (Kingma & Ba 2015, arXiv:1412.6980)
_BLOCK = 2**25  # scores that are computed together

OnEpoch = Callable[[int, float], None]
"""(epochs done, loss on the stopping span)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerParams:
    """How the towers are trained; docs/decisions/0012-trained-encoder.md has what was tried."""

    epochs: int = 12  # at most
    patience: int = 2  # epochs without a better loss on the stopping span
    batch: int = 64  # queries
    n_near: int = 200  # nearest listings of day one that each query is told apart from
    n_random: int = 512  # others, drawn anew for each batch
    rate: float = 0.02  # of the gains and weights; shifts move by a tenth of it
    hold: float = 1e-3  # pull of each number to where it began
    sharpness: float = 20.0  # at the start
    max_weight: float = 10.0  # of one query
    average: float = (
        0.98  # the most that the running mean of the weights keeps at a step; 0: no mean
    )

    def __post_init__(self) -> None:
        """Raise ConfigError that lists what is out of range."""
        low = [
            f"{name} must be above 0, got {getattr(self, name)}"
            for name in ("epochs", "patience", "batch", "n_near", "n_random", "rate", "sharpness",
                         "max_weight")
            if not getattr(self, name) > 0
        ]  # fmt: skip
        if not 0 <= self.average < 1:
            low.append(f"average must be 0 or more and below 1, got {self.average}")
        if self.hold < 0:
            low.append(f"hold must be 0 or more, got {self.hold}")
        if low:
            raise ConfigError("train retrieval: " + "; ".join(low))


@dataclass(frozen=True, slots=True)
class Wants:
    """Queries, and what was clicked or bought for each."""

    words: Sequence[Ints]  # codes of each query's words
    listings: Sequence[Ints]  # wanted ones of each query, each once
    gain: Sequence[Floats]  # of each of them, > 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a training."""

    weights: TowerWeights
    epochs: int  # after which it was best; 0: the start was
    losses: tuple[float, ...]  # on the stopping span, the start first


def fit_towers(
    space: Space,
    wants: Wants,
    stop: Wants,
    params: TowerParams,
    *,
    seed: int,
    on_epoch: OnEpoch = lambda done, loss: None,
) -> Fitted:
    """Train from the day-one encoder; the epoch that is best on the stopping span is kept.

    What is judged and kept is the running mean of the weights over the steps (Polyak & Juditsky 1992,
    doi:10.1137/0330046): words that few queries have would else follow the last of them.

    Args:
        wants: of the span that is learned from.
        stop: of a later span.
        seed: of the order of examples and the random others; the same seed gives the same bits.
    """
    rng = np.random.default_rng(seed)
    weights = TowerWeights.start(
        n_words=len(space.word_vectors),
        dim=space.word_vectors.shape[1],
        n_signals=space.signals.shape[1],
        sharpness=params.sharpness,
    )
    examples = _examples(space, wants, params)
    judges = _with_others(
        _examples(space, stop, params), space, params, np.random.default_rng(seed)
    )
    best = mean = weights
    losses, moments = [loss_of(weights, judges, space)], Moments.zero(weights)
    on_epoch(0, losses[0])
    for epoch in range(1, params.epochs + 1):
        order = rng.permutation(len(examples))
        for first in range(0, len(order), params.batch):
            drawn = [examples[i] for i in order[first : first + params.batch].tolist()]
            batch = _with_others(drawn, space, params, rng)
            _, gradient = loss_and_gradient(weights, batch, space)
            weights, moments = stepped(weights, gradient, moments, params)
            mean = averaged(mean, weights, keep=kept_share(moments.steps, at_most=params.average))
        losses.append(loss_of(mean, judges, space))
        on_epoch(epoch, losses[-1])
        if losses[-1] <= min(losses):
            best = mean
        elif epoch - int(np.argmin(losses)) >= params.patience:
            break
    return Fitted(best, int(np.argmin(losses)), tuple(losses))


@dataclass(frozen=True, slots=True)
class Moments:
    """Running means of a gradient and of its square, and how many steps they are of."""

    first: TowerWeights
    second: TowerWeights
    steps: int

    @classmethod
    def zero(cls, like: TowerWeights) -> "Moments":
        """Before the first step."""
        nothing = TowerWeights(**{name: np.zeros_like(getattr(like, name)) for name in NAMES})
        return cls(nothing, nothing, 0)


def stepped(
    weights: TowerWeights, gradient: TowerWeights, moments: Moments, params: TowerParams
) -> tuple[TowerWeights, Moments]:
    """One step of Adam, with the pull to the start in the gradient."""
    steps = moments.steps + 1
    after: dict[str, Floats] = {}
    first: dict[str, Floats] = {}
    second: dict[str, Floats] = {}
    for name in NAMES:
        old = getattr(weights, name)
        start = {"reach": 1.0, "log_sharpness": np.log(params.sharpness)}.get(name, 0.0)
        slope = getattr(gradient, name) + params.hold * (old - start)
        first[name] = _DECAY * getattr(moments.first, name) + (1 - _DECAY) * slope
        second[name] = _DECAY_2 * getattr(moments.second, name) + (1 - _DECAY_2) * slope**2
        rate = params.rate / 10 if name == "shift" else params.rate
        move = first[name] / (1 - _DECAY**steps)
        after[name] = old - rate * move / (np.sqrt(second[name] / (1 - _DECAY_2**steps)) + _TINY)
    return TowerWeights(**after), Moments(TowerWeights(**first), TowerWeights(**second), steps)


def kept_share(steps: int, *, at_most: float) -> float:
    """What the running mean keeps of itself at a step, 1 being the first: less as long as it is young."""
    return min(at_most, (steps - 1) / (steps + 8))


def averaged(mean: TowerWeights, weights: TowerWeights, *, keep: float) -> TowerWeights:
    """The running mean after one more step; `keep` in [0, 1) is what it keeps of itself."""
    return TowerWeights(
        **{n: keep * getattr(mean, n) + (1 - keep) * getattr(weights, n) for n in NAMES}
    )


def _examples(space: Space, wants: Wants, params: TowerParams) -> list[Example]:
    """Each query with its wanted listings and the nearest others of day one; heavier ones count more."""
    near = _nearest(space, wants, min(params.n_near, len(space.listing_vectors)))
    found = []
    for words, listings, gain, rows in zip(
        wants.words, wants.listings, wants.gain, near, strict=True
    ):
        order = np.argsort(listings, kind="stable")
        wanted, worth = listings[order], gain[order]
        candidates = np.concatenate([wanted, np.setdiff1d(rows, wanted)])
        weight = min(float(worth.sum()), params.max_weight)
        found.append(
            Example(words, candidates, worth / worth.sum(), np.zeros(len(candidates)), weight)
        )
    mean = float(np.mean([one.weight for one in found])) if found else 1.0
    return [replace(one, weight=one.weight / mean) for one in found]


def _nearest(space: Space, wants: Wants, k: int) -> Sequence[Ints]:
    """Of each query the k nearest listings, in no order."""
    found: list[Ints] = []
    vectors = space.listing_vectors.astype(np.float32)
    step = max(_BLOCK // len(vectors), 1)
    for first in range(0, len(wants.words), step):
        asked = [space.word_vectors[w].sum(axis=0) for w in wants.words[first : first + step]]
        score = unit_rows(np.array(asked))[0].astype(np.float32) @ vectors.T
        for (
            line
        ) in score:  # a partition of the numbers themselves is seven times as fast as of rows
            least = np.partition(line, len(line) - k)[len(line) - k]
            found.append(np.flatnonzero(line >= least)[:k])
    return found


def _with_others(
    examples: Sequence[Example], space: Space, params: TowerParams, rng: np.random.Generator
) -> list[Example]:
    """The examples with random listings among their candidates, which stand for all that are not."""
    n = len(space.listing_vectors)
    drawn = rng.choice(n, min(params.n_random, n), replace=False)
    found = []
    for one in examples:
        others = np.setdiff1d(drawn, one.listings)
        n_left = n - len(one.listings)
        stands_for = np.log(n_left / len(others)) if len(others) else 0.0
        found.append(
            replace(
                one,
                listings=np.concatenate([one.listings, others]),
                correction=np.concatenate([one.correction, np.full(len(others), stands_for)]),
            )
        )
    return found
