"""A program: some nodes of a graph, put into as few kernel calls as their order allows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mercer.features.column import Column, I64s, Kind
from mercer.features.graph import Node
from mercer.features.space import Space, column_in, put_column
from mercer.features.step import Step, step_of
from mercer.features.transform import Arrays, ColumnOp, CounterOp, ListKernel, SharedWords


@dataclass(frozen=True, slots=True)
class Program:
    """Steps in order, and where each node lies in the registers."""

    registers: Mapping[int, int]  # node -> its row in `numbers` or `ids`
    kinds: Mapping[int, Kind]
    loads: tuple[int, ...]  # nodes that are put there before it runs
    steps: tuple[Step, ...]
    n_numbers: int
    n_ids: int
    n_lists: int  # registers whose lists are sorted

    def space(self, n: int) -> Space:
        """New registers for n rows."""
        # Columns a power of two apart would meet in the same places of the cache.
        width = n + 24 if n % 512 == 0 else n
        numbers, ids = np.empty((self.n_numbers, width)), np.empty((self.n_ids, width), np.uint64)
        return Space(n, numbers, ids, n_lists=self.n_lists)

    def put(self, space: Space, node: int, column: Column) -> None:
        """Load a node."""
        put_column(space, node, self.kinds[node], self.registers.get(node, -1), column)

    def get(self, space: Space, node: int) -> Column:
        """The column of a node that was loaded or computed; numbers and ids are views."""
        return column_in(space, node, self.kinds[node], self.registers.get(node, -1))

    def registers_of(self, nodes: Iterable[int]) -> I64s:
        """Where some nodes lie, all numbers or all ids."""
        return np.array([self.registers[node] for node in nodes], np.int64)

    def run(self, space: Space) -> None:
        """Run all steps; the loads must be there."""
        for step in self.steps:
            step(space)


def build_program(
    nodes: Sequence[Node],
    *,
    wanted: frozenset[int],
    loads: frozenset[int],
    fitted: Mapping[str, Arrays],
) -> Program:
    """A program that computes some nodes from others.

    Args:
        nodes: of the whole graph.
        wanted: places of the nodes to compute; what they read is wanted too, or loaded.
        loads: places of the nodes that the caller puts there.
        fitted: by feature.
    """
    there = sorted(wanted | loads)
    registers: dict[int, int] = {}
    counts = {"number": 0, "id": 0}
    for i in there:
        kind = nodes[i].kind
        if kind in counts:
            registers[i] = counts[kind]
            counts[kind] += 1
    kinds = {i: nodes[i].kind for i in there}
    steps = [
        step_of([(i, nodes[i]) for i in group], registers, kinds, fitted)
        for group in _groups(nodes, sorted(wanted - loads), set(loads))
    ]
    return Program(
        registers, kinds, tuple(sorted(loads)), tuple(steps), counts["number"], counts["id"],
        n_lists=len({nodes[i].inputs[0] for i in wanted - loads if _is_of_lists(nodes[i])}),
    )  # fmt: skip


def _is_of_lists(node: Node) -> bool:
    return node.transform is not None and isinstance(node.transform.run, ListKernel)


def _groups(nodes: Sequence[Node], todo: list[int], done: set[int]) -> list[list[int]]:
    """Nodes of one transform that run together.

    A transform waits until all its nodes are ready, as long as another one can go on meanwhile.
    """
    groups = []
    waiting = list(todo)
    while waiting:
        ready: dict[str, list[int]] = {}
        n_waiting: dict[str, int] = {}
        for i in waiting:
            name = _transform_name(nodes[i])
            n_waiting[name] = n_waiting.get(name, 0) + 1
            if all(one in done for one in nodes[i].inputs):
                ready.setdefault(name, []).append(i)
        name = max(ready, key=lambda one: (len(ready[one]) == n_waiting[one], len(ready[one])))
        group = ready[name]
        if isinstance(nodes[group[0]].transform.run, ColumnOp):  # type: ignore[union-attr]
            group = group[:1]
        groups.append(group)
        done.update(group)
        waiting = [i for i in waiting if i not in group]
    return groups


def _transform_name(node: Node) -> str:
    if node.transform is None:
        raise ValueError(f"column {node.name!r} is wanted, it can only be loaded")
    # All look-ups of counters are one step, and all over lists another one.
    if isinstance(node.transform.run, CounterOp):
        return "counter sums" if node.transform.run.is_sum else "counters"
    if isinstance(node.transform.run, SharedWords):  # all that is said of the same two lists
        return f"words {node.inputs[:2]}"
    return node.transform.name
