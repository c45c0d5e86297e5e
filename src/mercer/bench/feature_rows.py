"""Rows for `mercer bench features`: queries of a synthetic market, each with some of its listings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mercer.schema.errors import InputError
from mercer.simulate.catalogue import generate_catalogue
from mercer.simulate.query import generate_queries

NOW_MS: Final = 1_764_547_200_000
PER_QUERY: Final = 24  # rows of a page
_COLUMNS: Final = (
    "listing_id", "seller_id", "title", "tags", "price_micros", "quantity", "images", "created_ms",
    "updated_ms", "rating", "rating_count", "sold_count", "favourite_count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything that a bench reads."""

    listings: pa.RecordBatch  # columns "listing.…", each listing once
    queries: list[str]
    price_max_micros: list[int | None]  # of each query
    flat: pa.RecordBatch  # columns "query.…", "listing.…", "group": PER_QUERY rows a query


def make_rows(*, n: int, n_listings: int, seed: int, titles: str | None = None) -> Rows:
    """n flat rows over n_listings listings; the same arguments give the same rows.

    Args:
        titles: a Parquet file whose column "title" takes the place of the synthetic titles.
    """
    listings = _listings(n_listings, seed)
    rng = np.random.default_rng([seed, 11])
    n_queries = -(-n // PER_QUERY)
    world = generate_catalogue(n_listings=min(n_listings, 20_000), seed=seed, now_ms=NOW_MS)
    queries = [query.text for query in generate_queries(world, n=min(n_queries, 5_000), seed=seed)]
    if titles is not None:
        real = _real_titles(titles, n_listings)
        place = listings.schema.get_field_index("listing.title")
        listings = listings.set_column(place, "listing.title", real)
        queries = _queries_of(real, min(n_queries, 5_000), rng)
    limit = rng.integers(5, 200, len(queries)) * 1_000_000
    limits = [int(x) if x % 3_000_000 == 0 else None for x in limit.tolist()]
    of_group = rng.integers(0, len(queries), n_queries)
    group = np.repeat(np.arange(n_queries), PER_QUERY)[:n]
    chosen = listings.take(pa.array(rng.integers(0, n_listings, n)))
    mine = pa.array(of_group[group])
    columns = {
        "query.q": pa.array(queries).take(mine),
        "query.price_max_micros": pa.array(limits, pa.int64()).take(mine),
        "group": pa.array(group),
    }
    flat = pa.record_batch(
        [*columns.values(), *chosen.columns], names=[*columns, *chosen.schema.names]
    )
    return Rows(listings, queries, limits, flat)


def _listings(n: int, seed: int) -> pa.RecordBatch:
    world = generate_catalogue(n_listings=n, seed=seed, now_ms=NOW_MS)
    table = pa.Table.from_batches(list(world.batches()))
    paths = table["category_path"].combine_chunks()
    columns = {name: table[name] for name in _COLUMNS}
    columns["category_path"] = paths
    columns["category"] = pc.binary_join(paths, " > ")
    columns["leaf_category"] = pc.list_element(paths, 1)
    named = pa.table({f"listing.{name}": column for name, column in columns.items()})
    return named.combine_chunks().to_batches()[0]


def _real_titles(file: str, n: int) -> pa.Array:
    titles = pq.read_table(Path(file), columns=["title"])["title"].combine_chunks()
    titles = titles.drop_null().cast(pa.string())
    if not len(titles):
        raise InputError(f"{file}: has no title; take a Parquet file with a column 'title'")
    return titles.take(pa.array(np.arange(n) % len(titles)))


def _queries_of(titles: pa.Array, n: int, rng: np.random.Generator) -> list[str]:
    """Two to four neighbouring words of titles, in lower case."""
    found = []
    for title in titles.take(pa.array(rng.integers(0, len(titles), n))).to_pylist():
        words = title.lower().split()
        first = int(rng.integers(0, max(1, len(words) - 2)))
        found.append(" ".join(words[first : first + int(rng.integers(2, 5))]))
    return found
