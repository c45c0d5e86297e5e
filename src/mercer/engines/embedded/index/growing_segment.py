"""A segment of the delta: it is made anew as listings come, and each listing is read once."""

from collections.abc import Sequence
from typing import Protocol, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.index.delta_words import DeltaWords
from mercer.engines.embedded.index.vector_screened import Codes, ScreenedIndex
from mercer.features.boundary import BoundaryColumns, joined_columns
from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import Bits
from mercer.retrieve.documents import Documents
from mercer.retrieve.segment import Segment
from mercer.retrieve.segment_build import SegmentBuilder
from mercer.schema.money import Rates
from mercer.text.encoder import Encoder
from mercer.text.word_count import count_words

F32s = npt.NDArray[np.float32]


class ListingReader(Protocol):
    """What makes columns of listings for one plan of features."""

    @property
    def hash(self) -> str:
        """Of the plan."""

    def of_listings(self, listings: pa.Table) -> BoundaryColumns:
        """Of rows of LISTING, in that order."""


@final
class GrowingSegment:
    """Listings, dead ones among them, from which `finish` makes a segment as often as it is asked.

    What a listing costs (words, labels, vector) is paid when it is added; `finish` only sorts and
    inverts what is there. Not thread-safe; the segments that it made never change.

    Args:
        words: knows what was there before the delta.
    """

    def __init__(self, rates: Rates, encoder: Encoder, words: DeltaWords) -> None:
        self._builder = SegmentBuilder(rates, is_growing=True, base_code=words.code_of)
        self._encoder, self._is_known = encoder, words.is_known
        self._unknown_codes: list[int] = []
        self.unknown: dict[str, int] = {}  # words that are not known -> listings, dead ones too
        self._vectors = np.zeros((0, encoder.dim), np.float32)  # as the last segment has them
        self._codes = Codes.of(self._vectors)
        self._place = np.zeros(0, np.int64)  # there, of each listing
        self._is_dead = np.zeros(0, np.bool_)
        self._columns: dict[str, BoundaryColumns] = {}  # by plan, of the first listings

    def __len__(self) -> int:
        return len(self._is_dead)

    @property
    def n_alive(self) -> int:
        """Listings that were not killed."""
        return len(self._is_dead) - int(np.count_nonzero(self._is_dead))

    def add(self, listings: pa.RecordBatch, vectors: F32s | None = None) -> None:
        """Rows of STORED_LISTING.

        Args:
            vectors: (n, dim), where they are known.
        """
        vocabulary, n_words = self._builder.vocabulary, len(self._builder.vocabulary)
        tokens, new_words = self._builder.add(listings)
        unknown = [i for i, word in enumerate(new_words, n_words) if not self._is_known(word)]
        self._unknown_codes += unknown
        if self._unknown_codes:
            counts = count_words(list(tokens.values()), n_words=len(vocabulary))
            of_unknown = counts[self._unknown_codes]
            for i in np.flatnonzero(of_unknown).tolist():
                word = vocabulary[self._unknown_codes[i]]
                self.unknown[word] = self.unknown.get(word, 0) + int(of_unknown[i])
        if vectors is None:
            vectors = self._encoder.encode_listings(listings, tokens, vocabulary)
        places = np.arange(len(self._vectors), len(self._vectors) + len(vectors))
        self._vectors = np.concatenate([self._vectors, vectors])
        self._codes = Codes.joined([self._codes, Codes.of(vectors)])
        self._place = np.concatenate([self._place, places])
        self._is_dead = np.concatenate([self._is_dead, np.zeros(len(listings), np.bool_)])

    def take_in(self, other: "GrowingSegment") -> None:
        """Add what is alive in another one."""
        alive = np.flatnonzero(~other._is_dead)
        if len(alive):
            rows = other._builder.listings().take(pa.array(alive)).combine_chunks()
            self.add(rows.to_batches()[0], other._vectors[other._place[alive]])

    def kill(self, listings: npt.NDArray[np.int64]) -> None:
        """Listings, by their place in the order of arrival, that stand here no more."""
        self._is_dead[listings] = True

    def columns(self, reader: ListingReader) -> BoundaryColumns:
        """What a plan keeps of each listing, in the order of arrival; each is read once."""
        have = self._columns.get(reader.hash)
        known: Sequence[BoundaryColumns] = () if have is None else (have,)
        first = 0 if have is None else have.n
        if have is None or first < len(self):
            fresh = reader.of_listings(self._builder.listings().slice(first))
            have = self._columns[reader.hash] = joined_columns([*known, fresh])
        return have

    def forget(self, plan_hash: str) -> None:
        """Keep the columns of that plan no longer."""
        self._columns.pop(plan_hash, None)

    def finish(self) -> tuple[Segment, Bits]:
        """The segment, and which of its rows are alive."""
        columns = self._builder.finish()
        order = columns.document_row
        # The same arrays for both: the segment's, and what the next one is made from.
        places = self._place[order]
        self._vectors, self._codes = self._vectors[places], self._codes.taken(places)
        self._place[order] = np.arange(len(order))
        segment = Segment(
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
            document_row=order,
            vectors=ScreenedIndex(self._vectors, self._codes),
            text=None,
        )
        return segment, bitmap.of_mask(~self._is_dead[order])
