"""Trees cut into pieces whose leaf numbers fit a byte."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mercer.rank.trees.forest import Tree
from mercer.rank.trees.score_kernel import MAX_LEAVES

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a tree, with at most MAX_LEAVES ends: leaves, or the roots of earlier pieces.

    A child is MAX_LEAVES + its place among the splits, or the number of an end.
    """

    splits: Array  # (n_splits,) numbers in the tree, each after its children
    left: Array  # (n_splits,) int32
    right: Array  # (n_splits,) int32
    leaf: Array  # (n_ends,) int64 numbers in the tree; -1: a piece
    piece: Array  # (n_ends,) int64 numbers of earlier pieces; -1: a leaf


def pieces_of(tree: Tree) -> list[Piece]:
    """The pieces of a tree, the one with its root last; one where it has few leaves."""
    n = len(tree.feature)
    if n < MAX_LEAVES:
        # LightGBM numbers a split after its parent, so backwards each comes after its children.
        backwards = np.arange(n)[::-1]
        left, right = (
            np.where(child >= 0, MAX_LEAVES + n - 1 - child, ~child)[backwards].astype(np.int32)
            for child in (tree.left, tree.right)
        )
        return [Piece(backwards, left, right, np.arange(n + 1), np.full(n + 1, -1))]
    left, right = tree.left.tolist(), tree.right.tolist()
    roots = _roots(left, right)
    return [_piece(root, left, right, roots) for root in roots]


def _roots(left: list[int], right: list[int]) -> list[int]:
    """Splits at which pieces begin, each after those below it; the last is the tree's root.

    From below, the larger side of a split is cut off when both do not fit one piece.
    """
    n = len(left)
    size = [0] * n  # ends below a split, a piece that was cut off being one
    roots: list[int] = []
    for split in range(n - 1, -1, -1):
        sides = {c: size[c] if c >= 0 else 1 for c in (left[split], right[split])}
        while sum(sides.values()) > MAX_LEAVES:
            larger = max(sides, key=lambda c: sides[c])
            roots.append(larger)
            sides[larger] = 1
        size[split] = sum(sides.values())
    return [*roots, 0]


def _piece(root: int, left: list[int], right: list[int], roots: list[int]) -> Piece:
    number_of = {split: number for number, split in enumerate(roots)}
    splits, todo = [], [root]
    leaf: list[int] = []
    piece: list[int] = []
    end_of: dict[int, int] = {}
    while todo:
        split = todo.pop()
        splits.append(split)
        for child in (left[split], right[split]):
            if child >= 0 and child not in number_of:
                todo.append(child)
                continue
            end_of[child] = len(leaf)
            leaf.append(~child if child < 0 else -1)
            piece.append(number_of[child] if child >= 0 else -1)
    splits.reverse()  # found parents first
    place = {split: MAX_LEAVES + at for at, split in enumerate(splits)}
    codes = place | end_of
    return Piece(
        np.array(splits),
        np.array([codes[left[split]] for split in splits], np.int32),
        np.array([codes[right[split]] for split in splits], np.int32),
        np.array(leaf),
        np.array(piece),
    )
