from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.rank.examination import Examination
from mercer.rank.propensity_weight import debiased
from mercer.rank.training_log import (
    CREDIT,
    HOUR_MS,
    LabelParams,
    Labels,
    busyness,
    joined_rows,
    label,
    label_purchases,
    log_set,
    shown_rows,
)
from mercer.rank.training_set import FeatureColumns
from mercer.schema.errors import InputError
from mercer.schema.page import PAGE
from support.logged import event_rows, page_rows

COLUMNS = FeatureColumns(("x", "y"), "set", ("nan", "nan"))
PARAMS = LabelParams()


def two_pages() -> pa.RecordBatch:
    return page_rows(
        {
            "page_id": "p1",
            "served_ms": 1_000,
            "q": "Red  Shoe",
            "shown": [("a", [1, 2]), ("b", [3, 4])],
        },
        {
            "page_id": "p2",
            "served_ms": 2_000,
            "q": "hat",
            "shown": [("b", [5, np.nan]), ("c", [7, 8])],
        },
    )


def click(page: str, listing: str, at: int = 3_000, **more: object) -> dict:
    return {"kind": "click", "time_ms": at, "listing_id": listing, "page_id": page, **more}


def gains(*events: dict, params: LabelParams = PARAMS) -> list[float]:
    rows = shown_rows(two_pages(), COLUMNS)
    return label(rows, Labels.none(4), event_rows(*events), params).gain.tolist()


def test_the_values_that_were_logged_are_learned_from() -> None:
    """Lists are pages, rows are what they showed, features are the logged bits."""
    rows = shown_rows(two_pages(), COLUMNS)
    data = log_set(rows, Labels.none(4), COLUMNS)
    assert data.query == ("red shoe", "hat")
    assert data.offsets.tolist() == [0, 2, 4]
    want = np.array([[1, 2], [3, 4], [5, np.nan], [7, 8]], np.float32)
    np.testing.assert_array_equal(data.features, want)
    assert data.position.tolist() == [1, 2, 1, 2]
    assert data.base.tolist() == [-1, -2, -1, -2]


def test_what_is_gone_leaves_no_place() -> None:
    """A place is where a listing was seen, also below one of the slate that was sold meanwhile; pages of
    which nothing is organic are lists without rows, and rows that are left out leave places alone."""
    shown = [("a", [1, 2]), ("b", [3, 4])]
    gap = page_rows({"page_id": "p", "served_ms": 1, "shown": shown}).to_pylist()[0]
    gap["shown"][1]["position"] = 3
    ads = {"page_id": "q", "served_ms": 2, "shown": [("ad1", [0, 0])]}
    pages = pa.RecordBatch.from_pylist([gap, page_rows(ads).to_pylist()[0]], schema=PAGE)
    rows = shown_rows(pages, COLUMNS)
    assert rows.position.tolist() == [1, 3]
    assert rows.place.tolist() == [1, 2]
    assert rows.offsets.tolist() == [0, 2, 2]
    both = joined_rows([rows, rows])
    assert both.place.tolist() == [1, 2, 1, 2]
    assert both.with_rows(np.array([1, 2]), np.array([1, 0, 1, 0])).place.tolist() == [2, 1]
    assert rows.take(np.array([0])).place.tolist() == [1, 2]


@pytest.mark.parametrize("first", [1, 25])
def test_places_begin_anew_on_each_page(first: int) -> None:
    """A listing's place counts from the top of its page, sponsored ones above it among them."""
    shown = [("ad1", [0, 0]), ("a", [1, 2]), ("b", [3, 4])]
    page = {"page_id": "p", "served_ms": 1, "shown": shown, "first": first}
    rows = shown_rows(page_rows(page), COLUMNS)
    assert rows.position.tolist() == [first + 1, first + 2]
    assert rows.place.tolist() == [2, 3]
    data = log_set(rows, Labels.none(2), COLUMNS)
    assert data.position.tolist() == [2, 3]
    seen = Examination(np.array([1.0, 0.5, 0.25]), 1, 0)
    weighed = debiased(replace(data, gain=np.array([1.0, 0.0])), seen, k=10)
    assert weighed.gain.tolist() == [2.0, 0.0]


@pytest.mark.parametrize(
    "change",
    [
        {"feature_set": "other"},
        {"surface": "similar"},
        {"shown_features": [1.0, 2.0, 3.0]},
        {"shown": []},
    ],
)
def test_pages_that_do_not_fit_are_left_out(change: dict) -> None:
    """Another feature set, another surface, or values that were not logged: no list."""
    page = {"page_id": "p", "served_ms": 1, "shown": [("a", [1, 2]), ("b", [3, 4])]} | change
    rows = shown_rows(page_rows(page), COLUMNS)
    assert len(rows.page_id) == 0
    assert rows.features.shape == (0, 2)


def test_paid_places_teach_nothing() -> None:
    """A sponsored listing is no row: what it was shown for is its bid."""
    page = {"page_id": "p", "served_ms": 1, "shown": [("ad1", [9, 9]), ("a", [1, 2])]}
    rows = shown_rows(page_rows(page), COLUMNS)
    assert rows.listing_id.to_pylist() == ["a"]
    assert rows.features.tolist() == [[1, 2]]
    assert rows.position.tolist() == [2]


def test_a_page_and_a_listing_find_their_row() -> None:
    """A click counts where its page showed its listing, and nowhere else."""
    assert gains(click("p1", "b")) == [0, 1, 0, 0]
    assert gains(click("p2", "b")) == [0, 0, 1, 0]
    assert gains(click("p1", "c"), click("p9", "a"), click(None, "a")) == [0, 0, 0, 0]


def test_the_dearest_thing_counts() -> None:
    """Of a click, a favourite and a cart with one listing, the one with the largest gain counts, once."""
    events = [click("p1", "a") | {"kind": kind} for kind in ("click", "cart", "favourite", "click")]
    assert gains(*events) == [4, 0, 0, 0]
    assert gains(*events, params=LabelParams(gains={"click": 1})) == [1, 0, 0, 0]


@pytest.mark.parametrize("standing", ["none", "forged", "expired"])
def test_only_proven_events_count(standing: str) -> None:
    """What no token proves is not believed, unless the params say so."""
    event = click("p1", "a", standing=standing)
    assert gains(event) == [0, 0, 0, 0]
    believing = LabelParams(standings=frozenset({"signed", standing}))
    assert gains(event, params=believing) == [1, 0, 0, 0]


def test_windows() -> None:
    """An event counts from the instant of its page to the end of the window, that included."""
    end = 1_000 + 24 * HOUR_MS
    assert gains(click("p1", "a", 999)) == [0, 0, 0, 0]
    assert gains(click("p1", "a", 1_000)) == [1, 0, 0, 0]
    assert gains(click("p1", "a", end)) == [1, 0, 0, 0]
    assert gains(click("p1", "a", end + 1)) == [0, 0, 0, 0]


def test_purchases_come_as_credits() -> None:
    """A purchase counts for the page it is credited to, within its own window."""
    rows = shown_rows(two_pages(), COLUMNS)
    day = 24 * HOUR_MS
    credits = pa.RecordBatch.from_pylist(
        [
            {"page_id": "p1", "listing_id": "b", "time_ms": 1_000 + 7 * day},
            {"page_id": "p2", "listing_id": "c", "time_ms": 2_001 + 7 * day},
        ],
        schema=CREDIT,
    )
    bought = label_purchases(rows, Labels.none(4), credits, PARAMS)
    assert bought.gain.tolist() == [0, 10, 0, 0]
    purchase = click("p1", "a") | {"kind": "purchase"}
    assert gains(purchase) == [0, 0, 0, 0]


@given(data=st.data())
def test_any_order_and_any_cut(data: st.DataObject) -> None:
    """Events in any order, cut into batches anywhere, give the same labels."""
    pages, listings = ["p1", "p2", "p3"], ["a", "b", "c", "d"]
    one = st.builds(
        lambda p, k, i, t: click(p, i, t) | {"kind": k},
        st.sampled_from(pages),
        st.sampled_from(["click", "cart", "favourite", "impression"]),
        st.sampled_from(listings),
        st.integers(0, 10_000),
    )
    events = data.draw(st.lists(one, min_size=1, max_size=12))
    shuffled = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(events)))
    rows = shown_rows(two_pages(), COLUMNS)
    whole = label(rows, Labels.none(4), event_rows(*events), PARAMS)
    parts = Labels.none(4)
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            parts = label(rows, parts, event_rows(*part), PARAMS)
    assert parts.gain.tolist() == whole.gain.tolist()
    assert parts.is_clicked.tolist() == whole.is_clicked.tolist()


def test_pages_join_and_are_taken() -> None:
    """Parts of a log read one after the other are the log read at once."""
    batch = two_pages()
    parts = [shown_rows(batch.slice(i, 1), COLUMNS) for i in range(2)]
    both, whole = joined_rows(parts), shown_rows(batch, COLUMNS)
    np.testing.assert_array_equal(both.features, whole.features)
    assert both.offsets.tolist() == whole.offsets.tolist()
    second = whole.take(np.array([1]))
    assert second.listing_id.to_pylist() == ["b", "c"]
    assert second.features[1].tolist() == [7, 8]


def test_busy_and_rare_queries() -> None:
    """The busiest queries that make a third of the pages are the head."""
    query = ("a",) * 40 + ("b",) * 20 + tuple(f"q{i}" for i in range(40))
    named = dict(zip(query, busyness(query), strict=True))
    assert named["a"] == "head"
    assert named["b"] == "torso"
    assert named["q39"] == "tail"


@pytest.mark.parametrize(
    "words",
    [{"gains": {"view": 1.0}}, {"gains": {"click": -1.0}}, {"gains": {"click": 0.0}},
     {"standings": frozenset({"maybe"})}, {"label_hours": 0.0}],
)  # fmt: skip
def test_wrong_params_are_told(words: dict) -> None:
    """Gains and standings that do not exist are named with those that do."""
    with pytest.raises(InputError, match="gains are numbers from 0 for click"):
        LabelParams(**words)
