"""The role "index": what can be searched now, and how changes get into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.retrieve.filter_schema import FilterSchema
from mercer.retrieve.lexicon import Lexicon
from mercer.retrieve.match import Part
from mercer.retrieve.segment import Segment
from mercer.retrieve.suggestion import SuggestionTable
from mercer.text.encoder import Encoder

F64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The index at one moment. Immutable: a search sees one snapshot from beginning to end."""

    generation: str
    version: int  # of the catalogue, the delta included
    parts: tuple[Part, ...]  # the generation first, then the delta
    lengths: tuple[F64s, ...]  # (4,) mean words of each text field, by part
    encoder: Encoder
    threshold: float  # cosine above which a semantic hit matches
    lexicon: Lexicon
    suggestions: SuggestionTable
    fields: FilterSchema

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of all parts."""
        return tuple(part.segment for part in self.parts)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing stands now."""

    segment: Segment
    row: int


class ListingIndex(Protocol):
    """A searchable view of the catalogue.

    Laws (tests/contract/test_listing_index.py):
    1. what `apply` was given is in the next `snapshot`, and what it took out is not;
    2. a snapshot never changes, also while changes are applied and generations replaced;
    3. after any sequence of changes it matches what an index built anew from the catalogue matches;
    4. a listing stands at one place at most.
    """

    def snapshot(self) -> Snapshot:
        """What can be searched now."""
        ...

    def apply(self, changes: pa.RecordBatch) -> None:
        """Take in rows of CHANGED_LISTING, in the order of their versions."""
        ...

    def places(self, row_ids: Sequence[int]) -> list[Place | None]:
        """Where listings stand now; None for those that are not for sale any more."""
        ...

    def n_delta(self) -> int:
        """Listings that stand in the delta, not in the generation."""
        ...
