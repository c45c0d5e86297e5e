"""A model of another team within its time budget: what overruns is left behind, the page is served."""

import math
import threading
from concurrent.futures import Future
from time import perf_counter
from typing import final

from mercer.rank.scorer import Attempt, F32s, F64s, Scorer, Skipped, SkipReason, attempted


@final
class BudgetedScorer:
    """Scores on a thread of its own, for which a request waits no longer than the budget.

    A thread cannot be stopped: one that overruns works on, and at most `threads` do at any time;
    while all of them are taken, requests skip the model. They end with the process.

    Args:
        budget_ms: of one attempt at most, waiting included; > 0.
        threads: that may score at the same time.
    """

    def __init__(self, scorer: Scorer, *, budget_ms: float, threads: int = 4) -> None:
        self._scorer, self._budget_ms = scorer, budget_ms
        self._free = threading.BoundedSemaphore(threads)

    @property
    def features(self) -> tuple[str, ...]:
        """As of the scorer."""
        return self._scorer.features

    def attempt(self, matrix: F32s, *, within_ms: float = math.inf) -> F64s | Skipped:
        """The scores of all rows, or why there are none. The caller must not write the matrix after."""
        budget_ms = max(min(self._budget_ms, within_ms), 0.0)
        until = perf_counter() + budget_ms / 1e3
        if not self._free.acquire(timeout=budget_ms / 1e3):
            return Skipped(SkipReason.BUSY)
        result: Future[F64s | Skipped] = Future()
        try:
            # A daemon, so that a model that never returns does not keep the process from ending.
            threading.Thread(target=self._run, args=(matrix, result), daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            self._free.release()
            return Skipped(SkipReason.FAILED, str(error))
        try:
            return result.result(timeout=max(until - perf_counter(), 0.0))
        except TimeoutError:
            return Skipped(SkipReason.OVERRAN, f"{budget_ms:.3g} ms")

    def _run(self, matrix: F32s, result: Future[F64s | Skipped]) -> None:
        try:
            result.set_result(attempted(self._scorer.score, matrix))
        finally:
            self._free.release()


_conforms: type[Attempt] = BudgetedScorer
