"""What the results page shows, made of a search response: cards, facets, chips, page numbers.

Pure: no template and no HTTP here, so that every rule of the page can be tested alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from mercer.retrieve.filter_schema import ATTRIBUTE_PREFIX
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.request import FacetValue, Hit, SearchResponse
from mercer.schema.money import MICROS
from mercer.serve.page_query import PER_PAGE, PageQuery, box_text
from mercer.serve.picture import DRAWN_PREFIX, drawn_url

MAX_FACETS_SHOWN = 8
OPEN_FACETS = 4  # the first ones stand open
MIN_VALUES = 2  # a facet with one value helps nobody choose
MAX_BOXES = 12  # of a facet that is no tree
MAX_LEVEL = 3  # a deeper node of the tree is set in as far as this
_STEP = " > "  # between the nodes of a category
_HIDDEN_FACETS = frozenset(
    {"listing_id", "currency", "price", "quantity", "tags", "seller", "created_ms", "updated_ms"}
    | {"rating", "rating_count", "sold_count", "favourite_count"}
)
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
_NO_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})

# What a shop calls a colour -> (background, ink) of a placeholder tile.
_COLOURS: Mapping[str, tuple[str, str]] = {
    "white": ("#f3f0ea", "#c9c1b2"), "black": ("#33343a", "#6b6d78"), "grey": ("#c3c7cc", "#858b94"),
    "gray": ("#c3c7cc", "#858b94"), "silver": ("#d3d7dc", "#949ba5"), "red": ("#e9b3aa", "#b0402f"),
    "orange": ("#f3cfa6", "#c46a16"), "yellow": ("#f4e4a4", "#b98f12"), "gold": ("#ecd9a0", "#a97f1d"),
    "green": ("#bdd6b9", "#3f7a3f"), "olive": ("#d0d3a5", "#74782f"), "teal": ("#aed7d3", "#237a74"),
    "turquoise": ("#b0e0dc", "#1f8a85"), "blue": ("#b5cbe8", "#2f5fa8"), "navy": ("#9fb0cc", "#22365f"),
    "purple": ("#d2c0e4", "#6d429b"), "violet": ("#d6c4e8", "#7448a5"), "pink": ("#f2c8d6", "#bb4c77"),
    "brown": ("#d8c0aa", "#7d5131"), "beige": ("#ebe0cc", "#b39a6b"), "cream": ("#f2ead8", "#c0a873"),
    "ivory": ("#f3eedd", "#bfae83"), "copper": ("#e6bfa5", "#a25a2c"), "brass": ("#e4d3a1", "#97792b"),
}  # fmt: skip
_TILES = tuple(
    _COLOURS[name] for name in ("teal", "beige", "blue", "pink", "olive", "orange", "violet")
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A drawn placeholder: two colours, a letter, one of a few shapes."""

    background: str
    ink: str
    letter: str
    shape: int  # 0..3


@dataclass(frozen=True, slots=True)
class Card:
    """One result as it is shown."""

    listing_id: str
    title: str
    price: str  # "" where unknown
    seller: str
    category: str
    rating: float | None
    rating_count: int
    badge: str
    image_url: str  # "" where the tile stands in
    tile: Tile


@dataclass(frozen=True, slots=True)
class FacetBox:
    """One value of a facet, as a checkbox."""

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


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that was understood or selected; a link where it can be taken back."""

    kind: str  # "wanted", "unwanted", "limit", "correction", "selected", "dropped"
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class PageLink:
    """One entry of the page numbers; number 0 is a gap."""

    number: int
    url: str
    is_current: bool


def money(micros: object, currency: object) -> str:
    """An amount as a person writes it; "" where it is unknown."""
    if not isinstance(micros, int) or isinstance(micros, bool):
        return ""
    code = str(currency or "")
    units, rest = divmod(micros, MICROS)
    cents = (rest + MICROS // 200) // (MICROS // 100)
    if cents == 100:
        units, cents = units + 1, 0
    text = f"{units:,}" if code in _NO_CENTS else f"{units:,}.{cents:02d}"
    return f"{_SYMBOLS[code]}{text}" if code in _SYMBOLS else f"{code} {text}".strip()


def card_of(hit: Hit, *, can_draw: bool) -> Card:
    """One hit as a card. Fields that the document lacks are left out of it."""
    document = hit.document
    images = [ref for ref in document.get("images") or () if isinstance(ref, str)]
    drawn = next((ref for ref in images if can_draw and ref.startswith(DRAWN_PREFIX)), "")
    path = [str(node) for node in document.get("category_path") or ()]
    rating = document.get("rating")
    has_rating = isinstance(rating, int | float) and rating == rating  # NaN is not
    return Card(
        listing_id=hit.listing_id,
        title=str(document.get("title") or hit.listing_id),
        price=money(document.get("price_micros"), document.get("currency")),
        seller=str(document.get("seller_name") or document.get("seller_id") or ""),
        category=path[-1] if path else "",
        rating=float(rating) if has_rating and rating is not None else None,
        rating_count=int(document.get("rating_count") or 0),
        # Of what there only ever was one, "last one" says nothing: something must have been sold.
        badge="Last one" if document.get("quantity") == 1 and document.get("sold_count") else "",
        image_url=drawn_url(drawn, size=360) if drawn else "",
        tile=tile_of(hit.listing_id, path, document.get("attributes") or {}),
    )


def tile_of(listing_id: str, path: Sequence[str], attributes: Mapping[str, Any]) -> Tile:
    """A placeholder in the listing's own colour, else in its category's; the same one every time."""
    root = path[0] if path else listing_id
    by_category = _TILES[_digest(root) % len(_TILES)]
    words = [
        word
        for name in ("color", "colour", "Color", "Colour")
        for value in attributes.get(name) or ()
        for word in str(value).lower().split()
    ]
    background, ink = next((_COLOURS[word] for word in words if word in _COLOURS), by_category)
    letter = next((c for c in (path[-1] if path else "") if c.isalnum()), "·").upper()
    return Tile(background, ink, letter, _digest(listing_id) % 4)


def _digest(text: str) -> int:
    raw = text.encode("utf-8", "backslashreplace")
    return int.from_bytes(blake2b(raw, digest_size=4).digest(), "big")


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
        nodes = v.value.split(_STEP) if is_tree else [v.value]
        level = min(len(nodes) - 1, MAX_LEVEL)
        is_selected = v.is_selected or v.value in chosen
        boxes.append(FacetBox(nodes[-1], box_text(name, v.value), v.count, is_selected, level))
    return Facet(field_label(name), tuple(boxes), is_open or bool(chosen))


def _head(values: Sequence[FacetValue], chosen: Sequence[str]) -> list[FacetValue]:
    """The first values, and those further down that are checked."""
    return [v for i, v in enumerate(values) if i < MAX_BOXES or v.is_selected or v.value in chosen]


def _as_tree(values: Sequence[FacetValue]) -> list[FacetValue]:
    """Categories with each node below its parent; among siblings the order stays as it was."""
    place = {v.value: i for i, v in enumerate(values)}

    def key(value: FacetValue) -> list[int]:
        nodes = value.value.split(_STEP)
        paths = [_STEP.join(nodes[: i + 1]) for i in range(len(nodes))]
        return [place.get(path, place[value.value]) for path in paths]

    return sorted(values, key=key)


def field_label(name: str) -> str:
    """A field as a heading: "attributes.shoe_size" -> "Shoe size"."""
    text = name.removeprefix(ATTRIBUTE_PREFIX).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def selected_chips(query: PageQuery) -> tuple[Chip, ...]:
    """What is filtered, each with the link that takes it back."""
    chips = [
        Chip("selected", f"{field_label(name)}: {value}", query.without(name, value).url())
        for name, value in query.selected
    ]
    if query.min_price or query.max_price:
        text = _between(query.min_price, query.max_price)
        url = PageQuery(q=query.q, selected=query.selected, sort=query.sort).url()
        chips.append(Chip("selected", f"Price {text}", url))
    return tuple(chips)


def page_links(
    response: SearchResponse, query: PageQuery, *, max_depth: int
) -> tuple[PageLink, ...]:
    """First, last and the pages around this one; nothing where one page holds everything."""
    last = min(-(-response.found // PER_PAGE), max_depth // PER_PAGE)
    if last <= 1:
        return ()
    now = response.page
    numbers = sorted({1, last, *range(max(1, now - 2), min(last, now + 2) + 1)})
    links: list[PageLink] = []
    for before, number in zip([0, *numbers], numbers, strict=False):
        if number - before > 1:
            links.append(PageLink(0, "", False))
        url = query.at_page(number, cursor=response.cursor).url()
        links.append(PageLink(number, url, number == now))
    return tuple(links)


def understood_chips(understood: Mapping[str, Any], *, currency: str) -> tuple[Chip, ...]:
    """What was read out of the words beside plain terms.

    Args:
        understood: `ParsedQuery.to_dict()`.
        currency: ISO 4217 of the price limits; "" where it is not known.
    """
    get = understood.get
    chips = [Chip("correction", f"{c['typed']} → {c['used']}") for c in get("corrections") or ()]
    chips += [Chip("wanted", _wish(wish)) for wish in get("wanted") or ()]
    chips += [Chip("unwanted", f"not {_wish(wish)}") for wish in get("unwanted") or ()]
    chips += [Chip("unwanted", f"without “{words}”") for words in get("excluded_terms") or ()]
    low, high = get("price_min_micros"), get("price_max_micros")
    if low is not None or high is not None:
        chips.append(Chip("limit", _between(money(low, currency), money(high, currency))))
    for size in get("sizes") or ():
        unit = str(size["unit"]).replace("_", " ")
        ends = [
            f"{n:g} {unit}".strip() if n is not None else "" for n in (size["min"], size["max"])
        ]
        label = field_label(size["attribute"]) if size["attribute"] else "Size"
        chips.append(Chip("limit", f"{label}: {_between(*ends)}"))
    if get("was_cut"):
        chips.append(Chip("dropped", "Your query was long: its beginning counts"))
    return tuple(chips)


def _wish(wish: Mapping[str, str]) -> str:
    return f"{field_label(wish['field'])}: {wish['value']}"


def _between(low: str, high: str) -> str:
    if low and high:
        return low if low == high else f"{low} to {high}"
    return f"from {low}" if low else f"up to {high}"
