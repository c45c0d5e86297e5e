"""What a result card shows of a listing."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mercer.rank.candidates import SEMANTIC
from mercer.retrieve.index import ListingIndex, Place, Snapshot
from mercer.retrieve.query import ParsedQuery
from mercer.retrieve.request import Hit
from mercer.retrieve.segment import Segment, U32s
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
    stand = [place for _, _, place in shown]
    documents = documents_at(stand)
    ids = [document["listing_id"] for document in documents]
    tokens = [""] * len(ids) if sign is None else sign(ids, [at for at, _, _ in shown])
    return tuple(
        Hit(
            position=at,
            listing_id=listing_id,
            score=round(entry.score, 6),
            document=document,
            matched=matched,
            sources=SOURCES[entry.sources],
            token=token,
        )
        for (at, entry, _), listing_id, document, token, matched in zip(
            shown, ids, documents, tokens, matched_words(query, stand), strict=True
        )
    )


SOURCES = ((), ("lexical",), ("semantic",), ("lexical", "semantic"))
"""By the bits LEXICAL and SEMANTIC."""


def matched_words(query: ParsedQuery, places: Sequence[Place]) -> list[tuple[str, ...]]:
    """(n,) which words of a query the listing at each place has."""
    words = [(term.word, stem(term.word)) for term in query.terms]
    has = np.zeros((len(words), len(places)), np.bool_)
    for segment, at in _by_segment(places):
        rows = np.array([places[i].row for i in at], np.uint32)
        for of_word, (_, key) in zip(has, words, strict=True):
            code = segment.postings.code(key)
            if code >= 0:
                of_word[at] = _are_in(rows, segment.postings.rows_of(code))
    return [
        tuple(word for (word, _), is_there in zip(words, column, strict=True) if is_there)
        for column in has.T.tolist()
    ]


def _are_in(rows: U32s, ascending: U32s) -> npt.NDArray[np.bool_]:
    """(n,) which of the rows are among the ascending ones, of which there are some."""
    at = np.minimum(ascending.searchsorted(rows), len(ascending) - 1)
    found: npt.NDArray[np.bool_] = ascending[at] == rows
    return found


def _by_segment(places: Sequence[Place]) -> list[tuple[Segment, list[int]]]:
    """The segments, and which of the places lie in each."""
    found: dict[int, tuple[Segment, list[int]]] = {}
    for i, place in enumerate(places):
        found.setdefault(id(place.segment), (place.segment, []))[1].append(i)
    return list(found.values())


def documents_at(places: Sequence[Place]) -> list[dict[str, Any]]:
    """The listings at some places as card documents, in that order."""
    out: list[dict[str, Any]] = [{}] * len(places)
    for segment, wanted in _by_segment(places):
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
