"""The embedded index: a generation, and a delta of small exact segments for what changed since.

A change takes effect in three steps under one lock: the old place of the listing dies (its bit in a
fresh copy of its segment's bitmap), the youngest segment is rebuilt with the new content, and a new
snapshot is published by one assignment. Searches go on over the snapshot that they began with.

Where taking in fails half way, the last snapshot stays, and the index is to be made anew (`is_torn`).
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.index.delta_words import NO_VALUES, DeltaWords, Values
from mercer.engines.embedded.index.generation import Generation, is_for_sale
from mercer.engines.embedded.index.growing_segment import GrowingSegment
from mercer.features.boundary import BoundaryColumns
from mercer.rank.first_pass import mean_lengths
from mercer.retrieve import bitmap
from mercer.retrieve.index import ListingIndex, Place, Snapshot
from mercer.retrieve.match import Part
from mercer.retrieve.part_columns import PartColumns
from mercer.retrieve.segment import Segment
from mercer.schema.catalogue import STORED_LISTING
from mercer.schema.money import Rates

# The youngest segment takes changes in until it has more listings than this. Then it is joined to the
# one before it, so that a delta has two segments as long as it is not large.
YOUNG_ROWS = 1_024
MAX_JOINED_ROWS = 32_768  # a larger one takes so long to make that changes would wait for it
_ROW_BITS = 32
F64s = npt.NDArray[np.float64]
I64s = npt.NDArray[np.int64]


class ColumnMaker(Protocol):
    """Makes what one plan of features keeps of each listing."""

    @property
    def hash(self) -> str:
        """Of the plan."""

    def of_generation(self, generation: Generation) -> PartColumns | None:
        """Those of a generation; None where they were not made yet."""

    def of_listings(self, listings: pa.Table) -> BoundaryColumns:
        """Of rows of LISTING, in that order."""

    def beside(self, segment: Segment, listings: BoundaryColumns) -> PartColumns:
        """The columns of a segment, by those of its documents."""


@dataclass(frozen=True, slots=True)
class _Piece:
    serial: int  # never reused
    part: Part
    lengths: F64s
    growing: GrowingSegment | None = None  # None: the generation's
    values: Values = NO_VALUES  # that the generation does not have


@final
class LiveIndex:
    """A generation and its delta. Thread-safe; one writer at a time."""

    def __init__(
        self, generation: Generation, rates: Rates, *, makers: Sequence[ColumnMaker] = ()
    ) -> None:
        """With the columns of those makers that have them for the generation."""
        self._writing = threading.Lock()  # held for as long as a change takes
        self._lock = threading.Lock()  # of places and pieces, held for a moment
        self._rates = rates
        self.is_torn = False
        self._start(generation, makers)
        self._publish()

    def _start(self, generation: Generation, makers: Sequence[ColumnMaker]) -> None:
        segment = generation.segment
        found = [(maker, maker.of_generation(generation)) for maker in makers]
        self._makers = tuple(maker for maker, columns in found if columns is not None)
        columns = {maker.hash: one for maker, one in found if one is not None}
        self._generation = generation
        self._version = generation.manifest.version
        self._serial = 0
        alive = bitmap.full(segment.n)
        self._pieces = [
            _Piece(
                0,
                Part(segment, alive, generation.references, columns),
                mean_lengths(segment.lengths),
            )
        ]
        self._where = np.full(int(segment.row_id.max(initial=-1)) + 1, -1, np.int64)
        self._where[segment.row_id] = np.arange(segment.n)
        self._words = DeltaWords(generation)

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
        with self._writing:
            assert not self.is_torn, "a torn index takes no changes; `anew` gives one that does"
            self.is_torn = True
            self._take_in(changes)
            self.is_torn = False
            self._publish()

    def anew(self) -> "LiveIndex":
        """An index over the same generation, without its delta."""
        return LiveIndex(self._generation, self._rates, makers=self._makers)

    @property
    def makers(self) -> tuple[ColumnMaker, ...]:
        """Whose columns every part of the next snapshot has."""
        return self._makers

    def learn(self, maker: ColumnMaker) -> bool:
        """Keep columns of another plan beside each part; whether the generation has them.

        Searches go on meanwhile, changes wait until those of the delta are made.
        """
        with self._writing:
            if any(one.hash == maker.hash for one in self._makers):
                return True
            base = maker.of_generation(self._generation)
            if base is None:
                return False
            first, *delta = self._pieces
            made = [self._with_columns(first, maker.hash, base)]
            for piece in delta:
                assert piece.growing is not None
                columns = maker.beside(piece.part.segment, piece.growing.columns(maker))
                made.append(self._with_columns(piece, maker.hash, columns))
            with self._lock:
                self._pieces = made
                self._makers = (*self._makers, maker)
            self._publish()
            return True

    def forget(self, plan_hash: str) -> None:
        """Keep columns of that plan no longer; snapshots that have them keep them."""
        with self._writing:
            self._makers = tuple(one for one in self._makers if one.hash != plan_hash)
            made = []
            for piece in self._pieces:
                columns = {h: one for h, one in piece.part.columns.items() if h != plan_hash}
                made.append(replace(piece, part=replace(piece.part, columns=columns)))
                if piece.growing is not None:
                    piece.growing.forget(plan_hash)
            with self._lock:
                self._pieces = made
            self._publish()

    @staticmethod
    def _with_columns(piece: _Piece, plan_hash: str, columns: PartColumns) -> _Piece:
        every = {**piece.part.columns, plan_hash: columns}
        return replace(piece, part=replace(piece.part, columns=every))

    def replace(self, generation: Generation, changes: Iterable[pa.RecordBatch]) -> None:
        """Serve a newer generation, with what changed since it was read, in one step or not at all."""
        fresh = LiveIndex(generation, self._rates, makers=self._makers)
        for batch in changes:
            fresh.apply(batch)
        self.take_over(fresh)

    def take_over(self, fresh: "LiveIndex") -> None:
        """Be what another index is, in one step; that one is not to be used any more."""
        locks = ("_lock", "_writing")
        state = {name: value for name, value in vars(fresh).items() if name not in locks}
        with self._writing, self._lock:
            vars(self).update(state)

    def _take_in(self, changes: pa.RecordBatch) -> None:
        """All that may fail comes before what is shown is touched."""
        row_ids = np.asarray(changes.column("row_id"))
        gone = self._rows_of(row_ids)
        for piece, rows in gone:
            if piece.growing is not None:
                piece.growing.kill(piece.part.segment.document_row[rows])
        fresh = changes.filter(is_for_sale(changes)).select(STORED_LISTING.names)
        made, n_kept = self._made(fresh) if len(fresh) else (None, len(self._pieces))
        version = int(np.asarray(changes.column("version")).max())
        with self._lock:  # the short step that `places`, and each page of a search, may wait for
            self._kill(row_ids, gone)
            if made is not None:
                self._pieces[n_kept:] = [made]
                self._locate(made)
            self._version = max(self._version, version)

    def _rows_of(self, row_ids: I64s) -> list[tuple[_Piece, I64s]]:
        """Where listings stand: pieces and rows of them."""
        places = self._where[row_ids[row_ids < len(self._where)]]
        serials = places >> _ROW_BITS
        found = [(p, places[serials == p.serial] & 0xFFFF_FFFF) for p in self._pieces]
        return [(piece, rows) for piece, rows in found if len(rows)]

    def _kill(self, row_ids: I64s, gone: Sequence[tuple[_Piece, I64s]]) -> None:
        """Take listings out wherever they stand."""
        self._where[row_ids[row_ids < len(self._where)]] = -1
        rows_of = {piece.serial: rows for piece, rows in gone}
        for i, piece in enumerate(self._pieces):
            if (rows := rows_of.get(piece.serial)) is not None:
                alive = piece.part.alive.copy()
                bitmap.clear_rows(alive, rows.astype(np.uint32))
                self._pieces[i] = replace(piece, part=replace(piece.part, alive=alive))

    def _made(self, fresh: pa.RecordBatch) -> tuple[_Piece, int]:
        """The youngest segment with these listings too, joined to the one before it where it is full;
        and how many pieces stay in front of it."""
        n_kept = len(self._pieces)
        growing = self._pieces[-1].growing
        if growing is not None and len(growing) <= YOUNG_ROWS:
            n_kept -= 1
        else:
            growing = self._grow()
        growing.add(fresh)
        older = self._pieces[n_kept - 1].growing
        if (
            len(growing) > YOUNG_ROWS
            and older is not None
            and older.n_alive + growing.n_alive <= MAX_JOINED_ROWS
        ):
            growing, n_kept = self._joined(older, growing), n_kept - 1
        return self._piece(growing), n_kept

    def _grow(self) -> GrowingSegment:
        return GrowingSegment(self._rates, self._generation.encoder, self._words)

    def _joined(self, older: GrowingSegment, younger: GrowingSegment) -> GrowingSegment:
        """One segment of both; where most of the older one is dead, it is begun anew."""
        if older.n_alive < len(older) / 2:
            fresh = self._grow()
            fresh.take_in(older)
            older = fresh
        older.take_in(younger)
        return older

    def _piece(self, growing: GrowingSegment) -> _Piece:
        segment, alive = growing.finish()
        self._serial += 1
        values = self._words.learn(segment.labels, growing.unknown)
        lengths = mean_lengths(segment.lengths)
        columns = {
            maker.hash: maker.beside(segment, growing.columns(maker)) for maker in self._makers
        }
        part = Part(segment, alive, columns=columns)
        return _Piece(self._serial, part, lengths, growing, values)

    def _locate(self, piece: _Piece) -> None:
        """Note that listings stand in a piece."""
        row_id, rows = piece.part.segment.row_id, bitmap.rows_of(piece.part.alive)
        top = int(row_id.max()) + 1
        if top > len(self._where):
            larger = np.full(max(top, len(self._where) * 5 // 4), -1, np.int64)
            larger[: len(self._where)] = self._where
            self._where = larger
        self._where[row_id[rows]] = (piece.serial << _ROW_BITS) | rows.astype(np.int64)

    def _publish(self) -> None:
        generation = self._generation
        self._snapshot = Snapshot(
            generation=generation.manifest.name,
            version=self._version,
            parts=tuple(piece.part for piece in self._pieces),
            lengths=tuple(piece.lengths for piece in self._pieces),
            encoder=generation.encoder,
            threshold=generation.manifest.threshold,
            lexicon=self._words.lexicon(piece.values for piece in self._pieces[1:]),
            suggestions=generation.words.suggestions,
            fields=self._words.fields(),
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


_conforms: type[ListingIndex] = LiveIndex
