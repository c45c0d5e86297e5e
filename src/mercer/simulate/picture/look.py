"""What a picture shows of a listing, and how it travels in an image reference."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mercer.schema.errors import NotFoundError
from mercer.simulate.truth import VOCABULARIES
from mercer.simulate.words.taxonomy import Leaf, taxonomy

# Attributes in the order of a reference's look code; the leaf comes first, the second colour last.
LOOK_ATTRIBUTES: Final = ("color", "material", "shape", "closure", "pattern", "finish", "theme")

_REFERENCE: Final = re.compile(r"sim:(\d{1,18}):(\d{1,2})(?::([\dx.]{1,80}))?")
_BY_NAME: Final = {v.name: v for v in VOCABULARIES}


@dataclass(frozen=True, slots=True)
class Look:
    """All that a drawing needs; "" where the thing has none or nobody knows."""

    number: int  # of the listing: varies background, grain and pose
    leaf: Leaf
    color: str = ""
    material: str = ""
    shape: str = ""
    closure: str = ""
    pattern: str = ""
    finish: str = ""
    theme: str = ""
    second_color: str = ""


def parse_reference(reference: str) -> tuple[Look | None, int, int]:
    """(look, listing number, view) of `sim:<number>:<view>[:<look code>]`; no code, no look.

    Raises:
        NotFoundError: the reference is no drawn picture, or its code names unknown values.
    """
    found = _REFERENCE.fullmatch(reference)
    if not found:
        raise NotFoundError(
            f"{reference[:80]!r} is no drawn picture; sim:<number>:<view>:<look> is"
        )
    number, view, code = int(found[1]), int(found[2]), found[3]
    return (_decode(code, number, reference) if code else None), number, view


def _decode(code: str, number: int, reference: str) -> Look:
    try:
        leaf, *values, second = (-1 if p == "x" else int(p) for p in code.split("."))
        if len(values) != len(LOOK_ATTRIBUTES):
            raise ValueError("too few or too many parts")
        seen = {
            a: "" if v < 0 else _BY_NAME[a].values[v]
            for a, v in zip(LOOK_ATTRIBUTES, values, strict=True)
        }
        second_color = "" if second < 0 else _BY_NAME["color"].values[second]
        return Look(number, taxonomy()[max(leaf, 0)], **seen, second_color=second_color)
    except (ValueError, IndexError):
        raise NotFoundError(f"{reference[:80]!r} names a look that does not exist") from None


def look_of_listing(row: Mapping[str, Any]) -> Look:
    """The look of a LISTING row: from its image reference, else from what its words say.

    Args:
        row: has `listing_id`; `category_path`, `attributes` (mapping or pairs), `title` and
            `images` are used where they are there. Any catalogue's row will do.
    """
    for reference in row.get("images") or ():
        if _REFERENCE.fullmatch(reference) and (look := parse_reference(reference)[0]):
            return look
    attributes = dict(row.get("attributes") or {})
    text = f" {row.get('title', '')} ".lower()
    stated = {a: _stated(a, attributes, text) for a in LOOK_ATTRIBUTES}
    leaf = _leaf_of(row.get("category_path") or (), text)
    if not stated["material"]:
        stated["material"] = leaf.materials[0][0]
    colors = [c for c in attributes.get("color") or () if c in _BY_NAME["color"].values]
    number = _number(str(row["listing_id"]))
    return Look(number, leaf, **stated, second_color=colors[1] if len(colors) > 1 else "")


def _number(listing_id: str) -> int:
    digits = re.sub(r"\D", "", listing_id)[:18]
    return int(digits) if digits else sum(ord(c) * 31**i for i, c in enumerate(listing_id[:12]))


def _stated(name: str, attributes: Mapping[str, Sequence[str]], text: str) -> str:
    """The attribute's first known value, else the first value whose words the title has."""
    vocabulary = _BY_NAME[name]
    for value in attributes.get(name) or ():
        if value in vocabulary.values:
            return value
    for value, surfaces in zip(vocabulary.values, vocabulary.surfaces, strict=True):
        if any(f" {s.lower()} " in text for s in surfaces):
            return value
    return ""


def _leaf_of(path: Sequence[str], text: str) -> Leaf:
    by_name = {leaf.name: leaf for leaf in taxonomy()}
    for name in reversed(path):
        if name in by_name:
            return by_name[name]
    for leaf in taxonomy():
        if any(f" {noun} " in text for noun in leaf.nouns):
            return leaf
    return by_name["Jewelry Boxes"]  # a plain box: something is for sale
