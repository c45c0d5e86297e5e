"""`mercer simulate`: a synthetic market as files, with queries and the truth about them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer

from mercer.cli_catalogue import AsJson, say, told
from mercer.schema.errors import ConfigError
from mercer.schema.listing import LISTING

FILES = ("listings.parquet", "sellers.parquet", "queries.jsonl", "judgments.parquet")

app = typer.Typer(no_args_is_help=True, help="A synthetic market whose true preferences are known.")


@app.callback()
def _group() -> None:
    """A synthetic market whose true preferences are known."""  # keeps `catalogue` a word of its own


@app.command("catalogue")
def catalogue_command(
    out: Annotated[Path, typer.Option(help="A folder; it is made where it is not there.")],
    listings: Annotated[int, typer.Option(help="How many.")] = 20_000,
    queries: Annotated[int, typer.Option(help="How many, all kinds in turn.")] = 300,
    seed: Annotated[int, typer.Option(help="The same one gives the same bytes.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write listings, sellers, queries with their meaning, and the true grade of listings.

    Grades go from 0 to 3; for each query all listings above 0 are judged, and up to 20 of grade 0.

    Examples:

        mercer simulate catalogue --listings 20000 --out synthetic
        mercer ingest --market shop synthetic/listings.parquet
        mercer evaluate search --market shop --judgments synthetic/judgments.parquet --gains exp
    """
    with told("simulate catalogue"):
        if there := [name for name in FILES if (out / name).exists() and not force]:
            raise ConfigError(
                f"{out} has {', '.join(there)} already; name another folder, or add --force"
            )
        sizes = _write(out, n_listings=listings, n_queries=queries, seed=seed)
    text = "\n".join(f"{out / name}: {n:,} rows" for name, n in sizes.items())
    say({"out": str(out), "seed": seed, "rows": sizes}, text, as_json=as_json)


def _write(out: Path, *, n_listings: int, n_queries: int, seed: int) -> dict[str, int]:
    """Write FILES; rows by file name."""
    from mercer.demo import NOW_MS
    from mercer.simulate import generate_catalogue, generate_queries, judgments

    world = generate_catalogue(n_listings=n_listings, seed=seed, now_ms=NOW_MS)
    queries = generate_queries(world, n=n_queries, seed=seed)
    judged = judgments(world, queries, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(out / FILES[0], LISTING, compression="zstd") as writer:
        for batch in world.batches():
            writer.write_table(pa.Table.from_batches([batch]))
    pq.write_table(world.sellers, out / FILES[1], compression="zstd")
    lines = [json.dumps(asdict(query)) + "\n" for query in queries]
    (out / FILES[2]).write_text("".join(lines), "utf-8")
    pq.write_table(judged, out / FILES[3], compression="zstd")
    counts = (n_listings, len(world.sellers), len(queries), len(judged))
    return dict(zip(FILES, counts, strict=True))
