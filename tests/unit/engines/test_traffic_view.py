"""The traffic view: sums by hour, latencies in buckets, and a sample of queries that knows its error."""

import json
import math
import random
from collections import Counter
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.engines.embedded.view import traffic_view
from mercer.engines.embedded.view.traffic_view import KEEP_QUERIES_MS, TrafficView, read_traffic
from mercer.engines.embedded.view.views import SqliteConsumer
from mercer.events.consumer import catch_up
from mercer.events.traffic import (
    BUCKET_ERROR,
    HOUR_MS,
    bucket_of,
    bucket_us,
    normalised,
    quantile_us,
)
from mercer.schema.time import DAY_MS
from support.log_kit import change_of
from support.memory_log import MemoryLog

T0 = 1_790_000_000_000 // DAY_MS * DAY_MS


def page(i: int, q: str, **more):
    asked = {"page": more.pop("page", 1)}
    return {
        "page_id": f"p{i}", "served_ms": T0 + 60_000 * i, "surface": "search", "q": q, "found": 3,
        "request": json.dumps(asked), "timings_us": [("lexical", 900)], "took_us": 2_000,
    } | more  # fmt: skip


def counted(folder, *changes, seed: int = 0, max_rows: int = 7):
    log = MemoryLog(seed)
    log.append(changes)
    consumer = SqliteConsumer(folder, TrafficView())
    catch_up(consumer, log, max_rows=max_rows)
    held = b"".join(path.read_bytes() for path in folder.iterdir())
    consumer.close()
    return held  # the bytes of its files while it is open


def read(folder, *, days: int = 1):
    found = read_traffic(folder, since_ms=T0, until_ms=T0 + days * DAY_MS)
    assert found is not None
    return found


def test_pages_are_counted_by_hour(tmp_path):
    """First pages are searches, later ones are not; what found nothing and what was dropped is told."""
    rows = [
        page(1, "Red  Mug"),
        page(2, "red mug", page=2),
        page(3, "xyzzy", found=0, degraded=["semantic: the time was up", "semantic: again"]),
        page(70, "", surface="similar"),
    ]
    counted(tmp_path, change_of("pages", *rows))
    found = read(tmp_path)
    assert [(h.hour_ms, h.pages, h.searches, h.zero, h.degraded) for h in found.hours] == [
        (T0, 3, 2, 1, 1),
        (T0 + HOUR_MS, 1, 0, 0, 0),
    ]
    assert [(q.query, q.n, q.error) for q in found.top] == [("red mug", 1, 0), ("xyzzy", 1, 0)]
    assert [(q.query, q.n) for q in found.zero] == [("xyzzy", 1)]
    assert found.dropped == (("semantic", 1),)
    assert found.surfaces == (("search", 3), ("similar", 1))


def test_events_are_counted_by_kind_and_standing(tmp_path):
    """By the hour in which they came in."""
    rows = [
        {"event_id": f"e{i}", "kind": kind, "standing": standing, "received_ms": T0 + i}
        for i, (kind, standing) in enumerate([("click", "signed"), ("click", "forged")] * 2)
    ]
    counted(tmp_path, change_of("events", *rows))
    assert [(e.kind, e.standing, e.n) for e in read(tmp_path).events] == [
        ("click", "forged", 2),
        ("click", "signed", 2),
    ]


def test_the_sample_is_bounded_and_knows_its_error(tmp_path):
    """Above the cap a count is an estimate that lies within four of its standard errors."""
    rng = random.Random(5)
    queries = [rng.choice(["mug"] * 6 + ["lamp"] * 3 + ["ring"]) for _ in range(1_200)]
    rows = [page(i, q, served_ms=T0 + i) for i, q in enumerate(queries)]
    with mock.patch.object(traffic_view, "MAX_SAMPLED", 300):
        counted(tmp_path, change_of("pages", *rows))
    truth = Counter(queries)
    top = read(tmp_path).top
    assert sum(q.n for q in top) == pytest.approx(1_200)
    for one in top:
        assert one.error > 0
        assert abs(one.n - truth[one.query]) < 4 * one.error


@pytest.mark.parametrize("seed", range(4))
def test_an_erased_visitor_asked_nothing(tmp_path, seed):
    """Whichever is read first: its queries up to then are told no more, and the others count as before."""
    asked = [
        page(1, "where is ann", visitor_id="ann", found=0),
        page(2, "red mug", visitor_id="bob"),
        page(3, "red mug"),
        page(4, "ann again", visitor_id="ann"),
    ]
    order = {"visitor_id": "ann", "erased_ms": T0 + 3 * 60_000}
    log = [change_of("pages", *asked), change_of("erasures", order)]
    held = counted(tmp_path, *log, seed=seed, max_rows=1)
    found = read(tmp_path)
    assert [(q.query, q.n) for q in found.top] == [("red mug", 2), ("ann again", 1)]
    assert found.zero == ()
    assert sum(h.searches for h in found.hours) == 4, "sums name nobody"
    assert b"where is ann" not in held


def test_old_queries_go(tmp_path):
    """When a day beyond the time that they are kept comes."""
    new = T0 + KEEP_QUERIES_MS + DAY_MS
    counted(
        tmp_path,
        change_of("pages", page(1, "old")),
        change_of("pages", page(2, "new", served_ms=new)),
    )
    found = read(tmp_path, days=40)
    assert [q.query for q in found.top] == ["new"]


def test_nothing_counted_yet(tmp_path):
    """No file, no numbers; a file without records, empty lists."""
    assert read_traffic(tmp_path, since_ms=0, until_ms=1) is None
    SqliteConsumer(tmp_path, TrafficView()).close()
    assert read(tmp_path).hours == read(tmp_path).top == ()


@given(st.lists(st.integers(1, 10**9), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_off_by_at_most_the_bucket(latencies, q):
    """Against the sorted list."""
    buckets = Counter(bucket_of(us) for us in latencies)
    exact = sorted(latencies)[max(math.ceil(q * len(latencies)), 1) - 1]
    found = quantile_us(list(buckets.items()), q)
    assert exact / (1 + BUCKET_ERROR) * 0.999 <= found <= exact * (1 + BUCKET_ERROR) * 1.001


def test_buckets_and_queries_in_their_form():
    """Four to an octave; a query without case, cut to its bound."""
    assert [bucket_of(us) for us in (0, 1, 2, 4)] == [0, 0, 4, 8]
    assert bucket_us(4) == pytest.approx(2 * 2**0.125)
    assert normalised("  Red\tMUG " + "x" * 500) == "red mug " + "x" * 92
    assert math.isnan(quantile_us([], 0.5))
