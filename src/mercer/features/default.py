"""The feature set of a market that has declared none: what is worth knowing about a candidate.

It can be fitted on the catalogue alone (how many listings have each word, what things of a category
cost), so it is there on the first day; counters start at nothing and fill within seconds of the first
events.
"""

from collections.abc import Iterator

from mercer.features.declare import Feature, FeatureSet
from mercer.features.declare import feature as _feature
from mercer.features.default_session import session_features

NAME = "default"
TEXT_FIELDS = {
    "title": "listing.title",
    "labels": "listing.labels",
    "category": "listing.category_path",
    "description": "listing.description",
}
HALF_LIVES_H = (1, 24, 168, 720)  # the default of counters.half_life_hours
RATES = (("click", "impression", 0.05), ("purchase", "click", 0.02))  # kind, per, prior rate
FIRST_PASS = ("first_pass", "lexical", "semantic", "title", "unwanted", "wish", "prior", "cosine")


def default_feature_set() -> FeatureSet:
    """A new value at each call; equal ones."""
    parts = (
        _nodes(), _request(), _listing(), _seller(), _text(), _pair(), _counted(), _tastes(),
        session_features(), _within(),
    )  # fmt: skip
    return FeatureSet(name=NAME, features=tuple(f for part in parts for f in part))


def _nodes() -> Iterator[Feature]:
    """What only other features read."""
    yield _feature("query_words", "query", "tokenise", "query.terms", doc="", is_output=False)
    for name, column in TEXT_FIELDS.items():
        yield _feature(f"{name}_words", "listing", "tokenise", column, doc="", is_output=False)
    for name in ("values", "categories", "excluded"):
        words = f"{name}_words_asked"
        yield _feature(words, "query", "tokenise", f"query.{name}", doc="", is_output=False)
    for name in ("categories", "wishes", "wished_attributes"):
        yield _feature(
            f"{name}_ids", "query", "hash_all", f"query.{name}", doc="", is_output=False
        )  # fmt: skip
    yield _feature(
        "category_path_ids", "listing", "hash_all", "listing.category_path", doc="", is_output=False
    )  # fmt: skip
    # Not the labels: attribute values among them would tell what listings that state them say.
    yield _feature("tags_words", "listing", "tokenise", "listing.tags", doc="", is_output=False)
    said_in = ("title_words", "tags_words", "description_words")
    for name, give, state_of in (
        ("facts_ids", "facts", ""), ("known_attributes_ids", "attributes", "facts_ids")
    ):  # fmt: skip
        yield _feature(
            name, "listing", "known_facts", "listing.facts", *said_in, doc="", is_output=False,
            give=give, state_of=state_of,
        )  # fmt: skip
    yield _feature(
        "likely_facts_ids", "listing", "likely_facts", "listing.facts", "facts_ids",
        "known_attributes_ids", "leaf_category_id", "listing.seller_id", doc="", is_output=False,
    )  # fmt: skip


def _request() -> Iterator[Feature]:
    """Of the query and the moment: the same for all candidates, so that trees can branch on it."""
    yield _feature("query_length", "query", "size", "query_words", doc="Words looked for.")
    for name in ("categories", "values", "excluded"):
        yield _feature(
            f"query_{name}", "query", "size", f"query.{name}",
            doc=f"How many {name} the query names.",
        )  # fmt: skip
    yield _feature(
        "query_corrected",
        "query",
        "identity",
        "query.corrections",
        doc="Words that were corrected.",
    )
    yield _feature(
        "query_has_no_limit", "query", "is_missing", "query.price_max_micros",
        doc="1 where no highest price is asked for.",
    )  # fmt: skip
    for period in ("day", "week"):
        for part in ("sin", "cos"):
            yield _feature(
                f"{period}_{part}", "context", "cycle", "context.now_ms",
                doc=f"Where in the {period} (UTC) it is asked.", period=period, part=part,
            )  # fmt: skip


def _listing() -> Iterator[Feature]:
    """What a listing is, whoever asks."""
    for name in ("price_micros", "rating_count", "sold_count", "favourite_count", "quantity"):
        yield _feature(
            f"{name.removesuffix('_micros')}_log", "listing", "log1p", f"listing.{name}",
            doc=f"ln(1 + {name}).",
        )  # fmt: skip
    yield _feature(
        "leaf_category_id", "listing", "hash", "listing.leaf_category", doc="", is_output=False
    )
    yield _feature(
        "price_above_category", "listing", "above_mean", "leaf_category_id", "price_log",
        doc="ln(price) above the mean of its category.",
    )  # fmt: skip
    # Cheap is good, but what is dearer than others of its kind may cost more than somebody has.
    yield _feature(
        "price_over_category", "listing", "clip", "price_above_category",
        doc="price_above_category where it is above 0, else 0.", low=0.0,
    )  # fmt: skip
    yield _feature("rating", "listing", "identity", "listing.rating", doc="0 to 5.")
    yield _feature("n_images", "listing", "size", "listing.images", doc="Pictures.")
    yield _feature(
        "n_labels", "listing", "size", "listing.labels", doc="Tags and attribute values."
    )
    for name in ("title", "description"):
        yield _feature(
            f"{name}_length", "listing", "size", f"{name}_words", doc=f"Words of the {name}."
        )
    yield _feature(
        "age_d", "listing", "age", "context.now_ms", "listing.created_ms", doc="Days it is offered."
    )
    yield _feature(
        "stale_d", "listing", "age", "context.now_ms", "listing.updated_ms",
        doc="Days since it was changed.",
    )  # fmt: skip
    for half_life_d in (3, 14, 60):
        yield _feature(
            f"recency_{half_life_d}d", "listing", "recency", "context.now_ms", "listing.created_ms",
            doc=f"1 when new, halved every {half_life_d} days.", half_life_d=float(half_life_d),
        )  # fmt: skip
    yield _feature(
        "sold_per_day", "listing", "ratio", "listing.sold_count", "age_d",
        doc="Pieces sold per day it is offered.",
    )  # fmt: skip


def _seller() -> Iterator[Feature]:
    """How good its seller is."""
    yield _feature("seller_rating", "seller", "identity", "seller.rating", doc="0 to 5.")
    yield _feature(
        "seller_rating_count_log", "seller", "log1p", "seller.rating_count",
        doc="ln(1 + ratings of the seller).",
    )  # fmt: skip
    yield _feature(
        "seller_age_d", "seller", "age", "context.now_ms", "seller.opened_ms",
        doc="Days since the seller opened.",
    )  # fmt: skip


def _text() -> Iterator[Feature]:
    """How well the words of each field answer those of the query."""
    for name in TEXT_FIELDS:
        words = f"{name}_words"
        yield _feature(
            f"{name}_bm25", "pair", "bm25", "query_words", words, doc=f"BM25 of the {name} alone."
        )
        yield _feature(
            f"{name}_coverage", "pair", "word_weight_coverage", "query_words", words,
            doc=f"Share of the query's weight that the {name} has.", state_of=f"{name}_bm25",
        )  # fmt: skip
    about = {
        "word_coverage": "Share of the query's words that the title has.",
        "word_jaccard": "Words of both over words of either.",
        "word_run": "Longest run of the query's words that stands in the title.",
    }
    for transform, doc in about.items():
        name = f"title_{transform.removeprefix('word_')}_plain"
        yield _feature(name, "pair", transform, "query_words", "title_words", doc=doc)
    yield _feature(
        "title_norm", "listing", "tfidf_norm", "title_words", doc="", is_output=False,
        state_of="title_bm25",
    )  # fmt: skip
    yield _feature(
        "title_tfidf", "pair", "tfidf_cosine", "query_words", "title_words", "title_norm",
        doc="Cosine of the TF-IDF vectors of query and title.", state_of="title_bm25",
    )  # fmt: skip
    yield _feature(
        "title_edit", "pair", "edit_similarity", "query.text", "listing.title",
        doc="1 - share of the query's characters that have to be changed to find it in the title.",
    )  # fmt: skip
    yield _feature(
        "values_in_labels", "pair", "word_coverage", "values_words_asked", "labels_words",
        doc="Share of the wanted attribute values that the listing has.",
    )  # fmt: skip
    yield _feature(
        "values_in_title", "pair", "word_coverage", "values_words_asked", "title_words",
        doc="Share of the words of the wanted attribute values that the title has.",
    )  # fmt: skip
    yield _feature(
        "categories_in_path", "pair", "word_coverage", "categories_words_asked", "category_words",
        doc="Share of the words of the wanted categories that its own has.",
    )  # fmt: skip
    yield _feature(
        "category_likely", "pair", "class_likely", "query_words", "leaf_category_id", "title_words",
        doc="ln of how likely the query's words mean its category or one like it, by all titles.",
    )  # fmt: skip
    yield _feature(
        "excluded_in_title", "pair", "word_overlap", "excluded_words_asked", "title_words",
        doc="Words that are not wanted and stand in the title.",
    )  # fmt: skip


def _pair() -> Iterator[Feature]:
    """What the first pass found, and the price that was asked for."""
    for name in FIRST_PASS:
        what = "Score" if name == "first_pass" else "Part"
        doc = "Cosine of the vectors of query and listing." if name == "cosine" else ""
        yield _feature(
            f"fp_{name}", "pair", "identity", f"candidate.{name}",
            doc=doc or f"{what} of the first pass.",
        )  # fmt: skip
    yield _feature(
        "wishes_met", "pair", "ids_shared", "wishes_ids", "facts_ids",
        doc="Wanted attribute values that the listing states for that attribute.",
    )  # fmt: skip
    yield _feature(
        "wishes_likely", "pair", "ids_shared", "wishes_ids", "likely_facts_ids",
        doc="Wanted attribute values that nothing says of the listing, but others of its seller and "
        "category often have.",
    )  # fmt: skip
    yield _feature(
        "categories_met", "pair", "ids_shared", "categories_ids", "category_path_ids",
        doc="Wanted categories that the listing lies in.",
    )  # fmt: skip
    yield _feature(
        "wishes_stated", "pair", "ids_shared", "wished_attributes_ids", "known_attributes_ids",
        doc="Attributes that a value is wanted of and that the listing states.",
    )  # fmt: skip
    yield _feature(
        "wishes_differ", "pair", "difference", "wishes_stated", "wishes_met",
        doc="Attributes that a value is wanted of and of which the listing states another one.",
    )  # fmt: skip
    for name in ("max", "min"):
        yield _feature(
            f"price_to_{name}", "pair", "ratio", "listing.price_micros",
            f"query.price_{name}_micros", doc=f"Price over the {name}imum asked for.",
        )  # fmt: skip


def _counted() -> Iterator[Feature]:
    """What happened of late to the listing, its seller, its category, the query, the pair."""
    yield _feature("query_id", "query", "query_id", "query.q", doc="", is_output=False)
    ids = {
        "listing": ("listing.listing_id",),
        "seller": ("listing.seller_id",),
        "category": ("listing.category",),
        "query": ("query_id",),
        "query_listing": ("query_id", "listing.listing_id"),
    }
    counts = {"listing": "click", "query_listing": "click", "seller": "purchase", "query": "click"}
    for entity, kind in counts.items():
        for half_life_h in HALF_LIVES_H if entity == "listing" else HALF_LIVES_H[1:]:
            yield _feature(
                f"{entity}_{kind}s_{half_life_h}h", "pair", "counter", *ids[entity],
                doc=f"Decayed {kind}s of the {entity}.", whose=entity, kind=kind,
                half_life_h=half_life_h,
            )  # fmt: skip
    for entity in ids:
        for kind, per, prior_rate in RATES:
            for half_life_h in HALF_LIVES_H[1:]:
                yield _feature(
                    f"{entity}_{kind}_rate_{half_life_h}h", "pair", "counter_rate", *ids[entity],
                    doc=f"Decayed {kind}s per {per} of the {entity}.", whose=entity, kind=kind,
                    per=per, half_life_h=half_life_h, prior_rate=prior_rate,
                )  # fmt: skip


def _tastes() -> Iterator[Feature]:
    """What the visitor looked at before, in this session and in those before it."""
    yield _feature(
        "price_band", "listing", "price_band", "listing.price_micros", doc="", is_output=False
    )
    values = {
        "category": "listing.category",
        "seller": "listing.seller_id",
        "price_band": "price_band",
    }
    for owner, half_life_h in (("session", HALF_LIVES_H[0]), ("visitor", HALF_LIVES_H[3])):
        for facet, value in values.items():
            yield _feature(
                f"{owner}_{facet}_clicks", "pair", "counter", f"session.{owner}_id", value,
                doc=f"Decayed clicks of the {owner} on listings of this {facet}.",
                whose=f"{owner}.{facet}", kind="click", half_life_h=half_life_h,
            )  # fmt: skip


def _within() -> Iterator[Feature]:
    """How a candidate stands among the others of the request."""
    for name in ("fp_first_pass", "title_bm25", "fp_cosine", "listing_click_rate_168h"):
        yield _feature(f"{name}_rank", "pair", "rank", name, doc=f"Place by {name}.")
        yield _feature(f"{name}_z", "pair", "zscore", name, doc=f"z-score of {name}.")
    for name in ("price_log", "age_d", "sold_count_log", "rating", "rating_count_log"):
        yield _feature(
            f"{name}_pct", "pair", "percentile", name, doc=f"Share of candidates with less {name}."
        )
    yield _feature("price_log_z", "pair", "zscore", "price_log", doc="z-score of price_log.")
