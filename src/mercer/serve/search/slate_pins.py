"""What kept slates hold on to beside themselves: segments of the delta that were replaced since.

A slate names the segments that it was cut from. The generation's own is a mapped file, but each change
makes the youngest segment anew, and a slate of ten minutes ago would keep ten minutes of them alive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, final

from mercer.retrieve.segment import Segment

_DEPTH = 4


@final
class Pins:
    """Counts the bytes of pinned segments, each once. Not thread-safe."""

    def __init__(self) -> None:
        self.n_bytes = 0
        self._held: dict[int, tuple[int, int]] = {}  # id -> how often, bytes

    def pin(self, segments: Sequence[Segment]) -> None:
        """A slate of these is kept."""
        for segment in segments[1:]:
            n, size = self._held.get(id(segment), (0, 0))
            if n == 0:
                size = memory_of(segment)
                self.n_bytes += size
            self._held[id(segment)] = (n + 1, size)

    def unpin(self, segments: Sequence[Segment]) -> None:
        """A slate of these was let go."""
        for segment in segments[1:]:
            n, size = self._held[id(segment)]
            if n == 1:
                del self._held[id(segment)]
                self.n_bytes -= size
            else:
                self._held[id(segment)] = (n - 1, size)


def memory_of(value: Any, *, depth: int = _DEPTH) -> int:
    """About the bytes of the arrays in a segment or in a part of one."""
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    if depth == 0:
        return 0
    if is_dataclass(value):
        parts = [getattr(value, one.name) for one in fields(value)]
    elif isinstance(value, Mapping):
        parts = list(value.values())
    else:
        parts = list(getattr(value, "__dict__", {}).values())
    return sum(memory_of(part, depth=depth - 1) for part in parts)
