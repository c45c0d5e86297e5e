"""Judgments out of a table: grouping, and every way a table can be wrong."""

import pyarrow as pa
import pytest

from mercer.evaluate.judgments import Judgments
from mercer.schema.errors import InputError, SchemaError
from mercer.schema.mapping import JudgmentColumns


def table(*rows: tuple[object, ...], names: str = "query listing_id grade") -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {name: list(values) for name, values in zip(names.split(), columns, strict=True)}
    )


def as_dict(judged: Judgments) -> dict[str, dict[str, object]]:
    """query id -> listing -> grade."""
    ids, grades = judged.listing_id.to_pylist(), judged.grade.to_pylist()
    return {
        query: dict(zip(ids[a:b], grades[a:b], strict=True))
        for query, a, b in zip(
            judged.query_id, judged.offsets[:-1], judged.offsets[1:], strict=True
        )
    }


def test_rows_are_grouped_by_query_in_first_order() -> None:
    """Rows of a query may lie apart; queries stand in the order of their first row."""
    judged = Judgments.from_table(table(("b", "1", "E"), ("a", "1", "I"), ("b", "2", "S")))
    assert judged.query == ("b", "a")
    assert judged.n_queries == 2
    assert as_dict(judged) == {"b": {"1": "E", "2": "S"}, "a": {"1": "I"}}


def test_query_ids_tell_queries_of_one_text_apart() -> None:
    """With query ids the same text may be judged for two intents; without, it is one query."""
    rows = table(
        ("q1", "jaguar", "1", 3), ("q2", "jaguar", "2", 3), names="query_id query listing_id grade"
    )
    assert as_dict(Judgments.from_table(rows)) == {"q1": {"1": 3}, "q2": {"2": 3}}
    without = Judgments.from_table(rows, JudgmentColumns("query", "listing_id", "grade"))
    assert as_dict(without) == {"jaguar": {"1": 3, "2": 3}}


def test_whole_numbers_may_be_ids() -> None:
    """Ids and queries that came as numbers or dictionaries are text from here on."""
    judged = Judgments.from_table(table((90210, 7, 1)))
    assert as_dict(judged) == {"90210": {"7": 1}}
    coded = table(("a", "x", "E"))
    coded = coded.set_column(0, "query", coded["query"].dictionary_encode())
    assert Judgments.from_table(coded).query == ("a",)


def test_the_same_judgment_twice_counts_once() -> None:
    """A repeated row with the same grade is no second listing."""
    judged = Judgments.from_table(table(("a", "1", 3), ("a", "2", 0), ("a", "1", 3)))
    assert as_dict(judged) == {"a": {"1": 3, "2": 0}}
    assert judged.offsets.tolist() == [0, 2]


def test_two_grades_for_one_listing_are_refused() -> None:
    """Which of two grades counts is not ours to choose; the pair is named."""
    with pytest.raises(InputError, match=r"1 listings are judged twice .* '1' for 'a'"):
        Judgments.from_table(table(("a", "1", 3), ("b", "1", 0), ("a", "1", 2)))


def test_one_id_with_two_texts_is_refused() -> None:
    """A query id names one text."""
    rows = table(
        ("q", "mug", "1", 1), ("q", "cup", "2", 1), names="query_id query listing_id grade"
    )
    with pytest.raises(InputError, match="query id q has two texts, 'mug' and 'cup'"):
        Judgments.from_table(rows)


def test_all_faults_of_the_columns_are_told_at_once() -> None:
    """A missing column, nulls and an unreadable type come in one message that names them."""
    rows = pa.table({"query": ["a", None], "grade": [[1], [2]]})
    with pytest.raises(SchemaError) as caught:
        Judgments.from_table(rows, at="my.csv")
    assert len(caught.value.faults) == 3
    for part in ("my.csv", "no column 'listing_id'", "'query' has 1 nulls", "'grade' is list"):
        assert part in str(caught.value)


def test_a_grade_that_is_no_number_is_refused() -> None:
    """NaN and infinity are no grades."""
    with pytest.raises(SchemaError, match="not finite"):
        Judgments.from_table(table(("a", "1", float("nan"))))


def test_no_rows_are_no_judgments() -> None:
    """An empty file is a mistake, not a perfect score."""
    empty = table(("a", "1", "E")).slice(1)
    with pytest.raises(InputError, match="no judgments"):
        Judgments.from_table(empty)


def test_a_slice_of_a_table_is_read_as_a_slice() -> None:
    """Arrow slices share buffers with their parent; only the slice's rows count."""
    rows = table(("x", "9", "I"), ("a", "1", "E"), ("b", "2", "S")).slice(1)
    assert as_dict(Judgments.from_table(rows)) == {"a": {"1": "E"}, "b": {"2": "S"}}
