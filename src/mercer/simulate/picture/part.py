"""The parts that silhouettes are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mercer.simulate.picture.geometry import Outline

# What a part is made of: the listing's own material and colour, its second colour, or a plain stuff.
Role: TypeAlias = Literal[
    "body",
    "deep",
    "second",
    "inner",
    "dark",
    "metal",
    "wood",
    "cream",
    "glow",
    "leaf",
    "gem",
    "white",
]
# How light falls on it: an upright cylinder, a ball, a flat thing, a thing lying down.
Shade: TypeAlias = Literal["round", "ball", "flat", "none"]


@dataclass(frozen=True, slots=True)
class Part:
    """Outlines drawn together, in one stuff and one light; later parts lie on top."""

    role: Role
    outlines: tuple[Outline, ...]
    shade: Shade = "flat"


def part(role: Role, *outlines: Outline, shade: Shade = "flat") -> Part:
    """Shorthand of the silhouette files."""
    return Part(role, outlines, shade)


Parts: TypeAlias = Sequence[Part]
