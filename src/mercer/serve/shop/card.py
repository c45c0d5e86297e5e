"""What a card shows: title, price, picture or a drawn tile, and the way to the listing.

Pure: no template and no HTTP here, so that every rule of the pages can be tested alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from mercer.retrieve.request import Hit
from mercer.schema.money import MICROS
from mercer.serve.picture import DRAWN_PREFIX, picture_url
from mercer.serve.shop.basket import NOWHERE, Source

NOBODY: Mapping[str, str] = MappingProxyType({})
FEW_LEFT = 3  # so many pieces or fewer are worth a word
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
_NO_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK"})

# What a shop calls a colour -> (background, ink) of the tile of a listing without a picture.
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
    """What is drawn for a listing without a picture: two colours, a letter, one of a few shapes."""

    background: str
    ink: str
    letter: str
    shape: int  # 0..3


@dataclass(frozen=True, slots=True)
class Card:
    """One listing as it is shown in a grid."""

    key: str  # unique on the page, safe as part of an HTML id
    listing_id: str
    url: str  # of the listing, with the page that it is clicked on
    title: str
    price: str  # "" where unknown
    seller: str
    category: str
    rating: float | None
    rating_count: int
    badge: str
    image_url: str  # "" where the tile stands in
    tile: Tile
    source: Source
    is_favourite: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of cards under a heading."""

    title: str
    url: str  # of all that it is a beginning of; "" where it is all
    page_id: str  # of the served page that the row is
    cards: tuple[Card, ...]


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


def card_of(
    hit: Hit,
    *,
    page_id: str = "",
    can_draw: bool,
    favourites: Collection[str] = (),
    sellers: Mapping[str, str] = NOBODY,
) -> Card:
    """One hit as a card. Fields that the document lacks are left out of it.

    Args:
        page_id: of the served page that the hit stands on; "" where it is none.
        favourites: ids of the listings that the visitor keeps.
        sellers: seller_id -> name, of those that have one.
    """
    document = hit.document
    seller_id = str(document.get("seller_id") or "")
    path = [str(node) for node in document.get("category_path") or ()]
    rating = document.get("rating")
    has_rating = isinstance(rating, int | float) and rating == rating  # NaN is not
    source = Source(page_id, hit.position, hit.token) if page_id else Source()
    pictures = pictures_of(document, can_draw=can_draw)
    return Card(
        key=key_of(hit.listing_id),
        listing_id=hit.listing_id,
        url=listing_url(hit.listing_id, source),
        title=str(document.get("title") or hit.listing_id),
        price=money(document.get("price_micros"), document.get("currency")),
        seller=sellers.get(seller_id, seller_id),
        category=path[-1] if path else "",
        rating=float(rating) if has_rating and rating is not None else None,
        rating_count=int(document.get("rating_count") or 0),
        badge=_badge(document),
        image_url=picture_url(pictures[0], size=360) if pictures else "",
        tile=tile_of(hit.listing_id, path, document.get("attributes") or {}),
        source=source,
        is_favourite=hit.listing_id in favourites,
    )


def listing_url(listing_id: str, source: Source = NOWHERE) -> str:
    """The page of a listing; the parameters say on which page it was clicked."""
    path = "/listing/" + quote(listing_id.encode("utf-8", "replace"), safe="")
    if not source.page_id:
        return path
    pairs = {"page": source.page_id, "position": source.position}
    return f"{path}?{urlencode(pairs | ({'token': source.token} if source.token else {}))}"


def pictures_of(document: Mapping[str, Any], *, can_draw: bool) -> list[str]:
    """The picture references that this server can show; those of others are never put into a page."""
    refs = [ref for ref in document.get("images") or () if isinstance(ref, str)]
    refs = [ref for ref in refs if can_draw or not ref.startswith(DRAWN_PREFIX)]
    return [ref for ref in refs if picture_url(ref, size=360)]


def key_of(text: str) -> str:
    """A short name for any text: letters and digits, the same every time."""
    return f"{_digest(text):08x}"


def _badge(document: Mapping[str, Any]) -> str:
    """Of what there only ever was one, "last one" says nothing: something must have been sold."""
    quantity = document.get("quantity")
    if not isinstance(quantity, int) or not document.get("sold_count"):
        return ""
    if quantity == 1:
        return "Last one"
    return f"Only {quantity} left" if 1 < quantity <= FEW_LEFT else ""


def tile_of(listing_id: str, path: Sequence[str], attributes: Mapping[str, Any]) -> Tile:
    """A tile in the listing's own colour, else in its category's; the same one every time."""
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
