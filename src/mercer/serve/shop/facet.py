"""The filters beside the results: boxes with counts, price steps. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mercer.retrieve.filter_schema import ATTRIBUTE_PREFIX
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.request import FacetValue, PriceStats
from mercer.schema.money import MICROS
from mercer.serve.shop.card import key_of, money
from mercer.serve.shop.query import PageQuery, box_text

MAX_FACETS_SHOWN = 8
OPEN_FACETS = 4  # the first ones stand open
MIN_VALUES = 2  # a facet with one value helps nobody choose
MAX_BOXES = 12  # of a facet that is no tree
FIRST_BOXES = 8  # the rest stands behind "more"
MAX_LEVEL = 3  # a deeper node of the tree is set in as far as this
CATEGORY_STEP = " > "  # between the nodes of a category
_STEPS = (1, 2, 5)  # round amounts are these times a power of ten
_HIDDEN_FACETS = frozenset(
    {"listing_id", "currency", "price", "quantity", "tags", "seller", "created_ms", "updated_ms"}
    | {"rating", "rating_count", "sold_count", "favourite_count"}
)


@dataclass(frozen=True, slots=True)
class FacetBox:
    """One value of a facet, as a checkbox."""

    key: str  # unique on the page, safe as part of an HTML id
    label: str
    parameter: str  # the value of `f` in the URL
    count: int
    is_selected: bool
    level: int = 0  # in a tree: how far it is set in


@dataclass(frozen=True, slots=True)
class Facet:
    """One facet with its boxes."""

    label: str
    boxes: tuple[FacetBox, ...]
    is_open: bool
    n_first: int = FIRST_BOXES  # boxes that stand before "more"


@dataclass(frozen=True, slots=True)
class PriceStep:
    """A price range that one click chooses."""

    label: str
    url: str


def facets_of(counts: Mapping[str, Sequence[FacetValue]], query: PageQuery) -> tuple[Facet, ...]:
    """The facets worth a visitor's time: the category first, then as the market gave them.

    A checked value always has its box, also where the market counted it out.
    """
    chosen: dict[str, list[str]] = {}
    for name, value in query.selected:
        chosen.setdefault(name, []).append(value)
    names = [name for name in counts if name not in _HIDDEN_FACETS]
    names.sort(key=lambda name: name != CATEGORY)
    names = [name for name in names if name in chosen or _is_worth_a_look(counts[name])]
    shown = names[:MAX_FACETS_SHOWN]
    shown += [name for name in chosen if name not in shown]
    return tuple(
        _facet(name, counts.get(name, ()), chosen.get(name, []), is_open=at < OPEN_FACETS)
        for at, name in enumerate(shown)
    )


def _is_worth_a_look(values: Sequence[FacetValue]) -> bool:
    """Enough values to choose from, and not bare measures: nobody ticks 10.5 and 11."""
    return len(values) >= MIN_VALUES and not all(_is_number(v.value) for v in values)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _facet(
    name: str, values: Sequence[FacetValue], chosen: Sequence[str], *, is_open: bool
) -> Facet:
    is_tree = name == CATEGORY
    shown = _as_tree(values) if is_tree else _head(values, chosen)
    have = {value.value for value in shown}
    shown += [FacetValue(v, 0, is_selected=True) for v in chosen if v not in have]
    boxes = []
    for v in shown:
        nodes = v.value.split(CATEGORY_STEP) if is_tree else [v.value]
        level = min(len(nodes) - 1, MAX_LEVEL)
        is_selected = v.is_selected or v.value in chosen
        parameter = box_text(name, v.value)
        boxes.append(FacetBox(key_of(parameter), nodes[-1], parameter, v.count, is_selected, level))
    last_chosen = max((i for i, box in enumerate(boxes, 1) if box.is_selected), default=0)
    n_first = max(FIRST_BOXES, last_chosen)
    if len(boxes) - n_first <= 1:  # "1 more" takes the room of the one
        n_first = len(boxes)
    return Facet(field_label(name), tuple(boxes), is_open or bool(chosen), n_first)


def _head(values: Sequence[FacetValue], chosen: Sequence[str]) -> list[FacetValue]:
    """The first values, and those further down that are checked."""
    return [v for i, v in enumerate(values) if i < MAX_BOXES or v.is_selected or v.value in chosen]


def _as_tree(values: Sequence[FacetValue]) -> list[FacetValue]:
    """Categories with each node below its parent; among siblings the order stays as it was."""
    place = {v.value: i for i, v in enumerate(values)}

    def key(value: FacetValue) -> list[int]:
        nodes = value.value.split(CATEGORY_STEP)
        paths = [CATEGORY_STEP.join(nodes[: i + 1]) for i in range(len(nodes))]
        return [place.get(path, place[value.value]) for path in paths]

    return sorted(values, key=key)


def field_label(name: str) -> str:
    """A field as a heading: "attributes.shoe_size" -> "Shoe size"."""
    text = name.removeprefix(ATTRIBUTE_PREFIX).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def price_steps(
    stats: PriceStats | None, query: PageQuery, *, currency: str
) -> tuple[PriceStep, ...]:
    """Three ranges with round ends about the mean price; none where prices hardly differ."""
    if stats is None or stats.count < MIN_VALUES or stats.max_micros < 3 * stats.min_micros:
        return ()
    middle = round_units(stats.mean_micros)
    low = middle // 2
    if low < 1:
        return ()
    texts = [_short(money(units * MICROS, currency)) for units in (low, middle)]
    return (
        PriceStep(f"Under {texts[0]}", query.prices("", str(low)).url()),
        PriceStep(f"{texts[0]} to {texts[1]}", query.prices(str(low), str(middle)).url()),
        PriceStep(f"Over {texts[1]}", query.prices(str(middle), "").url()),
    )


def round_units(micros: int) -> int:
    """The round amount nearest to one, in currency units, at least 2."""
    units = max(2, micros // MICROS)
    rounds: list[int] = [step * int(10**power) for power in range(10) for step in _STEPS]
    return min((n for n in rounds if n >= 2), key=lambda n: (abs(n - units), n))


def _short(label: str) -> str:
    """Round amounts need no cents."""
    return label.replace(".00", "")


def between(low: str, high: str) -> str:
    """A range in words; an end that is "" is open."""
    if low and high:
        return low if low == high else f"{low} to {high}"
    return f"from {low}" if low else f"up to {high}"
