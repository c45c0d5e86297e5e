"""Which node of a plan lies where in the boundary columns."""

from dataclasses import dataclass

import numpy as np

from mercer.features.column import Kind
from mercer.features.graph import Home
from mercer.features.layout import Layout

# Bytes of an item; the largest come first, so that each lies at a multiple of its size.
ITEM_BYTES: dict[Kind, int] = {"ids": 8, "words": 4, "text": 1, "folded": 1, "texts": 1}
ITEM_TYPE = {8: np.uint64, 4: np.uint32, 1: np.uint8}


@dataclass(frozen=True, slots=True)
class BoundaryShape:
    """The columns of `BoundaryColumns`, each a node."""

    wide: tuple[int, ...]  # numbers that candidates go on computing with: float64
    ids: tuple[int, ...]
    narrow: tuple[int, ...]  # numbers that are only outputs: float32
    ragged: tuple[int, ...]  # texts and lists, the largest items first
    item_bytes: tuple[int, ...]  # of each of them
    vectors: tuple[int, ...]

    @property
    def n_words(self) -> int:
        """Words of 8 bytes in a record."""
        return len(self.wide) + len(self.ids) + (len(self.narrow) + 1) // 2

    @property
    def head_bytes(self) -> int:
        """Of the lengths at the beginning of an entry."""
        return (4 * len(self.ragged) + 7) // 8 * 8


def shape_of(layout: Layout, home: Home) -> BoundaryShape:
    """The columns of a home."""
    nodes, handed = layout.graph.nodes, layout.handed[home]
    numbers = [i for i in handed if nodes[i].kind == "number"]
    ragged = [i for i in handed if nodes[i].kind in ITEM_BYTES]
    ragged.sort(key=lambda i: (-ITEM_BYTES[nodes[i].kind], nodes[i].name))
    return BoundaryShape(
        wide=tuple(i for i in numbers if layout.is_wide[i]),
        ids=tuple(i for i in handed if nodes[i].kind == "id"),
        narrow=tuple(i for i in numbers if not layout.is_wide[i]),
        ragged=tuple(ragged),
        item_bytes=tuple(ITEM_BYTES[nodes[i].kind] for i in ragged),
        vectors=tuple(i for i in handed if nodes[i].kind in ("vector", "code")),
    )


def column_names(layout: Layout, home: Home) -> tuple[str, ...]:
    """What lies where in the boundary columns of a home; other names are other columns."""
    shape, nodes = shape_of(layout, home), layout.graph.nodes
    parts = {
        "wide": shape.wide, "id": shape.ids, "narrow": shape.narrow, "ragged": shape.ragged,
        "vector": shape.vectors,
    }  # fmt: skip
    return tuple(f"{part} {nodes[i].name}" for part, of in parts.items() for i in of)
