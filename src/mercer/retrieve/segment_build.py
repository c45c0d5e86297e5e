"""From a stream of listings to the columns of a segment."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.retrieve.label_build import LabelCollector
from mercer.retrieve.posting_build import build_postings
from mercer.retrieve.prior import quality_prior
from mercer.retrieve.segment import (
    NO_PRICE,
    NUMBER_COLUMNS,
    F32s,
    I32s,
    I64s,
    Labels,
    Postings,
    U16s,
)
from mercer.schema.listing import LISTING
from mercer.schema.money import Rates
from mercer.text.analyze import Tokeniser, Tokens
from mercer.text.listing_text import TEXT_FIELDS, listing_tokens


@dataclass(frozen=True, slots=True)
class SegmentColumns:
    """All of a segment but its vectors and its text index, which the engine makes from `tokens`."""

    n: int
    row_id: I64s
    prior: F32s
    numbers: Mapping[str, npt.NDArray[Any]]
    postings: Postings
    lengths: U16s
    title_offsets: I64s
    title_stems: I32s
    labels: Labels
    documents: pa.Table
    document_row: I64s  # (n,) listing (in order of arrival) of each row
    tokens: Mapping[str, Tokens]  # by listing, in order of arrival
    vocabulary: Sequence[str]
    stem_of: I32s  # (n_words,) code of each word's stem


@dataclass(slots=True)
class SegmentBuilder:
    """Takes batches of live listings; `finish` gives the columns.

    Args:
        rates: turns prices into the reporting currency; a price it cannot turn counts as unknown.
    """

    rates: Rates
    _tokeniser: Tokeniser = field(default_factory=Tokeniser)
    _labels: LabelCollector = field(default_factory=LabelCollector)
    _tokens: dict[str, list[Tokens]] = field(default_factory=lambda: {f: [] for f in TEXT_FIELDS})
    _documents: list[pa.RecordBatch] = field(default_factory=list)

    def add(self, listings: pa.RecordBatch) -> tuple[Mapping[str, Tokens], Sequence[str]]:
        """Rows of STORED_LISTING, each listing once over all batches.

        Returns:
            The words of each text field, and the words that the vocabulary has grown by.
        """
        n_words = len(self._tokeniser)
        found = listing_tokens(listings, self._tokeniser)
        for name, tokens in found.items():
            self._tokens[name].append(tokens)
        self._labels.add(listings)
        self._documents.append(listings)
        return found, self._tokeniser.vocabulary(start=n_words)

    def documents(self) -> pa.Table:
        """LISTING rows in order of arrival."""
        table = pa.Table.from_batches(self._documents, self._documents[0].schema)
        return table.select(LISTING.names)

    def finish(self) -> SegmentColumns:
        """The columns over all that was added."""
        table = pa.Table.from_batches(self._documents, self._documents[0].schema)
        row_id = np.asarray(table.column("row_id"))
        prior = quality_prior(table)
        order = np.lexsort((row_id, -prior))
        tokens = {name: _concatenated(parts) for name, parts in self._tokens.items()}
        vocabulary = self._tokeniser.vocabulary()
        with ThreadPoolExecutor(1) as beside:  # the kernels of both release the GIL
            labels = beside.submit(self._labels.finish, order)
            postings, stem_of = build_postings([tokens[f] for f in TEXT_FIELDS], vocabulary, order)
            lengths = np.stack([np.diff(tokens[f].offsets)[order] for f in TEXT_FIELDS], axis=1)
            title_offsets, title_words = _reordered(tokens["title"], order)
            numbers = {name: self._number(table, name)[order] for name in NUMBER_COLUMNS}
        return SegmentColumns(
            n=len(table),
            row_id=row_id[order],
            prior=prior[order],
            numbers=numbers,
            postings=postings,
            lengths=np.ascontiguousarray(np.minimum(lengths, 65_535).astype(np.uint16)),
            title_offsets=title_offsets,
            title_stems=stem_of[title_words],
            labels=labels.result(),
            documents=self.documents(),
            document_row=order,
            tokens=tokens,
            vocabulary=vocabulary,
            stem_of=stem_of,
        )

    def _number(self, table: pa.Table, name: str) -> npt.NDArray[Any]:
        if name == "price":
            return reporting_price(table, self.rates)
        column = table.column(name)
        if name == "rating":
            column = pc.fill_null(column, float("nan"))
        return np.asarray(column).astype(NUMBER_COLUMNS[name])


def reporting_price(listings: pa.Table | pa.RecordBatch, rates: Rates) -> I64s:
    """(n,) price in micros of the reporting currency; NO_PRICE where unknown or not convertible."""
    price = np.asarray(pc.fill_null(listings.column("price_micros"), NO_PRICE)).astype(np.int64)
    currency = listings.column("currency")
    out = np.full(len(price), NO_PRICE, np.int64)
    for code in pc.unique(currency).to_pylist():
        rate = rates.rate(rates.reporting if code is None else code)
        if rate is None:
            continue
        same = (
            pc.is_null(currency) if code is None else pc.fill_null(pc.equal(currency, code), False)
        )
        mine = np.asarray(same) & (price >= 0)
        out[mine] = price[mine] if rate == 1.0 else np.rint(price[mine] * rate).astype(np.int64)
    return out


def _concatenated(parts: Sequence[Tokens]) -> Tokens:
    lengths = [np.diff(part.offsets) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return Tokens(offsets, np.concatenate([part.codes for part in parts]))


def _reordered(tokens: Tokens, order: I64s) -> tuple[I64s, I32s]:
    lengths = np.diff(tokens.offsets)[order]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    source = np.repeat(tokens.offsets[:-1][order] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return offsets, tokens.codes[source]
