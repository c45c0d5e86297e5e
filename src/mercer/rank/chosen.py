"""Which of very many matches are scored: the best by quality, by their words and by their meaning."""

from dataclasses import dataclass

import numpy as np

from mercer.rank.first_pass import FirstPassParams, Statistics, word_scores
from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import Bits
from mercer.retrieve.match import Part, SemanticHits, Wanted
from mercer.retrieve.segment import F32s, U32s
from mercer.retrieve.text_index import TextGroup


@dataclass(frozen=True, slots=True)
class CandidateParams:
    """How many listings are looked at closely."""

    all_below: int = 3_000  # with so few matches every one of them is scored
    lexical: int = 1_000  # otherwise: the best by their words,
    quality: int = 500  # the best by quality; and all semantic hits
    max_lexical: int = 10_000  # asked of the text index where a filter leaves few of them
    by_quality_from: int = 50_000  # matches among which quality alone chooses, as for one word
    # Words of matches that are looked up one by one; beyond, the text index knows the best sooner.
    max_lookups: int = 200_000


def chosen_rows(
    part: Part,
    bits: Bits,
    lexical: Bits,
    wanted: Wanted,
    level: int,
    hits: SemanticHits,
    stats: Statistics,
    *,
    params: CandidateParams,
    first_pass: FirstPassParams,
) -> U32s:
    """Ascending rows worth scoring of a part with very many matches.

    Args:
        bits: the match set of the part, the filter applied.
        lexical: its lexical matches, before the filter.
        level: of how many word groups those have at least.
    """
    text = part.segment.text
    if text is None:
        return bitmap.rows_of(bits)
    by_words = lexical & bits
    n_words = bitmap.count(by_words)
    if _is_by_quality(wanted, level, n_words, params):
        chosen = bitmap.of_rows(
            bitmap.rows_of(bits, limit=params.lexical + params.quality), part.segment.n
        )
    else:
        chosen = bitmap.of_rows(bitmap.rows_of(bits, limit=params.quality), part.segment.n)
        if _is_looked_up(wanted, n_words, params):
            rows, scores = _scored(part, by_words, wanted, stats, first_pass)
            best = rows[_best(scores, params.lexical)]
        else:
            k = _lexical_limit(n_words, bitmap.count(lexical), params)
            best = text.top(_text_groups(wanted), min_groups=level, k=k).astype(np.uint32)
        bitmap.set_rows(chosen, best)
    bitmap.set_rows(chosen, hits.rows.astype(np.uint32))
    return bitmap.rows_of(chosen & bits)


def _is_by_quality(wanted: Wanted, level: int, n_words: int, params: CandidateParams) -> bool:
    """Whether all that BM25 can tell apart here is length: quality decides between those."""
    return len(wanted.groups) == 1 or not level or n_words >= params.by_quality_from


def _is_looked_up(wanted: Wanted, n_words: int, params: CandidateParams) -> bool:
    n_stems = sum(len(way.stems) for group in wanted.groups for way in group.alternatives)
    return n_words * n_stems <= params.max_lookups


def _scored(
    part: Part, by_words: Bits, wanted: Wanted, stats: Statistics, first_pass: FirstPassParams
) -> tuple[U32s, F32s]:
    """The rows of a set, and what their words count in the first pass."""
    rows = bitmap.rows_of(by_words)
    return rows, word_scores(rows, part.segment, wanted, stats, params=first_pass)


def _best(scores: F32s, k: int) -> np.ndarray:
    """Places of the k highest scores, in no order; of equals the earlier ones."""
    if len(scores) <= k:
        return np.arange(len(scores))
    cut = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = np.flatnonzero(scores > cut)
    level = np.flatnonzero(scores == cut)[: k - len(above)]
    return np.concatenate([above, level])


def _lexical_limit(n_words: int, n_unfiltered: int, params: CandidateParams) -> int:
    """Where the filter keeps few of the lexical matches, more of them are asked for."""
    share = n_words / max(n_unfiltered, 1)
    return int(min(params.lexical / max(share, 1e-9), params.max_lexical))


def _text_groups(wanted: Wanted) -> list[TextGroup]:
    return [TextGroup(tuple(way.stems for way in group.alternatives)) for group in wanted.groups]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a match stood in the two lists of which the best are scored; ranks from 1."""

    quality_rank: int
    quality_limit: int
    lexical_rank: int | None  # None where it is not among the LOOKED_AT best, or none was asked for
    lexical_limit: int  # 0 where quality alone decided


LOOKED_AT = 20_000


def cut_of(
    part: Part, bits: Bits, lexical: Bits, wanted: Wanted, level: int, row: int, stats: Statistics,
    *, params: CandidateParams, first_pass: FirstPassParams,
) -> Cut:  # fmt: skip
    """Why a match of a part with very many of them was not scored.

    Args:
        bits: the match set of the part, the filter applied; it has the row.
        lexical: its lexical matches, before the filter.
    """
    quality_rank = int(np.searchsorted(bitmap.rows_of(bits), np.uint32(row))) + 1
    by_words = lexical & bits
    n_words = bitmap.count(by_words)
    text = part.segment.text
    if text is None or _is_by_quality(wanted, level, n_words, params):
        return Cut(quality_rank, params.lexical + params.quality, None, 0)
    if _is_looked_up(wanted, n_words, params):
        rows, scores = _scored(part, by_words, wanted, stats, first_pass)
        best, limit = rows[np.lexsort((rows, -scores))], params.lexical
    else:
        limit = _lexical_limit(n_words, bitmap.count(lexical), params)
        best = text.top(_text_groups(wanted), min_groups=level, k=LOOKED_AT).astype(np.uint32)
    at = np.flatnonzero(best[:LOOKED_AT] == row)
    return Cut(quality_rank, params.quality, int(at[0]) + 1 if len(at) else None, limit)
