"""The feature set of a market that declared none."""

from mercer.features.declare import FeatureSet
from mercer.features.default import default_feature_set
from mercer.features.graph import build_graph
from mercer.features.registry import registry


def test_the_default_set_compiles_and_says_what_it_means() -> None:
    """At least 60 columns, each with a sentence; read again from TOML it is the same set."""
    feature_set = default_feature_set()
    graph = build_graph(feature_set, registry())
    outputs = [feature for feature in feature_set.features if feature.is_output]
    assert len(outputs) >= 60
    assert all(feature.doc.endswith(".") for feature in outputs)
    assert FeatureSet.from_toml(feature_set.to_toml()).canonical() == feature_set.canonical()
    assert {feature.name for feature in feature_set.features} == set(graph.of_feature)
