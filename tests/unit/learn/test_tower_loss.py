"""The gradient of the towers' loss, and what a training does with it."""

import numpy as np
import pytest

from mercer.learn.tower_fit import TowerParams, Wants, averaged, fit_towers, kept_share
from mercer.learn.tower_loss import NAMES, Example, Space, TowerWeights, loss_and_gradient, loss_of
from mercer.learn.tower_recall import HeldSearches, recall_verdict
from mercer.retrieve.tower import unit_rows

N_WORDS, DIM, N_SIGNALS, N = 6, 4, 3, 40


def space_of(rng: np.random.Generator, *, n: int = N) -> Space:
    words = rng.normal(size=(N_WORDS, DIM))
    length = float(np.sqrt((words**2).sum(axis=1)).mean())
    return Space(
        words, unit_rows(rng.normal(size=(n, DIM)))[0], rng.normal(size=(n, N_SIGNALS)), length
    )


def random_weights(rng: np.random.Generator) -> TowerWeights:
    start = TowerWeights.start(n_words=N_WORDS, dim=DIM, n_signals=N_SIGNALS, sharpness=3.0)
    return TowerWeights(
        **{name: (a := getattr(start, name)) + 0.3 * rng.normal(size=a.shape) for name in NAMES}
    )


def examples_of(rng: np.random.Generator) -> list[Example]:
    """Queries of one to seven words, some with a word twice, one to three wanted listings."""
    found = []
    for n_words, n_wanted in ((1, 1), (3, 2), (7, 3)):
        listings = rng.permutation(N)[:12]
        share = rng.dirichlet(np.ones(n_wanted))
        words = rng.integers(N_WORDS, size=n_words)
        found.append(
            Example(words, listings, share, rng.normal(size=12), float(rng.uniform(0.5, 2)))
        )
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    """Each number of the gradient is the slope of the loss between two points near by."""
    rng = np.random.default_rng(1)
    space, weights, examples = space_of(rng), random_weights(rng), examples_of(rng)
    _, gradient = loss_and_gradient(weights, examples, space)
    array, found = getattr(weights, name), getattr(gradient, name)
    for at in np.ndindex(array.shape):
        kept, step, ends = array[at], 1e-6, []
        for sign in (1, -1):
            array[at] = kept + sign * step
            ends.append(loss_and_gradient(weights, examples, space)[0])
        array[at] = kept
        assert found[at] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_the_loss_alone_is_the_loss_of_the_gradient() -> None:
    """Both definitions give one number, up to how weights are averaged."""
    rng = np.random.default_rng(2)
    space, weights, examples = space_of(rng), random_weights(rng), examples_of(rng)
    total = sum(one.weight for one in examples)
    mean = loss_and_gradient(weights, examples, space)[0] * len(examples) / total
    assert loss_of(weights, examples, space) == pytest.approx(mean, rel=1e-12)


def wants_by_signal(space: Space, rng: np.random.Generator, *, n: int) -> Wants:
    """Every query wants what is best by its cosine and the first signal together."""
    words = [rng.integers(N_WORDS, size=2) for _ in range(n)]
    asked = unit_rows(np.array([space.word_vectors[w].sum(axis=0) for w in words]))[0]
    score = 3 * asked @ space.listing_vectors.T + space.signals[:, 0]
    best = score.argmax(axis=1)
    return Wants(words, [np.array([row]) for row in best], [np.ones(1)] * n)


def test_a_signal_that_decides_gets_the_weight() -> None:
    """Where buyers go by one signal of three, its weight is the greatest and later loss falls."""
    rng = np.random.default_rng(3)
    space = space_of(rng, n=200)
    fit, stop = (wants_by_signal(space, rng, n=n) for n in (400, 100))
    params = TowerParams(epochs=6, batch=32, n_near=30, n_random=50, sharpness=3.0)
    made = fit_towers(space, fit, stop, params, seed=0)
    assert made.losses[made.epochs] < made.losses[0] - 0.05
    assert made.weights.signal[0] > 2 * np.abs(made.weights.signal[1:]).max()


def test_the_same_seed_gives_the_same_bits() -> None:
    """A training repeated is the same training; another seed is another one."""
    rng = np.random.default_rng(4)
    space = space_of(rng, n=100)
    fit, stop = (wants_by_signal(space, rng, n=n) for n in (40, 20))
    params = TowerParams(epochs=2, batch=16, n_near=20, n_random=30)
    a, b, c = (fit_towers(space, fit, stop, params, seed=seed).weights for seed in (5, 5, 6))
    assert all((getattr(a, name) == getattr(b, name)).all() for name in NAMES)
    assert any((getattr(a, name) != getattr(c, name)).any() for name in NAMES)


def test_random_others_stand_for_all_that_are_left() -> None:
    """With every listing drawn, the estimated loss is the loss over the whole catalogue."""
    rng = np.random.default_rng(5)
    space = space_of(rng, n=60)
    stop = wants_by_signal(space, rng, n=20)
    whole = TowerParams(epochs=1, n_near=10, n_random=60)
    near = TowerParams(epochs=1, n_near=60, n_random=1)
    losses = [fit_towers(space, stop, stop, p, seed=0).losses[0] for p in (whole, near)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_what_finds_less_is_refused() -> None:
    """The gate passes what finds as much or more of the held-out choices, by their gains."""
    held = HeldSearches(
        [("a",)] * 4, np.arange(4), np.zeros(4, bool), np.array([1.0, 1.0, 1.0, 5.0])
    )
    few, many = np.array([True, True, True, False]), np.array([False, False, False, True])
    assert recall_verdict(few, many, held, champion_id="x").passed
    assert recall_verdict(few, few, held, champion_id="x").passed
    refused = recall_verdict(many, few, held, champion_id="x")
    assert not refused.passed
    assert "worse than x" in refused.sentence


def test_the_mean_of_the_weights_follows_them() -> None:
    """After one step it is the weights; with nothing kept it always is; and what does not move it meets."""
    start, other = (random_weights(np.random.default_rng(seed)) for seed in (1, 2))
    for keep in (kept_share(1, at_most=0.98), kept_share(500, at_most=0.0)):
        assert keep == 0
        one = averaged(start, other, keep=keep)
        assert all(np.array_equal(getattr(one, n), getattr(other, n)) for n in NAMES)
    mean = start
    for step in range(1, 400):
        mean = averaged(mean, other, keep=kept_share(step, at_most=0.98))
    assert all(np.allclose(getattr(mean, n), getattr(other, n)) for n in NAMES)
    assert kept_share(10_000, at_most=0.98) == 0.98
