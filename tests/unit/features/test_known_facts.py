from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from mercer.features.declare import Feature, FeatureSet
from mercer.features.fit import fit
from mercer.features.hash import hash_text
from mercer.features.plan import compile_plan
from mercer.features.state import FittedState
from mercer.schema.errors import FeatureError

LISTINGS = [
    (["color=rose gold", "material=wool"], "scarf"),
    (["color=gold"], "ring"),
    (["color=navy"], "shirt"),
    (["width=12"], "box"),
    ([], "Navy shirt with 12 rose gold buttons, wool"),
    (["color=red"], "navy and red hat of wool"),
]


Listings = Sequence[tuple[Sequence[str], str]]


def declared(give: str, *, min_count: int = 1) -> FeatureSet:
    """How many of the facts that are asked for are known of a listing."""
    words = Feature(
        name="w", entity="listing", transform="tokenise", inputs=("listing.title",), is_output=False
    )  # fmt: skip
    facts = Feature(
        name="f", entity="listing", transform="known_facts", inputs=("listing.facts", "w"),
        params={"give": give, "min_count": min_count}, is_output=False,
    )  # fmt: skip
    asked = Feature(
        name="q", entity="query", transform="hash_all", inputs=("query.asked",), is_output=False
    )  # fmt: skip
    shared = Feature(name="n", entity="pair", transform="ids_shared", inputs=("q", "f"))
    columns = {"listing.facts": "texts", "listing.title": "text", "query.asked": "texts"}
    return FeatureSet(name="s", features=(words, facts, asked, shared), columns=columns)


def known(give: str, *, min_count: int = 1, listings: Listings = LISTINGS) -> list[set[int]]:
    """What is known of each listing, as `ids_shared` sees it with every fact there is."""
    feature_set = declared(give, min_count=min_count)
    found: list[set[int]] = [set() for _ in listings]
    every = {fact for stated, _ in listings for fact in stated}
    every |= {fact.partition("=")[0] for fact in every}
    for one in every:
        batch = pa.record_batch(
            {
                "listing.facts": pa.array([f for f, _ in listings], pa.list_(pa.string())),
                "listing.title": pa.array([title for _, title in listings]),
                "query.asked": pa.array([[one]] * len(listings), pa.list_(pa.string())),
            }
        )
        plan = compile_plan(feature_set, fit(feature_set, lambda batch=batch: [batch]))
        for row, value in enumerate(plan.run(batch, now_ms=0).dense[:, 0]):
            if value:
                found[row].add(hash_text(one))
    return found


def ids(*texts: str) -> set[int]:
    return {hash_text(one) for one in texts}


def test_texts_say_what_other_listings_state() -> None:
    """Words are stems, the longer phrase is meant, numbers say nothing, and both colours are said."""
    assert known("facts")[4] == ids("color=navy", "color=rose gold", "material=wool")


def test_what_is_stated_is_not_asked_of_the_text() -> None:
    """A red hat is not navy, whatever its title says; its material is not stated, and said."""
    assert known("facts")[5] == ids("color=red", "material=wool")
    assert known("attributes")[5] == ids("color", "material")


def test_rare_values_are_not_looked_for() -> None:
    """A value that one listing states may be a slip; what is stated stays."""
    found = known("facts", min_count=2)
    assert found[4] == set()
    assert found[0] == ids("color=rose gold", "material=wool")


NOUNS = ("bag", "belt", "box", "cup", "dish", "hat", "lamp", "mug", "ring", "vase")
FEW = [(["color=black"], f"{noun} in black") for noun in NOUNS] + [
    (["color=brown"], f"cognac {noun}") for noun in NOUNS
]


def test_words_say_what_the_listings_that_say_them_state() -> None:
    """No value is called cognac, yet what is cognac is brown."""
    assert known("facts", listings=[*FEW, ([], "wallet, cognac")])[-1] == ids("color=brown")


def test_words_of_a_value_that_mostly_mean_something_else_say_nothing() -> None:
    """Of ten things that say "navy seal" and state a color one is navy; two words are asked together,
    so that "navy" alone goes on being navy."""
    seals = [(["color=green"], f"navy seal {noun}") for noun in NOUNS]
    shirts = [(["color=navy"], f"{noun} navy") for noun in NOUNS] * 3
    shirts = [(stated, f"{title} {i}") for i, (stated, title) in enumerate(shirts)]
    asked = [([], "navy seal patch"), ([], "patch, navy"), ([], "black navy seal patch")]
    found = known("facts", listings=[*FEW, *seals, *shirts, *asked])
    assert found[-3:] == [ids("color=green"), ids("color=navy"), ids("color=black", "color=green")]
    seals = [([f"color={'green' if i % 2 else 'red'}"], t) for i, (_, t) in enumerate(seals)]
    found = known("facts", listings=[*FEW, *seals, *shirts, *asked])
    assert found[-3:] == [set(), ids("color=navy"), ids("color=black")]


def test_filler_says_nothing() -> None:
    """Sellers call anything retro: of ten such things that state a style three are, and each other
    style is rarer. Where seven of ten are, the word says so."""
    styles = ["retro"] * 3 + ["boho", "goth", "rustic", "preppy", "modern", "mod", "cozy"]
    retro = [([f"style={one}"], f"retro {noun}") for one, noun in zip(styles, NOUNS, strict=True)]
    plain = [(["style=modern"], f"{noun} in modern") for noun in NOUNS]
    assert known("facts", listings=[*plain, *retro, ([], "retro tray")])[-1] == set()
    retro = [(["style=retro" if i < 7 else s[0]], t) for i, (s, t) in enumerate(retro)]
    assert known("facts", listings=[*plain, *retro, ([], "retro tray")])[-1] == ids("style=retro")


def test_what_all_things_of_a_kind_state_if_they_state_it_is_not_said_of_the_others() -> None:
    """Bands with a closure have an elastic one, but a wedding band has none."""
    watches = [(["closure=elastic", "for=men"], f"band {i}") for i in range(10)]
    bands = [(["for=men"], f"wedding band {noun} {i}") for i, noun in enumerate(NOUNS * 4)]
    zips = [(["closure=zip", "for=men"], f"zippered {noun}") for noun in NOUNS]
    asked = [([], "band of gold"), ([], "zippered purse")]
    found = known("facts", listings=[*watches, *bands, *zips, *asked])
    assert hash_text("closure=elastic") not in found[-2]
    assert hash_text("closure=zip") in found[-1]


def test_a_state_of_an_earlier_version_is_told() -> None:
    """Nothing is read out of arrays of another form; the message says what to do."""
    feature_set = declared("facts")
    plan = FittedState(
        compile_plan(feature_set, _empty_fit(feature_set)).state.set_hash,
        1,
        {"f": {"keys": np.zeros(0, np.uint64)}},
    )
    with pytest.raises(FeatureError, match="fit again"):
        compile_plan(feature_set, plan)


def _empty_fit(feature_set: FeatureSet) -> FittedState:
    batch = pa.record_batch(
        {
            "listing.facts": pa.array([], pa.list_(pa.string())),
            "listing.title": pa.array([], pa.string()),
            "query.asked": pa.array([], pa.list_(pa.string())),
        }
    )
    return fit(feature_set, lambda: [batch])
