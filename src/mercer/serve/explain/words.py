"""The words in which a page is explained: parts of the score, what was understood, what was dropped."""

from collections.abc import Mapping, Sequence
from typing import Any

from mercer.retrieve.row_match import RuledOut

PART_WORDS: Mapping[str, str] = {
    "lexical": "the query's words (BM25)",
    "semantic": "the query's meaning (cosine)",
    "title": "words side by side in the title",
    "unwanted": "unwanted words in the title",
    "wish": "attributes that the query names",
    "prior": "quality: sales, rating, completeness",
}

STAGE_WORDS: Mapping[str, str] = {
    "understand": "Read the query",
    "lexical": "Find by words",
    "semantic": "Find by meaning",
    "match": "Apply the filter",
    "rank": "Score",
    "facets": "Count facets",
    "page": "Cut the page",
    "log": "Write it down",
}


def part_words(name: str) -> str:
    """A part of the score in plain words; its name where there are none."""
    return PART_WORDS.get(name, name)


def money(micros: int, currency: str) -> str:
    """An amount for people: 12.50 USD."""
    return f"{micros / 1e6:,.2f} {currency}".strip()


def understood_words(understood: Mapping[str, Any]) -> list[str]:
    """What the query was taken to say, piece by piece."""
    if not understood:
        return []
    said = [" ".join(term["word"] for term in understood["terms"]) or "everything"]
    said += [f"{c['typed']} read as {c['used']}" for c in understood["corrections"]]
    said += [f"{wish['field']}: {wish['value']}" for wish in understood["wanted"]]
    said += [f"not {wish['field']}: {wish['value']}" for wish in understood["unwanted"]]
    said += [f"not {words}" for words in understood["excluded_terms"]]
    for key, word in (("price_min_micros", "from"), ("price_max_micros", "up to")):
        if understood[key] is not None:
            said.append(f"price {word} {understood[key] / 1e6:g}")
    if understood["was_cut"]:
        said.append("the query was cut")
    return said


def dropped_words(
    understood: Mapping[str, Any], degraded: Sequence[str], stats: Mapping[str, float]
) -> list[str]:
    """What the search left out: parts for time, words that nothing has, words that may be missing."""
    said = list(degraded)
    terms = understood.get("terms", [])
    said += [f"no listing has the word {t['word']!r}" for t in terms if not t["is_known"]]
    said += [f"{t['word']!r} says little and was not asked for" for t in _optional(terms)]
    asked, needed = int(stats.get("words_asked", 0)), int(stats.get("words_needed", 0))
    if 0 < needed < asked:
        said.append(f"too few listings have all {asked} words, so {needed} of them were enough")
    return said


def _optional(terms: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    optional = [t for t in terms if t["is_optional"]]
    return [] if len(optional) == len(terms) else optional


def ruled_out_words(one: RuledOut, *, currency: str) -> str:
    """One thing that the query says and a listing breaks, with by how much."""
    limit, price = one.limit_micros, one.price_micros
    if limit is not None and price is not None:
        gap, side = (price - limit, "above") if one.by == "price_max" else (limit - price, "below")
        return (
            f"it costs {money(price, currency)}, {money(gap, currency)} {side} the limit of "
            f"{money(limit, currency)}"
        )
    match one.by:
        case "phrase":
            return f'it has not all words of the phrase "{one.what}"'
        case "minus_word":
            return f'it has "{one.what}", which the query excludes with a minus'
        case "unwanted":
            return f"it is {one.what}, which the query does not want"
        case _:
            return "its price is not known, and the query sets a limit"
