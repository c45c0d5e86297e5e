"""The step of a program that compares two lists of words: one call for all that is said of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mercer.features.column import F64s, I64s, Ragged, U64s, ragged_of
from mercer.features.graph import Node
from mercer.features.space import Space
from mercer.features.text.shared_words import N_SETTINGS, compare
from mercer.features.transform import Arrays, SharedWords, Weights


@dataclass(frozen=True, slots=True)
class _Compared:
    """What one feature says of the two lists."""

    run: SharedWords
    out: int  # its register
    weights: Weights
    third: int  # register of its third input; -1: none

    @classmethod
    def of(
        cls, place: int, node: Node, registers: Mapping[int, int], fitted: Mapping[str, Arrays]
    ) -> "_Compared":
        run = node.transform.run if node.transform is not None else None
        if not isinstance(run, SharedWords):
            raise ValueError(f"{node.name!r} compares no words")
        weights = (
            run.prepare(node.params, fitted.get(node.feature, {})) if run.prepare else Weights()
        )
        third = registers[node.inputs[2]] if len(node.inputs) > 2 else -1
        return cls(run, registers[place], weights, third)

    def beside(self, space: Space, right: Ragged) -> F64s | None:
        """(n,) what the measure needs of the right lists; None: nothing."""
        if self.run.beside is None:
            return None
        if self.third >= 0:
            return space.numbers[self.third, : space.n]
        return self.run.beside(right, self.weights)


def word_step(
    group: Sequence[tuple[int, Node]], registers: Mapping[int, int], fitted: Mapping[str, Arrays]
) -> Callable[[Space], None]:
    """The step for some nodes, whatever their transforms, that compare the same two lists."""
    left_node, right_node = group[0][1].inputs[:2]
    said = [_Compared.of(place, node, registers, fitted) for place, node in group]
    measures = np.array([one.run.measure for one in said], np.int64)
    outs = np.array([one.out for one in said], np.int64)
    settings = np.zeros((len(said), N_SETTINGS))
    for row, one in zip(settings, said, strict=True):
        row[: len(one.weights.settings)] = one.weights.settings
    starts, stops, slots = _joined([one.weights.slots for one in said])

    def step(space: Space) -> None:
        left, right = ragged_of(space.columns[left_node]), ragged_of(space.columns[right_node])
        beside = np.empty((len(said), space.n))
        for row, one in zip(beside, said, strict=True):
            needed = one.beside(space, right)
            if needed is not None:
                row[:] = needed
        compare(
            left.starts, left.stops, left.values, right.starts, right.stops, right.values, beside,
            measures, outs, settings, starts, stops, slots, space.numbers,
        )  # fmt: skip

    return step


def _joined(tables: Sequence[U64s]) -> tuple[I64s, I64s, U64s]:
    """(starts, stops, all of them): equal tables, as of features with the same state, are one."""
    different: list[U64s] = []
    which = []
    for table in tables:
        same = [i for i, one in enumerate(different) if np.array_equal(one, table)]
        which.append(same[0] if same else len(different))
        different += [] if same else [table]
    ends = np.cumsum([0, *(table.size for table in different)])
    slots = different[0] if len(different) == 1 else np.concatenate(different)
    of: Any = np.array(which, np.int64)
    return ends[of], ends[of + 1], slots
