"""Which attribute values and categories the words of a query name."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

from mercer.retrieve.lexicon import MAX_PHRASE_WORDS, Lexicon, ValueCount
from mercer.retrieve.query import CATEGORY, AttributeWish
from mercer.retrieve.query_spell import Word
from mercer.retrieve.query_words import FILLERS, NEGATIONS, STOP_WORDS
from mercer.text.analyze import words as words_in

MIN_SHARE = 0.05  # of the listings with a word that have it as this value, for a wish to be meant
MIN_SHARE_UNWANTED = 0.2  # the same for "without": a wrong exclusion costs more than a wrong wish

RARER = 3  # times rarer than another value may be one that is spelled exactly as in the query

_NO_VALUE = STOP_WORDS | FILLERS | {p[0] for p in NEGATIONS if len(p) == 1} | {"free"}
_EDGES = frozenset(("and", "or", "for", "with", "in", "on", "of", "to", "from", "by", "at"))
_HINTS: dict[str, tuple[str, ...]] = {
    "by": ("brand", "maker", "artist", "designer", "author", "manufacturer", "seller"),
    "of": ("material", "materials", "fabric", "composition"),
    "from": ("material", "country", "origin", "era", "brand"),
    "in": ("color", "colour", "size", "material", "style", "language"),
    "for": ("recipient", "gender", "department", "audience", "occasion", "age", "room"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Words [start, end) that name a value, with the fields that it may be a value of."""

    start: int
    end: int
    values: tuple[ValueCount, ...]  # most frequent first


class ValueFinder:
    """Looks up runs of a query's words; remembers what it found."""

    def __init__(self, query: Sequence[Word], lexicon: Lexicon) -> None:
        self._query, self._lexicon = query, lexicon
        self._seen: dict[tuple[int, int], tuple[ValueCount, ...]] = {}

    def longest_at(self, start: int, end: int, *, is_unwanted: bool = False) -> Span | None:
        """The longest value that begins at `start` and ends by `end`.

        What is not wanted has to be said more clearly: no category by other words than its own, so
        that "blanket without glass beads" never shuts out the blankets' shelf.
        """
        min_share = MIN_SHARE_UNWANTED if is_unwanted else MIN_SHARE
        for stop in range(min(end, start + MAX_PHRASE_WORDS), start, -1):
            values = self._plausible(start, stop, min_share)
            if is_unwanted:
                values = tuple([v for v in values if v.is_exact or v.field != CATEGORY])
            if values:
                return Span(start, stop, values)
        return None

    def spans(self, runs: Iterable[tuple[int, int]]) -> list[Span]:
        """The values that the runs of words [start, end) name; none overlap, from left to right.

        Longest first; of one length those that are called so before those that listings have whose
        texts say so ("cotton baby rattles" are "baby rattles", not "cotton baby"), categories first
        among these; then from the left.
        """
        taken: set[int] = set()
        found: list[Span] = []
        for one in self._candidates(runs):
            words = range(one.start, one.end)
            if taken.isdisjoint(words):
                found.append(one)
                taken.update(words)
        return sorted(found, key=lambda s: s.start)

    def _candidates(self, runs: Iterable[tuple[int, int]]) -> list[Span]:
        """All spans within the runs that name a value, in the order of `spans`."""
        spans = [
            Span(start, start + length, values)
            for first, last in runs
            for length in range(1, MAX_PHRASE_WORDS + 1)
            for start in range(first, last - length + 1)
            if (values := self._plausible(start, start + length, MIN_SHARE))
        ]
        return sorted(spans, key=lambda s: (s.start - s.end, _certainty(s), s.start))

    def category_within(
        self, runs: Iterable[tuple[int, int]], spans: Sequence[Span]
    ) -> Span | None:
        """A category that is named within other values: the rings of "ring size 6".

        Or by the very words of one, where the category is spelled so and the value is not: "buttons"
        of a market that has a closure "button". What stands behind "with" or the like is no category,
        and the own words of a value without a number are none: "art deco" is no art.
        """
        for one in self._candidates(runs):
            before = self._query[one.start - 1].text if one.start else ""
            values = tuple([v for v in one.values if v.field == CATEGORY])
            if values and before not in _EDGES and not any(self._holds(s, one) for s in spans):
                return Span(one.start, one.end, values)
        return None

    def _holds(self, span: Span, other: Span) -> bool:
        """Whether the words of a span are all that those of another one are there for."""
        if span.end <= other.start or other.end <= span.start:
            return False
        typed = [w.text for w in self._query[span.start : span.end]]
        if (span.start, span.end) == (other.start, other.end):
            is_own = any(words_in(v.value) == typed for v in other.values)
            return not is_own or any(
                words_in(v.value) == typed for v in span.values if v.field != CATEGORY
            )
        is_measure = any(c.isdigit() for word in typed for c in word)
        return any(v.is_exact for v in span.values) and not is_measure

    def _plausible(self, start: int, stop: int, min_share: float) -> tuple[ValueCount, ...]:
        """Values of the words; of one word only those that are a good part of its use."""
        values = self._lookup(start, stop)
        if not values or stop - start > 1 or self.named_field(start, stop, values) is not None:
            return values
        text = self._query[start].text
        if (
            self._query[start].is_measure
            or text in _NO_VALUE
            or text.replace(".", "").replace("/", "").isdigit()
        ):
            return ()
        least = min_share * self._lexicon.count(text)
        return tuple([v for v in values if v.count >= least])

    def _lookup(self, start: int, stop: int) -> tuple[ValueCount, ...]:
        key = (start, stop)
        if (seen := self._seen.get(key)) is not None:
            return seen
        query = self._query
        is_one = all(
            not w.is_behind_break and not w.is_behind_minus for w in query[start + 1 : stop]
        )
        found: tuple[ValueCount, ...] = ()
        if is_one and not (stop - start > 1 and query[start].text in _EDGES):
            typed = [w.text for w in query[start:stop]]
            found = tuple(self._lexicon.values(" ".join(typed)))
            if len(typed) > 1 and typed[-1] in _EDGES:  # a value may end so: "8x10 in", "slip-on"
                found = tuple([v for v in found if words_in(v.value) == typed])
        self._seen[key] = found
        return found

    # -- which field ----------------------------------------------------------------------------

    def named_field(
        self, start: int, stop: int, values: Sequence[ValueCount]
    ) -> tuple[str, int] | None:
        """The field that a word beside the value names ("size 8", "white color"), and its place."""
        query = self._query
        for at in (start - 1, stop):
            if not 0 <= at < len(query):
                continue
            beside = query[max(at, start)]  # the later of the two words
            if beside.is_behind_break and not (at < start and beside.is_behind_colon):
                continue
            name = query[at].text
            for value in values:
                if value.field != CATEGORY and is_named(value.field, name):
                    return value.field, at
        return None

    def meant(
        self,
        span: Span,
        *,
        category: str | None = None,
        taken: AbstractSet[str] = frozenset(),
    ) -> tuple[ValueCount, ...]:
        """All that learnt words mean ("birthday card": the category and the occasion); of what words
        name themselves the one that is meant (`choose`)."""
        if len(span.values) > 1 and not any(v.is_exact for v in span.values):
            return span.values
        return (self.choose(span, category=category, taken=taken),)

    def choose(
        self,
        span: Span,
        *,
        category: str | None = None,
        taken: AbstractSet[str] = frozenset(),
    ) -> ValueCount:
        """The value that is meant: by the field's name, by the word before it, of a field that the
        query does not speak of yet ("rose gold gold ring"), in the category that it names, by the
        number of listings."""
        values: Sequence[ValueCount] = span.values
        if len(values) == 1:
            return values[0]
        if (named := self.named_field(span.start, span.end, values)) is not None:
            return next(v for v in values if v.field == named[0])
        before = self._query[span.start - 1].text if span.start else ""
        for hint in _HINTS.get(before, ()):
            for value in values:
                if is_named(value.field, hint):
                    return value
        values = self._spelled_so(span, values)
        if before not in ("and", "or"):
            values = [v for v in values if v.field not in taken] or values
        if category is not None:
            phrase = " ".join([w.text for w in self._query[span.start : span.end]])
            allowed = {v.field for v in values}
            inside = self._lexicon.values(phrase, within=category)
            values = [v for v in inside if v.field in allowed] or values
        return max(values, key=lambda v: v.count)

    def _spelled_so(self, span: Span, values: Sequence[ValueCount]) -> Sequence[ValueCount]:
        """Attribute values that are spelled as the query does, before others of the same key: "laces"
        is no "lace", unless laces are rare. A category is named in the singular as well, so it stays."""
        typed = [w.text for w in self._query[span.start : span.end]]
        same = [v for v in values if v.field == CATEGORY or words_in(v.value) == typed]
        spelled = max([v.count for v in same if v.field != CATEGORY], default=0)
        return same if spelled * RARER >= max(v.count for v in values) else values

    def wish(self, span: Span, value: ValueCount) -> AttributeWish:
        """The value with the words that named it."""
        text = " ".join([w.text for w in self._query[span.start : span.end]])
        return AttributeWish(value.field, value.value, text, value.is_exact)


def _certainty(span: Span) -> int:
    """0 for words that are a value's own, 1 for learnt ones of a category, 2 for others."""
    if any(v.is_exact for v in span.values):
        return 0
    return 1 if any(v.field == CATEGORY for v in span.values) else 2


def is_named(field: str, name: str) -> bool:
    """True where `name` is how a query calls a field: its name, or the last word of it."""
    return name in _names(field)


@lru_cache(maxsize=4_096)
def _names(field: str) -> frozenset[str]:
    parts = words_in(field.replace("_", " "))
    names = {field, " ".join(parts), "".join(parts), *parts[-1:]} - {""}
    return frozenset(names | {"colour"} if "color" in names else names)
