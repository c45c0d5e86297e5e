"""A run: what one search gave for each query, best first. It can be saved and judged again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.metrics.ragged import Floats, Ints, take
from mercer.schema.arrow import require
from mercer.schema.errors import InputError, SchemaError

# One row per result. A query that found nothing is one row without listing, so that it is told
# apart from a query that was never asked.
RUN = pa.schema(
    [
        pa.field("query", pa.string(), nullable=False),
        pa.field("rank", pa.int64(), nullable=False),  # 1 for the top; 0 where nothing was found
        pa.field("listing_id", pa.string()),  # null where nothing was found
        pa.field("score", pa.float64()),  # the engine's own; higher is better; null where unknown
    ]
)


@dataclass(frozen=True, slots=True)
class Run:
    """Ranked listings by query, ragged: those of query i are offsets[i] : offsets[i + 1]."""

    query: tuple[str, ...]  # (n_queries,) distinct
    offsets: Ints  # (n_queries + 1,)
    listing_id: pa.StringArray  # (n_shown,) best first, no listing twice for a query
    score: Floats  # (n_shown,) NaN where unknown

    @classmethod
    def from_lists(
        cls,
        query: Sequence[str],
        listing_ids: Sequence[Sequence[str]],
        scores: Sequence[Sequence[float]] | None = None,
    ) -> "Run":
        """A run of one ranked list per query.

        Raises:
            InputError: a query twice, a listing twice for one query, lists that do not fit together.
        """
        if len(query) != len(listing_ids):
            raise InputError(f"run: {len(query)} queries, but {len(listing_ids)} lists of results")
        offsets = np.zeros(len(query) + 1, np.int64)
        np.cumsum([len(ids) for ids in listing_ids], out=offsets[1:])
        flat = [listing_id for ids in listing_ids for listing_id in ids]
        score = np.full(len(flat), np.nan)
        if scores is not None:
            if [len(one) for one in scores] != [len(one) for one in listing_ids]:
                raise InputError("run: there must be one score per result")
            score = np.array([value for one in scores for value in one], np.float64)
        return cls._checked(tuple(query), offsets, pa.array(flat, pa.string()), score)

    @classmethod
    def from_table(cls, table: pa.Table, *, at: str = "run") -> "Run":
        """Read rows of RUN in any order; `score` may be missing, ranks need only differ.

        Raises:
            SchemaError: a column is missing or of a type that cannot be read.
            InputError: two results of a query at one rank, a listing twice for one query, a row
                without listing beside results.
        """
        rows = _conformed(table, at=at)
        encoded = rows.column("query").combine_chunks().dictionary_encode()
        code = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        rank = rows.column("rank").to_numpy()
        order = np.lexsort((rank, code))
        same_query = np.diff(code[order]) == 0
        if (tied := same_query & (np.diff(rank[order]) == 0)).any():
            row = int(order[int(tied.argmax())])
            raise InputError(
                f"{at}: query {encoded[row].as_py()!r} has two rows at rank {rank[row]}; "
                "a rank may occur once per query"
            )
        listing_id = rows.column("listing_id").combine_chunks().take(order)
        is_result = pc.is_valid(listing_id).to_numpy(zero_copy_only=False)
        if (lonely := same_query & ~(is_result[1:] & is_result[:-1])).any():
            row = int(order[int(lonely.argmax())])
            raise InputError(
                f"{at}: query {encoded[row].as_py()!r} has a row without listing_id beside other rows; "
                "a null means that nothing was found and stands alone"
            )
        n_queries = len(encoded.dictionary)
        offsets = np.zeros(n_queries + 1, np.int64)
        np.cumsum(np.bincount(code[order][is_result], minlength=n_queries), out=offsets[1:])
        return cls._checked(
            tuple(encoded.dictionary.to_pylist()),
            offsets,
            listing_id.filter(pa.array(is_result)),
            rows.column("score").to_numpy()[order][is_result],
            at=at,
        )

    @classmethod
    def _checked(
        cls,
        query: tuple[str, ...],
        offsets: Ints,
        listing_id: pa.StringArray,
        score: Floats,
        *,
        at: str = "run",
    ) -> "Run":
        if len(set(query)) != len(query):
            twice = sorted({text for text in query if query.count(text) > 1})
            raise InputError(f"{at}: {len(twice)} queries are there twice, the first {twice[0]!r}")
        if listing_id.null_count:
            raise InputError(f"{at}: {listing_id.null_count} results have no listing id")
        owner = np.repeat(np.arange(len(query)), np.diff(offsets))
        code = listing_id.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        order = np.lexsort((code, owner))
        doubled = (np.diff(owner[order]) == 0) & (np.diff(code[order]) == 0)
        if doubled.any():
            first, second = order[int(doubled.argmax())], order[int(doubled.argmax()) + 1]
            start = offsets[owner[first]]
            raise InputError(
                f"{at}: query {query[owner[first]]!r} shows listing {listing_id[first].as_py()!r} "
                f"twice, at ranks {first - start + 1} and {second - start + 1}; "
                "a listing may be shown once"
            )
        return cls(query, offsets, listing_id, score)

    def to_table(self) -> pa.Table:
        """Rows of RUN, queries in order, best rank first; a query that found nothing has one row."""
        length = np.diff(self.offsets)
        rows = np.maximum(length, 1)  # an empty list still has its one row
        query = np.repeat(np.arange(length.size), rows)
        begins = np.cumsum(rows) - rows
        rank = np.arange(query.size) - np.repeat(begins, rows) + 1
        is_result = np.repeat(length > 0, rows)
        at = np.zeros(query.size, np.int64)
        at[is_result] = np.arange(self.score.size)
        taken = pa.array(at, mask=~is_result)
        score = pa.array(self.score, mask=np.isnan(self.score))
        return pa.table(
            [
                pa.array(self.query, pa.string()).take(pa.array(query)),
                pa.array(np.where(is_result, rank, 0)),
                self.listing_id.take(taken),
                score.take(taken),
            ],
            schema=RUN,
        )

    def of(self, queries: Sequence[str], *, at: str = "run") -> "Run":
        """The lists of these queries, in this order; a text asked for twice is given twice.

        Raises:
            InputError: the run was never asked one of them.
        """
        place = {text: i for i, text in enumerate(self.query)}
        if missing := [text for text in queries if text not in place]:
            raise InputError(
                f"{at}: {len(missing)} of {len(queries)} judged queries are not in the run, the first "
                f"{missing[0]!r}; a query that found nothing must have one row with rank 0 and no "
                "listing_id"
            )
        lists = np.array([place[text] for text in queries], np.int64)
        rows, offsets = take(np.arange(self.score.size, dtype=np.float64), self.offsets, lists)
        chosen = rows.astype(np.int64)
        return Run(
            tuple(queries), offsets, self.listing_id.take(pa.array(chosen)), self.score[chosen]
        )

    def cut(self, *, depth: int) -> "Run":
        """At most the first `depth` results of each query."""
        length = np.diff(self.offsets)
        within = np.arange(self.score.size) - np.repeat(self.offsets[:-1], length)
        kept = within < depth
        offsets = np.zeros_like(self.offsets)
        np.cumsum(np.minimum(length, depth), out=offsets[1:])
        return Run(self.query, offsets, self.listing_id.filter(pa.array(kept)), self.score[kept])


def _conformed(table: pa.Table, *, at: str) -> pa.Table:
    """The columns of RUN with its types; a missing `score` is all null, ids may be numbers."""
    if "score" not in table.column_names:
        table = table.append_column("score", pa.nulls(table.num_rows, pa.float64()))
    faults = [
        f"there is no column {name!r}; a run has {', '.join(RUN.names)}, this has "
        f"{', '.join(table.column_names)}"
        for name in RUN.names
        if table.column_names.count(name) != 1
    ]
    if faults:
        raise SchemaError(at, faults)
    columns = []
    for field in RUN:
        try:
            columns.append(table.column(field.name).cast(field.type))
        # Arrow's own words for a type that cannot be cast; all faults are told together.
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            faults.append(f"column {field.name!r} must be {field.type}: {error}")
    if faults:
        raise SchemaError(at, faults)
    return require(pa.table(columns, schema=RUN), RUN, at=at)
