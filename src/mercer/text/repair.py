"""A whole query made right: which words to correct, split or join, and what to ask the buyer.

`repair` changes only what the vocabulary does not know (and needless spaces); `doubts` finds known
words that look misspelt, for "did you mean".

Each unknown word gets the cheapest of a correction, a split, and a join with a neighbour; the
words beside it help to choose between corrections, where pairs of words were counted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from mercer.text.speller import Speller
from mercer.text.word_breaks import WordBreaks

RepairKind = Literal["correction", "split", "join"]

_CANDIDATES = 8  # corrections of a word among which its neighbours may choose


@dataclass(frozen=True, slots=True)
class Repair:
    """words[start:end] of the query were meant as `words`."""

    start: int
    end: int
    words: tuple[str, ...]
    kind: RepairKind
    score: float  # nats, lower is surer


def repair(
    words: Sequence[str],
    speller: Speller,
    breaks: WordBreaks | None = None,
    *,
    keep: Collection[str] = (),
    max_score: float = 30.0,
) -> tuple[Repair, ...]:
    """What to change in a query, left to right, never overlapping; () when all is well.

    Args:
        words: the query's words, normalised.
        speller: the vocabulary.
        breaks: splits and joins; None: corrections only.
        keep: words that stay as they are, such as brands the buyer quoted.
        max_score: a less likely reading than this is left alone, nats.
    """
    held = set(keep)
    unknown = [w not in held and speller.find(w) < 0 for w in words]
    found: list[Repair] = []
    for i, word in enumerate(words):
        if unknown[i]:
            found += _corrections(words, i, speller, breaks)
            if breaks is not None and (split := breaks.split(word)) is not None:
                found.append(Repair(i, i + 1, (split.left, split.right), "split", split.score))
    if breaks is not None:
        for i, (left, right) in enumerate(pairwise(words)):
            joined = None if held & {left, right} else breaks.join(left, right)
            if joined is not None:
                found.append(Repair(i, i + 2, (joined.word,), "join", joined.score))
    return _without_overlap([r for r in found if r.score <= max_score])


def doubts(
    words: Sequence[str], speller: Speller, *, keep: Collection[str] = (), factor: float = 100.0
) -> tuple[Repair, ...]:
    """Known but rare words that a far more frequent word is one edit away from: ask, do not change.

    Args:
        words: the query's words, normalised.
        speller: the vocabulary.
        keep: words that stay as they are.
        factor: how many times more frequent the other word must be.
    """
    found = []
    for i, word in enumerate(words):
        if word not in keep and (other := speller.doubt(word, factor=factor)) is not None:
            found.append(Repair(i, i + 1, (other.word,), "correction", other.score))
    return tuple(found)


def apply(words: Sequence[str], repairs: Sequence[Repair]) -> tuple[str, ...]:
    """The query's words after the repairs."""
    out: list[str] = []
    at = 0
    for r in repairs:
        out += [*words[at : r.start], *r.words]
        at = r.end
    return (*out, *words[at:])


def did_you_mean(words: Sequence[str], repairs: Sequence[Repair]) -> str | None:
    """The repaired query as text, or None when nothing was repaired."""
    return " ".join(apply(words, repairs)) if repairs else None


def _corrections(
    words: Sequence[str], i: int, speller: Speller, breaks: WordBreaks | None
) -> list[Repair]:
    """The best correction of a word between its neighbours; none or one."""
    pairs = breaks.pairs if breaks is not None else None
    candidates = speller.correct_one(words[i], top=_CANDIDATES if pairs else 1)
    if not candidates:
        return []
    scores = [c.score for c in candidates]
    if pairs is not None:
        left = speller.find(words[i - 1]) if i > 0 else -1
        right = speller.find(words[i + 1]) if i + 1 < len(words) else -1
        for k, c in enumerate(candidates):
            beside = pairs.count(left, c.id) + pairs.count(c.id, right)
            scores[k] -= speller.nats(1) - speller.nats(1 + beside)
    best = min(range(len(candidates)), key=scores.__getitem__)
    return [Repair(i, i + 1, (candidates[best].word,), "correction", max(0.0, scores[best]))]


def _without_overlap(found: list[Repair]) -> tuple[Repair, ...]:
    """The surest repairs that do not touch each other, in the order of the query."""
    taken: set[int] = set()
    out: list[Repair] = []
    for r in sorted(found, key=lambda r: (r.score, r.start, r.end)):
        place = set(range(r.start, r.end))
        if not place & taken:
            taken |= place
            out.append(r)
    return tuple(sorted(out, key=lambda r: r.start))
