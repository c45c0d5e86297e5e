"""A session's earlier wishes in the ranking of its next search: a real market, nobody logged in."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mercer.app import own_market
from mercer.app_learner import counting
from mercer.engines.embedded.counters.keeper import CounterKeeper
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.features.plan import Plan
from mercer.retrieve.request import SearchRequest
from mercer.schema.page import Page
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.text.analyze import words
from support.ranker_kit import plan_of_market, promote_ranker, ranker
from support.small_market import small_market

CONFIG = "[search]\nbudget_ms = 60000\n[rank]\nbudget_ms = 60000\nswap_share = 0\n"
Served = tuple[MarketFolder, EmbeddedMarket, CounterKeeper, Plan]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A market that ranks by what the session wished before."""
    folder = MarketFolder(tmp_path_factory.mktemp("wishes") / "shop")
    with small_market(folder.path, n_listings=300, seed=3, config=CONFIG):
        pass
    with counting(folder, folder.config()) as counters, own_market(folder.path) as market:
        counters.catch_up()
        plan = plan_of_market(folder)
        weights = {"session_wishes_met": 1.0, "session_wishes_differ": -1.0}
        promote_ranker(folder.path, ranker(plan, weights))
        market.follow_models()
        yield folder, market, counters, plan


def page_of(served: Served, q: str, session: str | None) -> Page:
    folder, market, _, _ = served
    who = None if session is None else f"visitor of {session}"
    found = market.search(SearchRequest(q=q, session_id=session, visitor_id=who))
    page = PageLog(folder.log).find(found.page_id)
    assert page is not None
    assert page.shown
    return page


def values(served: Served, page: Page, name: str) -> list[float]:
    table = page.shown_features.reshape(len(page.shown), -1)
    found: list[float] = table[:, served[3].names.index(name)].tolist()
    return found


def known_of(folder: Path, page: Page) -> list[tuple[list[str], list[str]]]:
    """Colours and categories of what a page shows: colours as stated, else as the texts say them."""
    with closing(EmbeddedLog(folder, is_owner=False)) as log:
        rows = {
            row["listing_id"]: row
            for _, change in log.catalogue.read(0, kinds={"listings"})
            for row in change.rows.to_pylist()
        }
    stated = {key: dict(row["attributes"]).get("color", []) for key, row in rows.items()}
    count = Counter(one for colours in stated.values() for one in colours)
    sayable = sorted((one for one, n in count.items() if n >= 3), key=len, reverse=True)

    def said(row: dict[str, Any]) -> list[str]:
        found, text = (
            [],
            " ".join(words(" ".join([row["title"], *row["tags"], row["description"]]))),
        )
        for colour in sayable:
            if f" {colour} " in f" {text} ":
                found.append(colour)
                text = f" {text} ".replace(f" {colour} ", " / ")
        return found

    shown = [rows[one.listing_id] for one in page.shown]
    return [(stated[row["listing_id"]] or said(row), row["category_path"]) for row in shown]


def test_a_vaguer_query_is_ranked_with_the_wish_of_the_one_before(served: Served) -> None:
    """Who asked for gold and then for any ring sees gold ones first, then those that say nothing of it,
    then those of another colour; the first search knew nothing of itself, and other sessions do not."""
    folder, _, counters, _ = served
    first = page_of(served, "gold ring", "s1")
    assert set(values(served, first, "session_searches")) == {0.0}
    counters.catch_up()
    page = page_of(served, "ring", "s1")
    told = known_of(folder.log, page)
    shown = [colours for colours, _ in told]
    wanted = {
        "session_wishes_met": [float("gold" in one) for one in shown],
        "session_wishes_differ": [float(bool(one) and "gold" not in one) for one in shown],
        "session_wishes_unstated": [float(not one) for one in shown],
        "session_category_met": [float("Rings" in path) for _, path in told],
        "session_searches": [1.0] * len(shown),
        "all_wishes_met_share": [float("gold" in one) for one in shown],  # of one wish, of before
    }
    for name, want in wanted.items():
        np.testing.assert_allclose(values(served, page, name), want, rtol=0.01, atol=1e-4)
    order = [(1 if "gold" in one else 0) - bool(one and "gold" not in one) for one in shown]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) == 3
    other = page_of(served, "ring", "s2")
    assert np.isnan(values(served, other, "all_wishes_met_share")).all()  # nothing was wished yet
    for name in list(wanted)[:-1]:
        assert set(values(served, other, name)) == {0.0}
    for name in ("session_wishes_met", "session_searches"):
        assert np.isnan(values(served, page_of(served, "ring", None), name)).all()


def test_the_kind_last_named_is_carried_on(served: Served) -> None:
    """Who asked for a ring and then for gold still means rings; who names a kind carries none."""
    folder, _, counters, _ = served
    page_of(served, "ring", "s7")
    counters.catch_up()
    vague = page_of(served, "gold", "s7")
    is_ring = ["Rings" in path for _, path in known_of(folder.log, vague)]
    assert len(set(is_ring)) == 2
    np.testing.assert_allclose(values(served, vague, "category_carried"), is_ring, rtol=0.01)
    named = page_of(served, "gold ring", "s7")
    assert max(values(served, named, "session_category_met")) > 0.9
    assert set(values(served, named, "category_carried")) == {0.0}


def test_a_wish_counts_once(served: Served) -> None:
    """However often a session says it; and what this query says itself is no wish of before."""
    counters = served[2]
    for _ in range(3):
        page_of(served, "gold ring", "s9")
        counters.catch_up()
    again = page_of(served, "gold ring", "s9")
    assert min(values(served, again, "session_searches")) > 2.9
    for name in ("session_wishes_met", "session_wishes_stated"):
        assert set(values(served, again, name)) == {0.0}
    assert values(served, again, "all_wishes_met") == values(served, again, "wishes_met")
    vaguer = values(served, page_of(served, "ring", "s9"), "session_wishes_met")
    np.testing.assert_allclose(max(vaguer), 1.0, rtol=0.01)


def test_what_was_shown_and_clicked(served: Served) -> None:
    """A listing that the session saw and clicked on is known as such, and so is what it states."""
    folder, market, counters, _ = served
    page = page_of(served, "ring", "s3")
    told = zip(page.shown, known_of(folder.log, page), strict=True)
    clicked = next(one.listing_id for one, (colours, _) in told if colours)
    rows = [
        {"event_id": f"{one.listing_id}-{kind}", "kind": kind, "listing_id": one.listing_id,
         "time_ms": page.served_ms, "session_id": "s3", "page_id": page.page_id}
        for one in page.shown
        for kind in ("impression", "click")
        if kind == "impression" or one.listing_id == clicked
    ]  # fmt: skip
    assert {one.verdict for one in market.put_events(rows)} == {"accepted"}
    counters.catch_up()
    again = page_of(served, "ring", "s3")
    was_clicked = [float(one.listing_id == clicked) for one in again.shown]
    np.testing.assert_allclose(
        values(served, again, "session_listing_clicks"), was_clicked, rtol=0.01
    )
    seen = {one.listing_id for one in page.shown}
    np.testing.assert_allclose(
        values(served, again, "session_listing_impressions"),
        [float(one.listing_id in seen) for one in again.shown],
        rtol=0.01,
    )
    shared = values(served, again, "session_facts_clicks")
    assert shared[was_clicked.index(1.0)] == max(shared) >= 0.99
