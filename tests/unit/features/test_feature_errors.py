"""A feature set that cannot be compiled or run says which feature, column or transform is at fault."""

import numpy as np
import pyarrow as pa
import pytest

from mercer.features.declare import FeatureSet
from mercer.features.fit import fit
from mercer.features.plan import Candidates, compile_plan
from mercer.features.state import FittedState
from mercer.schema.errors import CorruptError, FeatureError
from support.feature_kit import PlainCounters


def a_set(*tables: str) -> FeatureSet:
    """A set of `[[feature]]` tables."""
    return FeatureSet.from_toml('name = "s"\n' + "".join(tables))


def feature(name: str, transform: str, *inputs: str, more: str = "", entity: str = "pair") -> str:
    """One table."""
    names = ", ".join(f'"{one}"' for one in inputs)
    return (
        f'[[feature]]\nname = "{name}"\nentity = "{entity}"\n'
        f'transform = "{transform}"\ninputs = [{names}]\n{more}\n'
    )


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([feature("a", "log1p", "b"), feature("b", "log1p", "a")], ["a -> b -> a", "circle"]),
        ([feature("a", "log1p", "a")], ["a -> a"]),
        ([feature("a", "lgo1p", "listing.rating")], ["'a'", "'lgo1p'", "log1p"]),
        ([feature("a", "log1p", "listing.raitng")], ["'a'", "'listing.raitng'", "listing.rating"]),
        ([feature("a", "log1p", "item.rating")], ["'item.rating'", "listing"]),
        ([feature("a", "log1p", "listing.title")], ["'a'", "listing.title (text)", "(number)"]),
        ([feature("a", "log1p")], ["'a'", "nothing"]),
        ([feature("a", "ratio", "listing.rating")], ["(number, number)"]),
        ([feature("a", "clip", "listing.rating", more="low = 2\nhigh = 1")], ["'a'", "low 2"]),
        ([feature("a", "clip", "listing.rating", more='low = "x"')], ["'a'", "'low'", "'x'"]),
        ([feature("a", "clip", "listing.rating", more="lwo = 1")], ["'a'", "'lwo'", "low, high"]),
        ([feature("a", "bucketise", "listing.rating")], ["'a'", "'edges'", "missing"]),
        ([feature("a", "log1p", "listing.rating", entity="query")], ["'a'", "'query'", "listing"]),
        ([feature("a", "hash_all", "listing.tags")], ["'a'", "ids", "[[node]]"]),
        ([feature("a", "hash", "query.q", more="missing = 0")], ["'a'", "missing", "id"]),
        ([feature("a", "log1p", "label.clicked")], ["'a'", "'label.clicked'"]),
        (
            [feature("a", "log1p", "listing.rating"), feature("a", "log1p", "listing.rating")],
            ["'a'", "2 times"],
        ),
    ],
)
def test_what_cannot_be_compiled_is_named(tables: list[str], words: list[str]) -> None:
    """The sentence names the feature, what was got and what is allowed."""
    with pytest.raises(FeatureError) as caught:
        compile_plan(a_set(*tables))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("name = ", "not TOML"),
        ('name = ""', "'name'"),
        ('name = "s"\nfeatures = 1', "'features'"),
        ('name = "s"\nfeature = 1', "[[feature]]"),
        ('name = "s"\n[columns]\n"query.x" = "float"', "'float'"),
        ('name = "s"\n[[feature]]\nname = "A"', "'A'"),
        ('name = "s"\n[[feature]]\nname = "a"\ninputs = "query.q"', "'query.q'"),
        ('name = "s"\n[[feature]]\nname = "a"\ninputs = []\ntransform = 1', "transform is 1"),
        (
            'name = "s"\n[[feature]]\nname = "a"\ninputs = []\ntransform = "x"\nentity = "user"',
            "'user'",
        ),
    ],
)
def test_what_is_no_declaration_is_named(text: str, word: str) -> None:
    """The sentence names the place."""
    with pytest.raises(FeatureError) as caught:
        FeatureSet.from_toml(text)
    assert word in str(caught.value)


def test_a_set_without_features_is_refused() -> None:
    """Only nodes make no matrix."""
    text = 'name = "s"\n[[node]]\nname = "a"\nentity = "pair"\ntransform = "log1p"\n'
    with pytest.raises(FeatureError, match="only nodes"):
        compile_plan(FeatureSet.from_toml(text + 'inputs = ["listing.rating"]'))


def test_a_missing_or_misfit_column_is_named() -> None:
    """At run time too."""
    plan = compile_plan(a_set(feature("a", "log1p", "listing.rating")))
    with pytest.raises(FeatureError, match=r"'listing\.rating' is missing"):
        plan.run(pa.record_batch({"x": [1.0]}), now_ms=0)
    with pytest.raises(FeatureError, match=r"'listing\.rating': is string"):
        plan.run(pa.record_batch({"listing.rating": ["good"]}), now_ms=0)


def test_a_request_without_a_column_is_refused() -> None:
    """And with one of the wrong type."""
    plan = compile_plan(a_set(feature("a", "hash", "query.q")))
    nobody = Candidates(listings=[], part=np.zeros(1, np.int32), rows=np.zeros(1, np.int64))
    with pytest.raises(FeatureError, match=r"'query\.q' is missing"):
        plan.run_request({}, nobody, now_ms=0)
    with pytest.raises(FeatureError, match=r"'query\.q' is 7, must be a text"):
        plan.run_request({"query.q": 7}, nobody, now_ms=0)


def test_a_state_belongs_to_its_set() -> None:
    """A set that has to be fitted is refused without its state, with another's, with a broken one."""
    one = a_set(feature("a", "standardise", "listing.rating"))
    other = a_set(feature("a", "standardise", "listing.rating_count"))
    batch = pa.record_batch({"listing.rating": [1.0, 3.0]})
    state = fit(one, lambda: [batch])
    assert compile_plan(one, state).run(batch, now_ms=0).dense.tolist() == [[-1.0], [1.0]]
    with pytest.raises(FeatureError, match=r"'a'.*has to be fitted"):
        compile_plan(one)
    with pytest.raises(FeatureError, match="belongs to the feature set"):
        compile_plan(other, state)
    with pytest.raises(CorruptError, match="cut off"):
        FittedState.from_bytes(state.to_bytes()[:-1])
    with pytest.raises(CorruptError, match="must begin with"):
        FittedState.from_bytes(b"PK" + state.to_bytes())


def test_switching_off_an_unknown_feature_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(FeatureError, match="'b' is no feature"):
        compile_plan(a_set(feature("a", "log1p", "listing.rating")), off={"b"})


def test_a_feature_that_is_off_is_missing() -> None:
    """Its own column has its missing value, others and the hash stay."""
    declared = a_set(
        feature("a", "log1p", "listing.rating", more="missing = -1"),
        feature("b", "log1p", "a"),
        feature("c", "log1p", "listing.rating"),
    )
    batch = pa.record_batch({"listing.rating": [1.0]})
    plan, without = compile_plan(declared), compile_plan(declared, off={"a", "c"})
    assert without.hash == plan.hash
    on, off = plan.run(batch, now_ms=0).dense[0], without.run(batch, now_ms=0).dense[0]
    assert off[0] == -1.0
    assert off[1] == on[1]
    assert np.isnan(off[2])


COUNTER = 'whose = "listing"\nkind = "click"\nhalf_life_h = 24'


@pytest.mark.parametrize(
    ("inputs", "more", "words"),
    [
        (["listing.listing_id"], COUNTER.replace("listing", "listings"), ["'listings'", "seller"]),
        (["listing.listing_id"], COUNTER.replace("click", "klick"), ["'klick'", "impression"]),
        (["query.q", "listing.listing_id"], COUNTER, ["2 inputs", "takes 1"]),
        (["listing.listing_id"], COUNTER.replace("listing", "query_listing"), ["takes 2"]),
    ],
)
def test_a_counter_that_nobody_keeps_is_named(
    inputs: list[str], more: str, words: list[str]
) -> None:
    """Whose events, which kind, how many ids."""
    with pytest.raises(FeatureError) as caught:
        compile_plan(a_set(feature("a", "counter", *inputs, more=more)))
    for word in ["'a'", *words]:
        assert word in str(caught.value)


def test_counters_need_a_reader_that_counts_by_the_half_life() -> None:
    """Without one, or with other half-lives, the sentence says what to give or to configure."""
    inputs = ["listing.listing_id"]
    plan = compile_plan(a_set(feature("a", "counter", *inputs, more=COUNTER)))
    batch = pa.record_batch({"listing.listing_id": ["x", ""]})
    with pytest.raises(FeatureError, match=r"'a'.*CounterReader"):
        plan.run(batch, now_ms=0)
    found = plan.run(batch, now_ms=0, counters=PlainCounters()).dense
    assert found[0, 0] >= 0
    assert np.isnan(found[1, 0])
    other = compile_plan(a_set(feature("a", "counter", *inputs, more=COUNTER.replace("24", "5"))))
    with pytest.raises(FeatureError, match=r"'a'.*half_life_h is 5.*1, 24"):
        other.run(batch, now_ms=0, counters=PlainCounters())
