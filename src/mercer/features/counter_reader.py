"""What features ask of the counters."""

from typing import Protocol, final

import numpy as np

from mercer.features.column import F32s, U64s
from mercer.features.declare import FeatureSet

_HOUR_MS = 3_600_000


class CounterReader(Protocol):
    """Decayed counts as of one position in the log."""

    @property
    def position(self) -> str:
        """The place in the log up to which events are counted; logged with the page."""
        ...

    @property
    def half_lives_ms(self) -> tuple[int, ...]:
        """The half-lives that are counted by, ascending; the columns of `lookup`."""
        ...

    def lookup(self, keys: U64s, now_ms: int) -> F32s:
        """(n, n_half_lives) counts decayed to `now_ms`; 0 where a key was never seen.

        Args:
            keys: (n,) `counter_key`.
        """
        ...


@final
class NoCounters:
    """Where there are none: every count is missing.

    Args:
        feature_set: whose half-lives are answered.
    """

    def __init__(self, feature_set: FeatureSet) -> None:
        hours = {f.params["half_life_h"] for f in feature_set.features if "half_life_h" in f.params}
        self._half_lives_ms = tuple(sorted(round(float(one) * _HOUR_MS) for one in hours))

    @property
    def position(self) -> str:
        """Nowhere."""
        return ""

    @property
    def half_lives_ms(self) -> tuple[int, ...]:
        """All that the set asks for."""
        return self._half_lives_ms

    def lookup(self, keys: U64s, now_ms: int) -> F32s:
        """(n, n_half_lives) NaN."""
        return np.full((keys.size, len(self._half_lives_ms)), np.nan, np.float32)


_conforms: type[CounterReader] = NoCounters
