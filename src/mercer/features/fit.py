"""Fitting: what transforms learn from rows, in stages, from any number of parts that merge."""

from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa

from mercer.features.arrow_in import column_of
from mercer.features.column import F64s, numbers_of
from mercer.features.declare import FeatureSet
from mercer.features.fitted import stage_of
from mercer.features.graph import Graph, Home, Node, build_graph
from mercer.features.layout import NOW
from mercer.features.plan import NOTHING_FITTED, set_hash
from mercer.features.program import build_program
from mercer.features.registry import registry
from mercer.features.state import FittedState
from mercer.features.transform import Arrays, Fit
from mercer.schema.errors import FeatureError

Batches = Callable[[], Iterable[pa.RecordBatch]]
"""Gives the rows anew at each call: a fit in two stages reads them twice."""
Sources = Mapping[Home, Batches]

NOW_COLUMN = "now_ms"
LABEL = "label"  # the parameter that names the column of labels


def fit(
    feature_set: FeatureSet, rows: Batches | None, *, sources: Sources | None = None
) -> FittedState:
    """Fit all that has to be fitted.

    Args:
        rows: batches with the columns that the features read, "now_ms" where one reads the time, and
            the columns of labels; None: there are none but those of `sources`.
        sources: "listing", "seller", "request": other batches for what depends on those alone, so
            that a listing counts once and not once per page.
    Raises:
        FeatureError: a column is missing, or a feature needs rows and there are none.
    """
    graph = build_graph(feature_set, registry())
    stages = stage_of(graph)
    state = FittedState(set_hash(feature_set)) if stages else NOTHING_FITTED
    for _ in range(max(stages.values(), default=-1) + 1):
        stage = fit_stage(feature_set, state, rows, sources=sources)
        state = next_stage(feature_set, state, stage)
    return state


def fit_stage(
    feature_set: FeatureSet,
    state: FittedState,
    rows: Batches | None,
    *,
    sources: Sources | None = None,
) -> FittedState:
    """The statistics of one stage over some rows, to be merged with those over other rows.

    Args:
        state: all stages before it; the first stage begins with `FittedState(set_hash)`.
    """
    graph = build_graph(feature_set, registry())
    stages = stage_of(graph)
    mine = [feature for feature, stage in stages.items() if stage == state.n_stages]
    fitted: dict[str, Arrays] = {}
    for home, features in _by_home(graph, mine, sources or {}).items():
        batches = (sources or {}).get(home, rows) if home is not None else rows
        if batches is None:
            raise FeatureError(
                f"feature {features[0]!r}: is fitted on rows of requests and listings together; "
                "give some"
            )
        fitted |= _fitted(graph, features, state, batches)
    return FittedState(set_hash(feature_set), state.n_stages, fitted)


def next_stage(feature_set: FeatureSet, state: FittedState, stage: FittedState) -> FittedState:
    """The state with one more stage done; what that stage counted merges no more."""
    nodes = _fitted_nodes(build_graph(feature_set, registry()))
    closed = {feature: _closed(nodes[feature], found) for feature, found in stage.arrays.items()}
    return FittedState(stage.set_hash, state.n_stages + 1, {**state.arrays, **closed})


def _closed(node: Node, found: Arrays) -> Arrays:
    close = None if node.transform is None else node.transform.close
    return found if close is None else close(node.params, found)


def merge_stages(feature_set: FeatureSet, a: FittedState, b: FittedState) -> FittedState:
    """The statistics of one stage over the rows of both.

    Raises:
        FeatureError: they belong to different sets or stages.
    """
    if (a.set_hash, a.n_stages) != (b.set_hash, b.n_stages):
        raise FeatureError(
            f"fitted states: one is stage {a.n_stages} of {a.set_hash[:12]}, the other stage "
            f"{b.n_stages} of {b.set_hash[:12]}; only equal ones merge"
        )
    nodes = _fitted_nodes(build_graph(feature_set, registry()))
    return FittedState(
        a.set_hash,
        a.n_stages,
        {
            feature: _fit_of(nodes[feature]).merge(
                a.arrays[feature], b.arrays[feature], nodes[feature].params
            )
            for feature in a.arrays
        },
    )


def _fitted_nodes(graph: Graph) -> Mapping[str, Node]:
    return {node.feature: node for node in graph.nodes if node.is_fitted}


def _fit_of(node: Node) -> Fit:
    if node.transform is None or node.transform.fit is None:
        raise ValueError(f"{node.name!r} is not fitted")
    return node.transform.fit


def _inputs_of_fit(node: Node) -> tuple[int, ...]:
    """Places of the nodes that its fit reads."""
    read = None if node.transform is None else node.transform.fitted_input
    if read is None:
        return node.inputs
    return tuple(node.inputs[i] for i in ((read,) if isinstance(read, int) else read))


def _by_home(
    graph: Graph, features: Iterable[str], sources: Sources
) -> Mapping[Home | None, list[str]]:
    """Features by the source of their rows; None: the common rows."""
    nodes = _fitted_nodes(graph)
    found: dict[Home | None, list[str]] = {}
    for feature in features:
        homes = {graph.nodes[i].home for i in _inputs_of_fit(nodes[feature])}
        home = next(iter(homes)) if len(homes) == 1 else None
        has_label = bool(nodes[feature].params.get(LABEL))
        found.setdefault(home if home in sources and not has_label else None, []).append(feature)
    return found


def _fitted(
    graph: Graph, features: Iterable[str], state: FittedState, batches: Batches
) -> Mapping[str, Arrays]:
    nodes = {feature: _fitted_nodes(graph)[feature] for feature in features}
    wanted = {i for node in nodes.values() for i in _inputs_of_fit(node)}
    for i in range(len(graph.nodes) - 1, -1, -1):
        if i in wanted:
            wanted.update(graph.nodes[i].inputs)
    columns = frozenset(i for i in wanted if graph.nodes[i].transform is None)
    program = build_program(
        graph.nodes, wanted=frozenset(wanted) - columns, loads=columns, fitted=state.arrays
    )
    found = {feature: _fit_of(node).empty(node.params) for feature, node in nodes.items()}
    for batch in batches():
        space = program.space(batch.num_rows)
        for i in program.loads:
            name, kind = graph.nodes[i].name, graph.nodes[i].kind
            program.put(space, i, column_of(_column(batch, name), kind, name=name))
        program.run(space)
        for feature, node in nodes.items():
            inputs = [program.get(space, i) for i in _inputs_of_fit(node)]
            labels = _labels(batch, node)
            found[feature] = _fit_of(node).add(
                found[feature], inputs, labels, node.params, batch.num_rows
            )
    return found


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    name = NOW_COLUMN if name == NOW else name
    if name not in batch.schema.names:
        raise FeatureError(f"fit: column {name!r} is missing; have: {batch.schema.names}")
    return batch.column(name)


def _labels(batch: pa.RecordBatch, node: Node) -> F64s | None:
    name = node.params.get(LABEL)
    if not name:
        return None
    return numbers_of(column_of(_column(batch, name), "number", name=name))
