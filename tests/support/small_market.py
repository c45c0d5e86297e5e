"""A real market, small enough to be built in a test: simulated listings, indexed and owned."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mercer.app import own_market
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.events.log import Change
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.simulate.catalogue import generate_catalogue

NOW_MS = 1_770_000_000_000
# Orders are compared: no page has two places changed at random, and a busy machine drops no part.
CALM = "[search]\nbudget_ms = 60000\n[rank]\nbudget_ms = 60000\nswap_share = 0\n"


@contextmanager
def small_market(
    folder: Path, *, n_listings: int, seed: int, config: str = CALM
) -> Iterator[EmbeddedMarket]:
    """A new market in `folder`, open for reading and writing while the block runs.

    Args:
        config: what mercer.toml says.
    """
    MarketFolder(folder).create()
    MarketFolder(folder).config_file.write_text(config)
    world = generate_catalogue(n_listings=n_listings, seed=seed, now_ms=NOW_MS)
    with open_store(MarketFolder(folder)) as store:
        for batch in world.batches():
            store.writer.write([Change("listings", batch)])
    with own_market(folder) as market:
        yield market
