"""Understanding against generated queries whose meaning is known."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mercer.engines.embedded.index.lexicon_files import load_words, save_words
from mercer.retrieve.lexicon import Lexicon
from mercer.retrieve.lexicon_build import lexicon_of
from mercer.retrieve.neighbours import Neighbours
from mercer.retrieve.query import CATEGORY, ParsedQuery
from mercer.retrieve.segment_build import SegmentBuilder
from mercer.retrieve.suggestion import collect_phrases
from mercer.retrieve.understand import understand
from mercer.schema.catalogue import STORED_LISTING
from mercer.schema.money import Rates
from mercer.simulate.catalogue import generate_catalogue
from mercer.simulate.query import SimQuery, generate_queries
from mercer.text.analyze import stem, words
from mercer.text.synonyms import Synonyms

NOW_MS = 1_750_000_000_000
Facts = set[tuple[object, ...]]


@pytest.fixture(scope="module", params=[(11, "index"), (12, "index"), (12, "memory")], ids=str)
def world(request, tmp_path_factory):
    """A catalogue of 5,000 listings with its lexicon, which sees no query and no truth."""
    seed, kind = request.param
    world = generate_catalogue(n_listings=5_000, seed=seed, now_ms=NOW_MS)
    listings = pa.Table.from_batches(list(world.batches()))
    if kind == "memory":
        return world, lexicon_of(listings)
    return world, kept_lexicon(listings, tmp_path_factory.mktemp("words"))


def kept_lexicon(listings: pa.Table, folder: Path) -> Lexicon:
    """The lexicon as an index writes it to disk and opens it again."""
    n = len(listings)
    stored = listings.append_column("row_id", pa.array(np.arange(n))).append_column(
        "version", pa.array(np.ones(n, np.int64))
    )
    builder = SegmentBuilder(Rates("USD", "2026-01-31", {}))
    for batch in stored.select(STORED_LISTING.names).cast(STORED_LISTING).to_batches():
        builder.add(batch)
    columns = builder.finish()
    phrases = collect_phrases(columns.tokens["title"], columns.vocabulary, columns.labels)
    save_words(folder, columns, phrases)
    neighbours = Neighbours(columns.postings, columns.title_offsets, columns.title_stems)
    return load_words(folder, Synonyms.parse("", words=words, key=stem), neighbours).lexicon


def meant(query: SimQuery) -> Facts:
    """(attribute, value, wanted or not) and price limits of the truth."""
    facts: Facts = {(CATEGORY if f == "root" else f, v, True) for f, v in query.wanted}
    facts |= {(f, v, False) for f, v in query.unwanted}
    return facts | prices(query.price_min_micros, query.price_max_micros)


def understood(parsed: ParsedQuery) -> Facts:
    """The same of what was understood; sizes are written as the truth writes them."""
    facts: Facts = {(w.field, w.value, True) for w in parsed.wanted}
    facts |= {(w.field, w.value, False) for w in parsed.unwanted}
    for s in parsed.sizes:
        if s.attribute in ("width", "height") and (s.min is None) != (s.max is None):
            limit = f"<={s.max:g}" if s.min is None else f">={s.min:g}"
            facts.add((f"{s.attribute}_{s.unit}", limit, True))
    return facts | prices(parsed.price_min_micros, parsed.price_max_micros)


def prices(low: int | None, high: int | None) -> Facts:
    return {("price", sign, x) for sign, x in ((">=", low), ("<=", high)) if x is not None}


def f1(pairs) -> float:
    both = sum(len(m & u) for m, u in pairs)
    return 2 * both / sum(len(m) + len(u) for m, u in pairs)


def test_f1_of_attributes_and_limits(world):
    """On 300 queries of all kinds, micro F1 of exact (attribute, value, wanted or not, limit) >= .9."""
    queries = generate_queries(world[0], n=300, seed=5)
    pairs = [(meant(q), understood(understand(q.text, lexicon=world[1]))) for q in queries]
    assert f1(pairs) >= 0.9


def test_limits_and_negations_are_nearly_always_right(world):
    """Of the queries with a limit or a refusal, these alone have an F1 of at least .95 and .9."""
    for kind, least in (("limited", 0.95), ("negated", 0.9)):
        queries = generate_queries(world[0], n=150, seed=6, kinds=(kind,))
        pairs = []
        for q in queries:
            facts = meant(q), understood(understand(q.text, lexicon=world[1]))
            pairs.append(
                tuple(
                    {f for f in fs if f[0] == "price" or f[2] is False or f[0].endswith("_cm")}
                    for fs in facts
                )
            )
        assert f1(pairs) >= least
