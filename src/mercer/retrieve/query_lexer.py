"""A query's text as tokens that know their place: words, numbers with what is glued to them, signs.

The words of the tokens are those of `mercer.text.analyze.words`; only signs come on top, because
"no. 5", "-leather", "$20", '20"' and quotes mean something here.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from mercer.retrieve.query import Words
from mercer.retrieve.request import MAX_QUERY_CHARS
from mercer.text.analyze import fold, words, words_of_folded


@dataclass(slots=True)
class Token:
    """One piece of the query. Changed in place while it is read: `is_used` says it became a limit."""

    raw: str
    start: int
    end: int
    words: tuple[str, ...]  # normalised; () for a sign
    sign: str = ""  # of a sign: $ € £ < <= > >= = - + : , ; ~ % in ft ( ) / & . #
    number: float | None = None
    suffix: str = ""  # letters glued behind the number: "cm" of "30cm"
    has_gap: bool = False  # white space before it
    is_quoted: bool = False
    is_first_quoted: bool = False
    is_measure: bool = False  # part of an exact size, which stays a term
    is_used: bool = False

    @property
    def word(self) -> str:
        """Its only or first word; "" for a sign."""
        return self.words[0] if self.words else ""


def _marks() -> str:
    """Marks that stand on or behind a letter, as ranges of a character class: vowels of "किताब" too."""
    blocks = ((0x300, 0x3100), (0xA600, 0xAC00), (0xFB00, 0x17000), (0x1B000, 0x1F000))
    points = (p for first, end in (*blocks, (0xE0100, 0xE01F0)) for p in range(first, end))
    marks = [p for p in points if unicodedata.category(chr(p))[0] == "M"]
    ends = [(a, b) for a, b in pairwise([-1, *marks, -1]) if b - a != 1]
    return "".join(f"{chr(b)}-{chr(a)}" for (_, b), (a, _) in pairwise(ends))


_LETTER = rf"(?:[^\W_]|[{_marks()}])"
_APOSTROPHE = "'\u2019\u2018\u02bc`"
_QUOTES = '"\u201c\u201d\u201e\u2033'
_TOKEN = re.compile(
    rf"""
      (?P<with>(?<![^\W_])[wW]/(?:(?P<out>o(?:ut)?)(?!{_LETTER})|(?=\s|{_LETTER}|$)))
    | (?P<number>\d+(?:[.,/]\d+)*(?:{_LETTER}+(?:[{_APOSTROPHE}]{_LETTER}+)*)?)
    | (?P<word>{_LETTER}+(?:[{_APOSTROPHE}]{_LETTER}+)*)
    | (?P<currency>[$€£])
    | (?P<compare><=|>=|[<>=≤≥])
    | (?P<quote>[{_QUOTES}]|''|\u2019\u2019|\u2032\u2032)
    | (?P<prime>['\u2019\u2032])
    | (?P<sign>[-\u2013\u2014+:,;~%()/&.\#\u00d7*])
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"(\d+(?:[.,/]\d+)*)(.*)", re.DOTALL)
_DIMENSIONS = re.compile(r"(\d+(?:\.\d+)?)x(\d+(?:\.\d+)?)(?:x(\d+(?:\.\d+)?))?([a-z]*)")
_SAME = {"≤": "<=", "≥": ">=", "\u2013": "-", "\u2014": "-", "\u00d7": "x", "*": "x"}


def clean(q: str) -> tuple[str, bool]:
    """The text as used, and whether it was cut.

    Control characters, NULs and lone surrogates become spaces; letters and their marks are composed;
    white space at the start goes (at the end it says that the last word is complete).
    """
    was_cut = len(q) > MAX_QUERY_CHARS
    text = unicodedata.normalize("NFC", q[: MAX_QUERY_CHARS + 1])
    text = "".join(
        [c if c.isprintable() or unicodedata.category(c) not in _CONTROL else " " for c in text]
    )
    text = text.lstrip()
    if len(text) > MAX_QUERY_CHARS:
        text, was_cut = text[:MAX_QUERY_CHARS], True
    return text, was_cut


_CONTROL = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")


def tokens_of(text: str) -> tuple[list[Token], list[Words]]:
    """The tokens of a clean text and the phrases that stand in quotes."""
    found: list[Token] = []
    phrases: list[tuple[str, ...]] = []
    listed = _words_of(text)
    last_end = 0
    opened: int | None = None  # number of tokens when a quote was opened
    for match in _TOKEN.finditer(text):
        kind, raw, (start, end) = str(match.lastgroup), match.group(), match.span()
        has_gap = start > last_end and text[last_end:start].isspace()
        if kind == "quote":
            is_inch = bool(found) and found[-1].number is not None and not has_gap
            if opened is not None:
                phrases.append(_close(found, opened))
                opened = None
            elif is_inch and start == last_end:
                found.append(Token(raw, start, end, (), "in"))
            elif len(raw) == 1 and _opens(text, end):
                opened = len(found)
            last_end = end if is_inch or opened is not None else last_end
            continue
        if kind in ("with", "out"):
            word = "without" if match.group("out") else "with"
            found.append(Token(raw, start, end, (word,), has_gap=has_gap))
        elif kind == "number":
            found.extend(_number(raw, start, end, listed(raw), has_gap=has_gap))
        elif kind == "word":
            found.append(Token(raw, start, end, listed(raw), has_gap=has_gap))
        elif kind == "prime":
            if found and found[-1].number is not None and start == last_end:
                found.append(Token(raw, start, end, (), "ft"))
        else:
            found.append(Token(raw, start, end, (), _SAME.get(raw, raw), has_gap=has_gap))
        last_end = end
    return found, [p for p in phrases if p]


def _words_of(text: str) -> Callable[[str], Words]:
    """The words of each piece of a text. Folding a script beyond the European ones is one slow call
    whatever the length, so there all pieces are folded at once."""
    if all(c < _FIRST_SLOW or c in _PRINT_MARKS for c in text):
        return _words
    pieces = [m.group() for m in _TOKEN.finditer(text) if m.lastgroup in ("word", "number")]
    folded = fold("\n".join(pieces)).split("\n")
    table = {p: tuple(words_of_folded(f)) for p, f in zip(pieces, folded, strict=False)}
    return lambda raw: table.get(raw, ())


_FIRST_SLOW = "\u0530"
_PRINT_MARKS = frozenset("\u2018\u2019\u201c\u201d\u2013\u2014\u2032\u2033\u20ac\u2122")


@lru_cache(maxsize=16_384)
def _words(raw: str) -> Words:
    return tuple(words(raw))


def _opens(text: str, at: int) -> bool:
    """True where a quote at `at` has a word right behind it and another quote after that."""
    return text[at : at + 1].isalnum() and any(q in text[at:] for q in _QUOTES)


def _close(found: list[Token], opened: int) -> tuple[str, ...]:
    phrase: list[str] = []
    for token in found[opened:]:
        token.is_quoted, token.is_first_quoted = True, not phrase
        phrase.extend(token.words)
    return tuple(phrase)


def _number(raw: str, start: int, end: int, listed: Words, *, has_gap: bool) -> list[Token]:
    """A number with what is glued to it; "100x200cm" is three tokens, the first has the word."""
    folded = raw.lower()
    if dims := _DIMENSIONS.fullmatch(folded):
        sides = [side for side in dims.groups()[:3] if side]
        parts: list[Token] = []
        for side in sides:
            if parts:
                parts.append(Token("x", start, end, (), "x"))
            parts.append(Token(raw, start, end, (), number=float(side)))
        parts[0].words, parts[0].has_gap = listed, has_gap
        parts[-1].suffix = dims.group(4)
        return parts
    split = _NUMBER.fullmatch(folded)
    digits, rest = split.groups() if split else (folded, "")
    number = read_number(digits)
    return [Token(raw, start, end, listed, number=number, suffix=rest, has_gap=has_gap)]


_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def read_number(digits: str) -> float | None:
    """The number that digits with . , / spell; None where they spell a date or a version."""
    if not digits.isascii() or len(digits) > 15:
        return None
    if _GROUPED.fullmatch(digits):
        return float(digits.replace(",", ""))
    whole, slash, below = digits.partition("/")
    if slash:
        is_fraction = whole.isdigit() and below.isdigit() and int(below) > 0
        return int(whole) / int(below) if is_fraction else None
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return None
