"""A market to look at and to measure: a synthetic world, written once through the log, and indexed.

`synthetic.json` in the folder says which world it is; a market without it is somebody's own and is
never touched.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from mercer.app_index import index_market
from mercer.engines.embedded.config import CONFIG_TEXT
from mercer.engines.embedded.durable import write_durably
from mercer.engines.embedded.index.generation import Progress, current_generation, read_manifest
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import Store, open_store
from mercer.events.log import Change
from mercer.schema.errors import ConfigError, CorruptError
from mercer.simulate import World, generate_catalogue, generate_queries

NOW_MS: Final = 1_767_225_600_000  # the day of every synthetic market: 2026-01-01, UTC
STAMP: Final = "synthetic.json"
MAX_LISTINGS: Final = 20_000_000

_TRY_KINDS: Final = ("misspelt", "negated", "limited")
_TRY_FROM: Final = 5_000  # queries are about the first listings; they are the same in every size
_TRY_DRAWN: Final = 60
_TRY_CHARS: Final = 34


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which world a market holds; `synthetic.json`."""

    listings: int
    seed: int
    now_ms: int
    is_complete: bool  # False while it is written: a crash then is healed by the next run


@dataclass(frozen=True, slots=True)
class Made:
    """What `ensure_market` had to do."""

    listings: int  # of the catalogue, sold out and hidden ones too
    wrote: bool
    indexed: bool


def ensure_market(
    path: Path,
    *,
    n_listings: int,
    seed: int,
    name: str,
    progress: Progress = lambda step, n: None,
) -> Made:
    """Make a folder the market of a synthetic world and index it; what is there already stays.

    Args:
        path: a new or empty folder, or one that this function made.
        n_listings: 1 to MAX_LISTINGS.
        seed: >= 0.
        name: of the market, shown on the pages.
        progress: told about each step.
    Raises:
        ConfigError: an argument is out of range, or the folder holds something else.
        MarketBusyError: there is work to do, and another process owns the market.
    """
    if not 1 <= n_listings <= MAX_LISTINGS or seed < 0:
        raise ConfigError(
            f"a synthetic market has 1 to {MAX_LISTINGS:,} listings and a seed of 0 or more, "
            f"got {n_listings:,} and {seed}"
        )
    folder = MarketFolder(path)
    wanted = Stamp(n_listings, seed, NOW_MS, False)
    stamp = _stamp(folder, wanted, name)
    if stamp.is_complete and _is_indexed(folder):
        return Made(n_listings, False, False)
    world = generate_catalogue(n_listings=n_listings, seed=seed, now_ms=stamp.now_ms)
    with open_store(folder) as store:
        if not stamp.is_complete:
            _write(world, store, progress)
            _save(folder, replace(stamp, is_complete=True))
        index_market(store, folder, progress=progress)
    return Made(n_listings, not stamp.is_complete, True)


def queries_to_try(*, n_listings: int, seed: int) -> list[str]:
    """One misspelt, one negated and one query with a price limit that this world answers.

    A market too small to ask for anything has none.
    """
    world = generate_catalogue(n_listings=min(n_listings, _TRY_FROM), seed=seed, now_ms=NOW_MS)
    t = world.truth
    if not ((t.quantity > 0) & ~t.is_hidden).any():
        return []
    drawn = generate_queries(world, n=_TRY_DRAWN, seed=seed, kinds=_TRY_KINDS)
    found = []
    for kind in _TRY_KINDS:
        texts = [query.text for query in drawn if query.kind == kind]
        short = [text for text in texts if len(text) <= _TRY_CHARS and text.count(" ") >= 1]
        found.append((short or texts)[0])
    return found


def _stamp(folder: MarketFolder, wanted: Stamp, name: str) -> Stamp:
    """The folder's stamp; a new or empty folder gets one, and becomes a market."""
    file = folder.path / STAMP
    if file.exists():
        stamp = read_stamp(file)
        if (stamp.listings, stamp.seed) != (wanted.listings, wanted.seed):
            raise ConfigError(
                f"{folder.path} holds a synthetic market of {stamp.listings:,} listings from seed "
                f"{stamp.seed}, not of {wanted.listings:,} from seed {wanted.seed}; remove the "
                "folder, or name another one with --market"
            )
    else:
        if folder.config_file.exists():
            raise ConfigError(
                f"{folder.path} is a market of its own, which is left alone; name a new folder "
                "with --market"
            )
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            raise ConfigError(f"{folder.path} is not an empty folder; name a new one with --market")
        folder.path.mkdir(parents=True, exist_ok=True)
        _save(folder, wanted)
        stamp = wanted
    if not folder.config_file.exists():
        text = CONFIG_TEXT.replace('# name = ""', f"name = {json.dumps(name)}")
        write_durably(folder.config_file, text.encode())
    return stamp


def read_stamp(file: Path) -> Stamp:
    """The stamp of a synthetic market. Raises CorruptError where the file is damaged."""
    try:
        return Stamp(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as fault:
        raise CorruptError(f"{file}: {fault}; remove the folder and make it anew") from None


def _save(folder: MarketFolder, stamp: Stamp) -> None:
    write_durably(folder.path / STAMP, json.dumps(asdict(stamp)).encode())


def _is_indexed(folder: MarketFolder) -> bool:
    """Whether there is an index that this version of Mercer can read."""
    name = current_generation(folder.index)
    try:
        return name is not None and read_manifest(folder.index, name).n >= 0
    except CorruptError:
        return False


def _write(world: World, store: Store, progress: Progress) -> None:
    """Sellers and listings, each batch one record of the log; what was written before is stale."""
    sellers = world.sellers.to_batches()
    store.writer.write([Change("sellers", batch) for batch in sellers])
    n = 0
    for batch in world.batches():
        store.writer.upsert(batch)
        n += len(batch)
        progress("written", n)
