"""What each column of a feature set means, and where it comes from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mercer.features.columns import ATTRIBUTE, KNOWN
from mercer.features.declare import Feature, FeatureSet
from mercer.features.graph import Graph, Home, Node, build_graph
from mercer.features.registry import registry
from mercer.features.transform import CounterOp

WHERE: Mapping[Home, str] = {
    "request": "once per request",
    "listing": "once per listing, when the index is built",
    "seller": "once per seller, when the index is built",
    "pair": "for each candidate of a request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureInfo:
    """One feature of a set, or one node that only other features read."""

    name: str
    entity: str
    is_output: bool
    kind: str  # number, id, or what else a node gives
    doc: str
    transform: str
    summary: str  # of the transform
    params: Mapping[str, Any]  # all of them, defaults too
    inputs: tuple[str, ...]
    missing: str  # in words
    where: str  # it is computed
    reads_columns: Mapping[str, str]  # every column that it depends on, with its meaning
    reads_features: tuple[str, ...]  # all that it depends on, nearest first
    read_by: tuple[str, ...]  # features that name it as an input
    fitted: str  # in words; "" where nothing is fitted
    reads_others: bool  # the other candidates of the request count
    reads_counters: bool


def feature_infos(feature_set: FeatureSet) -> tuple[FeatureInfo, ...]:
    """All features of a set in their order.

    Raises:
        FeatureError: the set cannot be compiled.
    """
    graph = build_graph(feature_set, registry())
    return tuple(_info(feature_set, feature, graph) for feature in feature_set.features)


def _info(feature_set: FeatureSet, feature: Feature, graph: Graph) -> FeatureInfo:
    places = {node.name: i for i, node in enumerate(graph.nodes)}
    node, final = graph.nodes[places[feature.name]], graph.nodes[graph.of_feature[feature.name]]
    behind = graph.behind(places[feature.name])
    names = {one.name for one in feature_set.features}
    if node.transform is None:
        raise ValueError(f"{feature.name!r} is a column")
    return FeatureInfo(
        name=feature.name,
        entity=feature.entity,
        is_output=feature.is_output,
        kind=final.kind,
        doc=feature.doc,
        transform=feature.transform,
        summary=node.transform.summary,
        params=dict(node.params),
        inputs=feature.inputs,
        missing=_missing(feature, final),
        where=WHERE[final.home],
        reads_columns={one.name: meaning_of(one.name) for one in behind if one.transform is None},
        reads_features=tuple(one.name for one in behind if one.name in names),
        read_by=tuple(f.name for f in feature_set.features if feature.name in f.inputs),
        fitted=_fitted(node),
        reads_others=final.is_list,
        reads_counters=any(
            one.transform is not None and isinstance(one.transform.run, CounterOp)
            for one in (node, *behind)
        ),
    )


def _missing(feature: Feature, node: Node) -> str:
    if node.kind == "id":
        return "0"
    return "stays missing (NaN)" if math.isnan(feature.missing) else f"{feature.missing:g} instead"


def _fitted(node: Node) -> str:
    if node.transform is None or node.transform.fit is None:
        return ""
    if node.feature != node.name:
        return f"by what {node.feature} was fitted on"
    return f"{node.transform.fit.bound}; parts merge" + (
        " to the bits of the whole" if node.transform.fit.is_exact else ""
    )


def meaning_of(column: str) -> str:
    """Of an input column, in words; "" where only its name says it."""
    if column.startswith(ATTRIBUTE):
        return f"values of the attribute {column.removeprefix(ATTRIBUTE)!r}"
    return KNOWN[column].doc if column in KNOWN else ""
