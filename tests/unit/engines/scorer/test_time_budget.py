"""Models of other teams never hold a page up."""

import threading

import numpy as np
import pytest

from mercer.engines.embedded.scorer.time_budget import BudgetedScorer
from mercer.rank.scorer import PromptScorer, Skipped, SkipReason

ROWS = np.ones((3, 2), np.float32)
LONG_MS = 60_000.0  # never waited for


class Waiting:
    """A model that scores when it is told to."""

    features = ("a", "b")

    def __init__(self) -> None:
        self.go = threading.Event()

    def score(self, matrix: np.ndarray) -> np.ndarray:
        """Row sums, once it may."""
        self.go.wait(timeout=60)
        return matrix.sum(axis=1, dtype=np.float64)


class Giving:
    """A model that gives what it was made with, or raises it."""

    features = ("a", "b")

    def __init__(self, result: object) -> None:
        self.result = result

    def score(self, matrix: np.ndarray) -> np.ndarray:
        """The result, whatever it is."""
        if isinstance(self.result, Exception):
            raise self.result
        return self.result  # type: ignore[return-value]


def test_scores_come_back() -> None:
    """Within the budget, an attempt is what the model gives."""
    model = Waiting()
    model.go.set()
    found = BudgetedScorer(model, budget_ms=LONG_MS).attempt(ROWS)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [2.0, 2.0, 2.0]


def test_an_overrun_is_skipped_and_does_not_pile_up() -> None:
    """Past the budget there are no scores; while it works on, no second one begins; then all is well."""
    model = Waiting()
    hurried = BudgetedScorer(model, budget_ms=20.0, threads=1)
    first, second = hurried.attempt(ROWS), hurried.attempt(ROWS)
    assert isinstance(first, Skipped)
    assert isinstance(second, Skipped)
    assert first.sentence == "the model took longer than its 20 ms"
    assert second.reason is SkipReason.BUSY
    model.go.set()
    found: object = None
    for _ in range(500):
        if isinstance(found := hurried.attempt(ROWS), np.ndarray):
            return
    pytest.fail(f"the thread never became free: {found}")


def test_no_model_is_waited_for_longer_than_the_request_has() -> None:
    """What is left of the request's time bounds a budget that is larger."""
    model = Waiting()
    found = BudgetedScorer(model, budget_ms=LONG_MS).attempt(ROWS, within_ms=15.0)
    model.go.set()
    assert isinstance(found, Skipped)
    assert found.sentence == "the model took longer than its 15 ms"


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (RuntimeError("no GPU"), "the model raised RuntimeError: no GPU"),
        ([1.0, 2.0, 3.0], "the model gave list, not an array of float64"),
        (np.ones(3, np.float32), "the model gave float32, not an array of float64"),
        (np.ones(2), "the model gave scores of shape (2,), not (3,)"),
        (np.array([1.0, np.nan, np.inf]), "the model gave 2 of 3 scores that are not finite"),
    ],
)
@pytest.mark.parametrize("is_prompt", [True, False])
def test_what_is_no_score_is_skipped(result: object, sentence: str, is_prompt: bool) -> None:
    """An attempt never raises: the reason is a sentence, the page is served."""
    model = Giving(result)
    attempt = PromptScorer(model) if is_prompt else BudgetedScorer(model, budget_ms=LONG_MS)
    found = attempt.attempt(ROWS)
    assert isinstance(found, Skipped)
    assert found.sentence == sentence
