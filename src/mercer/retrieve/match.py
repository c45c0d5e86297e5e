"""Which listings match a query: the match set, before anything is ranked.

The lexical matches have at least `level` of the required word groups; the level is the highest that
gives enough matches, so words are dropped only when too few listings have them all. The semantic hits
above a calibrated threshold join them. Neither depends on the filter, so a filter only ever narrows
what the query found, and disjunctive facet counts speak of the same set.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mercer.retrieve import bitmap
from mercer.retrieve.bitmap import MAX_INT, Bits
from mercer.retrieve.facet_reference import NO_REFERENCES, References
from mercer.retrieve.filter_match import fold_value
from mercer.retrieve.part_columns import PartColumns
from mercer.retrieve.query import AttributeWish, ParsedQuery, QueryTerm
from mercer.retrieve.segment import Segment
from mercer.text.analyze import stem
from mercer.text.analyze import words as words_in

MAX_SEMANTIC_HITS = 1_000
MAX_PREFIX_STEMS = 64  # of the continuations of an unfinished last word, the most frequent ones


@dataclass(frozen=True, slots=True)
class Part:
    """A segment as it is at one moment: what of it is alive."""

    segment: Segment
    alive: Bits
    references: References = NO_REFERENCES
    columns: Mapping[str, PartColumns] = field(default_factory=dict)  # by the hash of a plan


@dataclass(frozen=True, slots=True)
class MatchParams:
    """How eagerly words are dropped."""

    enough: int = 100  # matches with which no further word is dropped
    min_share: float = 0.4  # of the required words that a match must have in any case


@dataclass(frozen=True, slots=True)
class Alternative:
    """Stems of which a listing must have all, and what matching this way is worth."""

    stems: tuple[str, ...]
    weight: float = 1.0  # in (0, 1]: 1 for what was typed


@dataclass(frozen=True, slots=True)
class Group:
    """One word of the query and all that may stand for it."""

    word: str
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The query as retrieval needs it."""

    groups: tuple[Group, ...]  # of which listings should have as many as possible
    phrase_words: tuple[tuple[str, ...], ...]  # stems that must all be there
    title_bigrams: tuple[tuple[str, str], ...]  # neighbours in the query
    excluded: tuple[tuple[str, ...], ...]  # stems that listings should not have: ranked last
    banned: tuple[tuple[str, ...], ...]  # typed with a minus: listings that have them do not match
    wishes: tuple[AttributeWish, ...]
    unwanted: tuple[AttributeWish, ...]
    price_min_micros: int | None
    price_max_micros: int | None

    @property
    def is_empty(self) -> bool:
        """True where nothing narrows: every listing matches."""
        return not self.groups


SYNONYM_WEIGHT = 0.8
PREFIX_WEIGHT = 0.7


def wanted_of(query: ParsedQuery, parts: Sequence[Part]) -> Wanted:
    """The groups, exclusions and limits of a parsed query over these segments."""
    terms = [t for t in query.terms if not t.is_optional] or list(query.terms)
    typed = [stem(t.word) for t in terms]
    minus = _behind_minus(query)
    excluded = tuple(tuple(stem(w) for w in term) for term in query.excluded_terms)
    is_banned = [any(m[: len(t)] == t for m in minus) for t in query.excluded_terms]
    unwanted_words = tuple(tuple(stem(w) for w in wish.text.split()) for wish in query.unwanted)
    return Wanted(
        groups=tuple(_group(term, parts) for term in terms),
        phrase_words=tuple(tuple(stem(w) for w in phrase) for phrase in query.phrases),
        title_bigrams=tuple(itertools.pairwise(typed)),
        excluded=tuple(
            e
            for e in (
                *(e for e, hard in zip(excluded, is_banned, strict=True) if not hard),
                *unwanted_words,
            )
            if not set(e) <= set(typed)
        ),
        banned=tuple(e for e, hard in zip(excluded, is_banned, strict=True) if hard),
        wishes=query.wanted,
        unwanted=query.unwanted,
        price_min_micros=query.price_min_micros,
        price_max_micros=query.price_max_micros,
    )


_MINUS = re.compile(r'(?:^|[\s(,])[-\u2013\u2014](?:"([^"]*)"|(\S+))')


def _behind_minus(query: ParsedQuery) -> list[tuple[str, ...]]:
    """The words of what was typed with a minus (-leather, -"red mug"), corrected as in the query."""
    used = {tuple(words_in(c.typed)): words_in(c.used) for c in query.corrections}
    typed = [words_in(quoted or plain) for quoted, plain in _MINUS.findall(query.text)]
    return [tuple(part for word in run for part in used.get((word,), (word,))) for run in typed]


def _group(term: QueryTerm, parts: Sequence[Part]) -> Group:
    ways = [Alternative((stem(term.word),))]
    ways += [
        Alternative(tuple(stem(w) for w in words), SYNONYM_WEIGHT) for words in term.alternatives
    ]
    if term.is_prefix and not term.is_known:
        ways += [Alternative((s,), PREFIX_WEIGHT) for s in _continuations(term.word, parts)]
    return Group(term.word, tuple(dict.fromkeys(ways)))


def _continuations(word: str, parts: Sequence[Part]) -> list[str]:
    """The most frequent stems that begin with an unfinished word."""
    found: dict[str, int] = {}
    for part in parts:
        postings = part.segment.postings
        span = postings.with_prefix(word)
        frequency = np.diff(postings.offsets[span.start : span.stop + 1])
        for at in np.argsort(-frequency, kind="stable")[:MAX_PREFIX_STEMS].tolist():
            name = postings.stems[span.start + at]
            found[name] = found.get(name, 0) + int(frequency[at])
    return sorted(found, key=lambda s: (-found[s], s))[:MAX_PREFIX_STEMS]


@dataclass(frozen=True, slots=True)
class SemanticHits:
    """The nearest listings of one part, best first."""

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LexicalMatches:
    """Part by part: what may match at all, and what matches by its words."""

    allowed: tuple[Bits, ...]  # alive, and not ruled out by the query itself
    bits: tuple[Bits, ...]
    level: int  # of how many word groups a match has at least; 0 where nothing was asked


def lexical_matches(
    wanted: Wanted, parts: Sequence[Part], *, params: MatchParams, has_words: bool = True
) -> LexicalMatches:
    """The listings that have enough of the query's words.

    Args:
        has_words: False where words do not count (semantic mode): nothing matches by them then.
    """
    allowed = tuple(_allowed(wanted, part) for part in parts)
    if wanted.is_empty:
        return LexicalMatches(allowed, allowed, 0)
    if not has_words:
        return LexicalMatches(allowed, tuple(bitmap.empty(p.segment.n) for p in parts), 0)
    steps = [
        _at_least(wanted.groups, part, base) for part, base in zip(parts, allowed, strict=True)
    ]
    level = _level(steps, len(wanted.groups), params)
    return LexicalMatches(allowed, tuple(step[level - 1] for step in steps), level)


def has_known_word(wanted: Wanted, parts: Sequence[Part]) -> bool:
    """Whether any listing that is alive has any of the words; what nobody says means nothing."""
    return any(
        all(any(_is_said(word, part) for part in parts) for word in way.stems)
        for group in wanted.groups
        for way in group.alternatives
    )


def _is_said(word: str, part: Part) -> bool:
    code = part.segment.postings.code(word)
    rows = part.segment.postings.rows_of(code) if code >= 0 else np.zeros(0, np.uint32)
    few = rows[:1_000]  # enough for all but a word whose listings nearly all are gone
    return bool(bitmap.contains(part.alive, few).any()) or (
        len(rows) > len(few) and bool(bitmap.contains(part.alive, rows).any())
    )


def semantic_hits(
    query: npt.NDArray[np.float32], parts: Sequence[Part], *, threshold: float
) -> tuple[SemanticHits, ...]:
    """The nearest MAX_SEMANTIC_HITS listings above the threshold, over all parts together.

    Args:
        query: (dim,) unit vector; a zero vector has no hits.
        threshold: cosine; -1 admits all.
    """
    nothing = SemanticHits(np.zeros(0, np.int64), np.zeros(0, np.float32))
    if not query.any():
        return (nothing,) * len(parts)
    found = [
        SemanticHits(
            *part.segment.vectors.search(
                query, k=MAX_SEMANTIC_HITS, alive=part.alive, threshold=threshold
            )
        )
        if part.segment.n
        else nothing
        for part in parts
    ]
    scores = np.concatenate([hits.scores for hits in found])
    if len(scores) <= MAX_SEMANTIC_HITS:
        return tuple(found)
    cut = np.sort(scores)[-MAX_SEMANTIC_HITS]
    kept, room = [], MAX_SEMANTIC_HITS
    for hits in found:  # ties at the cut: the earlier part first
        n = min(int((hits.scores >= cut).sum()), room)
        room -= n
        kept.append(SemanticHits(hits.rows[:n], hits.scores[:n]))
    return tuple(kept)


def join(
    lexical: LexicalMatches, hits: Sequence[SemanticHits], parts: Sequence[Part]
) -> tuple[Bits, ...]:
    """The match set before the filter: lexical matches and allowed semantic hits."""
    return tuple(
        words | (bitmap.of_rows(near.rows.astype(np.uint32), part.segment.n) & base)
        for words, base, near, part in zip(lexical.bits, lexical.allowed, hits, parts, strict=True)
    )


def _allowed(wanted: Wanted, part: Part) -> Bits:
    """Alive, and not ruled out by what the query says must not be or must cost."""
    segment, base = part.segment, part.alive.copy()
    for words in wanted.phrase_words:
        base &= having(words, segment)
    for words in wanted.banned:
        base &= ~having(words, segment)
    for wish in wanted.unwanted:
        for code in label_codes(wish, segment):
            bitmap.clear_rows(base, segment.labels.rows_of(code))
    if wanted.price_min_micros is not None or wanted.price_max_micros is not None:
        least = max(wanted.price_min_micros or 0, 0)  # an unknown price lies below
        most = MAX_INT if wanted.price_max_micros is None else wanted.price_max_micros
        base &= bitmap.between(segment.numbers["price"], least, min(most, MAX_INT))
    return base


def label_codes(wish: AttributeWish, segment: Segment) -> list[int]:
    """The labels of a segment that an attribute wish means; a category by its own name."""
    return segment.labels.find(wish.field, fold_value(wish.value))


def having(stems: Sequence[str], segment: Segment) -> Bits:
    """Rows that have all of the stems."""
    found = bitmap.full(segment.n)
    for word in stems:
        code = segment.postings.code(word)
        rows = segment.postings.rows_of(code) if code >= 0 else np.zeros(0, np.uint32)
        found &= bitmap.of_rows(rows, segment.n)
    return found


def group_rows(group: Group, segment: Segment) -> Bits:
    """Rows that match a group in any of its ways."""
    found = bitmap.empty(segment.n)
    _add_group(group, segment, {}, found)
    return found


def _add_group(group: Group, segment: Segment, known: Mapping[int, Bits], found: Bits) -> None:
    """Put the rows that match a group into a set.

    Args:
        known: rows of stems that are laid out already, by the stem's code.
    """
    for way in group.alternatives:
        if len(way.stems) > 1:
            found |= having(way.stems, segment)
            continue
        code = segment.postings.code(way.stems[0])
        if code in known:
            found |= known[code]
        elif code >= 0:
            bitmap.set_rows(found, segment.postings.rows_of(code))


def _at_least(groups: Sequence[Group], part: Part, base: Bits) -> Sequence[Bits]:
    """For each k from 1: the rows of `base` that match at least k of the groups."""
    steps = np.zeros((len(groups), len(base)), np.uint64)
    for group, rows in zip(groups, steps, strict=True):
        _add_group(group, part.segment, part.references.of_stem, rows)
    bitmap.at_least(steps, base)
    return list(steps)


def _level(steps: Sequence[Sequence[Bits]], n_groups: int, params: MatchParams) -> int:
    """The highest number of groups that enough listings have, not below the share asked for."""
    lowest = max(1, int(np.ceil(n_groups * params.min_share)))
    for level in range(n_groups, lowest, -1):
        if sum(bitmap.count(step[level - 1]) for step in steps) >= params.enough:
            return level
    return lowest
