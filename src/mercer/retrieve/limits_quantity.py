"""A quantity in a query: a number with its currency or its unit, as it stands at one place."""

from dataclasses import dataclass

from mercer.retrieve.lexicon import Lexicon
from mercer.retrieve.query_lexer import Token
from mercer.retrieve.query_words import (
    COUNTED,
    CURRENCY_SIGNS,
    CURRENCY_WORDS,
    GLUED_BUT_NO_UNIT,
    POST_CUES,
    STOP_WORDS,
    UNITS,
)

_COUNTED = "counted"  # the unit of what is neither money nor a measure: years, pieces


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number at tokens [start, end)."""

    start: int
    end: int
    value: float
    currency: str | None = None
    unit: str | None = None  # canonical; "counted" for years, pieces and the like

    @property
    def is_bare(self) -> bool:
        """True for a number with neither currency nor unit."""
        return self.currency is None and self.unit is None

    @property
    def is_measure(self) -> bool:
        """True for a length, volume, weight and the like."""
        return self.unit is not None and self.unit != _COUNTED


def is_free(tokens: list[Token], at: int) -> bool:
    """True where a token is there that is neither quoted nor part of another limit."""
    return at < len(tokens) and not tokens[at].is_used and not tokens[at].is_quoted


def text_at(tokens: list[Token], at: int) -> str:
    """The word or the sign at a place; "" where it is not free."""
    if not is_free(tokens, at):
        return ""
    return tokens[at].sign or (tokens[at].word if tokens[at].number is None else "")


def quantity_at(
    tokens: list[Token], at: int, lexicon: Lexicon, *, pounds_are_money: bool = False
) -> Quantity | None:
    """The quantity that starts at a token; None where none does."""
    start, currency = at, None
    if is_free(tokens, at) and tokens[at].word == "us" and text_at(tokens, at + 1) == "$":
        at += 1
    lead = text_at(tokens, at)
    if lead in CURRENCY_SIGNS:
        currency, at = CURRENCY_SIGNS[lead], at + 1
    elif lead in ("usd", "eur", "gbp"):
        currency, at = CURRENCY_WORDS[lead], at + 1
    if not is_free(tokens, at) or tokens[at].number is None:
        return None
    number, suffix, at = _mixed_number(tokens, at)
    if suffix:
        return _glued(start, at, number, suffix, currency)
    if currency is not None:
        after = text_at(tokens, at)  # "$20 dollars"
        return Quantity(start, at + (after in CURRENCY_WORDS), number, currency)
    return _with_unit(tokens, start, at, number, lexicon, pounds_are_money=pounds_are_money)


def _mixed_number(tokens: list[Token], at: int) -> tuple[float, str, int]:
    """The number, what is glued to it, and the place behind; "1 1/2" and "3-3/4" are one number."""
    token = tokens[at]
    number = token.number
    assert number is not None  # the caller saw it
    after = at + 1 + (text_at(tokens, at + 1) == "-")
    if is_free(tokens, after) and number.is_integer() and not token.suffix:
        fraction = tokens[after].number
        if fraction is not None and fraction < 1 and "/" in tokens[after].raw:
            return number + fraction, tokens[after].suffix, after + 1
    return number, token.suffix, at + 1


def _glued(
    start: int, end: int, number: float, suffix: str, currency: str | None
) -> Quantity | None:
    if suffix == "k" and currency is not None:
        return Quantity(start, end, number * 1000, currency)
    if suffix in CURRENCY_WORDS:
        return Quantity(start, end, number, CURRENCY_WORDS[suffix])
    if suffix in COUNTED:
        return Quantity(start, end, number, None, _COUNTED)
    if suffix in UNITS and f"{number:g}{suffix}" not in GLUED_BUT_NO_UNIT:
        return Quantity(start, end, number, None, UNITS[suffix])
    return None


def _with_unit(
    tokens: list[Token],
    start: int,
    at: int,
    number: float,
    lexicon: Lexicon,
    *,
    pounds_are_money: bool,
) -> Quantity:
    """A number and the currency or unit that stands behind it."""
    after = text_at(tokens, at)
    if after == "-" and text_at(tokens, at + 1) in UNITS and not tokens[at].has_gap:
        at, after = at + 1, text_at(tokens, at + 1)  # 12-oz
    if after in CURRENCY_SIGNS:
        return Quantity(start, at + 1, number, CURRENCY_SIGNS[after])
    if after in CURRENCY_WORDS:
        return Quantity(start, at + 1, number, CURRENCY_WORDS[after])
    if after in ("pounds", "pound") and pounds_are_money:
        return Quantity(start, at + 1, number, "GBP")
    if after == "ft" and tokens[at].sign:  # 5'10"
        inches = tokens[at + 1].number if is_free(tokens, at + 1) else None
        if inches is not None and not tokens[at + 1].has_gap and not tokens[at + 1].suffix:
            end = at + 2 + (text_at(tokens, at + 2) == "in")
            return Quantity(start, end, number * 12 + inches, None, "in")
    if after == "fl" and text_at(tokens, at + 1) in ("oz", "ounce", "ounces"):
        return Quantity(start, at + 2, number, None, "fl_oz")
    is_unit = after in UNITS or after == "in"
    if is_unit and (after != "in" or tokens[at].sign or _is_inch(tokens, at, lexicon)):
        end = at + 1
        if text_at(tokens, end) == "." and not tokens[end].has_gap:
            end += 1  # "12 oz."
        return Quantity(start, end, number, None, UNITS[after])
    if after == "%" or (after in COUNTED and not (after == "min" and _ends(tokens, at + 1))):
        return Quantity(start, at + (after == "%"), number, None, _COUNTED)
    return Quantity(start, at, number)


def _is_inch(tokens: list[Token], at: int, lexicon: Lexicon) -> bool:
    """Whether the word "in" behind a number is the unit: not in "3 in 1", "8 in black", "2 in the"."""
    if at + 1 >= len(tokens):
        return True
    following = tokens[at + 1]
    if following.number is not None or following.word in STOP_WORDS:
        return False
    return not (following.word and lexicon.values(following.word))


def _ends(tokens: list[Token], at: int) -> bool:
    return at >= len(tokens)


def post_cue_at(tokens: list[Token], at: int) -> tuple[str, int] | None:
    """The kind ("max", "min") of a limit that is said behind a quantity, and the place behind it."""
    for length in (2, 1):
        phrase = tuple([text_at(tokens, at + i) for i in range(length)])
        if (kind := POST_CUES.get(phrase)) is not None:
            return kind, at + length
    return None
