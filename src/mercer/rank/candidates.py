"""In what order the matches come: the slate's head."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mercer.rank.chosen import CandidateParams, chosen_rows
from mercer.rank.first_pass import FirstPassParams, Statistics, score, statistics
from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import Bits
from mercer.retrieve.falling import falling_order
from mercer.retrieve.index import Snapshot
from mercer.retrieve.match import SemanticHits, Wanted
from mercer.retrieve.request import Sort
from mercer.retrieve.segment import NO_PRICE, F32s, I32s, I64s, Segment, U32s

LEXICAL, SEMANTIC = 1, 2


@dataclass(frozen=True, slots=True)
class HeadParts:
    """What the scores of a head are made of, left in the order in which they were computed."""

    names: tuple[str, ...]  # (n_parts,)
    values: F32s  # (n_parts, n) of which each column sums to a score
    column: I64s  # (n_places,) which column belongs to each of the first places of the head

    def at(self, places: I64s) -> F32s:
        """(n, n_parts) the parts of some places of the head; NaN where they were not kept."""
        out = np.full((len(places), len(self.names)), np.nan, np.float32)
        is_kept = places < len(self.column)
        out[is_kept] = self.values[:, self.column[places[is_kept]]].T
        return out

    def first(self, n: int) -> "HeadParts":
        """Those of the first n places, and no memory for more."""
        kept = self.column[:n]
        return HeadParts(self.names, self.values[:, kept], np.arange(len(kept)))


@dataclass(frozen=True, slots=True)
class Head:
    """Ranked candidates, best first."""

    part: I32s  # (n,)
    row: I64s
    score: F32s
    sources: npt.NDArray[np.uint8]  # LEXICAL | SEMANTIC; 0 where it was not ranked, only sorted
    parts: HeadParts | None = None  # kept where they were asked for and there are any
    cosine: F32s | None = (
        None  # (n,) kept with the parts; NaN where the query's meaning is not used
    )
    place: I32s | None = None  # (n,) in the order of the first pass, where a later stage changed it

    def with_parts_of(self, n: int) -> "Head":
        """The same head that keeps parts of its first n places only."""
        parts = None if self.parts is None else self.parts.first(n)
        return replace(self, parts=parts)

    def taken(self, order: I64s) -> "Head":
        """The same places in another order."""
        parts = self.parts
        if parts is not None:
            parts = HeadParts(parts.names, parts.values, parts.column[order])
        return Head(
            self.part[order],
            self.row[order],
            self.score[order],
            self.sources[order],
            parts,
            None if self.cosine is None else self.cosine[order],
            None if self.place is None else self.place[order],
        )


def ranked_head(
    wanted: Wanted,
    snapshot: Snapshot,
    matches: Sequence[Bits],
    lexical: Sequence[Bits],
    level: int,
    hits: Sequence[SemanticHits],
    query: F32s | None,
    *,
    params: CandidateParams,
    first_pass: FirstPassParams,
    has_parts: bool = False,
) -> Head:
    """The candidates in the order of the first pass; ties by quality, then row id.

    Args:
        matches: the match set of each part, the filter applied.
        lexical: the lexical matches of each part, before the filter.
        level: of how many groups those have at least.
        query: (dim,) the query's vector; None where the semantic part is not used.
        has_parts: whether the parts of the scores are kept.
    """
    n_matches = sum(bitmap.count(bits) for bits in matches)
    stats = statistics(wanted, snapshot.segments, snapshot.lengths)
    chosen = [
        bitmap.rows_of(bits)
        if n_matches <= params.all_below
        else chosen_rows(
            part, bits, lexical[i], wanted, level, hits[i], stats,
            params=params, first_pass=first_pass,
        )
        for i, (part, bits) in enumerate(zip(snapshot.parts, matches, strict=True))
    ]  # fmt: skip
    return scored_head(
        wanted, snapshot, chosen, lexical, hits, query, stats,
        first_pass=first_pass, has_parts=has_parts,
    )  # fmt: skip


def scored_head(
    wanted: Wanted,
    snapshot: Snapshot,
    chosen: Sequence[U32s],
    lexical: Sequence[Bits],
    hits: Sequence[SemanticHits],
    query: F32s | None,
    stats: Statistics,
    *,
    first_pass: FirstPassParams,
    has_parts: bool = False,
) -> Head:
    """Some rows in the order of the first pass; see `ranked_head`.

    Args:
        chosen: ascending rows of each part.
    """
    parts, rows, scores, sources = [], [], [], []
    names: tuple[str, ...] = ()
    values: list[F32s] = []
    meanings: list[F32s] = []
    for i, (part, mine) in enumerate(zip(snapshot.parts, chosen, strict=True)):
        if not len(mine):
            continue
        source = bitmap.contains(lexical[i], mine) * np.uint8(LEXICAL)
        cosine = None
        if query is not None:
            cosine, is_hit = cosines(query, part.segment, mine, hits[i])
            source += is_hit * np.uint8(SEMANTIC)
        found = score(
            mine, part.segment, wanted, stats, cosine,
            params=first_pass, references=part.references,
        )  # fmt: skip
        parts.append(np.full(len(mine), i, np.int32))
        rows.append(mine.astype(np.int64))
        scores.append(found.total)
        sources.append(source)
        if has_parts:
            names = found.names
            values.append(found.values)
            meanings.append(np.full(len(mine), np.nan, np.float32) if cosine is None else cosine)
    return _in_order(
        snapshot.segments, parts, rows, scores, sources,
        names=names, values=values, meanings=meanings,
    )  # fmt: skip


def cosines(
    query: F32s, segment: Segment, rows: U32s, hits: SemanticHits
) -> tuple[F32s, npt.NDArray[np.bool_]]:
    """(n,) cosine of each of some ascending rows, and whether it is a hit; those have theirs already."""
    cosine, is_hit = np.empty(len(rows), np.float32), np.zeros(len(rows), np.bool_)
    if len(hits.rows) and len(rows):
        wanted = hits.rows.astype(np.uint32)
        at = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
        is_there = rows[at] == wanted
        cosine[at[is_there]], is_hit[at[is_there]] = hits.scores[is_there], True
    if len(rest := np.flatnonzero(~is_hit)):
        cosine[rest] = segment.vectors.scores(query, rows[rest].astype(np.int64))
    return cosine, is_hit


def _in_order(
    segments: Sequence[Segment],
    parts: list[I32s],
    rows: list[I64s],
    scores: Sequence[npt.NDArray[np.floating[Any]]],
    sources: list[npt.NDArray[np.uint8]],
    *,
    names: tuple[str, ...] = (),
    values: Sequence[F32s] = (),
    meanings: Sequence[F32s] = (),
) -> Head:
    if not parts:
        return Head(
            np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float32),
            np.zeros(0, np.uint8),
        )  # fmt: skip
    total = np.concatenate(scores)
    part, row = np.concatenate(parts), np.concatenate(rows)
    # Rows ascend by quality and row id as they lie, so those of one part need no second key.
    if total.dtype == np.float32 and all((one[1:] > one[:-1]).all() for one in rows):
        order = falling_order(total)
        is_tie = np.zeros(len(order) + 1, np.bool_)
        if len(parts) > 1:
            in_order = total[order]
            is_tie[1:-1] = in_order[1:] == in_order[:-1]
        tied = np.flatnonzero(is_tie[1:] | is_tie[:-1])
    else:
        order = np.arange(len(total))
        tied = order
    if len(tied):
        mine = order[tied]
        prior, row_id = _ties(segments, part[mine], row[mine])
        order[tied] = mine[np.lexsort((row_id, -prior, -total[mine]))]
    return Head(
        part[order], row[order], total[order].astype(np.float32),
        np.concatenate(sources)[order],
        HeadParts(names, np.concatenate(values, axis=1), order) if values else None,
        np.concatenate(meanings)[order] if meanings else None,
    )  # fmt: skip


def _ties(segments: Sequence[Segment], part: I32s, row: I64s) -> tuple[F32s, I64s]:
    """(n,) quality and row id of some places, by which equals are ordered."""
    prior, row_id = np.empty(len(row), np.float32), np.empty(len(row), np.int64)
    for i in np.unique(part).tolist():
        mine = np.flatnonzero(part == i)
        prior[mine] = segments[i].prior[row[mine]]
        row_id[mine] = segments[i].row_id[row[mine]]
    return prior, row_id


def nearest_head(snapshot: Snapshot, matches: Sequence[Bits], hits: Sequence[SemanticHits]) -> Head:
    """The semantic hits among the matches by their cosine alone."""
    parts, rows, scores, sources = [], [], [], []
    for i, (bits, near) in enumerate(zip(matches, hits, strict=True)):
        kept = bitmap.contains(bits, near.rows) if len(near.rows) else np.zeros(0, bool)
        if kept.any():
            parts.append(np.full(int(kept.sum()), i, np.int32))
            rows.append(near.rows[kept])
            scores.append(near.scores[kept])
            sources.append(np.full(int(kept.sum()), SEMANTIC, np.uint8))
    return _in_order(snapshot.segments, parts, rows, scores, sources)


def sorted_head(
    sort: Sort, snapshot: Snapshot, matches: Sequence[Bits], *, limit: int = 1_000
) -> Head:
    """The first matches by price or time; ties by quality, then row id; unknown prices last.

    The head holds about `limit` rows: all whose key is below the limit-th, so that no tie is cut.
    """
    parts, rows, keys = [], [], []
    for i, (part, bits) in enumerate(zip(snapshot.parts, matches, strict=True)):
        found = bitmap.rows_of(bits).astype(np.int64)
        parts.append(np.full(len(found), i, np.int32))
        rows.append(found)
        keys.append(sort_key(sort, part.segment)[found])
    key = np.concatenate(keys)
    if len(key) > limit:
        cut = np.partition(key, limit)[limit]
        kept = [k < cut for k in keys]
        parts = [p[k] for p, k in zip(parts, kept, strict=True)]
        rows = [r[k] for r, k in zip(rows, kept, strict=True)]
        keys = [x[k] for x, k in zip(keys, kept, strict=True)]
    filled = [i for i, p in enumerate(parts) if len(p)]
    head = _in_order(
        snapshot.segments,
        [parts[i] for i in filled],
        [rows[i] for i in filled],
        [-keys[i].astype(np.float64) for i in filled],  # exact: below 2**53
        [np.zeros(len(parts[i]), np.uint8) for i in filled],
    )
    return Head(head.part, head.row, np.zeros(len(head.row), np.float32), head.sources)


def sort_key(sort: Sort, segment: Segment) -> npt.NDArray[np.float64]:
    """(n,) ascending key of each row."""
    if sort == "newest":
        return -segment.numbers["created_ms"].astype(np.float64)
    if sort == "relevance":
        return -segment.prior.astype(np.float64)
    price = segment.numbers["price"].astype(np.float64)
    signed = price if sort == "price_asc" else -price
    return np.where(price == NO_PRICE, np.inf, signed)
