"""What was understood and what is filtered, as chips; each leads to the search without it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mercer.serve.shop.card import money
from mercer.serve.shop.facet import between, field_label
from mercer.serve.shop.query import PageQuery

_UNWANTED = r"(?:-|(?:but\s+)?(?:not|no|without|except|excluding)\s+)"
_AMOUNT = r"[$€£¥]?\s?\d[\d.,]*\s?[$€£¥k]?"
_MONEY_WORD = r"(?:\s?(?:dollars?|bucks?|euros?|pounds?|usd|eur|gbp))"
_LESS = r"(?:under|below|less\s+than|cheaper\s+than|up\s+to|max(?:imum)?|at\s+most)"
_MORE = r"(?:over|above|more\s+than|from|min(?:imum)?|at\s+least|starting\s+at)"
_NEAR = r"(?:around|about|roughly|approximately|circa|ca\.?)"
_RANGE = rf"(?:between\s+)?{_AMOUNT}{_MONEY_WORD}?\s?(?:-|\u2013|to|and)\s?{_AMOUNT}{_MONEY_WORD}?"
_PRICE = re.compile(
    rf"(?:(?:{_LESS}|{_MORE}|{_NEAR})\s+{_AMOUNT}{_MONEY_WORD}?|{_RANGE}|[$€£¥]\s?\d[\d.,]*)"
    r"(?:\s+or\s+(?:less|more))?",
    re.IGNORECASE,
)
_UNIT = (
    r"(?:cm|mm|m|meters?|in|inch(?:es)?|\"|ft|feet|foot|yd|yards?|oz|fl\s?oz|ounces?|ml|l|liters?"
    r"|gal(?:lons?)?|qt|pt|g|grams?|kg|lbs?|pounds?|w|watts?|v|volts?|gb|tb)"
)
_NUMBER = r"\d[\d.,/]*"
_SIZE = re.compile(
    rf"(?:(?:size|width|height|length|{_LESS}|{_MORE})\s+)*{_NUMBER}"
    rf"(?:\s?(?:-|\u2013|to|x|by)\s?{_NUMBER})*[\s-]?{_UNIT}\b(?:\s+or\s+(?:less|more))?"
    rf"|\bsize\s+{_NUMBER}",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that was understood or selected; a link where it can be taken back."""

    kind: str  # "wanted", "unwanted", "limit", "correction", "selected", "dropped"
    text: str
    url: str = ""  # the search without it; "" where it cannot be taken back by a link


def selected_chips(query: PageQuery, *, currency: str = "") -> tuple[Chip, ...]:
    """What is filtered, each with the link that takes it back."""
    chips = [
        Chip("selected", f"{field_label(name)}: {value}", query.without(name, value).url())
        for name, value in query.selected
    ]
    if query.min_price or query.max_price:
        unit = money(0, currency).removesuffix("0.00").removesuffix("0") if currency else ""
        ends = [unit + end if end else "" for end in (query.min_price, query.max_price)]
        chips.append(Chip("selected", f"Price {between(*ends)}", query.prices("", "").url()))
    return tuple(chips)


def understood_chips(
    understood: Mapping[str, Any], query: PageQuery, *, currency: str
) -> tuple[Chip, ...]:
    """What was read out of the words beside plain terms.

    Args:
        understood: `ParsedQuery.to_dict()`.
        query: whose words they are.
        currency: ISO 4217 of the price limits; "" where it is not known.
    """
    get = understood.get
    chips = [
        Chip("correction", f"{c['typed']} → {c['used']}", _as_typed(query, c["typed"]))
        for c in get("corrections") or ()
    ]
    typed = {c["used"]: c["typed"] for c in get("corrections") or ()}
    chips += [
        Chip("wanted", _wish(wish), _cut(query, _words(_as_in(query, wish, typed))))
        for wish in get("wanted") or ()
    ]
    for wish in get("unwanted") or ():
        pattern = rf"{_UNWANTED}?{_words(_as_in(query, wish, typed))}"
        chips.append(Chip("unwanted", f"not {_wish(wish)}", _cut(query, pattern)))
    for words in get("excluded_terms") or ():
        url = _cut(query, rf"{_UNWANTED}\"?{_words(words)}\"?")
        chips.append(Chip("unwanted", f"without “{words}”", url))
    return (*chips, *_limits(understood, query, currency=currency))


def _limits(understood: Mapping[str, Any], query: PageQuery, *, currency: str) -> list[Chip]:
    get, chips = understood.get, []
    low, high = get("price_min_micros"), get("price_max_micros")
    if low is not None or high is not None:
        text = between(money(low, currency), money(high, currency))
        chips.append(Chip("limit", text, _cut(query, _PRICE.pattern)))
    sizes = get("sizes") or ()
    said = {float(n) for w in get("wanted") or () for n in _DIGITS.findall(w["text"])}
    for size in sizes:
        if size["min"] == size["max"] and size["min"] in said:
            continue  # the chip of a value says it: "16x20 in"
        unit = str(size["unit"]).replace("_", " ")
        ends = [
            f"{n:g} {unit}".strip() if n is not None else "" for n in (size["min"], size["max"])
        ]
        label = field_label(size["attribute"]) if size["attribute"] else "Size"
        # Of several measures a pattern cannot say which words belong to which.
        url = _cut(query, _SIZE.pattern) if len(sizes) == 1 else ""
        chips.append(Chip("limit", f"{label}: {between(*ends)}", url))
    if get("was_cut"):
        chips.append(Chip("dropped", "Your query was long: its beginning counts"))
    return chips


def _wish(wish: Mapping[str, str]) -> str:
    return f"{field_label(wish['field'])}: {wish['value']}"


def _as_in(query: PageQuery, wish: Mapping[str, str], typed: Mapping[str, str]) -> str:
    """The words of a wish as the query has them, before they were corrected."""
    text = wish["text"]
    if text.lower() in query.q.lower():
        return text
    return " ".join(typed.get(word, word) for word in text.split())


def _as_typed(query: PageQuery, typed: str) -> str:
    """The search for a word just as it was typed: quotation marks keep it from being corrected."""
    pattern = rf"(?<![\w\"]){_words(typed)}(?![\w\"])"
    text, n = re.subn(pattern, f'"{typed}"', query.q, count=1, flags=re.IGNORECASE)
    return query.words(text).url() if n else ""


def _words(text: str) -> str:
    """A pattern for some words in a row, whatever stands between them."""
    return r"[\s\-_,/]+".join(re.escape(word) for word in text.split())


def _cut(query: PageQuery, pattern: str) -> str:
    """The search without what a pattern finds; "" where it finds nothing or nothing would be left."""
    if not pattern:
        return ""
    cut = re.sub(rf"(?<!\w){pattern}(?!\w)", " ", query.q, count=1, flags=re.IGNORECASE)
    text = " ".join(cut.split())
    if text == " ".join(query.q.split()) or not (text or query.has_filters):
        return ""
    return query.words(text).url()
