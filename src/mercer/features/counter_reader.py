"""What features ask of the counters."""

from typing import Protocol

from mercer.features.column import F32s, U64s


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
