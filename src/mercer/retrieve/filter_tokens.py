"""A filter's text as tokens, and how each kind of value is read; both know their place."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from mercer.retrieve.filter_ast import Value
from mercer.retrieve.filter_match import TRUTH, fold_value
from mercer.retrieve.filter_schema import FieldKind
from mercer.schema.errors import FilterError, InputError
from mercer.schema.money import MAX_MICROS, MICROS, to_micros

MAX_VALUE_CHARS = 512
DAY_MS = 86_400_000


class Sort(Enum):
    """What a token is; the value is how an error message calls it."""

    WORD = "a word"
    STRING = "a quoted string"
    MARK = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` of a STRING is unescaped, of a MARK that stands for a keyword upper-case."""

    sort: Sort
    text: str
    at: int  # character of its first character

    def __str__(self) -> str:
        return self.sort.value if self.sort is Sort.END else repr(self.text)


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<mark>&&|\|\||!=|<=|>=|:=|[()\[\],:=<>!])
    | (?P<word>[^\s()\[\],"'<>=!:&|][^\s()\[\],"<>=!:&|]*)
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_KEYWORDS = frozenset(("AND", "OR", "NOT", "IN", "EXISTS", "TO"))
_SAME = {"&&": "AND", "||": "OR", "!": "NOT", ":=": "="}


def tokens_of(source: str) -> list[Token]:
    """The tokens of `source`, the last of sort END.

    Raises:
        FilterError: an open quote, or a character that starts nothing.
    """
    found, at = [], 0
    while True:
        match = _TOKEN.match(source, at)
        if match is None:
            start = at + len(source[at:]) - len(source[at:].lstrip())
            got = source[start]
            why = (
                f"the quote {got} is not closed; close it, or escape a quote inside with \\"
                if got in "\"'"
                else f"got {got!r}, which starts nothing; put values with signs in double quotes"
            )
            raise FilterError(why, source=source, at=start)
        kind = str(match.lastgroup)
        start, at = match.span(kind)
        text = match.group(kind)
        if kind == "end":
            found.append(Token(Sort.END, "", start))
            return found
        if kind == "string":
            found.append(Token(Sort.STRING, re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S), start))
        elif kind == "mark":
            found.append(Token(Sort.MARK, _SAME.get(text, text), start))
        elif text.upper() in _KEYWORDS:
            found.append(Token(Sort.MARK, text.upper(), start))
        else:
            found.append(Token(Sort.WORD, text, start))


def read_value(token: Token, kind: FieldKind, *, field: str, source: str) -> Value:
    """The value that a token spells, of the kind of its field.

    Raises:
        FilterError: it is not of that kind, or too long.
    """
    text = token.text.strip()
    if len(text) > MAX_VALUE_CHARS:
        raise FilterError(
            f"a value of {len(text)} characters; at most {MAX_VALUE_CHARS} are allowed",
            source=source,
            at=token.at,
        )
    value = _READERS[kind](text)
    if value is None:
        raise FilterError(
            f"{field} is {kind.value}, got {token}; expected {_EXAMPLES[kind]}",
            source=source,
            at=token.at,
        )
    return value


_EXAMPLES = {
    FieldKind.TEXT: 'a word or a quoted string such as "stainless steel"',
    FieldKind.CATEGORY: 'a category such as "Home > Mugs"',
    FieldKind.NUMBER: "a finite number such as 4.5",
    FieldKind.MONEY: f"an amount in currency units such as 19.99, 0 to {MAX_MICROS // MICROS}",
    FieldKind.TIME: 'milliseconds since 1970, or a date such as 2024-01-31 or "2024-01-31T12:00Z"',
    FieldKind.BOOL: "true or false",
}
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INT = re.compile(r"-?\d{1,18}", re.ASCII)


def _read_text(text: str) -> str | None:
    return text if fold_value(text) else None


def _read_category(text: str) -> str | None:
    nodes = [" ".join(part.split()) for part in text.split(">")]
    return " > ".join(node for node in nodes if node) or None


def _read_number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number + 0.0 if math.isfinite(number) else None  # + 0.0: there is one zero


def _read_money(text: str) -> int | None:
    try:
        return to_micros(text) if _NUMBER.fullmatch(text) else None
    except InputError:
        return None


def _read_time(text: str) -> int | None:
    if _INT.fullmatch(text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        return None
    return since.days * DAY_MS + since.seconds * 1_000 + since.microseconds // 1_000


def _read_bool(text: str) -> bool | None:
    return TRUTH.get(fold_value(text))


_READERS = {
    FieldKind.TEXT: _read_text,
    FieldKind.CATEGORY: _read_category,
    FieldKind.NUMBER: _read_number,
    FieldKind.MONEY: _read_money,
    FieldKind.TIME: _read_time,
    FieldKind.BOOL: _read_bool,
}


def is_whole_day(token: Token) -> bool:
    """True for a date without a time: it means the day, not its first millisecond."""
    return _DATE.fullmatch(token.text.strip()) is not None
