"""Judgments: what people said about listings as answers to queries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.metrics.ragged import Bools, Ints
from mercer.schema.errors import InputError, SchemaError
from mercer.schema.mapping import JudgmentColumns

OWN_COLUMNS = JudgmentColumns(query="query", listing_id="listing_id", grade="grade")
OWN_QUERY_ID = "query_id"  # read where it exists; tells queries of the same text apart


@dataclass(frozen=True, slots=True)
class Judgments:
    """Judged listings by query, ragged: those of query i are offsets[i] : offsets[i + 1].

    Queries stand in the order of their first judgment; each (query, listing) is there once.
    """

    query_id: tuple[str, ...]  # (n_queries,) the text itself where the data have no ids
    query: tuple[str, ...]  # (n_queries,) the text to search for
    offsets: Ints  # (n_queries + 1,)
    listing_id: pa.StringArray  # (n_judged,)
    grade: pa.Array  # (n_judged,) strings or numbers

    @classmethod
    def from_table(
        cls, table: pa.Table, columns: JudgmentColumns | None = None, *, at: str = "judgments"
    ) -> "Judgments":
        """Group a table of judgments by query.

        Args:
            table: (n,) rows; queries and ids may be text or whole numbers, grades text or numbers.
            columns: the names of the columns; by default query, listing_id, grade, and query_id where
                there is one.
            at: where the table comes from, for the messages.
        Raises:
            SchemaError: a column is missing, of a type that cannot be read, or has nulls.
            InputError: no rows; one listing judged twice for a query with different grades; one
                query id with two texts.
        """
        named = columns or OWN_COLUMNS
        if columns is None and OWN_QUERY_ID in table.column_names:
            named = replace(OWN_COLUMNS, query_id=OWN_QUERY_ID)
        text, listing_id, grade, query_id = _columns(table, named, at=at)
        if table.num_rows == 0:
            raise InputError(f"{at}: there are no judgments in it")
        query_code, query_ids = _codes(query_id)
        listing_code, _ = _codes(listing_id)
        grade_code, grade_values = _codes(grade)
        first = _first_rows(query_code, len(query_ids))
        _one_text_per_id(text, query_code, first, query_ids, at=at)
        order = np.lexsort((listing_code, query_code))  # stable: first judgment of a pair first
        is_repeat = _repeats(query_code[order], listing_code[order])
        conflict = is_repeat.copy()
        conflict[1:] &= grade_code[order][1:] != grade_code[order][:-1]
        if conflict.any():
            row = order[np.flatnonzero(conflict)[0]]
            raise InputError(
                f"{at}: {conflict.sum()} listings are judged twice for one query with different "
                f"grades, the first being {listing_id[row].as_py()!r} for {text[row].as_py()!r}; "
                "keep one judgment for each query and listing"
            )
        kept = np.sort(order[~is_repeat])
        kept = kept[np.argsort(query_code[kept], kind="stable")]
        offsets = np.zeros(len(query_ids) + 1, np.int64)
        np.cumsum(np.bincount(query_code[kept], minlength=len(query_ids)), out=offsets[1:])
        return cls(
            query_id=tuple(query_ids.to_pylist()),
            query=tuple(text.take(first).to_pylist()),
            offsets=offsets,
            listing_id=listing_id.take(kept),
            grade=grade_values.take(grade_code[kept]),
        )

    @property
    def n_queries(self) -> int:
        """How many queries were judged."""
        return len(self.query)


def _columns(
    table: pa.Table, names: JudgmentColumns, *, at: str
) -> tuple[pa.StringArray, pa.StringArray, pa.Array, pa.StringArray]:
    """query, listing_id, grade and query_id as plain arrays, or one error with all faults."""
    faults: list[str] = []

    def column(name: str, what: str, *, is_grade: bool = False) -> pa.Array:
        i = table.schema.get_field_index(name)
        if i < 0:
            faults.append(
                f"there is no column {name!r} for the {what} (or it is doubled); the columns are "
                f"{', '.join(table.column_names)}; name yours under [judgments] in a --map file"
            )
            return None
        values = table.column(i)
        if n_nulls := values.null_count:
            faults.append(f"column {name!r} has {n_nulls} nulls; every row needs a {what}")
        kind = values.type
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        is_number = pa.types.is_integer(kind) or (is_grade and pa.types.is_floating(kind))
        if not (is_text or is_number or pa.types.is_dictionary(kind)):
            faults.append(f"column {name!r} is {kind}; a {what} is text or a number")
            return None
        plain = values.combine_chunks()
        return plain if is_number and is_grade else plain.cast(pa.string())

    text = column(names.query, "query")
    listing_id = column(names.listing_id, "listing id")
    grade = column(names.grade, "grade", is_grade=True)
    query_id = column(names.query_id, "query id") if names.query_id else text
    if faults:
        raise SchemaError(at, faults)
    if pa.types.is_floating(grade.type) and not pc.all(pc.is_finite(grade)).as_py():
        raise SchemaError(at, [f"column {names.grade!r} has grades that are not finite numbers"])
    return text, listing_id, grade, query_id


def _codes(values: pa.Array) -> tuple[Ints, pa.Array]:
    """(n,) codes in order of first appearance, and the distinct values."""
    encoded = values.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes: Ints = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary


def _first_rows(codes: Ints, n_codes: int) -> Ints:
    """(n_codes,) the row in which each code is first seen."""
    first = np.full(n_codes, codes.size, np.int64)
    np.minimum.at(first, codes, np.arange(codes.size))
    return first


def _repeats(query: Ints, listing: Ints) -> Bools:
    """(n,) whether a row of sorted pairs is the pair before it."""
    same = np.zeros(query.size, np.bool_)
    same[1:] = (query[1:] == query[:-1]) & (listing[1:] == listing[:-1])
    return same


def _one_text_per_id(
    text: pa.StringArray, query_code: Ints, first: Ints, query_ids: Sequence[object], *, at: str
) -> None:
    text_code, texts = _codes(text)
    other = text_code != text_code[first][query_code]
    if other.any():
        row = int(other.argmax())
        raise InputError(
            f"{at}: query id {query_ids[query_code[row]]!s} has two texts, "
            f"{texts[text_code[first[query_code[row]]]].as_py()!r} and {text[row].as_py()!r}; "
            "give each text its own id"
        )
