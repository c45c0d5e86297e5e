"""The embedded index: a generation, and a delta of small exact segments for what changed since.

A change takes effect in three steps under one lock: the old place of the listing dies (its bit in a
fresh copy of its segment's bitmap), the youngest segment is rebuilt with the new content, and a new
snapshot is published by one assignment. Searches go on over the snapshot that they began with.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.index.generation import Generation, is_for_sale
from mercer.engines.embedded.index.vector_exact import ExactIndex
from mercer.rank.first_pass import mean_lengths
from mercer.retrieve import bitmap
from mercer.retrieve.documents import Documents
from mercer.retrieve.filter_match import spelled_number
from mercer.retrieve.filter_schema import LISTING_FIELDS, FieldKind, FilterSchema
from mercer.retrieve.index import ListingIndex, Place, Snapshot
from mercer.retrieve.label_build import CATEGORY_SEPARATOR
from mercer.retrieve.layered_lexicon import LayeredLexicon
from mercer.retrieve.lexicon import TableLexicon
from mercer.retrieve.lexicon_build import query_values
from mercer.retrieve.match import Part
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.segment import Labels, Segment
from mercer.retrieve.segment_build import SegmentBuilder, SegmentColumns
from mercer.schema.catalogue import STORED_LISTING
from mercer.schema.money import Rates
from mercer.text.word_count import count_words

YOUNG_ROWS = (
    64  # a young segment that has more is sealed: it is not rebuilt at each change any more
)
# Sealed segments are put together as long as the older one is at most twice as large: n changes leave
# about log2(n / YOUNG_ROWS) segments, and each listing is built as often.
MAX_JOINED_ROWS = 8_192  # a larger one takes so long to build that changes would wait for it
_ROW_BITS = 32
F64s = npt.NDArray[np.float64]
Values = tuple[list[str], list[str], npt.NDArray[np.int64]]
"""(field, value, listings) of labels that a query may name."""
_NO_VALUES: Values = ([], [], np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class _Piece:
    serial: int  # never reused
    part: Part
    lengths: F64s
    values: Values = _NO_VALUES  # that the generation does not have


def _is_to_join(n_older: int, n_newer: int) -> bool:
    """Whether a segment is built anew together with what comes after it."""
    if n_older <= YOUNG_ROWS:
        return True
    return YOUNG_ROWS < n_newer <= MAX_JOINED_ROWS - n_older and n_older <= 2 * n_newer


@final
class LiveIndex:
    """A generation and its delta. Thread-safe; one writer at a time."""

    def __init__(self, generation: Generation, rates: Rates) -> None:
        self._lock = threading.Lock()
        self._rates = rates
        self._start(generation)
        self._publish()

    def _start(self, generation: Generation) -> None:
        segment = generation.segment
        self._generation = generation
        self._version = generation.manifest.version
        self._serial = 0
        alive = bitmap.full(segment.n)
        self._pieces = [
            _Piece(0, Part(segment, alive, generation.references), mean_lengths(segment.lengths))
        ]
        self._where = np.full(int(segment.row_id.max(initial=-1)) + 1, -1, np.int64)
        self._where[segment.row_id] = np.arange(segment.n)
        self._base_kinds = attribute_kinds(segment.labels)
        self._kinds = dict(self._base_kinds)
        self._categories = _categories(segment.labels)
        self._delta_words: dict[str, int] = {}

    def snapshot(self) -> Snapshot:
        """What can be searched now."""
        return self._snapshot

    def n_delta(self) -> int:
        """Listings that stand in the delta."""
        return sum(bitmap.count(piece.part.alive) for piece in self._pieces[1:])

    def places(self, row_ids: Sequence[int]) -> list[Place | None]:
        """Where listings stand now."""
        with self._lock:
            segments = {piece.serial: piece.part.segment for piece in self._pieces}
            found: list[Place | None] = []
            for row_id in row_ids:
                at = int(self._where[row_id]) if row_id < len(self._where) else -1
                place = Place(segments[at >> _ROW_BITS], at & 0xFFFF_FFFF) if at >= 0 else None
                found.append(place)
            return found

    def apply(self, changes: pa.RecordBatch) -> None:
        """Take in rows of CHANGED_LISTING; they are searchable when this returns."""
        if not len(changes):
            return
        with self._lock:
            self._take_in(changes)
            self._publish()

    def replace(self, generation: Generation, changes: Iterable[pa.RecordBatch]) -> None:
        """Serve a newer generation, with what changed since it was read, in one step or not at all."""
        fresh = LiveIndex(generation, self._rates)
        for batch in changes:
            fresh.apply(batch)
        self.take_over(fresh)

    def take_over(self, fresh: "LiveIndex") -> None:
        """Be what another index is, in one step; that one is not to be used any more."""
        state = {name: value for name, value in vars(fresh).items() if name != "_lock"}
        with self._lock:
            vars(self).update(state)

    def _take_in(self, changes: pa.RecordBatch) -> None:
        self._kill(np.asarray(changes.column("row_id")))
        fresh = changes.filter(is_for_sale(changes)).select(STORED_LISTING.names)
        if len(fresh):
            self._add(fresh)
        self._version = max(self._version, int(np.asarray(changes.column("version")).max()))

    def _kill(self, row_ids: npt.NDArray[np.int64]) -> None:
        """Take listings out wherever they stand."""
        known = row_ids[row_ids < len(self._where)]
        places = self._where[known]
        places = places[places >= 0]
        self._where[known] = -1
        for i, piece in enumerate(self._pieces):
            mine = places[places >> _ROW_BITS == piece.serial]
            if len(mine):
                alive = piece.part.alive.copy()
                bitmap.clear_rows(alive, (mine & 0xFFFF_FFFF).astype(np.uint32))
                self._pieces[i] = replace(piece, part=replace(piece.part, alive=alive))

    def _add(self, fresh: pa.RecordBatch) -> None:
        """Put listings into the youngest segment; seal and merge where that has grown."""
        merged, n = [fresh], len(fresh)
        while len(self._pieces) > 1 and _is_to_join(self._pieces[-1].part.segment.n, n):
            merged.insert(0, standing(self._pieces.pop().part))
            n += len(merged[0])
        columns = _columns(merged, self._rates)
        segment = self._segment(columns)
        self._serial += 1
        part = Part(segment, bitmap.full(segment.n))
        base = self._generation.segment.labels
        values = new_values(segment.labels, base, self._categories)
        self._pieces.append(_Piece(self._serial, part, mean_lengths(segment.lengths), values))
        self._locate(segment.row_id)
        self._learn_words(columns)

    def _locate(self, row_id: npt.NDArray[np.int64]) -> None:
        top = int(row_id.max()) + 1
        if top > len(self._where):
            larger = np.full(max(top, len(self._where) * 5 // 4), -1, np.int64)
            larger[: len(self._where)] = self._where
            self._where = larger
        self._where[row_id] = (self._serial << _ROW_BITS) | np.arange(len(row_id))

    def _segment(self, columns: SegmentColumns) -> Segment:
        vectors = self._generation.encoder.encode_listings(
            columns.documents, columns.tokens, columns.vocabulary
        )
        return Segment(
            n=columns.n,
            row_id=columns.row_id,
            prior=columns.prior,
            numbers=columns.numbers,
            postings=columns.postings,
            lengths=columns.lengths,
            title_offsets=columns.title_offsets,
            title_stems=columns.title_stems,
            labels=columns.labels,
            documents=Documents(columns.documents),
            document_row=columns.document_row,
            vectors=ExactIndex(vectors[columns.document_row]),
            text=None,
        )

    def _learn_words(self, columns: SegmentColumns) -> None:
        """Words and attributes that are new are known from now on; a count is a lower bound."""
        counts = count_words(list(columns.tokens.values()), n_words=len(columns.vocabulary))
        base = self._generation.words.lexicon
        for word, n in zip(columns.vocabulary, counts.tolist(), strict=True):
            if not base.count(word):
                self._delta_words[word] = max(n, self._delta_words.get(word, 0))
        for name, kind in attribute_kinds(columns.labels).items():
            if name not in self._base_kinds:
                self._kinds[name] = kind

    def _publish(self) -> None:
        names, values, counts = [], [], []
        for piece in self._pieces[1:]:
            name, value, count = piece.values
            names += name
            values += value
            counts.append(count)
        words = dict(self._delta_words)
        delta = TableLexicon.from_columns(
            list(words),
            np.array(list(words.values()), np.int64),
            names,
            values,
            np.concatenate(counts) if counts else np.zeros(0, np.int64),
        )
        generation = self._generation
        self._snapshot = Snapshot(
            generation=generation.manifest.name,
            version=self._version,
            parts=tuple(piece.part for piece in self._pieces),
            lengths=tuple(piece.lengths for piece in self._pieces),
            encoder=generation.encoder,
            threshold=generation.manifest.threshold,
            lexicon=LayeredLexicon(generation.words.lexicon, delta),
            suggestions=generation.words.suggestions,
            fields=FilterSchema(attributes=dict(self._kinds)),
        )


def standing(part: Part) -> pa.RecordBatch:
    """STORED_LISTING rows of what is alive in a part."""
    segment = part.segment
    rows = bitmap.rows_of(part.alive)
    listings = segment.documents.take(segment.document_row[rows])
    columns = {name: listings.column(name).combine_chunks() for name in listings.column_names}
    columns["row_id"] = pa.array(segment.row_id[rows])
    columns["version"] = pa.array(np.zeros(len(rows), np.int64))  # not needed any more
    return pa.RecordBatch.from_arrays(
        [columns[name] for name in STORED_LISTING.names], schema=STORED_LISTING
    )


def new_values(labels: Labels, base: Labels, categories: frozenset[str]) -> Values:
    """What a query may name and the base does not have.

    Args:
        categories: the base's, each by its own name.
    """
    fields, values, counts = query_values(labels)
    spans = {name: base.span(name) for name in base.fields if name != CATEGORY}
    is_new = np.ones(len(fields), np.bool_)
    for i, (name, value) in enumerate(zip(fields, values, strict=True)):
        if name == CATEGORY:
            is_new[i] = value not in categories
        elif (span := spans.get(name)) is not None:
            is_new[i] = base.values.find(value, low=span.start, high=span.stop) < 0
    at = np.flatnonzero(is_new)
    return [fields[i] for i in at], [values[i] for i in at], counts[at]


def _categories(labels: Labels) -> frozenset[str]:
    """All categories, each by its own name."""
    if CATEGORY not in labels.fields:
        return frozenset()
    span = labels.span(CATEGORY)
    paths = labels.values.column.slice(span.start, len(span)).to_pylist()
    return frozenset(path.split(CATEGORY_SEPARATOR)[-1] for path in paths)


def _columns(batches: Sequence[pa.RecordBatch], rates: Rates) -> SegmentColumns:
    builder = SegmentBuilder(rates)
    for batch in batches:
        builder.add(batch)
    return builder.finish()


_SAMPLE = 1_000  # values that decide whether an attribute is a number


def attribute_kinds(labels: Labels) -> dict[str, FieldKind]:
    """The attributes that a filter may name; one is a number where nine of ten values are."""
    kinds = {}
    for name in labels.fields:
        if name in LISTING_FIELDS:
            continue
        span = labels.span(name)
        sample = labels.values.column.slice(span.start, min(len(span), _SAMPLE)).to_pylist()
        n_numbers = sum(spelled_number(value) is not None for value in sample)
        kind = FieldKind.NUMBER if n_numbers >= 0.9 * len(sample) else FieldKind.TEXT
        kinds[name.removeprefix("attributes.")] = kind
    return kinds


_conforms: type[ListingIndex] = LiveIndex
