"""How long each stage of a request takes, and how much of its time is left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stopwatch:
    """Time by stage, and how much of the budget is left."""

    clock: Callable[[], float] = time.perf_counter
    budget_ms: float = float("inf")
    began: float = 0.0
    timings_us: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start."""
        self.began = self.clock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start = self.clock()
        yield
        self.timings_us[name] = int((self.clock() - start) * 1e6)

    @property
    def took_ms(self) -> float:
        """Since the beginning."""
        return (self.clock() - self.began) * 1e3

    @property
    def is_over(self) -> bool:
        """Whether the budget is used up."""
        return self.took_ms > self.budget_ms
