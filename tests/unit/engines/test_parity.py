"""Laws of parity: what ranked a page comes out again, bit for bit, whatever changed since."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from mercer.app import own_market
from mercer.app_learner import counting
from mercer.cli import app
from mercer.engines.embedded.counters.keeper import FOLDER
from mercer.engines.embedded.counters.params import params_of
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.feature_switch import FeatureSwitch
from mercer.engines.embedded.log.erase import record_erasures
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.page_replay import asked_ms_of, off_of
from mercer.engines.embedded.parity import ParityJob, ParityReport, parity
from mercer.engines.embedded.ranking.prepare import log_values
from mercer.engines.embedded.slate_askers import SlateAskers
from mercer.engines.embedded.training_log import LogWindow, newest_feature_set, read_log
from mercer.engines.embedded.training_replay import ReplayedValues
from mercer.events.log import Change
from mercer.rank.training_log import LabelParams
from mercer.rank.training_set import FeatureColumns
from mercer.retrieve.request import SearchRequest
from mercer.schema.erasure import ERASURE
from mercer.schema.page import Page
from mercer.schema.time import DAY_MS
from mercer.serve.embedded_market import EmbeddedMarket
from support.ranker_kit import plan_of_market, promote_ranker, ranker
from support.small_market import small_market

QUERIES = (
    "ring",
    "blue mug",
    "gift for her",
    "wooden table under 90 dollars",
    "earings",
    "vintage",
)
TURNS: tuple[dict[str, Any], ...] = (
    {},
    {"visitor_id": None, "session_id": None},
    {"visitor_id": "v0", "session_id": "s0", "buyer_id": "other"},
)
OFF = "price_log"  # switched off for a while
CONFIG = "[search]\nbudget_ms = 60000\n[rank]\nbudget_ms = 60000\nswap_share = 0.2\n"


def now_ms() -> int:
    return int(time.time() * 1e3)


def visit(market: EmbeddedMarket, *, round_: int) -> None:
    """Search, look at a second page, click and buy what is shown."""
    events: list[dict[str, Any]] = []
    for i, q in enumerate(QUERIES):
        who = {"visitor_id": f"v{i % 2}", "session_id": f"s{i % 3}"}
        page = market.search(SearchRequest(q=q, per_page=6, buyer_id="b", **who))
        turns = {**who, **TURNS[i % 3]}  # whoever has the cursor turns the page
        market.search(SearchRequest(q=q, per_page=6, page=2, cursor=page.cursor, **turns))
        for hit in page.hits[:2]:
            events += [
                {"event_id": f"{round_}-{i}-{hit.listing_id}-{kind}", "kind": kind, "query": q,
                 "listing_id": hit.listing_id, "page_id": page.page_id, "time_ms": now_ms(),
                 "price_micros": 5_000_000, "currency": "USD", **who}
                for kind in ("impression", "click", "purchase")
            ]  # fmt: skip
    assert {one.verdict for one in market.put_events(events)} == {"accepted"}


def edit(market: EmbeddedMarket) -> None:
    """Change a fifth of what is shown."""
    hits = [hit for q in QUERIES for hit in market.search(SearchRequest(q=q)).hits]
    kept = ("listing_id", "seller_id", "currency", "category_path", "tags", "quantity")
    changed = [
        {name: document[name] for name in kept} | {
            "title": document["title"] + " ring", "price_micros": 999_000_000, "rating": 1.5,
            "rating_count": 77, "updated_ms": now_ms(),
        }
        for document in {hit.listing_id: dict(hit.document) for hit in hits[::5]}.values()
    ]  # fmt: skip
    assert {one.verdict for one in market.put_listings(changed)} == {"accepted"}


def replayed(folder: MarketFolder) -> ParityReport:
    job = ParityJob(from_ms=0, to_ms=now_ms() + 1)
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        return parity(
            log, FeatureSetFolder(folder.models), params_of(folder.config()), job,
            snapshots=folder.views / FOLDER,
        )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> MarketFolder:
    """A market whose pages were ranked by two models, with edits, events and a restart between."""
    folder = MarketFolder(tmp_path_factory.mktemp("parity") / "shop")
    with small_market(folder.path, n_listings=300, seed=3, config=CONFIG):
        pass
    with (
        counting(folder, folder.config()) as counters,
        own_market(folder.path) as market,
    ):
        counters.catch_up()
        plan = plan_of_market(folder)
        log_values(folder, folder.config().rates, plan)  # before there is a model
        market.follow_models()
        visit(market, round_=0)
        promote_ranker(folder.path, ranker(plan, {"price_log": -1.0}, name="cheap"))
        market.follow_models()
        visit(market, round_=1)
        edit(market)
        counters.catch_up()
        visit(market, round_=2)
        switch = FeatureSwitch(folder.models)
        switch.set({OFF, "of_another_set"})
        market.follow_models()
        visit(market, round_=4)
        switch.set(())
        market.follow_models()
    with (
        counting(folder, folder.config()) as counters,
        own_market(folder.path) as market,
    ):
        plan = plan_of_market(folder)  # fitted on what stands now
        promote_ranker(folder.path, ranker(plan, {"price_log": 1.0}, name="dear"))
        market.follow_models()
        counters.catch_up()
        visit(market, round_=3)
        edit(market)
    return folder


def lose(folder: MarketFolder, what: str) -> None:
    """Take something out of a market's log that its counters had."""
    with closing(EmbeddedLog(folder.log)) as log:
        if what == "visitor":
            order = {"visitor_id": "v1", "erased_ms": now_ms()}
            log.pages.erased.add(**order)
            rows = pa.RecordBatch.from_pylist([order], schema=ERASURE)
            log.append([Change("erasures", rows)])
            assert record_erasures(log, now_ms=now_ms() + DAY_MS) > 0
        elif what == "versions":
            assert log.compact(log.end()).n_blanked > 0
        else:
            assert log.events.expire(before_ms=now_ms() + DAY_MS) > 0


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("visitor", "erased or the catalogue was compacted"),
        ("versions", "erased or the catalogue was compacted"),
        ("age", "older than the log keeps"),
    ],
)
def test_what_the_log_lost_is_no_difference(tmp_path: Any, what: str, why: str) -> None:
    """Pages whose counters had what is gone are left out by name. Later ones can be compared: their
    counters were made anew without it, or a snapshot has what has aged."""
    folder = MarketFolder(tmp_path / "shop")
    with small_market(folder.path, n_listings=300, seed=3, config=CONFIG) as market:
        edit(market)

    def visited(round_: int) -> None:
        with (
            counting(folder, folder.config()) as counters,
            own_market(folder.path) as market,
        ):
            counters.catch_up()
            log_values(folder, folder.config().rates, plan_of_market(folder))
            market.follow_models()
            visit(market, round_=round_)
            edit(market)
            counters.catch_up()
            visit(market, round_=round_ + 1)
            counters.catch_up()

    visited(0)
    whole = replayed(folder)
    assert whole.mismatches == 0
    assert whole.pages > 12
    lose(folder, what)
    after = replayed(folder)
    assert after.mismatches == 0
    assert any(why in one for one in after.not_compared)
    visited(2)
    again = replayed(folder)
    assert again.mismatches == 0
    assert again.pages - after.pages > len(QUERIES)


def test_a_set_that_is_learned_by_replay_has_the_logged_values(folder: MarketFolder) -> None:
    """Pages that were ranked on a set give the same rows, values and labels whether those that were
    logged are learned from or others are computed; and pages of other sets are learned from besides."""
    config = folder.config()
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        plan = FeatureSetFolder(folder.models).plan(newest_feature_set(log))
        columns = FeatureColumns.of_plan(plan)
        job = {"window": LogWindow(bots=None), "params": LabelParams(mature_hours=0.0)}
        logged = read_log(folder, log, columns, **job).rows
        values = ReplayedValues(plan, log, params_of(config), LogWindow())
        replayed = read_log(folder, log, columns, as_ranked=values.put_into, **job).rows
        few = ReplayedValues(plan, log, params_of(config), LogWindow(max_pages=3))
        few_rows = read_log(folder, log, columns, as_ranked=few.put_into, **job).rows
    ids = {page_id: i for i, page_id in enumerate(replayed.page_id.to_pylist())}
    kept = [ids[page_id] for page_id in logged.page_id.to_pylist()]
    assert len(ids) > len(kept) > len(QUERIES)
    same = replayed.take(np.array(kept))
    assert same.listing_id.equals(logged.listing_id)
    assert same.features.tobytes() == logged.features.tobytes()
    assert np.array_equal(same.position, logged.position)
    assert len(few_rows.page_id) == 3


def test_nothing_differs(folder: MarketFolder) -> None:
    """Every value of every page comes out again, though listings, counters, model, feature set and
    process are others by now."""
    report = replayed(folder)
    assert report.not_compared == {}
    assert report.pages >= 5 * 2 * len(QUERIES) - 10  # a second page may be empty
    assert report.values > 100 * report.pages
    assert (report.mismatches, report.differences) == (0, [])


def pages_with_values(folder: MarketFolder, *, limit: int) -> list[Page]:
    """Of the newest pages those that logged features, newest first."""
    log = PageLog(folder.log)
    found = (log.find(one.page_id) for one in log.recent(limit=limit))
    return [page for page in found if page is not None and page.shown_features.size]


def test_values_are_there(folder: MarketFolder) -> None:
    """It is no comparison of nothing: counters, text, prices and list features have values that vary."""
    pages = pages_with_values(folder, limit=100)
    sets = FeatureSetFolder(folder.models)
    plan = sets.plan(pages[0].feature_set)
    assert len({page.feature_set for page in pages}) == 2
    assert len({page.counters_position for page in pages}) >= 3  # before any event, too
    rows = np.concatenate(
        [p.shown_features.reshape(len(p.shown), -1) for p in pages if p.feature_set == plan.hash]
    )
    varies = [len(np.unique(column[~np.isnan(column)])) > 1 for column in rows.T]
    assert sum(varies) >= 0.5 * len(plan.names)


def test_what_was_off_is_replayed_as_off(folder: MarketFolder) -> None:
    """A page says which features were off when it was served, and has their missing values."""
    pages = pages_with_values(folder, limit=200)
    off = [page for page in pages if off_of(page)]
    assert 2 * len(QUERIES) >= len(off) >= len(QUERIES)
    names = FeatureSetFolder(folder.models).plan(off[0].feature_set).names
    for page in off:
        assert off_of(page) == {OFF, "of_another_set"}
        assert np.isnan(page.shown_features.reshape(len(page.shown), -1)[:, names.index(OFF)]).all()


@pytest.mark.parametrize("later_ms", [0, -5])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_who_turned_to_a_slate_is_not_who_it_was_ranked_for(
    folder: MarketFolder, later_ms: int, is_reversed: bool
) -> None:
    """Also where it was turned in the same millisecond, or by a clock that was set back: the request tells,
    and the order in which the log is read does not matter."""
    log = PageLog(folder.log)
    pages = [page for one in log.recent(limit=200) if (page := log.find(one.page_id)) is not None]
    first = {page.cursor: page for page in pages if page.request["cursor"] is None}
    turned = [page for page in pages if page.request["cursor"] and not page.visitor_id]
    assert turned
    timed = {
        page.page_id: replace(page, served_ms=asked_ms_of(page) + later_ms * bool(page.request["cursor"]))
        for page in pages
    }  # fmt: skip
    askers = SlateAskers()
    rows = [
        {name: getattr(page, name) for name in ("cursor", "visitor_id", "session_id", "buyer_id")}
        | {"served_ms": page.served_ms, "request": json.dumps(page.request)}
        for page in sorted(timed.values(), key=lambda page: page.page_id, reverse=is_reversed)
    ]
    askers.note(pa.RecordBatch.from_pylist(rows))
    for page in turned:
        ranked = askers.as_ranked(timed[page.page_id])
        assert ranked is not None
        assert ranked.visitor_id == first[page.cursor].visitor_id is not None


@pytest.fixture
def newest(folder: MarketFolder) -> Page:
    """The last page with values."""
    return pages_with_values(folder, limit=100)[0]


@pytest.fixture
def bend(
    folder: MarketFolder, newest: Page, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[np.float32], Any]], None]:
    """Lets the log say another "price_log" of the first listing of that page."""
    find = PageLog.find
    j = FeatureSetFolder(folder.models).plan(newest.feature_set).names.index("price_log")

    def bend(change: Callable[[np.float32], Any]) -> None:
        def bent(self: PageLog, page_id: str) -> Page | None:
            page = find(self, page_id)
            if page is None or page.page_id != newest.page_id:
                return page
            values = page.shown_features.copy()
            values[j] = change(values[j])
            return replace(page, shown_features=values)

        monkeypatch.setattr(PageLog, "find", bent)

    return bend


def test_one_bit_is_found(folder: MarketFolder, newest: Page, bend: Any) -> None:
    """A value that differs in its last bit is named with page, listing, feature and both values."""
    bend(lambda value: np.nextafter(value, np.float32(np.inf)))
    report = replayed(folder)
    (one,) = report.differences
    assert report.mismatches == 1
    assert (one.page_id, one.feature) == (newest.page_id, "price_log")
    assert one.listing_id == newest.shown[0].listing_id
    assert np.float32(one.served) == np.nextafter(np.float32(one.replayed), np.float32(np.inf))


@pytest.mark.parametrize(("value", "told"), [(np.nan, None), (-np.inf, "-inf"), (0.5, 0.5)])
def test_the_command_tells_every_value(
    folder: MarketFolder, newest: Page, bend: Any, value: float, told: object
) -> None:
    """`mercer parity` ends with 1 and names both values, in its table and in JSON, which has no NaN."""
    bend(lambda _: value)
    words = ["parity", "--market", str(folder.path)]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 1
    result = json.loads(done.stdout)
    assert (result["mismatches"], result["by_feature"]) == (1, {"price_log": 1})
    (one,) = result["differences"]
    assert (one["page_id"], one["served"]) == (newest.page_id, told)
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 1
    assert "1 differ" in shown.stdout
