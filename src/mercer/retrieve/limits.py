"""Price and size limits: what of a query's tokens says how much, how big, between what and what."""

from dataclasses import dataclass, field, replace

from mercer.retrieve.lexicon import Lexicon
from mercer.retrieve.limits_quantity import (
    Quantity,
    post_cue_at,
    quantity_at,
    text_at,
)
from mercer.retrieve.query import SizeLimit, UnderstandOptions
from mercer.retrieve.query_lexer import Token
from mercer.retrieve.query_words import (
    AGE_BEFORE,
    AMOUNT_IS_THE_THING,
    AROUND,
    CUE_DIMENSIONS,
    CUE_STARTS,
    CUES,
    DIMENSION_NOUNS,
    DIMENSIONS,
    LEADING_FILLERS,
    MAX,
    MAX_ADULT_AGE,
    MAX_AGE,
    MIN,
    PRICE_WORDS,
    PRODUCT_BEFORE_MAX,
    TRAILING_FILLERS,
)
from mercer.schema.money import MAX_MICROS, MICROS

MAX_LEAD = 6  # tokens of a cue and a currency before the number: "no more than : us $"


@dataclass(slots=True)
class Limits:
    """The limits found; where one end of the price is said twice, the last word counts."""

    price_min_micros: int | None = None
    price_max_micros: int | None = None
    sizes: list[SizeLimit] = field(default_factory=list)


def take_limits(tokens: list[Token], lexicon: Lexicon, options: UnderstandOptions) -> Limits:
    """The limits that a query's tokens say.

    The tokens of a price, and of a size that a cue makes a limit ("under 30 cm"), are marked as
    used. An exact size ("12 oz") stays a term as well, because titles say it in the same words.
    """
    return _Scan(tokens, lexicon, options).run()


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What tokens [start, end) say, before it is known of what they speak."""

    start: int
    end: int
    low: Quantity | None
    high: Quantity | None
    cue: tuple[str, ...] = ()  # the words that make it a limit; () where there are none

    @property
    def one(self) -> Quantity:
        """Either end; both are of one kind."""
        quantity = self.low or self.high
        assert quantity is not None  # a bound has an end
        return quantity


class _Scan:
    """One pass from left to right."""

    def __init__(self, tokens: list[Token], lexicon: Lexicon, options: UnderstandOptions) -> None:
        self._tokens, self._lexicon, self._options = tokens, lexicon, options
        self._found = Limits()

    def run(self) -> Limits:
        # Every limit has a number, at most a few tokens behind its first word.
        numbers = [i for i, token in enumerate(self._tokens) if token.number is not None]
        at = max(0, numbers[0] - MAX_LEAD) if numbers else len(self._tokens)
        while at < len(self._tokens) and at <= numbers[-1]:
            end = self._take_sides(at)
            if end == at:
                bounds = self._between(at) or self._cued(at) or self._plain(at)
                if bounds is not None and (
                    self._take_size(bounds)
                    or self._take_named_size(bounds)
                    or self._take_price(bounds)
                ):
                    end = bounds.end
            at = max(end, at + 1)
        return self._found

    def _text(self, at: int) -> str:
        return text_at(self._tokens, at) if at >= 0 else ""

    def _quantity(self, at: int) -> Quantity | None:
        pounds = self._options.currency == "GBP"
        return quantity_at(self._tokens, at, self._lexicon, pounds_are_money=pounds)

    def _use(self, start: int, end: int) -> None:
        for token in self._tokens[start:end]:
            token.is_used = True

    def _keep(self, start: int, end: int) -> None:
        for token in self._tokens[start:end]:
            token.is_measure = True

    # -- the forms of a limit -----------------------------------------------------------------------

    def _between(self, at: int) -> _Bounds | None:
        """between A and B, from A to B, A - B, A to B."""
        opener = self._text(at) if self._text(at) in ("between", "from") else ""
        low = self._quantity(at + bool(opener))
        if low is None:
            return None
        joiners = ("and", "&", "-", "to") if opener == "between" else ("-", "to")
        high = self._quantity(low.end + 1) if self._text(low.end) in joiners else None
        if high is None or high.value < low.value:
            return None
        if low.is_bare:
            low = replace(low, currency=high.currency, unit=high.unit)
        elif high.is_bare:
            high = replace(high, currency=low.currency, unit=low.unit)
        if (low.unit, low.currency) != (high.unit, high.currency):
            return None
        return _Bounds(at, high.end, low, high, (opener,) if opener else ())

    def _cued(self, at: int) -> _Bounds | None:
        """under 20, at least 3 inches, around 50; $20 or less, 20 usd max."""
        for cue in CUE_STARTS.get(self._text(at), ()):
            if any(self._text(at + i) != word for i, word in enumerate(cue)):
                continue
            length, kind = len(cue), CUES[cue]
            behind = at + length + (self._text(at + length) in ("of", ":", ".", "a", "the"))
            quantity = self._quantity(behind)
            if quantity is None or (cue == ("from",) and quantity.currency is None):
                return None
            return self._bounds(at, quantity.end, kind, quantity, cue)
        quantity = self._quantity(at)
        post = post_cue_at(self._tokens, quantity.end) if quantity is not None else None
        if quantity is None or post is None:
            return None
        kind, end = post
        cue = tuple([self._text(i) for i in range(quantity.end, end)])
        return self._bounds(at, end, kind, quantity, cue)

    def _bounds(
        self, start: int, end: int, kind: str, quantity: Quantity, cue: tuple[str, ...]
    ) -> _Bounds:
        if kind == AROUND:
            share = self._options.around_share
            low = replace(quantity, value=quantity.value * (1 - share))
            return _Bounds(
                start, end, low, replace(quantity, value=quantity.value * (1 + share)), cue
            )
        is_min, is_max = kind == MIN, kind == MAX
        return _Bounds(start, end, quantity if is_min else None, quantity if is_max else None, cue)

    def _plain(self, at: int) -> _Bounds | None:
        """A quantity alone: "$20" is the most to be paid, "12 oz" is exactly that."""
        quantity = self._quantity(at)
        if quantity is None:
            return None
        low = None if quantity.currency is not None else quantity
        return _Bounds(at, quantity.end, low, quantity)

    # -- sizes --------------------------------------------------------------------------------------

    def _take_sides(self, at: int) -> int:
        """Take "100 x 200 cm" or 8' x 10'; gives the place behind it, or `at` where it is none."""
        side = self._quantity(at)
        sides: list[Quantity] = []
        while side is not None and side.currency is None:
            sides.append(side)
            is_more = self._text(side.end) in ("x", "by")
            side = self._quantity(side.end + 1) if is_more else None
        if len(sides) < 2:
            return at
        unit = next((s.unit for s in reversed(sides) if s.is_measure), None)
        if unit is not None:
            for s in sides:
                own = s.unit if s.unit is not None and s.is_measure else unit
                self._found.sizes.append(SizeLimit(None, s.value, s.value, own))
            self._keep(at, sides[-1].end)
        return sides[-1].end

    def _take_size(self, bounds: _Bounds) -> bool:
        """A quantity with a unit of length, volume, weight and the like."""
        unit = bounds.one.unit
        if unit is None or not bounds.one.is_measure:
            return False
        attribute, start, end = self._dimension(bounds)
        self._add_size(attribute, bounds, unit)
        if bounds.cue:
            self._use(start, end)
        else:
            self._keep(start, end)
        return True

    def _take_named_size(self, bounds: _Bounds) -> bool:
        """A bare number of a named dimension: size 8, width under 30, wider than 40."""
        if not bounds.one.is_bare:
            return False
        before = self._before(bounds.start)
        word = self._text(before)
        attribute = CUE_DIMENSIONS.get(bounds.cue[0]) if bounds.cue else None
        if word in DIMENSION_NOUNS:
            attribute = DIMENSIONS[word]
        elif word in ("size", "sizes", "sz"):
            attribute = "size"
        if attribute is None:
            return False
        self._add_size(attribute, bounds, "")
        if bounds.cue:
            self._use(before if word in DIMENSION_NOUNS else bounds.start, bounds.end)
        return True

    def _add_size(self, attribute: str | None, bounds: _Bounds, unit: str) -> None:
        low, high = (None if q is None else round(q.value, 6) for q in (bounds.low, bounds.high))
        self._found.sizes.append(SizeLimit(attribute, low, high, unit))

    def _before(self, start: int) -> int:
        """The place of the word before, signs and "of", "is" left out."""
        at = start - 1
        while at >= 0 and self._text(at) in (":", "=", "of", "is", "range"):
            at -= 1
        return at

    def _dimension(self, bounds: _Bounds) -> tuple[str | None, int, int]:
        """Of what a size speaks, and the tokens with the word that says so."""
        start, end = bounds.start, bounds.end
        skip = end + (self._text(end) in ("in", "of"))
        if (named := self._text(skip)) in DIMENSIONS and (skip == end or named in DIMENSION_NOUNS):
            return DIMENSIONS[named], start, skip + 1
        before = self._before(start)
        if (named := self._text(before)) in DIMENSION_NOUNS:
            return DIMENSIONS[named], before, end
        return (CUE_DIMENSIONS.get(bounds.cue[0]) if bounds.cue else None), start, end

    # -- prices -------------------------------------------------------------------------------------

    def _take_price(self, bounds: _Bounds) -> bool:
        if bounds.one.unit is not None or not self._is_price(bounds):
            return False
        is_one = not bounds.cue and bounds.low == bounds.high  # "price 20" is the most to be paid
        low = None if is_one else self._micros(bounds.low)
        high = self._micros(bounds.high)
        if (low, high) == (None, None):
            return False
        self._found.price_min_micros = low if low is not None else self._found.price_min_micros
        self._found.price_max_micros = high if high is not None else self._found.price_max_micros
        start, end = bounds.start, bounds.end
        while start and self._text(start - 1) in (*LEADING_FILLERS, ":", "="):
            start -= 1
        while self._text(end) in TRAILING_FILLERS:
            end += 1
        self._use(start, end)
        return True

    def _is_price(self, bounds: _Bounds) -> bool:
        """Whether money is meant; a bare number needs a word that says so."""
        one, cue = bounds.one, bounds.cue
        is_price_named = self._text(self._before(bounds.start)) in PRICE_WORDS
        if one.currency is not None:
            is_thing = self._text(bounds.end) in AMOUNT_IS_THE_THING
            return bool(cue) or is_price_named or not is_thing
        if is_price_named:
            return True
        if not cue or one.value <= 0 or cue[0] in CUE_DIMENSIONS or cue == ("+",):
            return False
        before = self._text(bounds.start - 1)
        if before in AGE_BEFORE and one.value <= MAX_AGE:
            return False
        is_behind = one.start == bounds.start
        if cue[0] in ("max", "maximum", "min", "minimum") and before in PRODUCT_BEFORE_MAX:
            return False
        # "8 and up" is an age, "50 and up" a price.
        return not (is_behind and bounds.high is None and one.value <= MAX_ADULT_AGE)

    def _micros(self, quantity: Quantity | None) -> int | None:
        if quantity is None:
            return None
        rate = None
        if quantity.currency not in (None, self._options.currency) and self._options.rates:
            rate = self._options.rates.rate(str(quantity.currency))
        micros = quantity.value * (rate or 1.0) * MICROS
        return round(micros) if micros <= MAX_MICROS else None
