"""Pages for tests: a plain one, and any page at all."""

from dataclasses import fields

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from uuid_utils import uuid7

from mercer.schema.page import SURFACES, Page, Shown


def page_id_at(ms, n=0):
    """A UUIDv7 of that millisecond; `n` tells apart those of one millisecond."""
    digits = f"{ms:012x}7{n & 0xFFF:03x}8{n >> 12 & 0xFFF:03x}{n >> 24:012x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def plain_page(n=1, *, ms=None, visitor_id=None, n_candidates=3, **more):
    """A small page with everything on it."""
    page_id = str(uuid7()) if ms is None else page_id_at(ms, n)
    served_ms = int(page_id.replace("-", "")[:12], 16)
    shown = [Shown(listing_id=f"l{i}", row_id=i, position=i + 1, score=i / 2) for i in range(2)]
    rng = np.random.default_rng(n)
    made = {
        "page_id": page_id,
        "served_ms": served_ms,
        "surface": "search",
        "q": f"blue vase {n}",
        "request": {"q": f"blue vase {n}", "facets": ["color"]},
        "found": n,
        "generation": "g1",
        "catalogue_version": 7,
        "shown": tuple(shown),
        "visitor_id": visitor_id,
        "is_detailed": True,
        "stages": ("first_pass",),
        "candidate_rows": rng.integers(0, 10**9, n_candidates),
        "candidate_scores": rng.random(n_candidates, np.float32),
    }
    return Page(**(made | more))


def big_page(n=1, *, n_candidates=1000, n_shown=24, n_stages=1, n_parts=6, n_features=0, **more):
    """A page as large as they come: that many candidates with scores, a full page of listings."""
    rng = np.random.default_rng(n)
    shown = tuple(
        Shown(
            listing_id=f"listing-{rng.integers(10**9)}",
            row_id=int(rng.integers(10**6)),
            position=i + 1,
            score=float(rng.random(dtype=np.float32)),
            sources=3,
        )
        for i in range(n_shown)
    )
    return plain_page(
        n,
        n_candidates=0,
        **{
            "shown": shown,
            "part_names": tuple(f"part_{i}" for i in range(n_parts)),
            "shown_parts": rng.random(n_shown * n_parts, np.float32),
            "candidate_rows": rng.integers(0, 10**6, n_candidates),
            "candidate_scores": np.sort(rng.random(n_candidates * n_stages, np.float32))[::-1],
            "shown_features": rng.random(n_shown * n_features, np.float32),
        }
        | more,
    )


def same_page(a, b):
    """Whether two pages are equal, arrays bit for bit; a wrong type is not equal."""
    for name in (field.name for field in fields(Page)):
        x, y = getattr(a, name), getattr(b, name)
        if isinstance(x, np.ndarray):
            if x.dtype != y.dtype or x.tobytes() != y.tobytes():
                return False
        elif repr(x) != repr(y):  # NaN is equal to itself here
            return False
    return True


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_int64 = st.integers(-(2**63), 2**63 - 1)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "inf" not in repr(value))  # JSON has none
_float32 = st.floats(width=32)


def _flat(dtype):
    return arrays(dtype, st.integers(0, 40))


shown_ones = st.builds(
    Shown,
    listing_id=_text,
    row_id=_int64,
    position=st.integers(1, 10**6),
    score=_float32,
    propensity=_float32,
    sources=st.integers(0, 3),
    is_sponsored=st.booleans(),
    bid_micros=st.none() | _int64,
    charge_micros=st.none() | _int64,
    why=st.none() | _text,
)


@st.composite
def pages(draw):
    """Any page: nothing in it, NaN, any text, any numbers that its columns can hold."""
    ms = draw(st.integers(1, 2**47))
    some = st.lists(_text, max_size=3).map(tuple)
    maybe = st.none() | _text
    return Page(
        page_id=page_id_at(ms, draw(st.integers(0, 2**40))),
        served_ms=ms,
        surface=draw(st.sampled_from(SURFACES)),
        q=draw(_text),
        request=draw(st.dictionaries(_text, _json, max_size=3)),
        found=draw(_int64),
        generation=draw(_text),
        catalogue_version=draw(_int64),
        shown=tuple(draw(st.lists(shown_ones, max_size=4))),
        visitor_id=draw(maybe),
        session_id=draw(maybe),
        buyer_id=draw(maybe),
        understood=draw(st.dictionaries(_text, _json, max_size=3)),
        cursor=draw(_text),
        counters_position=draw(_text),
        models=draw(some),
        feature_set=draw(_text),
        degraded=draw(some),
        timings_us=draw(st.dictionaries(_text, _int64, max_size=3)),
        took_us=draw(_int64),
        part_names=draw(some),
        shown_parts=draw(_flat(np.float32)),
        is_detailed=draw(st.booleans()),
        stages=draw(some),
        candidate_rows=draw(_flat(np.int64)),
        candidate_scores=draw(_flat(np.float32)),
        shown_features=draw(_flat(np.float32)),
        list_stats=draw(st.dictionaries(_text, st.floats(), max_size=3)),
    )
