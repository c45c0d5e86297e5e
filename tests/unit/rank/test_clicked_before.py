import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.rank.clicked_before import ClickedBefore, without
from mercer.rank.training_log import LabelParams, Labels, ShownRows, label, log_set, shown_rows
from mercer.rank.training_set import FeatureColumns
from support.logged import event_rows, page_rows

COLUMNS = FeatureColumns(("x",), "set", ("nan",))
PARAMS = LabelParams()


def page(page_id: str, at: int, listings: str, session: str | None = "s") -> dict:
    shown = [(one, [float(i)]) for i, one in enumerate(listings)]
    return {"page_id": page_id, "served_ms": at, "session_id": session, "shown": shown}


def click(page_id: str, listing: str, at: int, session: str | None = "s", **more: object) -> dict:
    return {
        "kind": "click", "time_ms": at, "listing_id": listing, "page_id": page_id,
        "session_id": session, **more,
    }  # fmt: skip


def left_out(pages: pa.RecordBatch, *events: dict) -> list[bool]:
    before = ClickedBefore(shown_rows(pages, COLUMNS), PARAMS)
    if events:
        before.add(event_rows(*events))
    return before.rows().tolist()


def two_searches(second: str | None = "s") -> pa.RecordBatch:
    return page_rows(page("p1", 1_000, "ab"), page("p2", 2_000, "ac", second))


def test_what_was_clicked_before_is_no_part_of_later_lists() -> None:
    """The page of the click keeps the row, a later page of the session does not."""
    assert left_out(two_searches(), click("p1", "a", 1_500)) == [False, False, True, False]


@pytest.mark.parametrize(
    ("second", "event"),
    [
        ("other", click("p1", "a", 1_500)),
        (None, click("p1", "a", 1_500)),
        ("s", click("p1", "a", 1_500, session=None)),
        ("s", click("p2", "a", 2_500)),
        ("s", click("p2", "a", 2_000)),
        ("s", click("p1", "a", 1_500) | {"kind": "impression"}),
        ("s", click("p1", "a", 1_500, standing="forged")),
    ],
    ids=["other session", "no session", "unknown who", "later", "same ms", "seen", "forged"],
)  # fmt: skip
def test_nothing_else_leaves_a_row_out(second: str | None, event: dict) -> None:
    """Only a believed click of the same session, before the page was served."""
    assert not any(left_out(two_searches(second), event))


def test_where_the_click_was_does_not_matter() -> None:
    """A click on a page that is not learned from, such as one of similar listings, counts as well."""
    assert left_out(two_searches(), click("elsewhere", "c", 10)) == [False, False, False, True]


@given(data=st.data())
def test_any_order_and_any_cut(data: st.DataObject) -> None:
    """The same as asking each row for each click, whatever the order and the batches of events."""
    sessions = [None, "s", "t"]
    pages = page_rows(
        *(
            page(f"p{i}", at, "".join(sorted(shown)), session)
            for i, (at, shown, session) in enumerate(
                data.draw(
                    st.lists(
                        st.tuples(
                            st.integers(0, 9),
                            st.sets(st.sampled_from("abc"), min_size=1),
                            st.sampled_from(sessions),
                        ),
                        min_size=1,
                        max_size=5,
                    )
                )
            )
        )
    )
    one = st.builds(
        lambda listing, at, who: click("p0", listing, at, who),
        st.sampled_from("abcd"), st.integers(0, 9), st.sampled_from(sessions),
    )  # fmt: skip
    events = data.draw(st.lists(one, max_size=8))
    rows = shown_rows(pages, COLUMNS)
    before = ClickedBefore(rows, PARAMS)
    cut = data.draw(st.integers(0, len(events)))
    for part in (events[cut:], events[:cut]):
        if part:
            before.add(event_rows(*part))
    assert before.rows().tolist() == plain(rows, events)


def plain(rows: ShownRows, events: list[dict]) -> list[bool]:
    who, at = rows.session_id.to_pylist(), rows.served_ms.tolist()
    listings = rows.listing_id.to_pylist()
    owner = np.repeat(np.arange(len(who)), np.diff(rows.offsets)).tolist()
    return [
        any(
            e["session_id"] == who[i] is not None
            and e["listing_id"] == listing
            and e["time_ms"] < at[i]
            for e in events
        )
        for i, listing in zip(owner, listings, strict=True)
    ]


def test_what_is_left_is_a_training_set() -> None:
    """Places stay what they were, labels go with their rows, and a page without rows is gone."""
    pages = page_rows(
        page("p1", 1_000, "ab"), page("p2", 2_000, "a"), page("p3", 3_000, "cab")
    )  # fmt: skip
    rows = shown_rows(pages, COLUMNS)
    events = event_rows(click("p1", "a", 1_500), click("p3", "b", 3_500))
    before = ClickedBefore(rows, PARAMS)
    before.add(events)
    labels = label(rows, Labels.none(6), events, PARAMS)
    rows, labels = without(rows, labels, before.rows())
    assert rows.page_id.to_pylist() == ["p1", "p3"]
    assert rows.listing_id.to_pylist() == ["a", "b", "c", "b"]
    assert rows.position.tolist() == [1, 2, 1, 3]
    assert labels.gain.tolist() == [1, 0, 0, 1]
    data = log_set(rows, labels, COLUMNS)
    assert data.offsets.tolist() == [0, 2, 4]
    np.testing.assert_array_equal(data.features[:, 0], [0, 1, 0, 2])
