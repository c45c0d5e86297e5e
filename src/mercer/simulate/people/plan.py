"""Who comes when: sessions over the simulated days, by season, person and role."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np

from mercer.simulate.people.person import People
from mercer.simulate.people.season import HOUR_MS, demand
from mercer.simulate.people.step import Role, Who, opaque
from mercer.simulate.seller import DAY_MS

ROLE_SHARES: Final[dict[Role, float]] = {
    "person": 0.94, "crawler": 0.004, "scraper": 0.002, "clicker": 0.018, "monitor": 0.016, "ring": 0.02,
}  # fmt: skip
SEARCHES_PER_SESSION: Final = 3.1  # about, machines and later pages included
NEW_DEVICE_SHARE: Final = 0.12  # of visits under a visitor id that was never seen
LOGGED_IN_SHARE: Final = 0.6  # of visits of people with an account
WRONG_CLOCK_SHARE: Final = 0.02  # of devices, by up to half a day
N_RINGS: Final = 40  # sellers' friends that come again and again

_PLAN, _VISIT = 101, 102


@dataclass(frozen=True, slots=True)
class Arrival:
    """One session that begins."""

    number: int
    at_ms: int
    role: Role
    person: int  # row of People; of a machine, its number
    who: Who
    skew_ms: int  # of the client's clock
    rng: np.random.Generator  # of this session alone


def arrivals(
    people: People, *, seed: int, run: int, n_expected: int, start_ms: int, days: float
) -> Iterator[Arrival]:
    """Sessions in the order of their begin, without end; about `n_expected` in the first `days`.

    Session k is the same whatever is asked of the others; another `run` makes other sessions of the
    same people.
    """
    hours = np.arange(max(int(np.ceil(days * 24)), 1)) * HOUR_MS
    share = demand(start_ms + hours)
    upto = np.concatenate([[0.0], np.cumsum(share / share.sum())])
    edges = np.concatenate([hours, [days * DAY_MS]]).astype(float)
    names, shares = list(ROLE_SHARES), np.array(list(ROLE_SHARES.values()))
    come = np.cumsum(people.visits)
    for k in count():
        rng = np.random.default_rng([seed, run, k, _PLAN])
        turn, u = divmod((k + float(rng.random())) / max(n_expected, 1), 1.0)
        at_ms = start_ms + int(turn * days * DAY_MS + float(np.interp(u, upto, edges)))
        role = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        if role == "person":
            number = int(min(np.searchsorted(come, rng.random() * come[-1]), len(come) - 1))
        else:
            number = len(come) + int(rng.integers(N_RINGS if role == "ring" else 400))
        who = _who(people, number, rng, role=role, session=(seed, run, k))
        device = np.random.default_rng([seed, number, _PLAN])
        yield Arrival(
            k,
            at_ms,
            role,
            number,
            who,
            _skew(device),
            np.random.default_rng([seed, run, k, _VISIT]),
        )


def _who(
    people: People,
    number: int,
    rng: np.random.Generator,
    *,
    role: Role,
    session: tuple[int, int, int],
) -> Who:
    is_new = role == "person" and rng.random() < NEW_DEVICE_SHARE
    visitor = opaque("v", number, session[2] + 1 if is_new else 0)
    is_known = role == "person" and bool(people.has_account[number])
    buyer = opaque("b", number) if is_known and rng.random() < LOGGED_IN_SHARE else None
    return Who(visitor, opaque("s", *session), buyer)


def _skew(device: np.random.Generator) -> int:
    if device.random() < WRONG_CLOCK_SHARE:
        return int(device.uniform(-0.5, 0.5) * DAY_MS)
    return int(device.normal(0.0, 900.0))
