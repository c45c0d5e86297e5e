"""How demand moves: hours, weekdays, the year, holidays, fashions that come and go, sudden shocks."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mercer.simulate.option import Floats
from mercer.simulate.seller import DAY_MS
from mercer.simulate.words.attribute import OCCASION, STYLE
from mercer.simulate.words.motif import MOTIFS
from mercer.simulate.words.taxonomy import taxonomy

HOUR_MS: Final = 3_600_000
WEEK_MS: Final = 7 * DAY_MS
YEAR_MS: Final = 365 * DAY_MS  # without leap days: a season is a shape, not a calendar

# Visits by hour of the day (UTC) and by weekday from Thursday, the weekday of 1970-01-01; mean 1.
_HOURS: Final = (
    .55, .42, .35, .32, .33, .40, .55, .75, .92, 1.05, 1.12, 1.15,
    1.18, 1.16, 1.12, 1.12, 1.15, 1.22, 1.38, 1.58, 1.72, 1.66, 1.30, .85,
)  # fmt: skip
_WEEKDAYS: Final = (0.98, 0.92, 0.93, 1.15, 1.06, 0.99, 0.97)  # Thursday .. Wednesday
_YEAR_SWING: Final = 0.15
_YEAR_HIGH: Final = 300.0  # day of the year: late October; the low is half a year away

# Day of the year, how many days before it people look, how much busier the whole market is then.
_HOLIDAYS: Final[dict[str, tuple[int, float, float]]] = {
    "valentine's day": (45, 9.0, 0.15), "easter": (95, 10.0, 0.10), "mother's day": (130, 9.0, 0.30),
    "father's day": (170, 8.0, 0.12), "graduation": (160, 20.0, 0.05), "wedding": (180, 50.0, 0.05),
    "halloween": (304, 14.0, 0.25), "christmas": (359, 20.0, 0.75),
}  # fmt: skip
_OCCASION_BASE: Final = 0.15  # of a holiday's weight that stays all year
_OCCASION_PEAK: Final = 6.0


@dataclass(frozen=True, slots=True)
class Trend:
    """One theme or style that rises and falls."""

    attribute: str  # "theme" or "style"
    value: int  # number in its vocabulary
    peak_ms: int
    width_ms: int  # of the bell, one standard deviation
    height: float  # > 0: how much more it is wanted at the peak


@dataclass(frozen=True, slots=True)
class Shock:
    """A sudden demand for the things of one root category, that fades within days."""

    root: str
    start_ms: int
    fade_ms: int  # to 1/e
    height: float  # > 0


@dataclass(frozen=True, slots=True)
class Climate:
    """All that moves demand in one market; the same seed gives the same one."""

    trends: tuple[Trend, ...]
    shocks: tuple[Shock, ...]

    def trend_weights(self, attribute: str, n_values: int, at_ms: int) -> Floats:
        """(n_values,) how much more than usual each value is wanted now; 0 where it is not in vogue."""
        lift = np.zeros(n_values)
        for trend in self.trends:
            if trend.attribute == attribute:
                away = (at_ms - trend.peak_ms) / trend.width_ms
                lift[trend.value] += trend.height * np.exp(-0.5 * away * away)
        return lift

    def leaf_weights(self, at_ms: int) -> Floats:
        """(n_leaves,) factor >= 1 of each leaf's demand: shocks that have begun and not yet faded."""
        factor = np.ones(len(taxonomy()))
        for shock in self.shocks:
            since = at_ms - shock.start_ms
            if since >= 0:
                mine = np.array([leaf.root == shock.root for leaf in taxonomy()])
                factor += mine * shock.height * np.exp(-since / shock.fade_ms)
        return factor


def draw_climate(
    rng: np.random.Generator, *, start_ms: int, days: float, n_trends: int = 10, n_shocks: int = 3
) -> Climate:
    """The fashions and shocks of the `days` from start_ms on; some peak before or after."""
    span = max(days, 1.0) * DAY_MS
    trends = []
    for i in range(n_trends):
        attribute, n = ("style", len(STYLE.values)) if i % 4 == 0 else ("theme", len(MOTIFS))
        peak = start_ms + int(rng.uniform(-0.2, 1.2) * span)
        width = max(int(rng.uniform(0.1, 0.35) * span), HOUR_MS)
        trends.append(
            Trend(attribute, int(rng.integers(n)), peak, width, float(rng.uniform(0.5, 3)))
        )
    roots = sorted({leaf.root for leaf in taxonomy()})
    shocks = [
        Shock(
            roots[int(rng.integers(len(roots)))],
            start_ms + int(rng.uniform(0.0, 0.9) * span),
            int(rng.uniform(0.3, 1.5) * DAY_MS),
            float(rng.uniform(1.0, 6.0)),
        )
        for _ in range(n_shocks)
    ]
    return Climate(tuple(trends), tuple(shocks))


def hour_factor(at_ms: NDArray[Any] | int) -> Floats:
    """Visits at this hour of the day over the day's mean; period one day."""
    hour = (np.asarray(at_ms) % DAY_MS) // HOUR_MS
    factor: Floats = _table(_HOURS)[hour]
    return factor


def week_factor(at_ms: NDArray[Any] | int) -> Floats:
    """Visits on this weekday over the week's mean; period seven days."""
    day = (np.asarray(at_ms) % WEEK_MS) // DAY_MS
    factor: Floats = _table(_WEEKDAYS)[day]
    return factor


def year_factor(at_ms: NDArray[Any] | int) -> Floats:
    """Visits in this season over the year's mean, holidays included; period YEAR_MS."""
    day = (np.asarray(at_ms) % YEAR_MS) / DAY_MS
    swing: Floats = 1.0 + _YEAR_SWING * np.cos(2 * np.pi * (day - _YEAR_HIGH) / 365.0)
    for peak, lead, lift in _HOLIDAYS.values():
        swing = swing + lift * _nearness(day, peak, lead)
    return swing


def demand(at_ms: NDArray[Any] | int) -> Floats:
    """Visits at a moment over a usual one; > 0."""
    together: Floats = hour_factor(at_ms) * week_factor(at_ms) * year_factor(at_ms)
    return together


def occasion_weights(at_ms: int) -> Floats:
    """(n_occasions,) how much each occasion is on people's minds; holidays by the day of the year."""
    day = float((at_ms % YEAR_MS) / DAY_MS)
    weight = np.ones(len(OCCASION.values))
    for name, (peak, lead, _) in _HOLIDAYS.items():
        near = float(_nearness(np.array(day), peak, lead))
        weight[OCCASION.index(name)] = _OCCASION_BASE + _OCCASION_PEAK * near
    return weight


def _nearness(day: NDArray[Any], peak: int, lead: float) -> Floats:
    """1 on the day, fading over `lead` days before it and two after it, around the turn of the year."""
    ahead = (peak - day + 182.5) % 365.0 - 182.5  # days until, negative: since
    return np.exp(-0.5 * np.where(ahead >= 0, ahead / lead, ahead / 2.0) ** 2)


@cache
def _table(values: tuple[float, ...]) -> Floats:
    found: Floats = np.array(values)
    shares: Floats = found / found.mean()
    return shares
