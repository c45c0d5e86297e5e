"""Events as clients send them: judged like the rows of a file, set right, proven or not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.events.collect import Arrival, CollectRules, collect
from mercer.events.token import KeyRing, sign_many
from mercer.schema.event import EVENT
from mercer.schema.judge import Defaults, Judged, judge_objects
from mercer.schema.mapping import own_names
from mercer.schema.time import MAX_TIME_MS

DAY_MS = 86_400_000
NOW_MS = 1_790_000_000_000
PAGE = f"{NOW_MS - 60_000:012x}"
PAGE = f"{PAGE[:8]}-{PAGE[8:]}-7e8f-9a0b-1c2d3e4f5061"
RING = KeyRing({3: bytes(range(32))}, 3)
RULES = CollectRules(currency="EUR", keep_ms=400 * DAY_MS, token_ttl_ms=DAY_MS)
GOOD = {"event_id": "e1", "kind": "click", "time_ms": NOW_MS - 1_000, "listing_id": "mug"}


def taken(*items: Any, sent_ms: int | None = None) -> Judged:
    arrival = Arrival(received_ms=NOW_MS, sent_ms=sent_ms, source="api")
    return collect(items, arrival=arrival, rules=RULES, ring=RING)


def row(*items: Any, **more: Any) -> dict[str, Any]:
    (found,) = taken(*items, **more).rows.to_pylist()
    return dict(found)


def token(listing_id: str, *, position: int = 7, is_sponsored: bool = True) -> str:
    return sign_many(RING, PAGE, [listing_id], [position], [is_sponsored])[0]


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(1, NOW_MS),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.lists(st.integers(), max_size=2),
    st.dictionaries(texts, st.integers(), max_size=2),
)
FIELDS = [
    "event_id", "kind", "time_ms", "time", "listing_id", "visitor_id", "session_id", "buyer_id",
    "page_id", "query", "position", "price_micros", "price", "currency", "quantity", "order_id",
]  # fmt: skip
wild = st.dictionaries(st.sampled_from(FIELDS), cells)
tame = st.fixed_dictionaries(
    {
        "event_id": st.uuids().map(str),
        "kind": st.sampled_from(["click", "impression", "purchase"]),
        "time_ms": st.integers(NOW_MS - DAY_MS, NOW_MS),
        "listing_id": st.sampled_from(["a", "b", "Ünicode", " c "]),
    }
)
items_of_any_kind = st.lists(
    st.one_of(tame, st.builds(lambda a, b: a | b, tame, wild), wild, cells), max_size=8
)


def _as_in_a_file(item: Any) -> Any:
    """Without the columns that a file may fill and a client may not, and with a time."""
    if not isinstance(item, dict):
        return item
    known = {name: value for name, value in item.items() if name in FIELDS}
    given_times = [known.get("time_ms"), known.get("time")]
    has_time = any(t is not None and str(t).strip() != "" for t in given_times)
    return known if has_time else known | {"time_ms": NOW_MS}


@settings(max_examples=100)
@given(items=items_of_any_kind)
def test_the_rules_are_those_of_files(items: list[Any]) -> None:
    """An event over HTTP is refused exactly where a row of a file is, with the same sentence.

    What differs is written down: a missing time is the time of receipt, a time in the future is set
    right, and a time before what the log keeps is refused.
    """
    defaults = Defaults(now_ms=MAX_TIME_MS, updated_ms=0, currency="EUR")
    timed = [_as_in_a_file(item) for item in items]
    want = judge_objects(timed, kind="events", source_map=own_names(), defaults=defaults)
    got = taken(*items)
    history = "time_ms must lie in the last"
    refused = {r.index: r.reason for r in got.rejections if history not in r.reason}
    old = {r.index for r in got.rejections} - set(refused)
    assert refused == {r.index: r.reason for r in want.rejections}
    assert set(got.kept) | old == set(want.kept)
    files = dict(zip(want.kept.tolist(), want.rows.to_pylist(), strict=True))
    for i, one in zip(got.kept.tolist(), got.rows.to_pylist(), strict=True):
        same = set(EVENT.names) - {"time_ms", "client_ms", "received_ms", "source", "extra"}
        assert {k: one[k] for k in same} == {k: files[i][k] for k in same}
        assert one["time_ms"] == min(files[i]["time_ms"], NOW_MS)


def test_what_only_we_know_is_not_read_from_the_client() -> None:
    """A client that claims a standing gets none; what it said is kept with the unknown fields."""
    claim = {"standing": "signed", "is_sponsored": True, "received_ms": 5, "source": "shop",
             "client_ms": 7, "extra": {"a": 1}}  # fmt: skip
    found = row(GOOD | claim)
    assert (found["standing"], found["is_sponsored"], found["source"]) == ("none", False, "api")
    assert (found["received_ms"], found["client_ms"]) == (NOW_MS, GOOD["time_ms"])
    assert json.loads(found["extra"]) == claim


@given(
    more=st.dictionaries(
        texts.filter(lambda name: name not in {*FIELDS, "token"}),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**63) | texts,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_unknown_fields_are_kept(more: dict[str, Any]) -> None:
    """Whatever JSON stands in a field that we do not know comes back from `extra`; else it is null."""
    extra = row(GOOD | more)["extra"]
    assert (json.loads(extra) if extra is not None else {}) == more


def test_too_much_of_the_unknown_is_refused_alone() -> None:
    """50,000 characters of unknown fields are kept, one more is refused, and the neighbour is not."""
    filler = 50_000 - len('{"x":""}')
    judged = taken(GOOD | {"x": "a" * filler}, GOOD | {"x": "a" * (filler + 1)}, GOOD)
    assert judged.kept.tolist() == [0, 2]
    assert judged.rejections[0].reason.startswith("extra must be text of at most 50,000 characters")


def test_what_no_json_can_hold_is_refused_alone() -> None:
    """A caller in this process may give anything; an object that has no JSON is that event's fault."""
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    judged = taken(GOOD | {"x": deep}, GOOD | {"x": object()}, GOOD | {"x": "\ud800"}, GOOD)
    assert judged.kept.tolist() == [3]


def test_a_signed_token_has_the_last_word() -> None:
    """Page, position and the paid slot are those of the token, whatever the client says."""
    said = GOOD | {"token": token("mug"), "page_id": "other", "position": 1}
    found = row(said)
    assert found["standing"] == "signed"
    assert (found["page_id"], found["position"], found["is_sponsored"]) == (PAGE, 7, True)
    assert row(GOOD | {"token": token("mug")})["page_id"] == PAGE


@pytest.mark.parametrize(
    ("given_token", "standing"),
    [
        (token("other"), "forged"),
        ("no token", "forged"),
        (17, "forged"),
        ({"a": 1}, "forged"),
        (None, "none"),
        ("", "none"),
    ],
)
def test_a_token_that_proves_nothing_leaves_the_event_as_it_is(
    given_token: Any, standing: str
) -> None:
    """The event is kept with the page it names, and nothing about it is sponsored."""
    found = row(GOOD | {"token": given_token, "page_id": "p", "position": 2})
    assert found["standing"] == standing
    assert (found["page_id"], found["position"], found["is_sponsored"]) == ("p", 2, False)


def test_each_event_has_its_own_token() -> None:
    """Signed, unsigned and refused events of one batch do not mix their pages."""
    judged = taken(
        GOOD | {"token": token("mug", position=2)},
        {"kind": "click"},
        GOOD | {"page_id": "mine", "position": 9},
        GOOD | {"listing_id": "cup", "token": token("cup", position=4, is_sponsored=False)},
    )
    rows = judged.rows.to_pylist()
    assert judged.kept.tolist() == [0, 2, 3]
    assert [(r["page_id"], r["position"], r["is_sponsored"]) for r in rows] == [
        (PAGE, 2, True), ("mine", 9, False), (PAGE, 4, False),
    ]  # fmt: skip


def test_history_is_for_ingest() -> None:
    """A time before what the log keeps is refused with the way out; one millisecond less is taken."""
    edge = NOW_MS - 400 * DAY_MS
    judged = taken(GOOD | {"time_ms": edge - 1}, GOOD | {"time_ms": edge}, GOOD | {"time_ms": 5})
    assert judged.kept.tolist() == [1]
    assert [r.index for r in judged.rejections] == [0, 2]
    assert "mercer ingest --kind events" in judged.rejections[0].reason


def test_a_hostile_batch_costs_no_table() -> None:
    """Events with hundreds of names each, all different, are small texts and no wide table."""
    items = [GOOD | {f"n{i}-{k}": k for k in range(500)} for i in range(500)]
    assert len(taken(*items).rows) == 500


def test_nothing_in_is_nothing_out() -> None:
    """An empty batch and a batch without one good event have the columns all the same."""
    assert taken().rows.schema.equals(EVENT)
    assert taken(None, [], 3, "x", {}).rows.schema.equals(EVENT)
