import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mercer.events.bot_filter import BotRule, machines


def found(pages=(), events=(), rule: BotRule | None = None) -> list[str]:
    """pages: (visitor, ms); events: (visitor, ms, kind, standing)."""
    out = machines(
        page_visitor=pa.array([p[0] for p in pages], pa.string()),
        served_ms=np.array([p[1] for p in pages], np.int64),
        event_visitor=pa.array([e[0] for e in events], pa.string()),
        event_ms=np.array([e[1] for e in events], np.int64),
        kind=pa.array([e[2] for e in events], pa.string()),
        standing=pa.array([e[3] for e in events], pa.string()),
        rule=rule,
    )
    return sorted(out.to_pylist())


def test_nobody_is_no_machine() -> None:
    """No pages and no events: no machines. Nobody is judged by an unknown visitor."""
    assert found() == []
    assert found([(None, i) for i in range(100)], [(None, 1, "click", "forged")]) == []


def test_a_crawler_is_a_machine() -> None:
    """More pages within a minute than a person opens; so many over an hour are a person's."""
    crawler = [("c", i * 1_000) for i in range(16)]
    person = [("p", i * 10_000) for i in range(100)]
    assert found(crawler + person) == ["c"]
    assert found(crawler[:15]) == []


def test_quick_clicks_are_a_machine() -> None:
    """Three clicks that follow another within milliseconds; a double click is a person's."""
    bot = [("b", 1_000 + 25 * i, "click", "signed") for i in range(4)]
    person = [("p", 1_000, "click", "signed"), ("p", 1_100, "click", "signed")]
    shown = [("q", 1_000, "impression", "signed")] * 30
    assert found(events=bot + person + shown) == ["b"]


def test_a_forger_is_a_machine() -> None:
    """One forged token is enough."""
    assert found(events=[("f", 1, "impression", "forged"), ("g", 1, "click", "expired")]) == ["f"]


@given(data=st.data())
def test_the_order_does_not_matter(data: st.DataObject) -> None:
    """Any order of the same pages and events gives the same machines."""
    visitor = st.sampled_from(["a", "b", None])
    pages = data.draw(st.lists(st.tuples(visitor, st.integers(0, 2_000)), max_size=40))
    kinds, standings = st.sampled_from(["click", "cart"]), st.sampled_from(["signed", "forged"])
    events = data.draw(
        st.lists(st.tuples(visitor, st.integers(0, 2_000), kinds, standings), max_size=20)
    )
    rule = BotRule(pages_per_minute=5)
    mixed = data.draw(st.permutations(pages)), data.draw(st.permutations(events))
    assert found(pages, events, rule) == found(*mixed, rule)
