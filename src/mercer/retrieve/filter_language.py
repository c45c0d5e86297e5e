"""The filter language: text -> tree. docs/reference/filter.md shows it to users.

    filter  := both ("OR" both)*
    both    := clause ("AND" clause)*
    clause  := "NOT" clause | "(" filter ")" | "EXISTS" field | field test
    test    := ("=" | "!=") value | ("<" | "<=" | ">" | ">=") value | ["NOT"] "IN" list
             | ["NOT"] "EXISTS" | ":" (value | list | range | comparison)
    list    := ("[" | "(") value ("," value)* ("]" | ")")
    range   := low ".." high | low "TO" high, also in brackets: [ ] with the bound, ( ) without it

Words in capitals may be written small; "&&", "||", "!" and ":=" mean AND, OR, NOT and "=".
"""

from dataclasses import dataclass
from typing import NoReturn

from mercer.retrieve.filter_ast import (
    Equals,
    Exists,
    Filter,
    Range,
    Value,
    conjunction,
    disjunction,
    negation,
)
from mercer.retrieve.filter_schema import FieldKind, FilterSchema
from mercer.retrieve.filter_tokens import (
    DAY_MS,
    Sort,
    Token,
    is_whole_day,
    read_value,
    tokens_of,
)
from mercer.retrieve.request import MAX_FILTER_CHARS
from mercer.schema.errors import FilterError

MAX_DEPTH = 32  # of parentheses and NOTs inside one another
MAX_VALUES = 1_000  # in one filter

_COMPARISONS = ("<", "<=", ">", ">=")


def parse_filter(source: str, schema: FilterSchema) -> Filter | None:
    """The tree of a filter in normal form; None where `source` is blank.

    Args:
        source: at most MAX_FILTER_CHARS characters.
        schema: the fields it may name.
    Raises:
        FilterError: with the place, what was got and what was expected. Nothing else is raised.
    """
    if len(source) > MAX_FILTER_CHARS:
        raise FilterError(
            f"got {len(source)} characters; at most {MAX_FILTER_CHARS} are allowed",
            source=source,
            at=MAX_FILTER_CHARS,
        )
    if not source.strip():
        return None
    return _Parser(source, schema).run()


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: FieldKind


class _Parser:
    """Recursive descent over the tokens of one source."""

    def __init__(self, source: str, schema: FilterSchema) -> None:
        self._source, self._schema = source, schema
        self._tokens = tokens_of(source)
        self._next = 0
        self._depth = 0
        self._n_values = 0

    def run(self) -> Filter:
        tree = self._either()
        if self._peek.sort is not Sort.END:
            self._expected("AND, OR or the end (a value with spaces needs quotes)", self._peek)
        return tree

    # -- tokens -----------------------------------------------------------------------------------

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        if token.sort is not Sort.END:
            self._next += 1
        return token

    def _is_mark(self, *texts: str) -> bool:
        return self._peek.sort is Sort.MARK and self._peek.text in texts

    def _is_string(self) -> bool:
        return self._peek.sort is Sort.STRING

    def _accept(self, *texts: str) -> Token | None:
        return self._take() if self._is_mark(*texts) else None

    def _fail(self, message: str, token: Token) -> NoReturn:
        raise FilterError(message, source=self._source, at=token.at)

    def _expected(self, what: str, got: Token) -> NoReturn:
        self._fail(f"got {got}, expected {what}", got)

    # -- logic ------------------------------------------------------------------------------------

    def _either(self) -> Filter:
        parts = [self._both()]
        while self._accept("OR"):
            parts.append(self._both())
        return disjunction(parts)

    def _both(self) -> Filter:
        parts = [self._clause()]
        while self._accept("AND"):
            parts.append(self._clause())
        tree = conjunction(parts)
        assert tree is not None  # it has a part
        return tree

    def _clause(self) -> Filter:
        if self._is_mark("NOT", "("):
            opened = self._take()
            self._depth += 1
            if self._depth > MAX_DEPTH:
                self._fail(f"more than {MAX_DEPTH} levels of NOT and parentheses", opened)
            if opened.text == "NOT":
                tree = negation(self._clause())
            else:
                tree = self._either()
                if not self._accept(")"):
                    self._expected(f"AND, OR or the ) for the ( at {opened.at + 1}", self._peek)
            self._depth -= 1
            return tree
        if self._accept("EXISTS"):
            return Exists(self._field().name)
        return self._test(self._field())

    # -- one field --------------------------------------------------------------------------------

    def _field(self) -> _Field:
        token = self._take()
        if token.sort not in (Sort.WORD, Sort.STRING):
            self._expected("a field name, NOT, EXISTS or (", token)
        found = self._schema.resolve(token.text)
        if found is None:
            near = self._schema.nearest(token.text)
            hint = f"; the nearest names are {', '.join(near)}" if near else ""
            self._fail(f"no field or attribute is called {token}{hint}", token)
        return _Field(*found)

    def _test(self, field: _Field) -> Filter:
        if self._accept("EXISTS"):
            return Exists(field.name)
        if self._accept("NOT"):
            if self._accept("EXISTS"):
                return negation(Exists(field.name))
            if self._accept("IN"):
                return negation(self._list(field))
            self._expected("IN or EXISTS", self._peek)
        if self._accept("IN"):
            return self._list(field)
        if self._accept("!="):
            return negation(self._equals(field, [self._value()]))
        if self._accept("="):
            return self._list(field) if self._is_mark("[") else self._equals(field, [self._value()])
        if self._is_mark(*_COMPARISONS):
            return self._comparison(field)
        if self._accept(":"):
            return self._after_colon(field)
        self._expected(f"=, !=, <, <=, >, >=, :, IN or EXISTS after {field.name}", self._peek)

    def _after_colon(self, field: _Field) -> Filter:
        if self._is_mark(*_COMPARISONS):
            return self._comparison(field)
        if self._accept("="):
            return self._equals(field, [self._value()])
        if self._accept("!="):
            return negation(self._equals(field, [self._value()]))
        if self._is_mark("[", "("):
            opened = self._next
            bracket = self._take()
            pair = self._range_pair(field)
            if pair is None:
                self._next = opened
                return self._list(field)
            closing = self._accept("]", ")")
            if closing is None:
                self._expected("] or ) after the range", self._peek)
            return self._range(
                field, *pair, is_low_in=bracket.text == "[", is_high_in=closing.text == "]"
            )
        pair = self._range_pair(field)
        if pair is not None:
            return self._range(field, *pair, is_low_in=True, is_high_in=True)
        return self._equals(field, [self._value()])

    def _range_pair(self, field: _Field) -> tuple[Token | None, Token | None] | None:
        """The two ends of a range that comes next; None, and nothing taken, where none does."""
        first = self._peek
        after = self._tokens[min(self._next + 1, len(self._tokens) - 1)]
        if first.sort in (Sort.WORD, Sort.STRING) and (after.sort, after.text) == (Sort.MARK, "TO"):
            self._take()
            self._take()
            return first, self._value()
        if not field.kind.is_ordered:
            return None
        low = high = None
        if first.sort is Sort.STRING and after.sort is Sort.WORD and after.text.startswith(".."):
            low = self._take()
        if self._peek.sort is not Sort.WORD or ".." not in self._peek.text:
            return None
        word = self._take()
        left, _, right = word.text.partition("..")
        if left:
            low = Token(Sort.WORD, left, word.at)
        if right:
            high = Token(Sort.WORD, right, word.at + len(left) + 2)
        elif self._is_string():
            high = self._take()
        if low is None and high is None:
            self._fail("the range has neither end; expected one such as 10..20 or 10..", word)
        return low, high

    def _range(
        self,
        field: _Field,
        low: Token | None,
        high: Token | None,
        *,
        is_low_in: bool,
        is_high_in: bool,
    ) -> Filter:
        place = low or high or self._peek
        self._require_ordered(field, place)
        bottom = None if low is None else self._ordered(low, field)
        top = None if high is None else self._ordered(high, field)
        if high is not None and top is not None and is_high_in and self._is_day(field, high):
            top, is_high_in = top + DAY_MS, False  # that day with all of it
        if bottom is not None and top is not None and bottom > top:
            self._fail(f"the range is empty: its lower end is above {high}", place)
        return Range(
            field.name,
            field.kind,
            bottom,
            top,
            is_low_in or bottom is None,
            is_high_in or top is None,
        )

    def _comparison(self, field: _Field) -> Filter:
        sign = self._take()
        self._require_ordered(field, sign)
        token = self._value()
        bound = self._ordered(token, field)
        if sign.text in (">", "<=") and self._is_day(field, token):
            bound += DAY_MS  # after the day, and up to its end
            sign = Token(Sort.MARK, ">=" if sign.text == ">" else "<", sign.at)
        is_in = sign.text.endswith("=")
        if sign.text.startswith(">"):
            return Range(field.name, field.kind, min=bound, is_min_included=is_in)
        return Range(field.name, field.kind, max=bound, is_max_included=is_in)

    def _require_ordered(self, field: _Field, place: Token) -> None:
        if not field.kind.is_ordered:
            self._fail(
                f"{field.name} is {field.kind.value}, which has no order; =, !=, : and IN are allowed",
                place,
            )

    def _list(self, field: _Field) -> Filter:
        bracket = self._accept("[", "(")
        if bracket is None:
            self._expected("a list such as [white, blue]", self._peek)
        closing = "]" if bracket.text == "[" else ")"
        tokens = [self._value()]
        while self._accept(","):
            tokens.append(self._value())
        if not self._accept(closing):
            self._expected(f", or {closing}", self._peek)
        return self._equals(field, tokens)

    def _value(self) -> Token:
        token = self._take()
        if token.sort not in (Sort.WORD, Sort.STRING):
            self._expected("a value (one that is a keyword needs quotes)", token)
        self._n_values += 1
        if self._n_values > MAX_VALUES:
            self._fail(f"more than {MAX_VALUES} values in one filter", token)
        return token

    def _equals(self, field: _Field, tokens: list[Token]) -> Filter:
        """Any of the values; a date without a time is the whole day, so a range."""
        values: dict[Value, None] = {}
        days: dict[Filter, None] = {}
        for token in tokens:
            value = read_value(token, field.kind, field=field.name, source=self._source)
            if self._is_day(field, token):
                start = int(value)
                day = Range(field.name, field.kind, start, start + DAY_MS, is_max_included=False)
                days[day] = None
            else:
                values[value] = None
        same: list[Filter] = [Equals(field.name, field.kind, tuple(values))] if values else []
        return disjunction([*same, *days])

    def _is_day(self, field: _Field, token: Token) -> bool:
        return field.kind is FieldKind.TIME and is_whole_day(token)

    def _ordered(self, token: Token, field: _Field) -> int | float:
        value = read_value(token, field.kind, field=field.name, source=self._source)
        assert isinstance(value, int | float)  # of an ordered kind
        return value
