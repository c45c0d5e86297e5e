"""What a result card shows of a listing."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mercer.rank.candidates import SEMANTIC
from mercer.retrieve.document_json import Document
from mercer.retrieve.index import ListingIndex, Place, Snapshot
from mercer.retrieve.query import ParsedQuery
from mercer.retrieve.request import Hit
from mercer.retrieve.segment import I64s, Segment, U32s
from mercer.serve.search.slate import Entry
from mercer.text.analyze import stem

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
    by_segment = _by_segment(stand)
    cards = _cards(by_segment, len(stand))
    ids = [card.listing_id for card in cards]
    tokens = [""] * len(ids) if sign is None else sign(ids, [at for at, _, _ in shown])
    return tuple(
        Hit(
            position=at,
            listing_id=listing_id,
            score=round(entry.score, 6),
            document=card,
            matched=matched,
            sources=SOURCES[entry.sources],
            token=token,
        )
        for (at, entry, _), listing_id, card, token, matched in zip(
            shown, ids, cards, tokens, _matched_words(query, by_segment, len(stand)), strict=True
        )
    )


SOURCES = ((), ("lexical",), ("semantic",), ("lexical", "semantic"))
"""By the bits LEXICAL and SEMANTIC."""


_BySegment = Sequence[tuple[Segment, list[int], I64s]]
"""Segments, which of the places lie in each, and their rows there."""


def _matched_words(query: ParsedQuery, by_segment: _BySegment, n: int) -> list[tuple[str, ...]]:
    """(n,) which words of a query the listing at each place has."""
    words = [(term.word, stem(term.word)) for term in query.terms]
    has = np.zeros((len(words), n), np.bool_)
    for segment, at, rows in by_segment:
        wanted = rows.astype(np.uint32)
        for of_word, (_, key) in zip(has, words, strict=True):
            code = segment.postings.code(key)
            if code >= 0:
                of_word[at] = _are_in(wanted, segment.postings.rows_of(code))
    return [
        tuple(word for (word, _), is_there in zip(words, column, strict=True) if is_there)
        for column in has.T.tolist()
    ]


def _are_in(rows: U32s, ascending: U32s) -> npt.NDArray[np.bool_]:
    """(n,) which of the rows are among the ascending ones, of which there are some."""
    at = np.minimum(ascending.searchsorted(rows), len(ascending) - 1)
    found: npt.NDArray[np.bool_] = ascending[at] == rows
    return found


def _by_segment(places: Sequence[Place]) -> _BySegment:
    found: dict[int, tuple[Segment, list[int]]] = {}
    for i, place in enumerate(places):
        found.setdefault(id(place.segment), (place.segment, []))[1].append(i)
    return [
        (segment, at, np.array([places[i].row for i in at], np.int64))
        for segment, at in found.values()
    ]


def _cards(by_segment: _BySegment, n: int) -> list[Document]:
    """(n,) what a card shows of the listing at each place."""
    out: list[Document] = [Document(b"{}")] * n
    for segment, at, rows in by_segment:
        cards = segment.documents.cards(segment.document_row[rows])
        for i, card in zip(at, cards, strict=True):
            out[i] = card
    return out


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
