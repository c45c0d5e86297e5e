"""Every kind of model that can be served, and how each is kept within its time."""

from collections.abc import Mapping
from typing import Final

from mercer.engines.embedded.scorer.entry_point import read_entry_point
from mercer.engines.embedded.scorer.onnx_file import OnnxScorer
from mercer.engines.embedded.scorer.time_budget import BudgetedScorer
from mercer.learn.loading import KINDS, LoadedModel, ReadScorer
from mercer.rank.scorer import Attempt, PromptScorer, Scorer

DEFAULT_BUDGET_MS: Final = 10.0  # of a model of another team that names none


def _onnx(data: bytes, features: tuple[str, ...], at: str) -> Scorer:
    return OnnxScorer(data, features, at=at)


def _python(data: bytes, features: tuple[str, ...], at: str) -> Scorer:
    return read_entry_point(data, features, at)


SCORER_KINDS: Final[Mapping[str, ReadScorer]] = {**KINDS, "onnx": _onnx, "python": _python}


def attempt_of(model: LoadedModel) -> Attempt:
    """How a stage asks a model: our kernels where it stands, others on a thread with a time budget."""
    if model.manifest.kind in KINDS:
        return PromptScorer(model.scorer)
    budget_ms = float(model.manifest.params.get("budget_ms", DEFAULT_BUDGET_MS))
    return BudgetedScorer(model.scorer, budget_ms=budget_ms)
