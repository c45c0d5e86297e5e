"""What a ranker is trained on, and what its file says of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mercer.rank.training_set import TrainingSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is learned from, and what the model file says of it."""

    data: TrainingSet
    source: str
    window: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)  # for the report
    files: Mapping[str, bytes] = field(default_factory=dict)  # the feature set and its state
