"""Runs: saved, read, aligned, cut, and what a wrong run file says."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.evaluate.runs import RUN, Run
from mercer.schema.errors import InputError, SchemaError


def lists_of(run: Run) -> dict[str, list[str]]:
    ids = run.listing_id.to_pylist()
    return {
        query: ids[a:b]
        for query, a, b in zip(run.query, run.offsets[:-1], run.offsets[1:], strict=True)
    }


ids = st.lists(st.text("abcd", min_size=1, max_size=3), max_size=5, unique=True)


@settings(max_examples=60)
@given(lists=st.dictionaries(st.text(max_size=5), ids, max_size=6), seed=st.integers(0, 2**32 - 1))
def test_a_run_comes_back_from_its_rows_in_any_order(
    lists: dict[str, list[str]], seed: int
) -> None:
    """Table and back is the identity, also with empty lists and shuffled rows."""
    scores = [[float(-i) for i in range(len(one))] for one in lists.values()]
    run = Run.from_lists(list(lists), list(lists.values()), scores)
    rows = run.to_table()
    assert rows.schema == RUN
    assert lists_of(Run.from_table(rows)) == lists
    shuffled = rows.take(pa.array(np.random.default_rng(seed).permutation(rows.num_rows)))
    back = Run.from_table(shuffled)
    assert lists_of(back) == lists
    assert back.of(run.query).score.tolist() == run.score.tolist()


def test_nothing_found_is_one_row_without_a_listing() -> None:
    """A query that found nothing stays in the file, apart from one that was never asked."""
    rows = Run.from_lists(["a", "b"], [[], ["x"]]).to_table().to_pylist()
    assert rows == [
        {"query": "a", "rank": 0, "listing_id": None, "score": None},
        {"query": "b", "rank": 1, "listing_id": "x", "score": None},
    ]


def test_another_engines_run_needs_no_scores_and_may_rank_from_0() -> None:
    """Only the order of the ranks counts; ids may be numbers."""
    rows = pa.table({"query": ["a", "a"], "rank": [7, 0], "listing_id": [11, 12]})
    assert lists_of(Run.from_table(rows)) == {"a": ["12", "11"]}


def test_of_gives_the_lists_in_the_order_asked_for() -> None:
    """A text may be asked for twice (two query ids), and others left out."""
    run = Run.from_lists(["a", "b", "c"], [["x", "y"], [], ["z"]], [[2, 1], [], [5]])
    some = run.of(["c", "a", "c"])
    assert some.listing_id.to_pylist() == ["z", "x", "y", "z"]
    assert some.score.tolist() == [5, 2, 1, 5]
    assert some.offsets.tolist() == [0, 1, 3, 4]


def test_cut_keeps_the_first_results() -> None:
    """A deeper run has no advantage over a shallow one once both are cut."""
    run = Run.from_lists(["a", "b"], [["x", "y", "z"], ["u"]]).cut(depth=2)
    assert lists_of(run) == {"a": ["x", "y"], "b": ["u"]}


def test_a_query_that_was_never_asked_is_an_error() -> None:
    """A missing query is told apart from one without results, and is never a silent zero."""
    with pytest.raises(InputError, match="1 of 2 judged queries are not in the run, the first 'b'"):
        Run.from_lists(["a"], [[]]).of(["a", "b"])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a", 1, "x"), ("a", 1, "y")], "'a' has two rows at rank 1"),
        ([("a", 1, "x"), ("a", 2, "x")], "'a' shows listing 'x' twice, at ranks 1 and 2"),
        ([("a", 0, None), ("a", 1, "x")], "'a' has a row without listing_id beside other rows"),
    ],
)
def test_a_run_that_cannot_be_is_explained(rows: list[tuple[object, ...]], said: str) -> None:
    """Each fault names the query and the place."""
    names = ("query", "rank", "listing_id")
    faulty = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    with pytest.raises(InputError, match=said):
        Run.from_table(faulty, at="run.parquet")


def test_columns_of_a_run_are_checked() -> None:
    """A missing column, a text for a rank, and a null query are told by name."""
    with pytest.raises(SchemaError, match=r"no column 'rank'; a run has query, rank"):
        Run.from_table(pa.table({"query": ["a"], "listing_id": ["x"]}))
    with pytest.raises(SchemaError, match="'rank' must be int64"):
        Run.from_table(pa.table({"query": ["a"], "rank": ["first"], "listing_id": ["x"]}))
    with pytest.raises(SchemaError, match="'query' has 1 nulls"):
        Run.from_table(
            pa.table({"query": pa.array([None], pa.string()), "rank": [1], "listing_id": ["x"]})
        )


def test_lists_that_do_not_fit_are_refused() -> None:
    """One list per query, one score per result, each query once, every result an id."""
    with pytest.raises(InputError, match="1 queries, but 2 lists"):
        Run.from_lists(["a"], [[], []])
    with pytest.raises(InputError, match="one score per result"):
        Run.from_lists(["a"], [["x"]], [[]])
    with pytest.raises(InputError, match="1 queries are there twice, the first 'a'"):
        Run.from_lists(["a", "a"], [[], []])
    with pytest.raises(InputError, match="1 results have no listing id"):
        Run.from_lists(["a"], [[None]])  # type: ignore[list-item]
