"""Listings read the short way are what the judge makes of them, or are left to it."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from mercer.schema.fields import LISTING_RULES
from mercer.schema.judge import Defaults, judge_objects
from mercer.schema.listing import LISTING
from mercer.schema.mapping import own_names
from mercer.schema.quick_listing import MAX_QUICK, plain_listings

NOW_MS = 1_800_000_000_000
DEFAULTS = Defaults(now_ms=NOW_MS, updated_ms=NOW_MS - 5, currency="EUR")
NAMES = (
    *LISTING.names, "price", "id", "category", "image", "created", "updated", "unknown", "",
)  # fmt: skip
TEXTS = st.sampled_from(
    ["a", "B c", "", " ", " a", "a\t", "\u00a0a", "a\u200b", "a\x85", "\x1ca", "ü", "😀", "\ufeffx",
     "a\0b", "\ud800", "x" * 200, "x" * 201, "ü" * 101, "t" * 1_001, "EUR", "eur", "12", "1.5", "true"]
)  # fmt: skip
NUMBERS = st.sampled_from(
    [0, 1, -1, 5, 5.0, 4.7, 0.1, 19.99, 1e-7, 2.5e-6, 1e9, 1e9 + 1, 10**9 + 1, 10**12, 10**12 + 1,
     10**15, 10**15 + 1, 10**30, NOW_MS, NOW_MS // 1000, NOW_MS + 10**9, 10**11, 10**11 - 1, True]
)  # fmt: skip
LISTS = st.lists(TEXTS | st.just(3), max_size=4)
VALUES = st.none() | TEXTS | NUMBERS | LISTS
ATTRIBUTES = st.dictionaries(TEXTS, VALUES | st.just(["v"] * 51), max_size=4)
PLAIN = st.fixed_dictionaries(
    {"listing_id": st.sampled_from(["a", "ü1"]), "title": st.sampled_from(["Mug", "Blue mug ü"])},
    optional={
        "description": st.sampled_from(["", " Long text.  ", "y" * 5_000]),
        "tags": st.lists(st.sampled_from(["x", "y z", "x"]), max_size=3),
        "attributes": st.dictionaries(
            st.sampled_from(["z", "a", "ü", "Z"]), st.sampled_from(["v", ["v", "w"], ["w"]])
        ),
        "price": st.sampled_from([0, 3, 19.99, 0.1, 1e9, 1e-7, 2.5e-6]),
        "price_micros": st.sampled_from([0, 10**15]),
        "currency": st.sampled_from(["USD", None]),
        "quantity": st.sampled_from([0, 7, None]),
        "updated_ms": st.sampled_from([NOW_MS, NOW_MS + 86_400_000]),
        "rating": st.sampled_from([4.7, 0, 5.0]),
        "is_hidden": st.booleans(),
    },
)
ONE_PRICE = PLAIN.filter(lambda one: not {"price", "price_micros"} <= one.keys())
ANY = st.dictionaries(st.sampled_from(NAMES), VALUES | ATTRIBUTES, max_size=6)
ITEMS = PLAIN | ANY | st.builds(lambda one, more: {**one, **more}, PLAIN, ANY) | VALUES


@given(st.lists(ITEMS, min_size=1, max_size=3))
@example([{"listing_id": "a", "title": "b", "attributes": {"n": ["x" * 10_000] * 21}}])
@example(
    [
        {
            "listing_id": "a",
            "title": "b",
            "attributes": {"n" * 150: [f"{i:04}" * 990 for i in range(50)]},
        }
    ]
)
def test_what_is_read_is_what_the_judge_makes(items: list[Any]) -> None:
    """Objects of any kind give the judge's rows, all of them good, or are left to it."""
    quick = plain_listings(items, now_ms=NOW_MS, updated_ms=NOW_MS - 5, currency="EUR")
    if quick is None:
        return
    judged = judge_objects(items, kind="listings", source_map=own_names(), defaults=DEFAULTS)
    assert not judged.rejections
    assert quick.equals(judged.rows, check_metadata=True)


@given(
    st.lists(
        PLAIN.filter(lambda one: not {"price", "price_micros"} <= one.keys()),
        min_size=1,
        max_size=5,
    )
)
def test_what_a_client_sends_is_read(items: list[dict[str, Any]]) -> None:
    """Plain listings are not left to the judge, as long as they are few."""
    quick = plain_listings(items, now_ms=NOW_MS, updated_ms=NOW_MS - 5, currency="EUR")
    assert quick is not None
    many = items * MAX_QUICK
    quick = plain_listings(many, now_ms=NOW_MS, updated_ms=NOW_MS - 5, currency="EUR")
    assert (quick is not None) == (len(many) <= MAX_QUICK)


def test_each_character_around_a_text_is_trimmed_alike() -> None:
    """A text that begins with any character is read as the judge reads it."""
    codes = (*range(0x3100), 0xFEFF, 0xFFA0, 0x1F600)
    items = [{"listing_id": "a", "title": f"{chr(code)}b"} for code in codes]
    judged = judge_objects(items, kind="listings", source_map=own_names(), defaults=DEFAULTS)
    titles = dict(zip(judged.kept.tolist(), judged.rows["title"].to_pylist(), strict=True))
    for i, item in enumerate(items):
        quick = plain_listings([item], now_ms=NOW_MS, updated_ms=NOW_MS - 5, currency="EUR")
        assert quick is None or quick["title"].to_pylist() == [titles[i]], hex(codes[i])


def test_every_field_is_read() -> None:
    """A rule that is added is read here too."""
    ruled = {rule.name for rule in LISTING_RULES} | {"attributes"}
    assert ruled == set(LISTING.names)
    one = {"listing_id": "a", "title": "b"}
    quick = plain_listings([one], now_ms=NOW_MS, updated_ms=NOW_MS - 5, currency="EUR")
    assert quick is not None
    assert quick.schema.equals(LISTING)
