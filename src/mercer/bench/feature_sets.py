"""The feature sets that `mercer bench features` runs: 50 columns, and 100 for a request."""

from typing import Any

from mercer.features.declare import Entity, Feature, FeatureSet

_COUNTS = "title_weight"  # the feature whose counts of words the others of the title use
_NUMBERS = ("rating_count", "sold_count", "favourite_count", "quantity")


def fifty() -> FeatureSet:
    """50 columns: 16 of texts, 34 of numbers, categories, moments and lists."""
    return FeatureSet(
        name="bench_50", features=(*_nodes(), *_texts(), *_listing(), *_prices(), *_moments())
    )


def hundred() -> FeatureSet:
    """The same and as many again: other fields, other n-grams, crosses, and lists."""
    return FeatureSet(
        name="bench_100", features=(*fifty().features, *_more_texts(), *_more_numbers())
    )


def text_only() -> FeatureSet:
    """What the rivals compute too: words of query and title, compared."""
    return FeatureSet(
        name="bench_text",
        features=(
            _node("query_words", "query", "tokenise", "query.q", stem=False),
            _node("title_words", "listing", "tokenise", "listing.title", stem=False),
            _listed("title_weight", "tfidf_norm", "title_words"),
            _pair("tfidf_cosine", "tfidf_cosine", "query_words", "title_words", "title_weight",
                  state_of=_COUNTS),
            _pair("overlap", "word_overlap", "query_words", "title_words"),
            _pair("coverage", "word_coverage", "query_words", "title_words"),
            _pair("jaccard", "word_jaccard", "query_words", "title_words"),
            _context("query_length", "size", "query_words"),
            _listed("title_length", "size", "title_words"),
        ),
    )  # fmt: skip


def cosine_only() -> FeatureSet:
    """The TF-IDF cosine of query and title and nothing else."""
    return FeatureSet(
        name="bench_cosine",
        features=(
            _node("query_words", "query", "tokenise", "query.q", stem=False),
            _node("title_words", "listing", "tokenise", "listing.title", stem=False),
            _node("title_weight", "listing", "tfidf_norm", "title_words"),
            _pair("tfidf_cosine", "tfidf_cosine", "query_words", "title_words", "title_weight",
                  state_of=_COUNTS),
        ),
    )  # fmt: skip


def _feature(
    name: str, entity: Entity, transform: str, inputs: tuple[str, ...], **params: Any
) -> Feature:
    return Feature(name=name, entity=entity, transform=transform, inputs=inputs, params=params)


def _node(name: str, entity: Entity, transform: str, *inputs: str, **params: Any) -> Feature:
    return Feature(
        name=name, entity=entity, transform=transform, inputs=inputs, params=params, is_output=False
    )


def _listed(name: str, transform: str, *inputs: str, **params: Any) -> Feature:
    return _feature(name, "listing", transform, inputs, **params)


def _pair(name: str, transform: str, *inputs: str, **params: Any) -> Feature:
    return _feature(name, "pair", transform, inputs, **params)


def _context(name: str, transform: str, *inputs: str, **params: Any) -> Feature:
    return _feature(name, "context", transform, inputs, **params)


def _nodes() -> list[Feature]:
    return [
        _node("query_words", "query", "tokenise", "query.q"),
        _node("title_words", "listing", "tokenise", "listing.title"),
        _node("category_words", "listing", "tokenise", "listing.category"),
    ]


def _texts() -> list[Feature]:
    title, category = ("query_words", "title_words"), ("query_words", "category_words")
    return [
        _listed(_COUNTS, "tfidf_norm", "title_words"),
        _listed("title_variety", "distinct_words", "title_words"),
        _pair("title_bm25", "bm25", *title, state_of=_COUNTS),
        _pair("title_cosine", "tfidf_cosine", *title, _COUNTS, state_of=_COUNTS),
        _pair("title_coverage", "word_coverage", *title),
        _pair("title_weight_coverage", "word_weight_coverage", *title, state_of=_COUNTS),
        _pair("title_jaccard", "word_jaccard", *title, "title_variety"),
        _pair("title_overlap", "word_overlap", *title),
        _pair("title_run", "word_run", *title),
        _pair("title_share", "ratio", "title_overlap", "title_length"),
        _pair("category_coverage", "word_coverage", *category),
        _pair("category_overlap", "word_overlap", *category),
        _context("query_length", "size", "query_words"),
        _listed("title_length", "size", "title_words"),
        _listed("category_length", "size", "category_words"),
        _pair("bm25_rank", "rank", "title_bm25"),
    ]


def _listing() -> list[Feature]:
    return [
        *(_listed(f"{name}_log", "log1p", f"listing.{name}") for name in _NUMBERS),
        *(_listed(f"{name}_quantile", "quantile", f"listing.{name}") for name in _NUMBERS[:3]),
        _listed("rating", "identity", "listing.rating"),
        _listed("rating_missing", "is_missing", "listing.rating"),
        _listed("quantity_clip", "clip", "listing.quantity", low=0, high=10),
        _listed("favourite_rate", "ratio", "listing.favourite_count", "listing.sold_count"),
        _listed("n_tags", "size", "listing.tags"),
        _listed("n_images", "size", "listing.images"),
        _listed("category_share", "frequency", "listing.leaf_category"),
        _listed("category_id", "hash", "listing.leaf_category"),
        _listed("seller_share", "frequency", "listing.seller_id"),
        _listed("category_rank", "vocabulary", "listing.leaf_category"),
    ]


def _prices() -> list[Feature]:
    return [
        _listed("price_log", "log1p", "listing.price_micros"),
        _listed("price_standard", "standardise", "price_log"),
        _listed("price_bucket", "bucketise_quantile", "listing.price_micros", n_buckets=20),
        _listed("price_quantile", "quantile", "listing.price_micros"),
        _pair("price_of_limit", "ratio", "listing.price_micros", "query.price_max_micros"),
        _pair("price_rank", "rank", "listing.price_micros", best="lowest"),
        _pair("price_zscore", "zscore", "price_log"),
        _pair("sold_percentile", "percentile", "listing.sold_count"),
        _pair("query_category", "cross", "query.q", "listing.leaf_category"),
    ]


def _moments() -> list[Feature]:
    now = "context.now_ms"
    return [
        _pair("age_d", "age", now, "listing.created_ms"),
        _pair("fresh_7d", "recency", now, "listing.created_ms", half_life_d=7),
        _pair("fresh_90d", "recency", now, "listing.created_ms", half_life_d=90),
        _pair("changed_30d", "recency", now, "listing.updated_ms", half_life_d=30),
        *(
            _context(f"{period}_{part}", "cycle", now, period=period, part=part)
            for period in ("day", "week")
            for part in ("sin", "cos")
        ),
    ]


def _more_texts() -> list[Feature]:
    fields = {"title": "title_words", "tag": "tag_words", "category": "category_words"}
    tags, grams = ("query_words", "tag_words"), ("query_grams", "title_grams")
    bigrams = ("query_bigrams", "title_bigrams")
    found = [
        _node("tag_words", "listing", "tokenise", "listing.tags"),
        _node("query_grams", "query", "char_ngrams", "query.q"),
        _node("title_grams", "listing", "char_ngrams", "listing.title"),
        _node("query_bigrams", "query", "word_ngrams", "query.q"),
        _node("title_bigrams", "listing", "word_ngrams", "listing.title"),
        _listed("tag_weight", "tfidf_norm", "tag_words"),
        _listed("category_weight", "tfidf_norm", "category_words"),
        _listed("tag_variety", "distinct_words", "tag_words"),
        _listed("bigram_variety", "distinct_words", "title_bigrams"),
        _listed("gram_variety", "distinct_words", "title_grams"),
        _pair("tag_bm25", "bm25", *tags, state_of="tag_weight"),
        _pair("tag_coverage", "word_coverage", *tags),
        _pair("tag_jaccard", "word_jaccard", *tags, "tag_variety"),
        _pair("title_bigram_coverage", "word_coverage", *bigrams),
        _pair("title_bigram_jaccard", "word_jaccard", *bigrams, "bigram_variety"),
        _pair("title_gram_coverage", "word_coverage", *grams),
        _pair("title_gram_jaccard", "word_jaccard", *grams, "gram_variety"),
        _pair("title_edits", "edit_similarity", "query.q", "listing.title"),
        _pair("title_whole_edits", "edit_similarity", "query.q", "listing.title",
              compared="whole"),
        _pair("category_edits", "edit_similarity", "query.q", "listing.leaf_category"),
    ]  # fmt: skip
    for name, words in fields.items():
        counts = f"{name}_weight"
        pair = ("query_words", words)
        found += [
            _pair(f"{name}_soft_bm25", "bm25", *pair, state_of=counts, k1=0.4, b=0.2),
            _pair(f"{name}_hard_bm25", "bm25", *pair, state_of=counts, k1=2.0, b=1.0),
            _pair(f"{name}_cosine_2", "tfidf_cosine", *pair, counts, state_of=counts),
            _pair(f"{name}_run_2", "word_run", *pair),
        ]
    return found


def _more_numbers() -> list[Feature]:
    now = "context.now_ms"
    return [
        *(
            _pair(f"{name}_{how}", how, f"listing.{name}")
            for name in _NUMBERS
            for how in ("rank", "zscore", "percentile")
        ),
        *(
            _pair(f"created_{days}d", "recency", now, "listing.created_ms", half_life_d=days)
            for days in (1, 30)
        ),
        *(_listed(f"{name}_standard", "standardise", f"listing.{name}") for name in _NUMBERS),
        *(_listed(f"{name}_missing", "is_missing", f"listing.{name}") for name in _NUMBERS),
        _pair("cheaper_by", "difference", "query.price_max_micros", "listing.price_micros"),
    ]
