"""Charts of the console as shapes: where each bar lies, which lines and labels go with it. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

WIDTH, HEIGHT = 1000.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 8.0, 12.0, 26.0
_GAP = 0.22  # of a bar's slot that is left free


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of two stacked parts, in the units of the drawing."""

    x: float
    width: float
    y: float  # of the whole bar's top
    height: float
    y_low: float  # of the lower part's top
    height_low: float
    title: str  # what the pointer is told


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart over time."""

    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    base: float = HEIGHT - _BOTTOM
    left: float = _LEFT
    right: float = WIDTH - _RIGHT


def bar_chart(
    values: Sequence[tuple[int, int, int]], *, step_ms: int, names: tuple[str, str]
) -> Chart:
    """Bars of (instant, all, of these the lower part), one for each step without a gap.

    Args:
        values: ascending; (start of the step in ms, all, lower part), 0 <= lower <= all.
        names: what all and the lower part are called.
    """
    top = nice_top(max((n for _, n, _ in values), default=0))
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(values), 1)
    scale = (HEIGHT - _TOP - _BOTTOM) / top
    base = HEIGHT - _BOTTOM
    bars = tuple(
        Bar(
            x=round(_LEFT + slot * (i + _GAP / 2), 2),
            width=round(slot * (1 - _GAP), 2),
            y=round(base - n * scale, 2),
            height=round(n * scale, 2),
            y_low=round(base - low * scale, 2),
            height_low=round(low * scale, 2),
            title=f"{span_text(ms, step_ms)}: {n:,} {names[0]}, {low:,} {names[1]}",
        )
        for i, (ms, n, low) in enumerate(values)
    )
    marks = y_marks(top)
    return Chart(bars, _x_ticks([ms for ms, _, _ in values], slot, step_ms), tuple(
        Tick(round(base - n * scale, 2), f"{n:,}") for n in marks
    ))  # fmt: skip


_ROUND = (4, 5, 6, 8, *(int(m * 10**e) for e in range(1, 16) for m in (1, 2, 3, 4, 5, 6, 8)))


def nice_top(highest: int) -> int:
    """The end of an axis: a round number, not below the highest value; at least 4."""
    return next((n for n in _ROUND if n >= highest), highest)


def y_marks(top: int) -> tuple[int, ...]:
    """A few values up to the end of the axis."""
    n = next((n for n in (4, 5, 3) if top % n == 0), 2)
    return tuple(top * i // n for i in range(n + 1))


def _x_ticks(starts: Sequence[int], slot: float, step_ms: int) -> tuple[Tick, ...]:
    every = max(1, math.ceil(len(starts) / 12))
    return tuple(
        Tick(round(_LEFT + slot * (i + 0.5), 2), _tick_text(ms, step_ms))
        for i, ms in enumerate(starts)
        if i % every == 0
    )


def _tick_text(ms: int, step_ms: int) -> str:
    form = "%d %b" if step_ms >= 86_400_000 else "%H:%M"
    return datetime.fromtimestamp(ms / 1e3, UTC).strftime(form)


def span_text(ms: int, step_ms: int) -> str:
    """A step for people, in UTC."""
    form = "%a %d %b" if step_ms >= 86_400_000 else "%a %d %b %H:%M"
    return datetime.fromtimestamp(ms / 1e3, UTC).strftime(form)
