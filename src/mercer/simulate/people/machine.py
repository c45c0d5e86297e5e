"""Visitors that are no people: crawlers, scrapers, click bots, price monitors, and sellers who click.

Each has habits by which a filter may know it, and no id, header or field that says what it is.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from mercer.simulate.people.shelf import Shelf
from mercer.simulate.people.step import Event, Role, Search, Served, Steps, Tell, Who
from mercer.simulate.people.visit import shown_fields
from mercer.simulate.words.attribute import COLOR, MATERIAL, STYLE
from mercer.simulate.words.taxonomy import taxonomy

Machine = Callable[[Who, Shelf, np.random.Generator, int], Steps]

CRAWL_MS: Final = 1_000  # between pages, to the millisecond
SCRAPE_MS: Final = 80
MONITOR_MS: Final = 60_000
CLICK_MS: Final = 25
FORGED_SHARE: Final = 0.3  # of a click bot's tokens
BOT_PER_PAGE: Final = 100


def crawl(who: Who, shelf: Shelf, rng: np.random.Generator, at_ms: int) -> Steps:
    """Takes every page of broad searches, one a second, and clicks nothing."""
    for _ in range(int(rng.integers(2, 5))):
        q, cursor = _noun(rng), None
        for page in range(1, int(rng.integers(8, 30))):
            served = yield Search(at_ms=at_ms, who=who, q=q, page=page, cursor=cursor)
            at_ms += CRAWL_MS
            if served is None or not len(served):
                break
            cursor = served.cursor


def scrape(who: Who, shelf: Shelf, rng: np.random.Generator, at_ms: int) -> Steps:
    """Many different searches with large pages, a dozen in a second."""
    for _ in range(int(rng.integers(40, 120))):
        q = f"{_adjective(rng)} {_noun(rng)}"
        yield Search(at_ms=at_ms, who=who, q=q, per_page=BOT_PER_PAGE)
        at_ms += SCRAPE_MS


def click_at_random(who: Who, shelf: Shelf, rng: np.random.Generator, at_ms: int) -> Steps:
    """Clicks anything on the page, within milliseconds, some of it with tokens of its own make."""
    n_events = 0
    for _ in range(int(rng.integers(2, 6))):
        q = _noun(rng)
        served = yield Search(at_ms=at_ms, who=who, q=q)
        at_ms += 400
        events: list[Event] = []
        for i in _some(served, rng, int(rng.integers(3, 12))):
            assert served is not None
            at_ms += CLICK_MS
            n_events += 1
            event = _event(who, served, i, q, n_events, kind="click", at_ms=at_ms)
            if rng.random() < FORGED_SHARE:
                event |= {"token": _forged(str(event.get("token", "")), rng)}
            events.append(event)
        if events:
            yield Tell(at_ms, tuple(events))
        at_ms += 2_000


def watch_prices(who: Who, shelf: Shelf, rng: np.random.Generator, at_ms: int) -> Steps:
    """A headless browser that asks the same, cheapest first, once a minute; it shows all at once."""
    q, n_events = f"{_adjective(rng)} {_noun(rng)}", 0
    for _ in range(int(rng.integers(4, 12))):
        served = yield Search(at_ms=at_ms, who=who, q=q, sort="price_asc")
        events = []
        for i in range(0 if served is None else len(served)):
            assert served is not None
            n_events += 1
            events.append(_event(who, served, i, q, n_events, kind="impression", at_ms=at_ms))
        if events:
            yield Tell(at_ms, tuple(events))
        at_ms += MONITOR_MS


def click_own(who: Who, shelf: Shelf, rng: np.random.Generator, at_ms: int) -> Steps:
    """A seller's friend: looks the seller's listing up, clicks it, and the sponsored ones of others."""
    live = np.flatnonzero(shelf.is_available)
    if not len(live):
        return
    own = int(live[int(rng.integers(len(live)))])
    seller = shelf.truth.seller[own]
    words = shelf.title(own).lower().split()
    q, n_events, cursor = " ".join(words[: int(rng.integers(2, 5))]), 0, None
    for page in range(1, 4):
        served = yield Search(at_ms=at_ms, who=who, q=q, page=page, cursor=cursor)
        if served is None or not len(served):
            return
        cursor = served.cursor
        is_own = shelf.truth.seller[served.rows] == seller
        events = []
        for i in range(len(served)):
            if is_own[i] or served.is_sponsored[i]:
                at_ms += int(rng.uniform(800, 2_500))
                n_events += 1
                events.append(_event(who, served, i, q, n_events, kind="click", at_ms=at_ms))
        if events:
            yield Tell(at_ms, tuple(events))
        if is_own.any():
            return
        at_ms += 2_000


MACHINES: Final[Mapping[Role, Machine]] = {
    "crawler": crawl,
    "scraper": scrape,
    "clicker": click_at_random,
    "monitor": watch_prices,
    "ring": click_own,
}


def _event(
    who: Who, served: Served, i: int, q: str, n: int, *, kind: str, at_ms: int
) -> dict[str, object]:
    fields = shown_fields(served, i, q)
    own = {"event_id": f"{who.session_id}-{n}", "kind": kind, "time_ms": at_ms}
    return {**own, **who.as_fields(), **fields}


def _some(served: Served | None, rng: np.random.Generator, n: int) -> list[int]:
    k = 0 if served is None else len(served)
    return sorted(rng.choice(k, size=min(n, k), replace=False).tolist()) if k else []


def _forged(token: str, rng: np.random.Generator) -> str:
    """A token with one letter changed; where there was none, letters."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = token or "".join(letters[int(j)] for j in rng.integers(len(letters), size=48))
    at = int(rng.integers(len(text)))
    other = letters[(letters.find(text[at]) + 1 + int(rng.integers(60))) % len(letters)]
    return text[:at] + other + text[at + 1 :]


def _noun(rng: np.random.Generator) -> str:
    leaves = taxonomy()
    return leaves[int(rng.integers(len(leaves)))].nouns[0]


def _adjective(rng: np.random.Generator) -> str:
    values = (COLOR.values, MATERIAL.values, STYLE.values)[int(rng.integers(3))]
    return values[int(rng.integers(len(values)))]
