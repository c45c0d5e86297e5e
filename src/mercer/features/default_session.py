"""What the session, and the visitor before it, asked for and looked at: half of all searches ask again."""

from collections.abc import Iterator

from mercer.features.declare import Feature, feature

HOUR_H, MONTH_H = 1, 720
SESSION, VISITOR = "session.session_id", "session.visitor_id"


def session_features() -> Iterator[Feature]:
    """Of the default set; they need no login, and count from the second search on."""
    yield from _asked()
    yield from _wished()
    yield from _so_far()
    yield from _clicked()


def _asked() -> Iterator[Feature]:
    """How much is known of the session at all."""
    yield feature(
        "session_searches", "session", "counter", SESSION, whose="session", kind="search",
        half_life_h=HOUR_H, doc="Decayed searches of the session before this one.",
    )  # fmt: skip
    yield feature(
        "session_wishes", "session", "counter", SESSION, whose="session_wishes", kind="search",
        half_life_h=HOUR_H, doc="Decayed attributes that its searches wanted a value of.",
    )  # fmt: skip


def _wished() -> Iterator[Feature]:
    """What earlier searches of the session wanted, against what the listing states.

    Each wish counts once, however often it was said, and not again where this query says it too: so
    with the wishes of the query it adds up to all that was wished so far.
    """
    for name, of, wished in (
        ("other_facts_ids", "facts_ids", "wishes_ids"),
        ("other_attributes_ids", "known_attributes_ids", "wished_attributes_ids"),
        ("other_likely_ids", "likely_facts_ids", "wishes_ids"),
    ):
        yield feature(name, "pair", "ids_without", of, wished, doc="", is_output=False)
    sums = {
        "session_wishes_met": (
            "other_facts_ids", "fact",
            "attribute values that its earlier searches wanted and this one does not say, "
            "and that the listing has, stated or in its text",
        ),
        "session_wishes_stated": (
            "other_attributes_ids", "attribute",
            "attributes that its earlier searches wanted a value of and this one does not, "
            "and that are known of the listing",
        ),
        "session_wishes_likely": (
            "other_likely_ids", "fact",
            "attribute values that its earlier searches wanted and this one does not say, "
            "and that others of the listing's seller and category often have where nothing is known",
        ),
        "session_category_met": (
            "listing.category_path", "category_name",
            "categories that its searches named and the listing is in",
        ),
        "session_words_in_title": (
            "title_words", "word", "words of its searches that the title has"
        ),
        "session_words_in_labels": (
            "labels_words", "word", "words of its searches that tags and attribute values have"
        ),
    }  # fmt: skip
    for name, (items, facet, what) in sums.items():
        yield feature(
            name, "pair", "counter_sum", SESSION, items, whose=f"session.{facet}", kind="search",
            half_life_h=HOUR_H, at_most=1.0, doc=f"Decayed {what}; each at most once.",
        )  # fmt: skip
    yield feature(
        "names_no_category", "pair", "is_missing", "categories_in_path", doc="", is_output=False
    )  # fmt: skip
    # "unique gift" after "kawaii toys" still means toys; who names another kind has left the first.
    yield feature(
        "category_carried", "pair", "product", "session_category_met", "names_no_category",
        doc="session_category_met where this query names no category, 0 where it names one.",
    )  # fmt: skip
    yield feature(
        "session_wishes_differ", "pair", "difference", "session_wishes_stated",
        "session_wishes_met", doc="Decayed wanted attributes of which another value is known.",
    )  # fmt: skip
    yield feature(
        "session_wishes_unstated", "pair", "difference", "session_wishes", "session_wishes_stated",
        doc="Decayed wanted attributes of which nothing is known.",
    )  # fmt: skip
    yield feature(
        "visitor_wishes_met", "pair", "counter_sum", VISITOR, "facts_ids", whose="visitor.fact",
        kind="search", half_life_h=MONTH_H,
        doc="Decayed attribute values that the visitor's searches wanted and the listing states.",
    )  # fmt: skip


def _so_far() -> Iterator[Feature]:
    """The wishes of this query and of those before it together: who says a thing again means it."""
    for name in ("met", "stated"):
        yield feature(
            f"all_wishes_{name}", "pair", "sum", f"wishes_{name}", f"session_wishes_{name}",
            doc=f"wishes_{name} and session_wishes_{name} together.",
        )  # fmt: skip
    yield feature(
        "all_wishes", "context", "sum", "query_values", "session_wishes",
        doc="Attributes that this search and those before it want a value of.",
    )  # fmt: skip
    for name, what in (("met", "states the wanted value of"), ("stated", "states any value of")):
        yield feature(
            f"all_wishes_{name}_share", "pair", "ratio", f"all_wishes_{name}", "all_wishes",
            doc=f"Share of the attributes wanted so far that the listing {what}.",
        )  # fmt: skip


def _clicked() -> Iterator[Feature]:
    """What it clicked on, and whether it saw this very listing."""
    for owner, who, half_life_h in (("session", SESSION, HOUR_H), ("visitor", VISITOR, MONTH_H)):
        yield feature(
            f"{owner}_facts_clicks", "pair", "counter_sum", who, "facts_ids",
            whose=f"{owner}.fact", kind="click", half_life_h=half_life_h,
            doc=f"Decayed clicks of the {owner} on listings that state what this one states.",
        )  # fmt: skip
    for kind in ("click", "impression"):
        yield feature(
            f"session_listing_{kind}s", "pair", "counter", SESSION, "listing.listing_id",
            whose="session.listing", kind=kind, half_life_h=HOUR_H,
            doc=f"Decayed {kind}s of this listing in the session.",
        )  # fmt: skip
