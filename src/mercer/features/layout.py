"""Which nodes are computed where: once per request, once per listing or seller, once per candidate."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np

from mercer.features.column import F32s, I64s
from mercer.features.declare import Feature, FeatureSet
from mercer.features.graph import Graph, Home
from mercer.features.program import Program, build_program
from mercer.features.transform import Arrays, CounterOp, ListKernel

NOW = "context.now_ms"


@dataclass(frozen=True, slots=True)
class Layout:
    """The programs of a plan, and what they hand to each other."""

    graph: Graph
    outputs: I64s  # (n_features,) node of each dense column
    hashed_outputs: I64s  # (n_hashed,)
    names: tuple[str, ...]
    hashed_names: tuple[str, ...]
    off: I64s  # places of the dense columns that are switched off
    off_values: F32s  # what stands there
    off_hashed: I64s
    request: Program  # nodes of the request, over distinct requests
    row: Program  # all others, over flat rows
    pair: Program  # those that mix, over the candidates of a request
    boundary: Mapping[Home, Program]  # "listing", "seller"
    handed: Mapping[Home, tuple[int, ...]]  # nodes that the pair program loads, by home; by name
    pair_reads: frozenset[int]  # nodes that its steps read
    is_wide: Mapping[int, bool]  # numbers of the boundary that are kept in float64
    has_lists: bool
    reads_counters: bool


def lay_out(
    feature_set: FeatureSet, graph: Graph, fitted: Mapping[str, Arrays], off: Set[str]
) -> Layout:
    """Divide the nodes of a graph between programs."""
    nodes = graph.nodes
    dense: list[tuple[Feature, int]] = []
    hashed: list[tuple[Feature, int]] = []
    for feature in feature_set.features:
        if feature.is_output:
            node = graph.of_feature[feature.name]
            (dense if nodes[node].kind == "number" else hashed).append((feature, node))
    outputs = frozenset(node for _, node in [*dense, *hashed])
    needed = _needed(graph, outputs)
    home = {i: nodes[i].home for i in needed}
    columns = frozenset(i for i in needed if nodes[i].transform is None)
    readers = _readers(graph, needed)

    def at(place: Home) -> frozenset[int]:
        return frozenset(i for i in needed if home[i] == place)

    def handed(place: Home) -> tuple[int, ...]:
        """Nodes of a home that candidates need: as an output, or to go on with.

        By name: equal sets have one hash however their declarations are ordered, and columns that are
        kept under that hash must mean the same to each of them.
        """
        found = (
            i
            for i in at(place)
            if i in outputs or any(home[reader] != place for reader in readers.get(i, ()))
        )
        return tuple(sorted(found, key=lambda i: nodes[i].name))

    def program(wanted: frozenset[int], loads: frozenset[int]) -> Program:
        return build_program(nodes, wanted=wanted - columns, loads=loads, fitted=fitted)

    of_request, of_pair = at("request"), at("pair")
    places: tuple[Home, ...] = ("request", "listing", "seller")
    hands = {place: handed(place) for place in places}
    rest = needed - of_request
    used = [nodes[i].transform for i in needed]
    runs = [transform.run for transform in used if transform is not None]
    return Layout(
        graph=graph,
        outputs=np.array([node for _, node in dense], np.int64),
        hashed_outputs=np.array([node for _, node in hashed], np.int64),
        names=tuple(feature.name for feature, _ in dense),
        hashed_names=tuple(feature.name for feature, _ in hashed),
        off=np.array([j for j, (f, _) in enumerate(dense) if f.name in off], np.int64),
        off_values=np.array([f.missing for f, _ in dense if f.name in off], np.float32),
        off_hashed=np.array([j for j, (f, _) in enumerate(hashed) if f.name in off], np.int64),
        request=program(of_request, of_request & columns),
        row=program(rest, (rest & columns) | frozenset(hands["request"])),
        pair=program(of_pair, (of_pair & columns) | frozenset(sum(hands.values(), ()))),
        boundary={
            "listing": program(at("listing"), at("listing") & columns),
            "seller": program(at("seller"), at("seller") & columns),
        },
        handed=hands,
        pair_reads=frozenset(source for i in of_pair - columns for source in nodes[i].inputs),
        is_wide={
            i: any(home[reader] != home[i] for reader in readers.get(i, ()))
            for place in ("listing", "seller")
            for i in hands[place]
        },
        has_lists=any(isinstance(run, ListKernel) for run in runs),
        reads_counters=any(isinstance(run, CounterOp) for run in runs),
    )


def _needed(graph: Graph, outputs: frozenset[int]) -> frozenset[int]:
    needed = set(outputs)
    for i in range(len(graph.nodes) - 1, -1, -1):
        if i in needed:
            needed.update(graph.nodes[i].inputs)
    return frozenset(needed)


def _readers(graph: Graph, needed: frozenset[int]) -> Mapping[int, list[int]]:
    readers: dict[int, list[int]] = {}
    for i in sorted(needed):
        for source in graph.nodes[i].inputs:
            readers.setdefault(source, []).append(i)
    return readers
