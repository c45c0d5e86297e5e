"""How likely a place is looked at: estimated from clicks, relative to the first place.

A click needs a look and a liking: P(click at k) = p_k x P(relevant) (the position-based model). Listings
that stood at two places, for reasons that have nothing to do with how relevant they are, tell p_k / p_k'
whatever their relevance is.

Source: Agarwal et al. 2019, doi:10.1145/3289600.3291017 (intervention harvesting, the AllPairs
estimator). Two departures: each rate counts with its effective sample size in place of its weighted
count, because under known propensities the weights of one in a hundred pages would pass for evidence;
and log p may be held smooth over log k, because a small log has few pairs of each kind.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from mercer.metrics.ragged import Bools, Floats, Ints
from mercer.rank.swap import ranked_place
from mercer.schema.errors import InputError

MIN_RATE = 1e-9


@dataclass(frozen=True, slots=True)
class Examination:
    """The curve of one estimate."""

    chance: Floats  # (n_places,) of a look, relative to the first place, which is 1
    n_clicks: int  # that it rests on
    n_pairs: int  # of places that were compared; 0: by a click model


@dataclass(frozen=True, slots=True)
class Comparisons:
    """For pairs of places, how often listings that stood at both were clicked at each."""

    upper: Ints  # (n_pairs,) place from 0
    lower: Ints  # (n_pairs,) place from 0, > upper
    rate: Floats  # (n_pairs, 2) weighted click rate at the upper and the lower place
    n_effective: Floats  # (n_pairs, 2) pages that such a rate is worth; 0: never seen


def by_swaps(
    page: Ints, position: Ints, propensity: Floats, is_clicked: Bools, *, n_places: int
) -> Comparisons:
    """Compare places by the random swaps in the log.

    Of a pair of places, the listings that were ranked at either are one set; each row of it counts the
    inverse of its logged propensity, so that at both places the set has the same listings in expectation.

    Args:
        page: (n,) which page; the rows of a page are next to each other.
        position: (n,) from 1.
        propensity: (n,) of standing there, in (0, 1].
        is_clicked: (n,).
        n_places: places that are compared, >= 2.
    """
    ranked = ranked_place(position, propensity, page)
    place, home = position - 1, ranked - 1
    is_near = (place < n_places) & (home < n_places)
    place, home = place[is_near], home[is_near]
    weight, clicked = 1.0 / propensity[is_near], is_clicked[is_near].astype(np.float64)
    moved = home != place
    pairs = np.unique(np.sort(np.column_stack([home, place])[moved], axis=1), axis=0)
    stayed = _sums(place[~moved], weight[~moved], clicked[~moved], n_places)
    place, home, weight, clicked = place[moved], home[moved], weight[moved], clicked[moved]
    rate, n_effective = np.zeros((len(pairs), 2)), np.zeros((len(pairs), 2))
    for i, (upper, lower) in enumerate(pairs.tolist()):
        for side, (here, there) in enumerate(((upper, lower), (lower, upper))):
            came = (place == here) & (home == there)
            total = stayed[:, here] + np.array(
                [
                    weight[came].sum(),
                    (weight[came] ** 2).sum(),
                    (weight[came] * clicked[came]).sum(),
                ]
            )
            rate[i, side] = total[2] / max(total[0], MIN_RATE)
            n_effective[i, side] = total[0] ** 2 / max(total[1], MIN_RATE)
    return Comparisons(pairs[:, 0], pairs[:, 1], rate, n_effective)


def _sums(place: Ints, weight: Floats, clicked: Floats, n_places: int) -> Floats:
    """(3, n_places) sums of weight, squared weight and weighted clicks by place."""
    values = (weight, weight**2, weight * clicked)
    return np.stack([np.bincount(place, v, minlength=n_places) for v in values])


def by_item(
    item: Ints, position: Ints, is_clicked: Bools, *, n_places: int, reach: int = 10
) -> Comparisons:
    """Compare places by listings that stood at several for the same query.

    Rankings change when the catalogue or a model does; where that has nothing to do with the listing
    itself, it is an experiment that nobody had to make. Each row of a listing at a place counts one
    over the rows it has there, so that at both places of a pair a listing weighs the same.

    Args:
        item: (n,) code of (query, listing).
        position: (n,) from 1.
        is_clicked: (n,).
        n_places: places that are compared, >= 2.
        reach: places at most that far apart are compared.
    """
    is_near = position <= n_places
    cell = item[is_near] * n_places + position[is_near] - 1
    cells, inverse = np.unique(cell, return_inverse=True)
    count = np.bincount(inverse).astype(np.float64)
    clicks = np.bincount(inverse, is_clicked[is_near])
    owner, place = cells // n_places, cells % n_places
    found: list[tuple[int, int, Floats, Floats]] = []
    for gap in range(1, reach + 1):
        # A cell and the one of the same item `gap` places further down.
        target = np.searchsorted(cells, cells + gap)
        has_both = target < len(cells)
        has_both &= cells[np.minimum(target, len(cells) - 1)] == cells + gap
        has_both &= owner[np.minimum(target, len(cells) - 1)] == owner
        up = np.flatnonzero(has_both)
        down = target[up]
        for upper in np.unique(place[up]).tolist():
            mine = place[up] == upper
            sides = (up[mine], down[mine])
            rate = np.array([(clicks[s] / count[s]).mean() for s in sides])
            # Rows that weigh 1 / count: (sum of weights)^2 / sum of squared weights.
            effective = np.array([len(s) ** 2 / (1.0 / count[s]).sum() for s in sides])
            found.append((upper, upper + gap, rate, effective))
    return Comparisons(
        np.array([f[0] for f in found], np.int64),
        np.array([f[1] for f in found], np.int64),
        np.array([f[2] for f in found]).reshape(-1, 2),
        np.array([f[3] for f in found]).reshape(-1, 2),
    )


def all_pairs(
    compared: Comparisons, *, n_places: int, n_clicks: int, smooth: float = 10.0
) -> Examination:
    """The curve that explains all comparisons best.

    Maximises the sum over pairs and sides of n (rate log q + (1 - rate) log(1 - q)), q = p_k x r_pair,
    less `smooth` / 2 x the squared bends of log p over log k.

    Args:
        compared: of pairs of places.
        n_places: of the curve; beyond the compared places it is held by `smooth` alone.
        n_clicks: that the comparisons rest on.
        smooth: >= 0; 0 estimates every place on its own.
    Raises:
        InputError: no pair was compared, or nothing was clicked.
    """
    if len(compared.upper) == 0 or not (compared.rate > 0).any():
        raise InputError(
            "examination: no two places can be compared (no swap in the log, or no click on one); "
            "let more pages be swapped, or estimate by the click model"
        )
    start_r = np.log(np.clip(compared.rate.mean(axis=1), 1e-4, 0.9))
    start = np.concatenate([-0.5 * np.log(np.arange(2, n_places + 1)), start_r])
    bend = _bends(n_places)

    def loss(x: Floats) -> tuple[float, Floats]:
        log_p = np.concatenate([[0.0], x[: n_places - 1]])
        log_q = np.stack([log_p[compared.upper], log_p[compared.lower]], axis=1)
        log_q = np.minimum(log_q + x[n_places - 1 :, None], -1e-6)
        q = np.exp(log_q)
        n, rate = compared.n_effective, compared.rate
        value = -(n * (rate * log_q + (1.0 - rate) * np.log1p(-q))).sum()
        slope = n * ((1.0 - rate) * q / (1.0 - q) - rate)  # of log q
        curve = bend @ log_p
        by_p = np.bincount(compared.upper, slope[:, 0], n_places)
        by_p = by_p + np.bincount(compared.lower, slope[:, 1], n_places) + smooth * bend.T @ curve
        total = np.concatenate([by_p[1:], slope.sum(axis=1)])
        return float(value + 0.5 * smooth * curve @ curve), total

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2_000})
    chance = np.exp(np.concatenate([[0.0], found.x[: n_places - 1]]))
    return Examination(chance, n_clicks, len(compared.upper))


def _bends(n_places: int) -> Floats:
    """(n_places - 2, n_places): the change of slope of a curve over log k, at each inner place."""
    at = np.log(np.arange(1, n_places + 1))
    out = np.zeros((max(n_places - 2, 0), n_places))
    for i in range(n_places - 2):
        before, after = at[i + 1] - at[i], at[i + 2] - at[i + 1]
        out[i, i : i + 3] = (1 / before, -1 / before - 1 / after, 1 / after)
    return out
