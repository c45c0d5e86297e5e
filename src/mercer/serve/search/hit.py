"""What a result card shows of a listing."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mercer.rank.candidates import SEMANTIC
from mercer.retrieve.index import ListingIndex, Place, Snapshot
from mercer.retrieve.query import ParsedQuery
from mercer.retrieve.request import Hit
from mercer.retrieve.segment import Segment
from mercer.serve.search.row_object import rows_as_objects
from mercer.serve.search.slate import Entry
from mercer.text.analyze import stem

DESCRIPTION_CHARS = 300  # of a description on a card


Signer = Callable[[Sequence[str], Sequence[int]], Sequence[str]]
"""(listing ids, positions) -> the token of each."""


def hits_of(
    entries: Sequence[Entry],
    places: Sequence[Place | None],
    query: ParsedQuery,
    *,
    first: int,
    sign: Signer | None = None,
) -> tuple[Hit, ...]:
    """The hits at places first + 1, first + 2, ... of a slate; listings that are gone are left out."""
    shown = [
        (at, entry, place)
        for at, (entry, place) in enumerate(zip(entries, places, strict=True), first + 1)
        if place is not None
    ]
    documents = documents_at([place for _, _, place in shown])
    ids = [document["listing_id"] for document in documents]
    tokens = [""] * len(ids) if sign is None else sign(ids, [at for at, _, _ in shown])
    matched = _Matched(query)
    return tuple(
        Hit(
            position=at,
            listing_id=listing_id,
            score=round(entry.score, 6),
            document=document,
            matched=matched.of(place),
            sources=SOURCES[entry.sources],
            token=token,
        )
        for (at, entry, place), listing_id, document, token in zip(
            shown, ids, documents, tokens, strict=True
        )
    )


SOURCES = ((), ("lexical",), ("semantic",), ("lexical", "semantic"))
"""By the bits LEXICAL and SEMANTIC."""


class _Matched:
    """Which words of a query a listing has; each word is looked up once in each segment."""

    def __init__(self, query: ParsedQuery) -> None:
        self._asked = [(term.word, stem(term.word)) for term in query.terms]
        self._rows: dict[tuple[int, str], Any] = {}

    def of(self, place: Place) -> tuple[str, ...]:
        return tuple(word for word, key in self._asked if self._has(place, key))

    def _has(self, place: Place, word: str) -> bool:
        at_word = (id(place.segment), word)
        rows = self._rows.get(at_word)
        if rows is None:
            postings = place.segment.postings
            code = postings.code(word)
            rows = postings.rows_of(code) if code >= 0 else _NO_ROWS
            self._rows[at_word] = rows
        at = int(rows.searchsorted(np.uint32(place.row)))  # of one type, or all rows are converted
        return at < len(rows) and int(rows[at]) == place.row


_NO_ROWS = np.zeros(0, np.uint32)


def documents_at(places: Sequence[Place]) -> list[dict[str, Any]]:
    """The listings at some places as card documents, in that order."""
    by_segment: dict[int, tuple[Segment, list[int]]] = {}
    for i, place in enumerate(places):
        by_segment.setdefault(id(place.segment), (place.segment, []))[1].append(i)
    out: list[dict[str, Any]] = [{}] * len(places)
    for segment, wanted in by_segment.values():
        rows = segment.document_row[[places[i].row for i in wanted]]
        found = rows_as_objects(segment.documents.take(rows))
        for i, row in zip(wanted, found, strict=True):
            _shorten(row)
            out[i] = row
    return out


def _shorten(listing: dict[str, Any]) -> None:
    """Cut the description as a card shows it."""
    description = listing["description"]
    if len(description) > DESCRIPTION_CHARS:
        listing["description"] = description[:DESCRIPTION_CHARS].rsplit(" ", 1)[0] + "…"


ANY_DISTANCE = -1.0


def nearest(index: ListingIndex, snapshot: Snapshot, row_id: int, *, limit: int) -> list[Entry]:
    """The listings nearest to one that is for sale, nearest first, itself left out; else none."""
    (place,) = index.places([row_id])
    if place is None:
        return []
    vector = place.segment.vectors.row_vectors(np.array([place.row], np.int64))[0]
    found: list[tuple[int, float]] = []
    for part in snapshot.parts:
        if part.segment.n:
            rows, scores = part.segment.vectors.search(
                vector, k=limit + 1, alive=part.alive, threshold=ANY_DISTANCE
            )
            found += zip(part.segment.row_id[rows].tolist(), scores.tolist(), strict=True)
    best = sorted((f for f in found if f[0] != row_id), key=lambda f: (-f[1], f[0]))[:limit]
    return [Entry(near, score, SEMANTIC) for near, score in best]


def similar_hits(index: ListingIndex, row_id: int, *, limit: int) -> tuple[Hit, ...]:
    """The nearest listings as hits."""
    entries = nearest(index, index.snapshot(), row_id, limit=limit)
    places = index.places([entry.row_id for entry in entries])
    return hits_of(entries, places, ParsedQuery(text=""), first=0)
