"""The feature set of a market that declared none."""

from dataclasses import replace

import pytest

from mercer.features.declare import Feature, FeatureSet
from mercer.features.default import default_feature_set
from mercer.features.fit import fit
from mercer.features.graph import build_graph
from mercer.features.listing_inputs import listing_inputs
from mercer.features.plan import Plan, compile_plan
from mercer.features.registry import registry
from mercer.schema.money import Rates
from mercer.simulate.catalogue import generate_catalogue


def test_the_default_set_compiles_and_says_what_it_means() -> None:
    """At least 60 columns, each with a sentence; read again from TOML it is the same set."""
    feature_set = default_feature_set()
    graph = build_graph(feature_set, registry())
    outputs = [feature for feature in feature_set.features if feature.is_output]
    assert len(outputs) >= 60
    assert all(feature.doc.endswith(".") for feature in outputs)
    assert FeatureSet.from_toml(feature_set.to_toml()).canonical() == feature_set.canonical()
    assert {feature.name for feature in feature_set.features} == set(graph.of_feature)


def _nodes_first(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """As a declaration in TOML has them."""
    return tuple(sorted(features, key=lambda one: one.is_output))


def _nodes_last(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """The last node first, behind all outputs."""
    nodes = [one for one in features if not one.is_output]
    return (*(one for one in features if one.is_output), *reversed(nodes))


@pytest.mark.parametrize("order", [_nodes_first, _nodes_last])
def test_equal_sets_keep_equal_columns(order) -> None:
    """Sets of one hash, however their nodes are ordered, keep the same bytes of a listing: the one may
    have written what the other reads."""
    feature_set = default_feature_set()
    other = replace(feature_set, features=order(feature_set.features))
    world = generate_catalogue(n_listings=50, seed=1, now_ms=1_770_000_000_000)
    (batch,) = list(world.batches())[:1]
    reads = build_graph(feature_set, registry()).columns
    rows = listing_inputs(batch, Rates("USD", "", {}), reads=reads)

    def compiled(one: FeatureSet) -> Plan:
        return compile_plan(one, fit(one, lambda: [rows]))

    mine, theirs = compiled(feature_set), compiled(other)
    assert mine.hash == theirs.hash
    assert mine.listing_column_names == theirs.listing_column_names
    have, want = (one.listing_columns(rows).to_arrays() for one in (mine, theirs))
    assert {name: array.tobytes() for name, array in have.items()} == {
        name: array.tobytes() for name, array in want.items()
    }
