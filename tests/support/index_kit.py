"""Segments, generations and live indexes in memory, from listings given as JSON objects."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.index.generation import Generation, Manifest
from mercer.engines.embedded.index.lexicon_files import Words
from mercer.engines.embedded.index.live_index import LiveIndex
from mercer.engines.embedded.index.vector_exact import ExactIndex
from mercer.retrieve.documents import Documents
from mercer.retrieve.facet_reference import count_references
from mercer.retrieve.lexicon import TableLexicon
from mercer.retrieve.lexicon_build import query_values
from mercer.retrieve.segment import Segment
from mercer.retrieve.segment_build import SegmentBuilder, SegmentColumns
from mercer.retrieve.suggestion import Phrases, SuggestionTable
from mercer.schema.catalogue import CHANGED_LISTING, STORED_LISTING
from mercer.schema.money import Rates
from mercer.text.analyze import stem
from mercer.text.completion import Completer
from mercer.text.speller import Speller
from mercer.text.word_count import count_words
from support.listing_rows import listing_rows

RATES = Rates("USD", "2026-01-31", {"EUR": 1.25})
DIM = 16


def changed_rows(
    items: Sequence[Mapping[str, Any]], row_ids: Sequence[int], *, version: int = 1
) -> pa.RecordBatch:
    """CHANGED_LISTING rows; an item with `is_deleted` is a tombstone."""
    plain = [{k: v for k, v in item.items() if k != "is_deleted"} for item in items]
    rows = listing_rows(*plain)
    deleted = [bool(item.get("is_deleted", False)) for item in items]
    n = len(items)
    extra = [pa.array(row_ids, pa.int64()), pa.array([version] * n, pa.int64()), pa.array(deleted)]
    return pa.RecordBatch.from_arrays([*rows.columns, *extra], schema=CHANGED_LISTING)


class BagEncoder:
    """An Encoder of which every number can be told: stems hashed into DIM directions."""

    name, dim = "bag", DIM

    def encode_listings(self, listings: Any, tokens: Any, vocabulary: Sequence[str]) -> Any:
        out = np.zeros((len(listings), DIM), np.float32)
        for field in tokens.values():
            for row in range(len(listings)):
                for code in field.codes[field.offsets[row] : field.offsets[row + 1]].tolist():
                    out[row] += _direction(vocabulary[code])
        return _unit(out)

    def encode_query(
        self, text: str, words: Sequence[str], weights: Sequence[float] | None = None
    ) -> Any:
        out = np.zeros((1, DIM), np.float32)
        for word in words:
            out[0] += _direction(word)
        return _unit(out)[0]


def _direction(word: str) -> Any:
    rng = np.random.default_rng(zlib.crc32(stem(word).encode()))
    return rng.normal(size=DIM).astype(np.float32)


def _unit(vectors: Any) -> Any:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)


def columns_of(changes: pa.RecordBatch, *, batch_rows: int = 1_000) -> SegmentColumns:
    """A segment's columns over rows that are all for sale."""
    builder = SegmentBuilder(RATES)
    stored = changes.select(STORED_LISTING.names)
    for first in range(0, max(len(stored), 1), batch_rows):
        builder.add(stored.slice(first, batch_rows))
    return builder.finish()


def segment_of(columns: SegmentColumns, *, encoder: Any = None, text: Any = None) -> Segment:
    """The segment over those columns, its vectors compared one by one."""
    encoder = encoder or BagEncoder()
    vectors = encoder.encode_listings(columns.documents, columns.tokens, columns.vocabulary)
    made_here = ("vectors", "text", "documents")
    names = [f for f in Segment.__dataclass_fields__ if f not in made_here]
    return Segment(
        **{name: getattr(columns, name) for name in names},
        documents=Documents(columns.documents),
        vectors=ExactIndex(np.ascontiguousarray(vectors[columns.document_row])),
        text=text,
    )


_SPELLER = Speller.build(["thing"], np.array([1]))
_PHRASES = Phrases(pa.array(["thing"]), np.zeros(1, np.int8), np.ones(1, np.int64))
_SUGGESTIONS = SuggestionTable(_PHRASES, Completer.build(_PHRASES.text, _PHRASES.count), _SPELLER)


def generation_of(
    changes: pa.RecordBatch, *, name: str = "g-1", version: int = 1, threshold: float = 0.55
) -> Generation:
    """A generation in memory whose lexicon corrects nothing."""
    columns = columns_of(changes)
    counts = count_words(list(columns.tokens.values()), n_words=len(columns.vocabulary))
    lexicon = TableLexicon.from_columns(columns.vocabulary, counts, *query_values(columns.labels))
    manifest = Manifest(
        format=1, name=name, version=version, n=columns.n, encoder="bag", dim=DIM,
        threshold=threshold, currency="USD", rates_as_of="", files={},
    )  # fmt: skip
    segment, words = segment_of(columns), Words(lexicon, _SPELLER, _SUGGESTIONS)
    return Generation(manifest, segment, BagEncoder(), words, count_references(segment))


def with_text(index: LiveIndex, text: Any) -> None:
    """Give the generation's segment a text index (the rows of which are its own)."""
    first = index._pieces[0]
    part = replace(first.part, segment=replace(first.part.segment, text=text))
    index._pieces[0] = replace(first, part=part)
    index._publish()
