import pyarrow as pa

from mercer.features.declare import Feature, FeatureSet
from mercer.features.fit import fit
from mercer.features.hash import hash_text
from mercer.features.plan import compile_plan

LISTINGS = [
    (["color=rose gold", "material=wool"], "scarf"),
    (["color=gold"], "ring"),
    (["color=navy"], "shirt"),
    (["width=12"], "box"),
    ([], "Navy shirt with 12 rose gold buttons, wool"),
    (["color=red"], "navy and red hat of wool"),
]


def known(give: str, *, min_count: int = 1) -> list[set[int]]:
    """What is known of each of LISTINGS, as `ids_shared` sees it with every fact there is."""
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
    declared = FeatureSet(name="s", features=(words, facts, asked, shared), columns=columns)
    found: list[set[int]] = [set() for _ in LISTINGS]
    every = {fact for stated, _ in LISTINGS for fact in stated}
    every |= {fact.partition("=")[0] for fact in every}
    for one in every:
        batch = pa.record_batch(
            {
                "listing.facts": pa.array([f for f, _ in LISTINGS], pa.list_(pa.string())),
                "listing.title": pa.array([title for _, title in LISTINGS]),
                "query.asked": pa.array([[one]] * len(LISTINGS), pa.list_(pa.string())),
            }
        )
        plan = compile_plan(declared, fit(declared, lambda batch=batch: [batch]))
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
