"""One run of traffic on a synthetic market: opens what is needed, plays, and remembers how far it came.

`traffic.json` in the market's folder holds what the next run has to know: the simulated time that was
reached, how many new listings came, and how many runs there were.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from mercer.app import own_market
from mercer.app_learner import counting
from mercer.demo import STAMP, Stamp, read_stamp
from mercer.engines.embedded.durable import write_durably
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import ConfigError, CorruptError
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.simulate import World, generate_catalogue
from mercer.simulate.people.person import draw_people
from mercer.simulate.people.plan import SEARCHES_PER_SESSION, Arrival, arrivals
from mercer.simulate.people.season import draw_climate
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.supply import n_new_listings, plan_supply
from mercer.simulate.seller import DAY_MS
from mercer.traffic.client import OnJudged
from mercer.traffic.clock import SimulatedClock
from mercer.traffic.driver import Amount, Traffic
from mercer.traffic.files import PhotoFolder, VisitList
from mercer.traffic.http_shop import HttpShop
from mercer.traffic.memory import watched
from mercer.traffic.report import Report
from mercer.traffic.shop import InProcess, Shop

STATE: Final = "traffic.json"
MAX_DAYS: Final = 3_650.0
_PEOPLE, _CLIMATE, _SUPPLY = 104, 105, 106


@dataclass(frozen=True, slots=True)
class State:
    """What earlier runs left."""

    runs: int = 0
    until_ms: int = 0  # 0: the day of the synthetic market
    listings_released: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficParams:
    """What was asked for."""

    amount: Amount
    seed: int
    connections: int = 1  # over HTTP
    probe_share: float = 0.1  # of searches whose match set is looked into


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    """Who is told what while a run goes on."""

    on_progress: Callable[[Report], None] = lambda report: None
    on_open: Callable[[EmbeddedMarket], None] = lambda market: None  # where it is opened here
    on_judged: OnJudged = lambda search, page_id, judge: None
    photos: Path | None = None  # a folder for buyers' photos
    visits: Path | None = None  # a file that says who the visitors really were


def run_traffic(
    folder: Path,
    params: TrafficParams,
    *,
    url: str = "",
    api_key: str = "",
    server_pid: int | None = None,
    watchers: Watchers | None = None,
) -> dict[str, Any]:
    """Let people loose on the synthetic market of a folder; the summary as one JSON object.

    Args:
        folder: of the market; without `url` it is opened here and must have no other owner.
        url: of a server that serves this very folder.
        api_key: for the server.
        server_pid: whose memory is watched.
        watchers: told after every search, and what is written beside the summary.
    Raises:
        ConfigError: an argument is out of range, the folder is no synthetic market, or the server
            shows listings of another one.
        MarketBusyError: another process owns the market and no URL was given.
    """
    _check(params)
    stamp, state = _world_of(folder), _state(folder)
    began = time.monotonic()
    told = watchers or Watchers()
    visits = VisitList(told.visits) if told.visits else None
    traffic_of = _prepare(stamp, state, params, told, on_arrival=visits or _ignore)
    start_ms = _start_ms(stamp, state)
    with (
        _shop(folder, told, url=url, api_key=api_key, start_ms=start_ms) as shop,
        watched(server_pid) as memory,
    ):
        traffic: Traffic = traffic_of(shop)
        _save(folder, replace(state, runs=state.runs + 1))  # however it ends: ids never come again
        try:
            report = traffic.run(connections=params.connections)
        finally:
            released = state.listings_released + traffic.n_released
            # What a server took has its time, and what comes later must be later.
            until_ms = max(traffic.until_ms, shop.clock.now_ms())
            after = State(state.runs + 1, until_ms, released)
            _save(folder, after)
            if visits is not None:
                visits.write()
    summary = _summary(stamp, state, after, traffic, seed=params.seed, days_from_ms=start_ms)
    seconds = time.monotonic() - began
    return {
        "market": str(folder),
        "url": url or None,
        **summary,
        "server_memory_mib": memory or None,
        "seconds": round(seconds, 2),
        "searches_per_s": round(report.n_searches / seconds, 1),
    }


def _summary(
    stamp: Stamp, before: State, after: State, traffic: Traffic, *, seed: int, days_from_ms: int
) -> dict[str, Any]:
    """What the run was and what came of it, without the time it took."""
    return {
        "seed": seed,
        "run": before.runs,
        "days": round((traffic.until_ms - days_from_ms) / DAY_MS, 3),
        "listings_released": traffic.n_released,
        "listings": stamp.listings + after.listings_released,
        **traffic.report.summary(seed=seed),
        "clicks_per_category": _by_category(traffic.report, traffic.shelf),
    }


def _by_category(report: Report, shelf: Shelf) -> list[int]:
    """Clicks of people on each category of the market, most first; one never clicked is 0."""
    rows = [int(listing_id[1:]) for listing_id in report.clicks_of]
    clicks = np.bincount(
        shelf.truth.category[rows],
        weights=list(report.clicks_of.values()),
        minlength=len(shelf.leaf_sizes),
    )
    found: list[int] = (-np.sort(-clicks)).astype(int).tolist()
    return found


def _check(params: TrafficParams) -> None:
    amount, faults = params.amount, []
    if amount.searches is None and amount.sessions is None:
        faults.append("--searches or --sessions says how much traffic there is; neither was given")
    for name, n in (("--searches", amount.searches), ("--sessions", amount.sessions)):
        if n is not None and n < 1:
            faults.append(f"{name} must be 1 or more, got {n}")
    if not 0.01 <= amount.days <= MAX_DAYS:
        faults.append(f"--days must lie in 0.01..{MAX_DAYS:g}, got {amount.days:g}")
    if params.seed < 0:
        faults.append(f"--seed must be 0 or more, got {params.seed}")
    if not 1 <= params.connections <= 64:
        faults.append(f"--connections must lie in 1..64, got {params.connections}")
    if not 0 <= params.probe_share <= 1:
        faults.append(f"--probe-share must lie in 0..1, got {params.probe_share:g}")
    if faults:
        raise ConfigError("; ".join(faults))


def _world_of(folder: Path) -> Stamp:
    stamp = read_stamp(folder / STAMP) if (folder / STAMP).is_file() else None
    if stamp is None:
        raise ConfigError(
            f"{folder} is no synthetic market (it has no {STAMP}): nobody knows what its listings are "
            "really worth; make one with mercer demo --no-serve --market DIR"
        )
    if not stamp.is_complete:
        raise ConfigError(
            f"{folder} was not written to its end; run mercer demo --no-serve --market {folder} again"
        )
    return stamp


def _state(folder: Path) -> State:
    file = folder / STATE
    try:
        return State(**json.loads(file.read_text("utf-8"))) if file.is_file() else State()
    except (OSError, ValueError, TypeError) as fault:
        raise CorruptError(
            f"{file}: {fault}; remove it to begin at the market's first day"
        ) from None


def _ignore(_: object) -> None:
    """Nobody asked."""


def _save(folder: Path, state: State) -> None:
    write_durably(folder / STATE, json.dumps(asdict(state)).encode())


def _start_ms(stamp: Stamp, state: State) -> int:
    return max(stamp.now_ms, state.until_ms)


def _prepare(
    stamp: Stamp,
    state: State,
    params: TrafficParams,
    watchers: Watchers,
    *,
    on_arrival: Callable[[Arrival], None],
) -> Callable[[Shop], Traffic]:
    """Everything that is random, from the seed."""
    world: World = generate_catalogue(
        n_listings=stamp.listings, seed=stamp.seed, now_ms=stamp.now_ms
    )
    amount, seed, start_ms = params.amount, params.seed, _start_ms(stamp, state)
    n_new = n_new_listings(stamp.listings, days=amount.days)
    shelf = Shelf(world, n_new=state.listings_released + n_new, n_released=state.listings_released)
    # Of the market, whatever the seed of the visits: a visitor id is the same person in every run.
    people = draw_people(np.random.default_rng([stamp.seed, _PEOPLE]))
    climate = draw_climate(
        np.random.default_rng([stamp.seed, _CLIMATE]), start_ms=stamp.now_ms, days=90.0
    )
    supply = plan_supply(
        np.random.default_rng([seed, state.runs, _SUPPLY]),
        n_opening=stamp.listings,
        n_released=state.listings_released,
        n_new=n_new,
        start_ms=start_ms,
        days=amount.days,
    )
    if amount.sessions is not None:
        n_expected = amount.sessions
    else:
        n_expected = max(round((amount.searches or 1) / SEARCHES_PER_SESSION), 1)
    coming = arrivals(
        people,
        seed=seed,
        run=state.runs,
        n_expected=n_expected,
        start_ms=start_ms,
        days=amount.days,
    )

    photos = PhotoFolder(watchers.photos, shelf.world) if watchers.photos else None

    def traffic_of(shop: Shop) -> Traffic:
        return Traffic(
            shop, shelf, people, climate, coming, supply, seed=seed, start_ms=start_ms,
            amount=amount, probe_share=params.probe_share, on_progress=watchers.on_progress,
            on_review=photos or _ignore, on_arrival=on_arrival, on_judged=watchers.on_judged,
        )  # fmt: skip

    return traffic_of


@contextmanager
def _shop(folder: Path, told: Watchers, *, url: str, api_key: str, start_ms: int) -> Iterator[Shop]:
    """In process the market lives in simulated time; a server has a clock of its own."""
    if url:
        with closing(HttpShop(url, api_key=api_key)) as shop:
            shop.check_ready()
            yield shop
    else:
        clock, market_folder = SimulatedClock(start_ms), MarketFolder(folder)
        with (
            own_market(folder, clock=clock.now_ms) as market,
            counting(market_folder, market_folder.config()) as counters,
        ):
            told.on_open(market)
            yield InProcess(market, clock, before_search=counters.catch_up)
