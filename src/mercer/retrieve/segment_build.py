"""From a stream of listings to the columns of a segment."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.retrieve.label_build import LabelCollector
from mercer.retrieve.posting_build import (
    NOTHING_SAID,
    SaidStems,
    build_postings,
    joined_stems,
    postings_of,
    said_stems,
)
from mercer.retrieve.prior import quality_prior
from mercer.retrieve.segment import (
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
from mercer.schema.price_column import reporting_price
from mercer.text.analyze import Tokeniser, Tokens, stem_many
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

    A listing is looked at once, when it is added: `finish` may be called after every batch.

    Args:
        rates: turns prices into the reporting currency; a price it cannot turn counts as unknown.
        is_growing: `finish` will be called often: keep what makes it cheap.
        base_code: the code of a field's value in another segment, -1 where it has none; labels then
            know theirs.
    """

    rates: Rates
    is_growing: bool = False
    base_code: Callable[[str, str], int] | None = None
    _tokeniser: Tokeniser = field(default_factory=Tokeniser)
    _words: list[str] = field(default_factory=list)  # the vocabulary
    _stems: dict[str, int] = field(default_factory=dict)  # numbers as they come
    _stem_of: list[int] = field(default_factory=list)  # number of each word's stem
    _said: SaidStems = NOTHING_SAID  # where it is growing
    _labels: LabelCollector = field(default_factory=LabelCollector)
    _tokens: dict[str, list[Tokens]] = field(default_factory=lambda: {f: [] for f in TEXT_FIELDS})
    _columns: dict[str, list[npt.NDArray[Any]]] = field(default_factory=lambda: defaultdict(list))
    _documents: list[pa.RecordBatch] = field(default_factory=list)

    def add(self, listings: pa.RecordBatch) -> tuple[Mapping[str, Tokens], Sequence[str]]:
        """Rows of STORED_LISTING, each listing once over all batches.

        Returns:
            The words of each text field, and the words that the vocabulary has grown by.
        """
        found = listing_tokens(listings, self._tokeniser)
        for name, tokens in found.items():
            self._tokens[name].append(tokens)
        new_words = self._tokeniser.vocabulary(start=len(self._words))
        self._words += new_words
        numbers = self._stems
        self._stem_of += [numbers.setdefault(s, len(numbers)) for s in stem_many(new_words)]
        if self.is_growing:
            fields = [found[name] for name in TEXT_FIELDS]
            said = said_stems(fields, len(numbers), np.array(self._stem_of, np.int32))
            self._said = joined_stems(self._said, said)
        self._labels.add(listings, base_code=self.base_code)
        self._columns["row_id"].append(np.asarray(listings.column("row_id")))
        self._columns["prior"].append(quality_prior(listings))
        for name in NUMBER_COLUMNS:
            self._columns[name].append(_number(listings, name, self.rates))
        self._keep(listings)
        return found, new_words

    def _keep(self, listings: pa.RecordBatch) -> None:
        """Small batches are put together, so that a page's rows lie in few."""
        if self._documents and len(self._documents[-1]) + len(listings) <= _SMALL_ROWS:
            listings = pa.concat_batches([self._documents.pop(), listings])
        self._documents.append(listings)

    @property
    def vocabulary(self) -> Sequence[str]:
        """The word of each code so far; grows."""
        return self._words

    def listings(self) -> pa.Table:
        """STORED_LISTING rows in order of arrival."""
        return pa.Table.from_batches(self._documents, self._documents[0].schema)

    def documents(self) -> pa.Table:
        """LISTING rows in order of arrival."""
        return self.listings().select(LISTING.names)

    def finish(self) -> SegmentColumns:
        """The columns over all that was added."""
        columns = {name: _whole(parts) for name, parts in self._columns.items()}
        row_id, prior = columns["row_id"], columns["prior"]
        order = np.lexsort((row_id, -prior))
        tokens = {name: _concatenated(parts) for name, parts in self._tokens.items()}
        for name, whole in tokens.items():
            self._tokens[name] = [whole]
        postings, stem_of, labels = self._inverted(tokens, order)
        lengths = np.stack([np.diff(tokens[f].offsets)[order] for f in TEXT_FIELDS], axis=1)
        title_offsets, title_words = _reordered(tokens["title"], order)
        return SegmentColumns(
            n=len(order),
            row_id=row_id[order],
            prior=prior[order],
            numbers={name: columns[name][order] for name in NUMBER_COLUMNS},
            postings=postings,
            lengths=np.ascontiguousarray(np.minimum(lengths, 65_535).astype(np.uint16)),
            title_offsets=title_offsets,
            title_stems=stem_of[title_words],
            labels=labels,
            documents=self.documents(),
            document_row=order,
            tokens=tokens,
            vocabulary=tuple(self._words),
            stem_of=stem_of,
        )

    def _inverted(self, tokens: Mapping[str, Tokens], order: I64s) -> tuple[Postings, I32s, Labels]:
        """Postings, the code of each word's stem, and labels."""
        stem_of_word = np.array(self._stem_of, np.int32)
        if self.is_growing:
            postings, place = postings_of(self._said, self._stems, order)
            return postings, place[stem_of_word], self._labels.finish(order)
        fields = [tokens[name] for name in TEXT_FIELDS]
        with ThreadPoolExecutor(1) as beside:  # the kernels of both release the GIL
            labels = beside.submit(self._labels.finish, order)
            postings, stem_of = build_postings(fields, list(self._stems), stem_of_word, order)
            return postings, stem_of, labels.result()


_SMALL_ROWS = 4_096  # of a batch that is worth copying to have one fewer


def _whole(parts: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """One array of the parts, which it replaces."""
    whole: npt.NDArray[Any] = np.concatenate(parts)
    parts[:] = [whole]
    return whole


def _number(listings: pa.RecordBatch, name: str, rates: Rates) -> npt.NDArray[Any]:
    if name == "price":
        return reporting_price(listings, rates)
    column = listings.column(name)
    if name == "rating":
        column = pc.fill_null(column, float("nan"))
    return np.asarray(column).astype(NUMBER_COLUMNS[name])


def _concatenated(parts: Sequence[Tokens]) -> Tokens:
    lengths = [np.diff(part.offsets) for part in parts]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return Tokens(offsets, np.concatenate([part.codes for part in parts]))


def _reordered(tokens: Tokens, order: I64s) -> tuple[I64s, I32s]:
    lengths = np.diff(tokens.offsets)[order]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    source = np.repeat(tokens.offsets[:-1][order] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return offsets, tokens.codes[source]
