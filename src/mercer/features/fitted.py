"""Which features have to be fitted, and in which stage: a fit may read what another fit gave."""

from collections.abc import Mapping

from mercer.features.graph import Graph


def stage_of(graph: Graph) -> Mapping[str, int]:
    """Fitted feature -> the stage of its fit, from 0: one more than the latest that it reads."""
    latest: list[int] = []  # of each node: stages that have to be done before it has a value
    stages: dict[str, int] = {}
    for node in graph.nodes:
        before = max((latest[i] for i in node.inputs), default=0)
        if node.feature != node.name:  # what another feature was fitted for
            before = max(before, stages.get(node.feature, -1) + 1)
        if node.is_fitted:
            stages[node.feature] = before
            before += 1
        latest.append(before)
    return stages
