"""The process that `mercer bench index` measures: takes a Parquet file in, the way any user does."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mercer.app import open_market
from mercer.app_index import index_market
from mercer.bench.machine import peak_rss_mib
from mercer.bench.market import folder_bytes
from mercer.bench.stage import Stages
from mercer.demo import NOW_MS
from mercer.engines.embedded.config import DEFAULT_CONFIG
from mercer.engines.embedded.index.generation import building_words, read_manifest
from mercer.engines.embedded.ingest import BATCH_ROWS, IngestJob, ingest
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.retrieve.request import SearchRequest
from mercer.schema.catalogue import CHANGED_LISTING
from mercer.schema.errors import MarketError
from mercer.schema.mapping import own_names


def changes_of(file: Path) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file of LISTING as CHANGED_LISTING, in batches as a catalogue gives them."""
    first = 0
    for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
        n = batch.num_rows
        more = {
            "row_id": pa.array(np.arange(first, first + n)),
            "version": pa.array(np.ones(n, np.int64)),
            "is_deleted": pa.array(np.zeros(n, bool)),
        }
        columns = [
            more[f.name] if f.name in more else batch.column(f.name) for f in CHANGED_LISTING
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=CHANGED_LISTING)
        first += n


def by_words(file: Path, folder: Path) -> Stages:
    """Make listings searchable by words, from the file to the written index; no catalogue, no vectors."""
    folder.mkdir()
    stages = Stages()
    rates = DEFAULT_CONFIG.rates
    with building_words(folder, changes_of(file), rates=rates, progress=stages):
        pass
    return stages


def searchable(file: Path, market: Path) -> tuple[Stages, dict[str, Any]]:
    """The whole way: ingest into log and tables, index with vectors, open, and find something."""
    folder = MarketFolder(market)
    folder.create()
    stages = Stages()
    with open_store(folder) as store:
        job = IngestJob(
            paths=[file],
            kind="listings",
            source_map=own_names(),
            currency=store.config.rates.reporting,
            now_ms=NOW_MS,
        )
        report = ingest(job, store=store)
        stages("ingest", report.accepted)
        if not report.is_clean:
            raise MarketError(f"{file}: not all rows were taken: {dict(report.reasons)}")
        name, n = index_market(store, folder, progress=stages)
        stages("publish", n)
    opened = open_market(market)
    title = next(pq.ParquetFile(file).iter_batches(1, columns=["title"])).column("title")[0].as_py()
    found = opened.search(SearchRequest(q=title)).found
    opened.close()
    stages("first search", found)
    if n and not found:
        raise MarketError(f"{market}: the first search, for {title!r}, found nothing")
    manifest = read_manifest(folder.index, name)
    generation = folder.index / name
    sizes = {part.name: folder_bytes(part) for part in sorted(generation.iterdir())}
    return stages, {
        "indexed": n,
        "dim": manifest.dim,
        "bytes": {
            "log": folder_bytes(folder.log),
            "tables": sum(folder_bytes(file) for file in market.glob("tables.db*")),
            "index": sum(sizes.values()),
            "index_parts": sizes,
        },
    }


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Warm up on a small file, then measure; the job and the answer are those of `mercer.bench.index`."""
    file, small, folder = Path(job["file"]), Path(job["warm_up"]), Path(job["folder"])
    _tell("warming up")
    by_words(small, folder / "small-words")
    searchable(small, folder / "small")
    _tell("by words")
    text = by_words(file, folder / "words")
    _tell("by words and meaning, from the file to the first search")
    whole, facts = searchable(file, folder / "market")
    return {
        "text_s": text.total,
        "text_stages_s": text.rounded(),
        "searchable_s": whole.total,
        "searchable_stages_s": whole.rounded(),
        **facts,
        "peak_rss_mib": peak_rss_mib(),
    }


def _tell(what: str) -> None:
    sys.stderr.write(f"mercer bench index: {what}, {time.process_time():.0f} s of processor time\n")
    sys.stderr.flush()


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
