"""What was understood of a query: the structure that retrieval uses and the response shows."""

from dataclasses import dataclass, field
from typing import Any

from mercer.schema.money import Rates

Words = tuple[str, ...]
"""Normalised, unstemmed words in order."""

CATEGORY = "category"
"""The field of an AttributeWish that names a category; its value is the category's own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderstandOptions:
    """What a market decides about reading queries."""

    currency: str = "USD"  # ISO 4217 of amounts without a sign, and of the limits that come out
    rates: Rates | None = None  # to turn other currencies into that one; None: taken at par
    is_last_word_prefix: bool = True  # the last word may be the beginning of one
    around_share: float = 0.2  # "around 50" is 50 less and more this share


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """One word that the listings should have."""

    word: str  # as used: normalised, unstemmed, already corrected
    alternatives: tuple[
        Words, ...
    ] = ()  # each may stand for the word: its other spellings, synonyms
    is_prefix: bool = False  # the last word, typed without a space after it
    is_optional: bool = False  # says little: "for", "the", "best", the recipient of a gift
    is_known: bool = True  # some listing has it


@dataclass(frozen=True, slots=True)
class Correction:
    """What was typed and what is used in its place; either may be several words."""

    typed: str
    used: str


@dataclass(frozen=True, slots=True)
class AttributeWish:
    """A value of the catalogue that the query names."""

    field: str  # attribute, or "category"
    value: str  # as the catalogue writes it
    text: str  # the words of the query that said so
    is_exact: bool = True  # False: these are not its own words; learnt, so less certain


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """A length, volume, weight or other measure that the query asks for."""

    attribute: str | None  # "width", "size"; None where the query does not say which
    min: float | None
    max: float | None  # equal to min where exactly that was asked for
    unit: str  # cm mm m in ft yd oz fl_oz ml l gal qt pt g kg lb w v gb ...; "" for a bare number


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuery:
    """A query as a structure. Words that became a limit, or that are not wanted, are no terms."""

    text: str  # as used: without control characters, cut to MAX_QUERY_CHARS
    was_cut: bool = False
    terms: tuple[QueryTerm, ...] = ()
    phrases: tuple[Words, ...] = ()  # that the user put in quotes; their words are terms as well
    excluded_terms: tuple[Words, ...] = ()  # each a word or a phrase that listings should not have
    corrections: tuple[Correction, ...] = ()
    did_you_mean: str | None = None  # as used, where corrected; else as it may be meant
    wanted: tuple[AttributeWish, ...] = ()
    unwanted: tuple[AttributeWish, ...] = ()
    price_min_micros: int | None = None  # in the currency of the options
    price_max_micros: int | None = None
    sizes: tuple[SizeLimit, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """The `understood` object of a search response: only JSON types."""
        return {
            "text": self.text,
            "was_cut": self.was_cut,
            "terms": [
                {
                    "word": t.word,
                    "alternatives": [" ".join(a) for a in t.alternatives],
                    "is_prefix": t.is_prefix,
                    "is_optional": t.is_optional,
                    "is_known": t.is_known,
                }
                for t in self.terms
            ],
            "phrases": [" ".join(p) for p in self.phrases],
            "excluded_terms": [" ".join(e) for e in self.excluded_terms],
            "corrections": [{"typed": c.typed, "used": c.used} for c in self.corrections],
            "did_you_mean": self.did_you_mean,
            "wanted": [_wish(w) for w in self.wanted],
            "unwanted": [_wish(w) for w in self.unwanted],
            "price_min_micros": self.price_min_micros,
            "price_max_micros": self.price_max_micros,
            "sizes": [
                {"attribute": s.attribute, "min": s.min, "max": s.max, "unit": s.unit}
                for s in self.sizes
            ],
        }


def _wish(wish: AttributeWish) -> dict[str, Any]:
    return {"field": wish.field, "value": wish.value, "text": wish.text, "is_exact": wish.is_exact}
