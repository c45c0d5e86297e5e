"""The markets and files that benchmarks run on, kept between runs.

<cache>/market-<listings>-<seed>/         a synthetic market; indexed anew when the code has changed
<cache>/listings-<listings>-<seed>.parquet
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

import mercer
from mercer.app_index import index_market
from mercer.demo import NOW_MS, ensure_market
from mercer.engines.embedded.durable import write_durably
from mercer.engines.embedded.index.generation import Progress
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.schema.errors import ConfigError
from mercer.schema.listing import LISTING
from mercer.simulate import generate_catalogue

# What an index is made by: where these have changed, an old index says nothing about the new code.
_MAKERS: Final = ("schema", "text", "retrieve", "engines")
MADE_BY: Final = "made-by"


def private_folder(path: Path) -> Path:
    """Make a folder that only this user may write; others could plant a market in a shared one.

    Raises:
        ConfigError: it is another user's.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise ConfigError(f"{path} belongs to another user; name another folder with --cache")
    return path


def bench_market(
    cache: Path, *, n_listings: int, seed: int, rebuild: bool, progress: Progress
) -> Path:
    """The folder of an indexed synthetic market; made where it is not there yet.

    Args:
        rebuild: make it anew in any case.
    Raises:
        MarketError: see `ensure_market`.
    """
    path = private_folder(cache) / f"market-{n_listings}-{seed}"
    if rebuild:
        shutil.rmtree(path, ignore_errors=True)
    made = ensure_market(
        path, n_listings=n_listings, seed=seed, name="Benchmark", progress=progress
    )
    makers, file = _digest(), path / MADE_BY
    if not made.indexed and (not file.exists() or file.read_text() != makers):
        folder = MarketFolder(path)
        with open_store(folder) as store:
            index_market(store, folder, progress=progress)
    write_durably(file, makers.encode())
    return path


def listings_file(cache: Path, *, n_listings: int, seed: int, rebuild: bool = False) -> Path:
    """A Parquet file of LISTING with a synthetic catalogue; made where it is not there yet."""
    path = private_folder(cache) / f"listings-{n_listings}-{seed}.parquet"
    if rebuild or not path.exists():
        world = generate_catalogue(n_listings=n_listings, seed=seed, now_ms=NOW_MS)
        part = path.with_suffix(f".{os.getpid()}.part")
        with pq.ParquetWriter(part, LISTING, compression="zstd") as writer:
            for batch in world.batches():
                writer.write_table(pa.Table.from_batches([batch]))
        part.replace(path)
    return path


def folder_bytes(path: Path) -> int:
    """Bytes of all files below a folder, or of one file."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _digest() -> str:
    """Of the source that makes an index."""
    root, digest = Path(mercer.__file__).parent, hashlib.sha256()
    for maker in _MAKERS:
        for file in sorted((root / maker).rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
