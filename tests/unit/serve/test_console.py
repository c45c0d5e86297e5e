"""The console: every page renders with and without data, charts are right, filters filter."""

import itertools
import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.engines.embedded.log import recent_file
from mercer.engines.embedded.log.recent_file import RecentFile, forget_seen
from mercer.events.collect import Arrival, CollectRules, collect
from mercer.events.recent import MAX_EVENTS, MAX_OF_BATCH, Ends, Recent, Seen, SeenEvent
from mercer.events.token import KEY_BYTES, KeyRing
from mercer.events.traffic import (
    EventCount,
    HourPages,
    QueryCount,
    StageLatency,
    Traffic,
)
from mercer.schema.page import Page, Shown
from mercer.serve.console.chart import HEIGHT, WIDTH, bar_chart, nice_top, y_marks
from support.page_kit import summary_of
from support.plain_market import PAGE_ID, PlainMarket

NOW = 1_790_000_000_000
HOUR = 3_600_000
PAGE = Page(
    page_id=PAGE_ID, served_ms=NOW, surface="search", q="<b>mug</b>", request={"page": 1, "filter": ""},
    found=0, generation="g-1", catalogue_version=1, visitor_id="v-1",
    shown=(Shown(listing_id="m1", row_id=1, position=1, score=1.0),),
)  # fmt: skip
EVENTS = (
    SeenEvent(received_ms=NOW, verdict="accepted", kind="click", listing_id="m1", standing="signed",
              visitor_id="v-1", page_id=PAGE_ID),
    SeenEvent(received_ms=NOW, verdict="rejected", kind="clack", reason="kind must be one of these"),
)  # fmt: skip


class Watched(PlainMarket):
    """A market with something to look at."""

    def traffic(self, *, since_ms, until_ms, limit=20):
        hour = since_ms - since_ms % HOUR
        return Traffic(
            hours=(HourPages(hour, 9, 7, 2, 1),), surfaces=(("search", 9),),
            latency=(StageLatency("total", 9, 4_000.0, 9_000.0),
                     StageLatency("lexical", 9, 400.0, 900.0)),
            dropped=(("semantic", 1),), events=(EventCount("click", "forged", 3),),
            top=(QueryCount("red & <mug>", 5.5, 1.2),), zero=(QueryCount("xyzzy", 2, 0.0),),
        )  # fmt: skip

    def seen(self):
        return Seen(EVENTS, (Ends(NOW - NOW % HOUR, "/v1/search", 500, 4),), 0)

    def recent_pages(self, *, limit, before_ms=None):
        other = replace(PAGE, page_id=PAGE_ID[:-1] + "0", q="lamp", found=3)
        return [summary_of(PAGE), summary_of(other)] if before_ms is None else []


@pytest.fixture
def watched(client_of):
    return client_of(Watched())


@pytest.mark.parametrize(
    "path",
    ["/console", "/console?span=week", "/console?span=month", "/console?span=nope",
     "/console/events", "/console/events?verdict=rejected&kind=clack", "/console/pages",
     "/console/pages?q=zzz", f"/console/pages/{PAGE_ID}", f"/console/pages/{PAGE_ID}?listing=b/1"],
)  # fmt: skip
def test_every_page_renders(client_of, path):
    """Full and empty alike, as HTML that no cache keeps, with nothing from elsewhere."""
    for market in (Watched(), PlainMarket()):
        answer = client_of(market).get(path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cache-control"] == "no-store"
        assert "<main" in answer.text
        assert "style=" not in answer.text
        assert 'src="http' not in answer.text


def test_the_overview_shows_what_was_counted(watched):
    """Numbers, queries with their links, estimates marked, text escaped."""
    text = watched.get("/console").text
    assert "4 things" not in text
    assert 'href="/?q=red+%26+%3Cmug%3E"' in text
    assert "red &amp; &lt;mug&gt;" in text
    assert "give or take" in text
    assert "9.0 ms" in text
    assert "28.6 %" in text  # 2 of 7 searches found nothing
    assert "500  /v1/search" in text


def test_the_debugger_shows_reasons_and_filters(watched):
    """Rejected events with why; one filter at a time narrows."""
    text = watched.get("/console/events").text
    assert "kind must be one of these" in text
    assert f"/console/pages/{PAGE_ID}?listing=m1" in text
    text = watched.get("/console/events?visitor=v-1").text
    assert "kind must be one of these" not in text
    assert "signed" in text


def test_pages_are_found_by_query_visitor_and_id(watched):
    """The id leads to the page; text of a visitor is escaped."""
    text = watched.get("/console/pages").text
    assert "&lt;b&gt;mug&lt;/b&gt;" in text
    assert "lamp" in text
    text = watched.get("/console/pages?q=LAM").text
    assert "&lt;b&gt;mug" not in text
    text = watched.get("/console/pages?only=zero").text
    assert ">lamp<" not in text
    answer = watched.get(f"/console/pages?page={PAGE_ID}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/pages/{PAGE_ID}")


def test_a_page_id_cannot_lead_elsewhere(watched):
    """What was typed is a part of the path, whatever is in it."""
    answer = watched.get("/console/pages?page=//evil.example/x", follow_redirects=False)
    assert answer.headers["location"] == "/console/pages/%2F%2Fevil.example%2Fx"


def test_an_unknown_page_says_so(watched):
    """With 404, and the way back."""
    answer = watched.get("/console/pages/nope")
    assert answer.status_code == 404
    assert "the log has no page" in answer.text


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=60))
def test_bars_lie_within_the_drawing(pairs):
    """In order, side by side, the lower part inside the whole."""
    values = [(i * HOUR, max(a, b), min(a, b)) for i, (a, b) in enumerate(pairs)]
    chart = bar_chart(values, step_ms=HOUR, names=("a", "b"))
    right = 0.0
    for bar in chart.bars:
        assert right <= bar.x + 0.02
        right = bar.x + bar.width
        assert 0 <= bar.y <= bar.y_low + 0.01
        assert abs(bar.y + bar.height - chart.base) < 0.02
        assert bar.y_low <= chart.base <= HEIGHT
    assert right <= WIDTH
    assert all(0 <= tick.at <= HEIGHT for tick in chart.y_ticks)


@given(st.integers(0, 10**12))
def test_an_axis_ends_at_a_round_number(highest):
    """Not below the highest value, not far above it, and its marks are whole numbers."""
    top = nice_top(highest)
    assert top >= highest
    assert top <= max(4, 2 * highest)
    marks = y_marks(top)
    assert (marks[0], marks[-1]) == (0, top)
    steps = {b - a for a, b in itertools.pairwise(marks)}
    assert len(steps) == 1


# -- what a process remembers -----------------------------------------------------------------------


def batch(recent, *items, at=NOW):
    rules = CollectRules(currency="USD", keep_ms=10**12, token_ttl_ms=10**9)
    ring = KeyRing({1: b"k" * KEY_BYTES}, 1)
    arrival = Arrival(received_ms=NOW, sent_ms=None, source="api")
    judged = collect(list(items), arrival=arrival, rules=rules, ring=ring)
    recent.events_came(list(items), judged, [True] * len(judged.rows), received_ms=at)


def event(i, **more):
    return {"event_id": f"e{i}", "kind": "click", "listing_id": "m1", "visitor_id": "v"} | more


def test_events_are_remembered_with_their_verdict():
    """The newest first, and of a rejected one what it said, where that can be shown."""
    recent = Recent(lambda: NOW)
    batch(recent, event(1), event(2, kind="clack", page_id=7), "no object")
    seen = recent.seen().events
    assert {(e.verdict, e.event_id, e.kind) for e in seen} == {
        ("accepted", "e1", "click"), ("rejected", "e2", "clack"), ("rejected", "", ""),
    }  # fmt: skip
    assert all(e.reason for e in seen if e.verdict == "rejected")


def test_memory_is_bounded():
    """Of a batch, over all, and over the hours."""
    now = [NOW]
    recent = Recent(lambda: now[0])
    for n in range(8):
        batch(recent, *(event(f"{n}-{i}") for i in range(150)))
    assert len(recent.seen().events) == min(MAX_EVENTS, 8 * MAX_OF_BATCH)
    assert sum(e.event_id.startswith("e7-") for e in recent.seen().events) == 1, (
        "so fast one is enough"
    )
    batch(recent, *(event(f"8-{i}") for i in range(150)), at=NOW + 1_000)
    assert sum(e.event_id.startswith("e8-") for e in recent.seen().events) == MAX_OF_BATCH
    recent.request_ended("/v1/search", 500)
    recent.request_ended("/v1/search", 500)
    assert recent.seen().ends[-1].n == 2
    now[0] += 100 * HOUR
    assert recent.seen().ends == ()


def test_processes_read_each_other(tmp_path):
    """All are told together, and what one saw outlives its restart."""
    one, two = (RecentFile(tmp_path, slot, now_ms=lambda: NOW) for slot in (0, 1))
    batch(one.recent, event(1))
    two.recent.request_ended("/", 404)
    one.close()
    assert [e.event_id for e in two.all_seen().events] == ["e1"]
    assert [e.status for e in two.all_seen().ends] == [404]
    again = RecentFile(tmp_path, 0, now_ms=lambda: NOW)
    assert [e.event_id for e in again.recent.seen().events] == ["e1"]
    (tmp_path / "recent-1.json").write_text("{")
    assert [e.event_id for e in again.all_seen().events] == ["e1"]
    again.close()
    two.close()
    assert json.loads((tmp_path / "recent-1.json").read_text())["ends"][0]["status"] == 404


def test_an_erased_visitor_is_in_no_file_and_no_memory(tmp_path, monkeypatch):
    """Neither in what a running process remembers, nor in the file of one that is gone."""
    monkeypatch.setattr(recent_file, "WRITE_EVERY_S", 0.01)
    gone = RecentFile(tmp_path, 7, now_ms=lambda: NOW)
    batch(gone.recent, event(1) | {"visitor_id": "ann"}, event(2) | {"visitor_id": "bob"})
    gone.close()
    (tmp_path / "recent-8.json").write_text("{ann")
    erased = {}
    runs = RecentFile(tmp_path, 0, now_ms=lambda: NOW, erased=lambda: erased)
    batch(
        runs.recent, event(3) | {"visitor_id": "ann"}, event(4) | {"visitor_id": "ann", "kind": 5}
    )
    erased["ann"] = NOW
    forget_seen(tmp_path, erased)
    deadline = time.monotonic() + 5
    while [one.visitor_id for one in runs.all_seen().events] != ["bob"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    batch(runs.recent, event(5) | {"visitor_id": "ann"}, at=NOW + 1)
    assert [one.event_id for one in runs.recent.seen().events] == ["e5"]
    runs.recent.forget(erased)
    assert [one.event_id for one in runs.recent.seen().events] == ["e5"], "what comes later is new"
    erased["ann"] = NOW + 1
    runs.close()
    held = b"".join(path.read_bytes() for path in tmp_path.glob("*"))
    assert b"e1" not in held
    assert b"e3" not in held
