"""Steps of a program: one kernel call, or one call of a column function."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mercer.features.column import F64s, I64s, Kind, U64s
from mercer.features.counter_step import counter_step
from mercer.features.counter_sum_step import counter_sum_step
from mercer.features.graph import Node
from mercer.features.space import Space, column_in, put_column
from mercer.features.transform import (
    Arrays,
    ColumnOp,
    ListKernel,
    RowKernel,
    SharedWords,
    Table,
    Transform,
)
from mercer.features.word_step import word_step

Step = Callable[[Space], None]
Group = Sequence[tuple[int, Node]]
"""Nodes of one transform with their places in the graph."""


def step_of(
    group: Group,
    registers: Mapping[int, int],
    kinds: Mapping[int, Kind],
    fitted: Mapping[str, Arrays],
) -> Step:
    """The step that computes a group of nodes."""
    transform = _transform(group[0][1])
    run = transform.run
    if isinstance(run, RowKernel):
        return _row_step(run, group, registers, fitted)
    if isinstance(run, ListKernel):
        return _list_step(run, group, registers)
    if isinstance(run, ColumnOp):
        return _column_step(run, group[0], registers, kinds, fitted)
    if isinstance(run, SharedWords):
        return word_step(group, registers, fitted)
    made = counter_sum_step if run.is_sum else counter_step
    return made(group, registers)


def _transform(node: Node) -> Transform:
    if node.transform is None:
        raise ValueError(f"column {node.name!r} is loaded, not computed")
    return node.transform


def _row_step(
    run: RowKernel, group: Group, registers: Mapping[int, int], fitted: Mapping[str, Arrays]
) -> Step:
    kernel, inputs, outs = run.kernel, _inputs(group, registers), _outs(group, registers)
    params = _params(group)
    tables = [
        run.table(node.params, fitted.get(node.feature, {})) if run.table else Table()
        for _, node in group
    ]
    starts = np.zeros(len(tables) + 1, np.int64)
    np.cumsum([max(t.keys.size, t.values.size) for t in tables], out=starts[1:])
    keys: U64s = np.concatenate([_padded(t.keys, t.values.size, np.uint64) for t in tables])
    values: F64s = np.concatenate([_padded(t.values, t.keys.size, np.float64) for t in tables])

    def step(space: Space) -> None:
        kernel(
            space.numbers, space.ids, space.n, inputs, outs, params, starts, keys, values
        )  # fmt: skip

    return step


def _padded(array: npt.NDArray, size: int, dtype: type[np.generic]) -> npt.NDArray:  # type: ignore[type-arg]
    """Keys and values have the same places, also where a table has only one of the two."""
    if array.size >= size:
        return array.astype(dtype, copy=False)
    return np.zeros(size, dtype)


def _list_step(run: ListKernel, group: Group, registers: Mapping[int, int]) -> Step:
    kernel, outs, params, names = run.kernel, _outs(group, registers), _params(group), run.stats
    wanted = [registers[node.inputs[0]] for _, node in group]
    labels = [[f"{node.name}.{name}" for name in names] for _, node in group]

    def step(space: Space) -> None:
        lists = space.sorted_lists(wanted)
        stats = np.empty((len(group), lists.offsets.size - 1, len(names)))
        sorted_at = np.array([lists.places[one] for one in wanted], np.int64)
        kernel(
            space.numbers, lists.offsets, outs, params, sorted_at, lists.rising, lists.order,
            lists.present, stats,
        )  # fmt: skip
        for j, mine in enumerate(labels):
            for s, label in enumerate(mine):
                space.list_stats[label] = stats[j, :, s]

    return step


def _column_step(
    run: ColumnOp,
    one: tuple[int, Node],
    registers: Mapping[int, int],
    kinds: Mapping[int, Kind],
    fitted: Mapping[str, Arrays],
) -> Step:
    place, node = one
    prepared = run.prepare(node.params, fitted.get(node.feature, {})) if run.prepare else None
    places = [(i, kinds[i], registers.get(i, -1)) for i in node.inputs]
    out, register = kinds[place], registers.get(place, -1)
    call, params = run.run, node.params

    def step(space: Space) -> None:
        inputs = [column_in(space, *where) for where in places]
        put_column(space, place, out, register, call(inputs, params, prepared, space.n))

    return step


def _inputs(group: Group, registers: Mapping[int, int]) -> npt.NDArray[np.int64]:
    """(k, arity) registers; -1 where a node has fewer inputs than another."""
    arity = max(len(node.inputs) for _, node in group)
    table = np.full((len(group), arity), -1, np.int64)
    for row, (_, node) in zip(table, group, strict=True):
        row[: len(node.inputs)] = [registers[i] for i in node.inputs]
    return table


def _outs(group: Group, registers: Mapping[int, int]) -> I64s:
    return np.array([registers[place] for place, _ in group], np.int64)


def _params(group: Group) -> npt.NDArray[np.float64]:
    """(k, n_params) as the kernels see them."""
    rows = [_transform(node).encoded(node.params) for _, node in group]
    return np.array(rows, np.float64).reshape(len(group), -1)
