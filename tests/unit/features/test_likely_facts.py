"""`likely_facts`: shares worked out by hand, and what is lost where little is kept."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from mercer.features.arrow_in import column_of
from mercer.features.column import Column, ragged_of
from mercer.features.hash import hash_text
from mercer.features.merged_late import MergedLate
from mercer.features.param import checked_params
from mercer.features.transform import Arrays, ColumnOp
from mercer.features.transforms.likely_facts import TRANSFORM
from mercer.schema.errors import FeatureError


class Listing(NamedTuple):
    """What a listing states, and where it is."""

    facts: Sequence[str]
    category: str | None = "mugs"
    seller: str | None = None


NOTHING: Sequence[str] = ()
MARKET = [
    *[Listing(["color=red", "width=12"], seller="ann")] * 3,
    Listing(["color=blue", "color=blue"], seller="ann"),
    *[Listing(["color=blue", "width=12"], seller="bob")] * 2,
]


def ids(lists: Sequence[Sequence[str]]) -> pa.Array:
    return pa.array([[hash_text(one) for one in some] for some in lists], pa.list_(pa.uint64()))


def columns_of(listings: Sequence[Listing]) -> list[Column]:
    """The five inputs; what is known is what is stated."""
    stated = [one.facts for one in listings]
    names = [[fact.partition("=")[0] for fact in some] for some in stated]
    places = [
        pa.array([hash_text(one) if one else 0 for one in some], pa.uint64())
        for some in ([one.category for one in listings], [one.seller for one in listings])
    ]
    arrays = [pa.array(stated, pa.list_(pa.string())), ids(stated), ids(names), *places]
    return [
        column_of(array, kind, name=kind)
        for array, kind in zip(arrays, TRANSFORM.inputs[0], strict=True)
    ]


def counted(listings: Sequence[Listing]) -> Arrays:
    """The statistic of a few listings."""
    assert TRANSFORM.fit is not None
    empty = TRANSFORM.fit.empty({})
    return TRANSFORM.fit.add(empty, columns_of(listings), None, {}, len(listings))


def likely(
    asked: Sequence[Listing], fitted: Arrays, *, kept: Mapping[str, Any] | None = None, **given: Any
) -> list[list[str]]:
    """The likely facts of each, as texts; `kept`: parameters of what is kept, if they are others."""
    params = checked_params(TRANSFORM.params, given, at="f")
    run = TRANSFORM.run
    assert isinstance(run, ColumnOp)
    assert run.prepare is not None
    assert TRANSFORM.close is not None
    prepared = run.prepare(params, TRANSFORM.close({**params, **(kept or {})}, fitted))
    found = ragged_of(run.run(columns_of(asked), params, prepared, len(asked)))
    texts = {hash_text(text): text for text in TEXTS}
    return [
        [texts[one] for one in found.values[a:b].tolist()]
        for a, b in zip(found.starts, found.stops, strict=True)
    ]


TEXTS = [f"{name}={value}" for name in "abc" for value in "uvwxyz"]
TEXTS += ["color=red", "color=blue", "width=12"]
# Of 6 listings 3 are red, 3 blue: g = 3.1 / 11 = 0.28182, in mugs (3 + 5 g) / 11 = 0.40083.
TIED = sorted(["color=red", "color=blue"], key=hash_text)


@pytest.mark.parametrize(
    ("listing", "min_share", "wanted"),
    [
        # of ann's 4: red (3 + 3 * 0.40083) / 7 = 0.60035, blue (1 + 3 * 0.40083) / 7 = 0.31464
        (Listing(NOTHING, seller="ann"), 0.3146, ["color=red", "color=blue"]),
        (Listing(NOTHING, seller="ann"), 0.3147, ["color=red"]),
        (Listing(NOTHING, seller="ann"), 0.6003, ["color=red"]),
        (Listing(NOTHING, seller="ann"), 0.6004, []),
        # of bob's 2: red 3 * 0.40083 / 5 = 0.24050, blue (2 + 3 * 0.40083) / 5 = 0.64050
        (Listing(NOTHING, seller="bob"), 0.2404, ["color=blue", "color=red"]),
        (Listing(NOTHING, seller="bob"), 0.2405, ["color=blue"]),
        # of a seller that is new, or of none, what the category has; of equal ones the smaller id
        (Listing(NOTHING, seller="eve"), 0.4008, TIED),
        (Listing(NOTHING), 0.4009, []),
        # in no category, or a new one: red (3 + 3 g) / 7 = 0.54935, blue (1 + 3 g) / 7 = 0.26364
        (Listing(NOTHING, category=None, seller="ann"), 0.2636, ["color=red", "color=blue"]),
        (Listing(NOTHING, category="cups", seller="ann"), 0.2637, ["color=red"]),
        (Listing(NOTHING, category="cups", seller="ann"), 0.5494, []),
        (Listing(NOTHING, category="cups"), 0.0, []),
        # what is known of a listing is not guessed, and a width never is
        (Listing(["color=green"], seller="ann"), 0.0, []),
        (Listing(["width=9"], seller="ann"), 0.3147, ["color=red"]),
    ],
)
def test_shares_are_those_worked_out_by_hand(
    listing: Listing, min_share: float, wanted: list[str]
) -> None:
    """Each share lies between two limits that are a ten-thousandth apart."""
    assert likely([listing], counted(MARKET), min_share=min_share) == [wanted]


def test_at_most_so_many_are_given() -> None:
    """The likeliest ones."""
    asked = [Listing(NOTHING, seller="ann"), Listing(NOTHING, seller="bob")]
    fitted = counted(MARKET)
    assert likely(asked, fitted, min_share=0.0, most=1) == [["color=red"], ["color=blue"]]
    assert likely(asked, fitted, min_share=0.0, most=0) == [[], []]


def random_market(n: int, *, seed: int) -> list[Listing]:
    """Sellers differ in a, categories in b, both in c; with gaps in all."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        seller, category = int(rng.integers(0, 6)), int(rng.integers(0, 4))
        values = (rng.geometric(0.5, 3) + np.array([seller, category, seller + category])) % 6
        facts = [f"{'abc'[a]}={'uvwxyz'[values[a]]}" for a in range(3) if rng.random() < 0.6]
        found.append(
            Listing(facts, f"c{category}" if category else None, f"s{seller}" if seller else None)
        )
    return found


def test_parts_in_any_order_give_the_bits_of_the_whole() -> None:
    """Sixty batches, one by one or as a tree, forwards or backwards; and few parts wait."""
    assert TRANSFORM.fit is not None
    market, fit = random_market(600, seed=1), TRANSFORM.fit
    whole = counted(market)
    batches = [market[i : i + 10] for i in range(0, 600, 10)]
    state = fit.empty({})
    for batch in batches:
        state = fit.add(state, columns_of(batch), None, {}, len(batch))
        assert isinstance(state, MergedLate)
        assert len(state.parts) <= 8
    parts = [counted(batch) for batch in reversed(batches)]
    while len(parts) > 1:
        parts = [fit.merge(parts[0], parts[-1], {}), *parts[1:-1]]
    for name in whole:
        assert whole[name].tobytes() == state[name].tobytes() == parts[0][name].tobytes()


def test_what_is_kept_is_little_and_loses_only_what_is_hardly_asked_for() -> None:
    """Of a table with the shares that a quarter of `min_share` reach nothing is given that all counts
    do not give, and all that has a share of 1.25 times `min_share`."""
    market, min_share = random_market(2_000, seed=2), 0.3
    fitted = counted(market)
    asked = [Listing(one.facts[:1], one.category, one.seller) for one in market]
    found = likely(asked, fitted, min_share=min_share)
    of_all = likely(asked, fitted, min_share=min_share, kept={"min_share": 0.0})
    sure = likely(asked, fitted, min_share=1.25 * min_share, kept={"min_share": 0.0})
    for mine, every, at_least in zip(found, of_all, sure, strict=True):
        assert {*at_least} <= {*mine} <= {*every}
    assert sum(map(len, sure)) > 100
    params = checked_params(TRANSFORM.params, {"min_share": min_share}, at="f")
    assert TRANSFORM.close is not None
    small, large = (
        TRANSFORM.close({**params, "min_share": share}, fitted) for share in (min_share, 0.0)
    )
    for name in ("category_facts", "seller_facts"):
        assert 0 < small[name].size < large[name].size


def test_only_the_sellers_with_most_listings_are_told_apart() -> None:
    """A smaller one is as one that is new; its listings count in their category all the same."""
    asked = [Listing(NOTHING, seller=name) for name in ("ann", "bob", "eve")]
    found = likely(asked, counted(MARKET), min_share=0.3, max_sellers=1)
    assert found == [["color=red", "color=blue"], TIED, TIED]


def test_a_state_of_another_form_is_told() -> None:
    """What is counted is not what is read; the message says what to do."""
    run = TRANSFORM.run
    assert isinstance(run, ColumnOp)
    assert run.prepare is not None
    with pytest.raises(FeatureError, match="fit again"):
        run.prepare({}, counted(MARKET))
