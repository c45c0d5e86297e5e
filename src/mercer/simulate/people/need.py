"""What somebody came for, and the queries by which they ask for it, from vague to precise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mercer.schema.money import MICROS
from mercer.simulate.option import NONE, Ints
from mercer.simulate.people.person import Person
from mercer.simulate.people.season import Climate, occasion_weights
from mercer.simulate.people.shelf import Shelf
from mercer.simulate.query import QueryStyle, SimQuery, Stated, write_query
from mercer.simulate.truth import COLUMN, VOCABULARIES
from mercer.simulate.typing_error import mistype
from mercer.simulate.words.taxonomy import taxonomy

SortWord = Literal["relevance", "newest", "price_asc", "price_desc"]

_FIRST: Final[tuple[tuple[QueryStyle, float], ...]] = (
    ("vague", 0.24), ("plain", 0.34), ("specific", 0.28), ("niche", 0.10), ("negated", 0.04),
)  # fmt: skip
_OPEN_SHARE: Final = 0.45  # of vague starts: any kind of thing will do
_OCCASION_SHARE: Final = 0.16  # of needs that are about an occasion
_TREND_SHARE: Final = 0.2  # of needs, per unit of the strongest trend
_N_COMPARED: Final = 6  # things that come to mind, of which the most likeable is asked for


@dataclass(frozen=True, slots=True)
class Ask:
    """One query as typed, with the filter that is clicked beside it."""

    text: str
    clean_text: str  # without the slip
    filter: str = ""  # in the filter language
    sort: SortWord = "relevance"


@dataclass(frozen=True, slots=True)
class Need:
    """What a listing has to be, whatever part of it a query says."""

    wanted: Stated  # (attribute, value) as in SimQuery
    unwanted: Stated
    budget_micros: int  # nothing dearer is bought
    keenness: float  # in [0, 1]: the mood of the day added to the person's own
    asks: tuple[Ask, ...]  # in the order in which they are tried


def draw_need(
    person: Person, shelf: Shelf, climate: Climate, rng: np.random.Generator, *, at_ms: int
) -> Need:
    """What the person needs at a moment: by favourite categories, season, fashion and taste.

    Raises InputError where the market has nothing for sale.
    """
    row = _thing_in_mind(person, shelf, climate, rng, at_ms=at_ms)
    queries, is_open = _queries(shelf, row, rng)
    wanted: dict[str, str] = {}
    for query in queries:
        wanted |= dict(query.wanted)
    leaf = taxonomy()[int(shelf.truth.category[row])]
    if not is_open:
        wanted.setdefault("category", leaf.name)
        wanted.pop("root", None)
    budget = leaf.price * np.exp(person.spend + rng.normal(0.0, 0.25))
    budget = max(budget, float(shelf.price_micros[row]) / MICROS * rng.uniform(0.85, 1.4))
    budget_micros = int(np.ceil(budget) * MICROS)
    unwanted = tuple(dict.fromkeys(u for query in queries for u in query.unwanted))
    return Need(
        wanted=tuple((a, v) for a, v in wanted.items() if (a, v) not in unwanted),
        unwanted=unwanted,
        budget_micros=budget_micros,
        keenness=float(np.clip(person.keenness + rng.normal(0.0, 0.15), 0.0, 1.0)),
        asks=_asks(queries, person, rng, budget_micros=budget_micros),
    )


def _thing_in_mind(
    person: Person, shelf: Shelf, climate: Climate, rng: np.random.Generator, *, at_ms: int
) -> int:
    """The row of a listing that is like what is wanted; it need not be known to the person."""
    rows = _about(person, shelf, climate, rng, at_ms=at_ms)
    some = rows[rng.integers(len(rows), size=_N_COMPARED)]
    liked = shelf.truth.taste[some] @ person.taste + 0.5 * shelf.truth.beauty[some]
    return int(some[int(np.argmax(liked))])


def _about(
    person: Person, shelf: Shelf, climate: Climate, rng: np.random.Generator, *, at_ms: int
) -> Ints:
    """The rows of one subject: an occasion, a fashion, a motif or a category."""
    u = float(rng.random())
    weights = occasion_weights(at_ms)
    busy = float(weights.max() / (1.0 + weights.max()))  # of the year's busiest occasion, in (0, 1)
    if u < _OCCASION_SHARE * (0.4 + busy):
        chosen = int(rng.choice(len(weights), p=weights / weights.sum()))
        return shelf.rows_with("occasion", chosen)
    for attribute in ("theme", "style"):
        lift = climate.trend_weights(attribute, len(VOCABULARIES[COLUMN[attribute]].values), at_ms)
        share = _TREND_SHARE * min(float(lift.max()), 2.0) / 2.0
        if rng.random() < share:
            return shelf.rows_with(attribute, int(rng.choice(len(lift), p=lift / lift.sum())))
    if person.theme != NONE and rng.random() < 0.2:
        return shelf.rows_with("theme", person.theme)
    demand = climate.leaf_weights(at_ms)
    if rng.random() < 0.6 / float(demand.max()):
        return shelf.rows_of_leaf(int(person.leaves[int(rng.integers(len(person.leaves)))]))
    share_of_leaf = demand * shelf.leaf_sizes
    return shelf.rows_of_leaf(int(rng.choice(len(demand), p=share_of_leaf / share_of_leaf.sum())))


def _queries(shelf: Shelf, row: int, rng: np.random.Generator) -> tuple[list[SimQuery], bool]:
    """Three or four ways to ask, each more precise, and whether any kind of thing will do."""
    names, weights = zip(*_FIRST, strict=True)
    first = str(rng.choice(names, p=np.array(weights) / sum(weights)))
    is_open = first == "vague" and rng.random() < _OPEN_SHARE
    if is_open:
        styles: Sequence[QueryStyle] = ("vague", "vague", "vague")
    elif first == "vague":
        styles = ("vague", "plain", "specific", "specific")
    elif first == "niche":
        styles = ("niche", "niche", "plain")
    elif first == "negated":
        styles = ("negated", "plain", "specific")
    elif first == "plain":
        styles = ("plain", "specific", "limited" if rng.random() < 0.3 else "specific")
    else:
        styles = ("specific", "specific", "plain")
    found = [write_query(shelf.truth, row, rng, style=style) for style in styles]
    queries = [query for query in found if query is not None]
    if not queries:  # a theme that is not there, nothing to refuse
        plain = write_query(shelf.truth, row, rng, style="plain")
        queries = [plain] if plain is not None else []
    return _distinct(queries), is_open


def _distinct(queries: Sequence[SimQuery]) -> list[SimQuery]:
    return list({query.text: query for query in queries}.values())


def _asks(
    queries: Sequence[SimQuery], person: Person, rng: np.random.Generator, *, budget_micros: int
) -> tuple[Ask, ...]:
    """As this person types and clicks them; a slip is put right when nothing better helps."""
    asks: list[Ask] = []
    for i, query in enumerate(queries):
        clean = query.text
        text = mistype(clean, rng) if rng.random() < person.typo_share else clean
        chosen = ""
        if person.uses_filters and rng.random() < (0.35 if i == 0 else 0.75):
            chosen = _filter(query, rng, budget_micros=budget_micros)
        u = float(rng.random())
        sort: SortWord = "price_asc" if u < 0.025 else "newest" if u < 0.04 else "relevance"
        asks.append(Ask(text, clean, chosen, sort))
    return tuple(asks)


def _filter(query: SimQuery, rng: np.random.Generator, *, budget_micros: int) -> str:
    """What somebody clicks beside the results: a price, a colour, a material."""
    parts = []
    if query.price_max_micros is None and rng.random() < 0.7:
        parts.append(f"price <= {int(np.ceil(budget_micros / MICROS))}")
    for name in ("color", "material"):
        value = dict(query.wanted).get(name)
        if value and rng.random() < 0.6:
            parts.append(f'{name} = "{value}"')
    return " AND ".join(parts)
