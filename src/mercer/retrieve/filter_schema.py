"""Which fields a filter may name, and of what kind they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum

ATTRIBUTE_PREFIX = "attributes."
_MAX_NAMES_COMPARED = 2_000  # nearest names are a courtesy; they must not cost a request its time


class FieldKind(Enum):
    """What the values of a field are; the value is how an error message calls it."""

    TEXT = "text"  # compared without case, width and runs of space
    CATEGORY = "a category"  # "Home > Mugs": the nodes of a path; matches its whole subtree
    NUMBER = "a number"
    MONEY = "an amount of money"  # currency units in the language, int micros in the tree
    TIME = "a time"  # int milliseconds since 1970 UTC; an ISO date or datetime in the language
    BOOL = "true or false"

    @property
    def is_ordered(self) -> bool:
        """True where < and ranges mean something."""
        return self in (FieldKind.NUMBER, FieldKind.MONEY, FieldKind.TIME)


LISTING_FIELDS: Mapping[str, FieldKind] = {
    "listing_id": FieldKind.TEXT,
    "seller": FieldKind.TEXT,
    "category": FieldKind.CATEGORY,
    "tags": FieldKind.TEXT,
    "price": FieldKind.MONEY,
    "currency": FieldKind.TEXT,
    "quantity": FieldKind.NUMBER,
    "created_ms": FieldKind.TIME,
    "updated_ms": FieldKind.TIME,
    "rating": FieldKind.NUMBER,
    "rating_count": FieldKind.NUMBER,
    "sold_count": FieldKind.NUMBER,
    "favourite_count": FieldKind.NUMBER,
}
"""The fields of every listing; its attributes come on top."""

ALIASES: Mapping[str, str] = {
    "id": "listing_id",
    "seller_id": "seller",
    "category_path": "category",
    "tag": "tags",
    "created": "created_ms",
    "updated": "updated_ms",
}


@dataclass(frozen=True, slots=True)
class FilterSchema:
    """The fields and attributes that a filter may name.

    A bare name means the field of that name, else the attribute; `attributes.x` always means the
    attribute. The canonical name of an attribute is the bare one unless a field has the same name.
    """

    attributes: Mapping[str, FieldKind] = field(default_factory=dict)
    fields: Mapping[str, FieldKind] = field(default_factory=lambda: LISTING_FIELDS)
    aliases: Mapping[str, str] = field(default_factory=lambda: ALIASES)

    def resolve(self, name: str) -> tuple[str, FieldKind] | None:
        """The canonical name and the kind of what `name` names; None where nothing is called so.

        The exact spelling wins; otherwise lower case is tried.
        """
        for spelling in dict.fromkeys((name, name.lower())):
            bare = spelling.removeprefix(ATTRIBUTE_PREFIX)
            if bare == spelling:
                if (kind := self.fields.get(spelling)) is not None:
                    return spelling, kind
                alias = self.aliases.get(spelling)
                if alias is not None and spelling not in self.attributes and alias in self.fields:
                    return alias, self.fields[alias]
            if (kind := self.attributes.get(bare)) is not None:
                return (ATTRIBUTE_PREFIX + bare if bare in self.fields else bare), kind
        return None

    def nearest(self, name: str, *, limit: int = 3) -> tuple[str, ...]:
        """Up to `limit` known names that look like `name`, the most similar first."""
        known = [*self.fields, *self.attributes][:_MAX_NAMES_COMPARED]
        wanted = name.lower().removeprefix(ATTRIBUTE_PREFIX)[:64]
        return tuple(get_close_matches(wanted, known, n=limit, cutoff=0.6))
