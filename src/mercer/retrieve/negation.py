"""What a query says it does not want, and how far that reaches."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mercer.retrieve.query import AttributeWish, Words
from mercer.retrieve.query_spell import Word
from mercer.retrieve.query_values import Span, ValueFinder
from mercer.retrieve.query_words import (
    FILLERS,
    FREE_AFTER,
    FREE_BEFORE,
    NEGATIONS,
    NO_IDIOMS,
    NOT_AFTER,
    NOT_BEFORE,
    POSTPOSED,
    SCOPE_END,
    SIGN_NOUNS,
    STOP_WORDS,
    WITHOUT_IDIOMS,
    WITHOUT_LIKE,
)

MAX_SCOPE_WORDS = 4
_DETERMINERS = frozenset(("a", "an", "the", "any", "its", "of"))
_CUES = {" ".join(p): len(p) for p in NEGATIONS}
_CUE_STARTS = frozenset(p[0] for p in NEGATIONS)
_MAX_CUE_WORDS = max(_CUES.values())


@dataclass(slots=True)
class Negations:
    """What is not wanted. The words themselves are marked in the query."""

    unwanted: list[AttributeWish] = field(default_factory=list)
    excluded: list[Words] = field(default_factory=list)


def take_negations(query: Sequence[Word], finder: ValueFinder) -> Negations:
    """Mark the words of negations as "cue" and what they negate as "negated".

    "X free" marks nothing: a listing that is free of X says so with these words.
    """
    return _Reader(query, finder).run()


class _Reader:
    def __init__(self, query: Sequence[Word], finder: ValueFinder) -> None:
        self._query, self._finder = query, finder
        self._found = Negations()

    def run(self) -> Negations:
        at = 0
        while at < len(self._query):
            word = self._query[at]
            if word.is_behind_minus:
                at = self._minus(at)
            elif word.is_quoted:
                at += 1
            elif word.text == "free" and self._text(at + 1) not in ("of", "from"):
                self._free(at)
                at += 1
            else:
                at = self._cued(at)
        return self._found

    def _text(self, at: int) -> str:
        return self._query[at].text if 0 <= at < len(self._query) else ""

    # -- forms ----------------------------------------------------------------------------------

    def _minus(self, at: int) -> int:
        """-leather, -"red mug"."""
        end = at + 1
        if self._query[at].is_quoted:
            while end < len(self._query) and self._is_same_phrase(end):
                end += 1
        span = self._value(at, end)
        if span is not None and span.end == end:
            self._add_value(span)
            return span.end
        self._exclude(at, end)
        return end

    def _is_same_phrase(self, at: int) -> bool:
        return self._query[at].is_quoted and not self._query[at].is_first_quoted

    def _free(self, at: int) -> None:
        """sugar free, BPA-free: unwanted where the catalogue has such a value."""
        before, after = self._text(at - 1), self._text(at + 1)
        if (
            not before
            or before in FREE_BEFORE
            or after in FREE_AFTER
            or self._query[at].is_behind_break
        ):
            return
        for start in range(max(0, at - 3), at):
            span = self._finder.longest_at(start, at + 1)
            if span is not None and span.end == at + 1:
                return  # "sugar free" is a value itself
        span = self._value(at - 1, at)
        if span is not None and self._query[at - 1].role == "term":
            value = self._finder.choose(span)
            self._found.unwanted.append(self._finder.wish(span, value))
            for i in range(span.start, span.end):
                self._query[i].role = "free"

    def _cued(self, at: int) -> int:
        length = self._cue_length(at)
        if not length:
            return at + 1
        cue = " ".join([w.text for w in self._query[at : at + length]])
        start = at + length
        while self._text(start) in _DETERMINERS and not self._query[start].is_behind_break:
            start += 1
        is_short = start < len(self._query) and self._query[start].is_behind_break
        if start >= len(self._query) or is_short or not self._is_negation(at, start, cue):
            return at + 1
        end = self._scope(at, start, cue)
        if end == start:
            return at + 1
        for word in self._query[at:start]:
            word.role = "cue"
        return self._continued(at, end, cue)

    def _cue_length(self, at: int) -> int:
        """Words of the negation at a place, 0 where there is none; a value like "non stick" is none."""
        if self._query[at].text not in _CUE_STARTS:
            return 0
        for length in range(_MAX_CUE_WORDS, 0, -1):
            words = self._query[at : at + length]
            if " ".join([w.text for w in words]) in _CUES and len(words) == length:
                if any(w.is_quoted or (i and w.is_behind_break) for i, w in enumerate(words)):
                    continue
                span = self._finder.longest_at(at, len(self._query))
                return 0 if span is not None and span.end > at + length else length
        return 0

    def _is_negation(self, at: int, start: int, cue: str) -> bool:
        following, before = self._text(start), self._text(at - 1)
        if following[:1].isdigit() or self._query[at].has_dot:
            return False  # no. 5, minus 33
        last = cue.rsplit(" ", 1)[-1]
        if last == "no" or cue == "non":
            value = self._value(start, len(self._query))
            is_longer = value is not None and value.end > start + 1  # "no slip-on": it is the value
            if following in NO_IDIOMS and cue in ("no", "non") and not is_longer:
                return False
            is_value = value is not None
            if cue == "non" or not self._has_content(at):
                return is_value and not self._is_sign(start)
            return before != "say" and not self._is_sign(start)
        if last == "not":
            is_idiom = before in NOT_AFTER or following in NOT_BEFORE
            return not is_idiom and not self._is_sign(start)
        if cue == "without":
            return following not in WITHOUT_IDIOMS
        if cue in ("anything but", "other than", "sans", "minus"):
            return self._has_content(at) or cue == "anything but"
        return True

    def _is_sign(self, start: int) -> bool:
        """no smoking sign, not for sale sign: the words are printed on the thing."""
        return any(
            self._text(i) in SIGN_NOUNS for i in range(start, min(start + 4, len(self._query)))
        )

    def _has_content(self, at: int) -> bool:
        return any(w.text not in STOP_WORDS and w.text not in FILLERS for w in self._query[:at])

    # -- scope ----------------------------------------------------------------------------------

    def _break_after(self, start: int) -> int:
        """The place where the words that belong together with `start` end."""
        end = start + 1
        while end < len(self._query) and not (
            self._query[end].is_behind_break
            or self._query[end].is_behind_minus
            or self._query[end].text in SCOPE_END
        ):
            end += 1
        return end

    def _value(self, start: int, end: int) -> Span | None:
        return self._finder.longest_at(start, end, is_unwanted=True)

    def _scope(self, at: int, start: int, cue: str) -> int:
        """Take what the negation at `at` negates from `start` on; gives the place behind it."""
        if self._query[start].text in SCOPE_END:
            return start
        # A value may hold a word at which a scope ends: "black and white", "made in italy".
        value = self._value(start, len(self._query))
        end = min(self._break_after(start), start + MAX_SCOPE_WORDS)
        is_complement = cue in WITHOUT_LIKE or (cue == "no" and self._has_content(at))
        is_behind_thing = is_complement and self._has_content(at)
        if value is not None:
            is_noun_next = value.end < end and self._finder.longest_at(value.end, end) is None
            if not (is_noun_next and is_behind_thing):
                self._add_value(value)
                return value.end
        if not is_behind_thing:
            end = start + 1
        stop = max(value.end if value is not None else 0, start + 1)
        while stop < end and not self._is_postposed(stop, end):
            stop += 1
        self._exclude(start, stop)
        return stop

    def _is_postposed(self, at: int, end: int) -> bool:
        """A colour or size that ends the phrase speaks of the thing: mug no handle blue."""
        span = self._finder.longest_at(at, end)
        return (
            span is not None
            and span.end == end
            and self._finder.choose(span).field.lower() in POSTPOSED
        )

    def _continued(self, at: int, end: int, cue: str) -> int:
        """without laces or heels, not red and not blue: what an "or" adds."""
        while self._text(end) in ("or", "and", "nor") and end + 1 < len(self._query):
            start = end + 1
            if self._query[start].is_behind_break or self._text(start) in SCOPE_END:
                break
            if not self._goes_on(end, start):
                break
            behind = self._scope(at, start, cue)
            if behind == start:
                break
            self._query[end].role = "cue"
            end = behind
        return end

    def _goes_on(self, joiner: int, start: int) -> bool:
        """Whether what stands behind an "and" is negated too: if it is of the same kind."""
        if self._text(joiner) != "and":
            return True
        value = self._value(start, len(self._query))
        if value is None:
            return bool(self._found.excluded)
        last = self._found.unwanted[-1].field if self._found.unwanted else None
        return self._finder.choose(value).field == last

    def _add_value(self, span: Span) -> None:
        self._found.unwanted.append(self._finder.wish(span, self._finder.choose(span)))
        self._mark(span.start, span.end)

    def _exclude(self, start: int, end: int) -> None:
        self._found.excluded.append(tuple(w.text for w in self._query[start:end]))
        self._mark(start, end)

    def _mark(self, start: int, end: int) -> None:
        for word in self._query[start:end]:
            word.role = "negated"
