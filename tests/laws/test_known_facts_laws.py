"""What texts tell, read from a catalogue whose truth is known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mercer.features.arrow_in import column_of
from mercer.features.column import ragged_of
from mercer.features.declare import Feature, FeatureSet
from mercer.features.fit import fit
from mercer.features.graph import build_graph
from mercer.features.hash import hash_text
from mercer.features.listing_inputs import listing_inputs
from mercer.features.program import build_program
from mercer.features.ragged_rows import owner_of_values, present_values
from mercer.features.registry import registry
from mercer.schema.money import Rates
from mercer.simulate.catalogue import World, generate_catalogue
from mercer.simulate.truth import COLUMN, VOCABULARIES

VALUES_ALONE = {"min_evidence": 1 << 40}  # so much there is not: only the words of a value say it
FIELDS = ("title", "tags", "description")
FACTS = [(i, j) for i, one in enumerate(VOCABULARIES) for j in range(len(one.values))]
ID_OF = {
    hash_text(f"{VOCABULARIES[i].name}={VOCABULARIES[i].values[j]}"): k
    for k, (i, j) in enumerate(FACTS)
}


@pytest.fixture(scope="module")
def world() -> World:
    """3,000 listings."""
    return generate_catalogue(n_listings=3_000, seed=5, now_ms=1_790_000_000_000)


def known(world: World, params: Mapping[str, Any]) -> np.ndarray:
    """(n, n_facts) whether each fact is known of each listing."""
    words = [
        Feature(name=f, entity="listing", transform="tokenise", inputs=(f"listing.{f}",), is_output=False)
        for f in FIELDS
    ]  # fmt: skip
    facts = Feature(
        name="known", entity="listing", transform="known_facts",
        inputs=("listing.facts", *FIELDS), params=params, is_output=False,
    )  # fmt: skip
    shown = Feature(
        name="n", entity="listing", transform="size", inputs=("known",), doc="How many."
    )
    feature_set = FeatureSet(name="s", features=(*words, facts, shown))
    graph = build_graph(feature_set, registry())
    rows = listing_inputs(_batch(world), Rates("USD", "", {}), reads=graph.columns)
    state = fit(feature_set, lambda: [rows])
    loads = frozenset(i for i, node in enumerate(graph.nodes) if node.transform is None)
    wanted = frozenset(range(len(graph.nodes))) - loads
    program = build_program(graph.nodes, wanted=wanted, loads=loads, fitted=state.arrays)
    space = program.space(rows.num_rows)
    for i in program.loads:
        node = graph.nodes[i]
        program.put(space, i, column_of(rows.column(node.name), node.kind, name=node.name))
    program.run(space)
    place = next(i for i, node in enumerate(graph.nodes) if node.name == "known")
    ids = ragged_of(program.get(space, place))
    found = np.zeros((rows.num_rows, len(FACTS)), np.bool_)
    for row, fact in zip(owner_of_values(ids), present_values(ids), strict=True):
        if int(fact) in ID_OF:
            found[row, ID_OF[int(fact)]] = True
    return found


def _batch(world: World) -> pa.RecordBatch:
    return pa.Table.from_batches(list(world.batches())).combine_chunks().to_batches()[0]


def right_and_told(world: World, found: np.ndarray) -> tuple[float, float]:
    """Of attributes that listings do not state: what share of what was read is true, and what share of
    what their texts tell was read."""
    truth = world.truth
    of, value = np.array(FACTS).T
    asked = ~truth.in_attributes[:, of]  # (n, n_facts)
    is_true = (truth.values[:, of] == value) | (
        (of == COLUMN["color"]) & (truth.second_color[:, None] == value)
    )
    told = asked & truth.in_text[:, of] & (truth.values[:, of] == value)
    read = asked & found
    return float(is_true[read].mean()), float(read[told].mean())


def test_texts_are_read_better_than_by_the_words_of_values(world: World) -> None:
    """Learned from what listings state, far more of what texts tell is known, and less that is wrong.

    Filler ("retro style" of anything) is no fact, and other words for a value ("cognac") are. Texts
    are too short for a fifth of what `Truth.in_text` would have them tell.
    """
    precision, recall = right_and_told(world, known(world, VALUES_ALONE))
    learned_precision, learned_recall = right_and_told(world, known(world, {}))
    assert learned_precision > max(0.88, precision + 0.1)
    assert learned_recall > max(0.64, recall + 0.05)
