"""What the page of one listing shows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mercer.retrieve.query import CATEGORY
from mercer.retrieve.request import Hit
from mercer.serve.picture import picture_url
from mercer.serve.shop.basket import MAX_QUANTITY
from mercer.serve.shop.card import FEW_LEFT, NOBODY, Tile, card_of, pictures_of
from mercer.serve.shop.facet import CATEGORY_STEP, field_label
from mercer.serve.shop.query import PageQuery

MAX_PICTURES = 10
MAX_CHOICES = 10  # pieces that one click puts into the cart


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the gallery, large and small."""

    large_url: str
    small_url: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One attribute with its values, each a search for it."""

    label: str
    values: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """One listing as its own page shows it."""

    key: str
    listing_id: str
    title: str
    price: str  # "" where unknown
    crumbs: tuple[Link, ...]  # categories, root first
    pictures: tuple[Picture, ...]
    tile: Tile  # where there is no picture
    seller: Link | None
    rating: float | None
    rating_count: int
    sold_count: int
    favourite_count: int
    paragraphs: tuple[str, ...]
    facts: tuple[Fact, ...]
    tags: tuple[Link, ...]
    stock: str
    is_scarce: bool
    choices: tuple[int, ...]  # quantities to choose from; none where it cannot be bought
    is_favourite: bool


def details_of(
    document: Mapping[str, Any],
    *,
    can_draw: bool,
    favourites: tuple[str, ...] = (),
    sellers: Mapping[str, str] = NOBODY,
) -> Details:
    """A listing with all its fields (LISTING) as a page."""
    listing_id = str(document["listing_id"])
    card = card_of(
        Hit(0, listing_id, 0.0, document),
        can_draw=can_draw,
        favourites=favourites,
        sellers=sellers,
    )
    quantity = int(document.get("quantity") or 0)
    seller = str(document.get("seller_id") or "")
    path = [str(node) for node in document.get("category_path") or ()]
    return Details(
        key=card.key,
        listing_id=listing_id,
        title=card.title,
        price=card.price,
        crumbs=_crumbs(path),
        pictures=tuple(
            Picture(picture_url(ref, size=720), picture_url(ref, size=120))
            for ref in pictures_of(document, can_draw=can_draw)[:MAX_PICTURES]
        ),
        tile=card.tile,
        seller=Link(card.seller, _having("seller", seller)) if seller else None,
        rating=card.rating,
        rating_count=card.rating_count,
        sold_count=int(document.get("sold_count") or 0),
        favourite_count=int(document.get("favourite_count") or 0),
        paragraphs=_paragraphs(str(document.get("description") or "")),
        facts=_facts(document.get("attributes") or {}),
        tags=tuple(
            Link(str(tag), PageQuery(q=str(tag)).url()) for tag in document.get("tags") or ()
        ),
        stock=_stock(quantity),
        is_scarce=0 < quantity <= FEW_LEFT,
        choices=tuple(range(1, min(quantity, MAX_CHOICES, MAX_QUANTITY) + 1)) if card.price else (),
        is_favourite=card.is_favourite,
    )


def _crumbs(path: list[str]) -> tuple[Link, ...]:
    return tuple(
        Link(node, _having(CATEGORY, CATEGORY_STEP.join(path[: i + 1])))
        for i, node in enumerate(path)
    )


def _having(name: str, value: str) -> str:
    return PageQuery(selected=((name, value),)).url()


def _facts(attributes: Mapping[str, Any]) -> tuple[Fact, ...]:
    return tuple(
        Fact(
            field_label(name),
            tuple(Link(str(value), _having(name, str(value))) for value in values or ()),
        )
        for name, values in attributes.items()
        if values
    )


def _paragraphs(text: str) -> tuple[str, ...]:
    """The description cut at its empty lines; a single long block stays one."""
    blocks = text.replace("\r\n", "\n").split("\n\n")
    return tuple(block.strip() for block in blocks if block.strip())


def _stock(quantity: int) -> str:
    if quantity <= 0:
        return "Sold out"
    if quantity == 1:
        return "Only one left"
    return f"Only {quantity} left" if quantity <= FEW_LEFT else f"In stock: {quantity:,} available"
