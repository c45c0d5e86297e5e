"""A market's log and catalogue, opened by their one owner and brought up to date."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.engines.embedded.writer import CatalogueWriter
from mercer.schema.errors import StorageError
from mercer.schema.position import START


@dataclass(frozen=True, slots=True)
class Store:
    """What changes a market."""

    config: MarketConfig
    log: EmbeddedLog
    catalogue: SqlCatalogue
    writer: CatalogueWriter


@contextmanager
def open_store(folder: MarketFolder, *, recover: bool = True) -> Iterator[Store]:
    """Own the market while the block runs; first apply what the log has and the view has not.

    Raises:
        NotFoundError: the folder is no market.
        ConfigError: mercer.toml has faults, or the tables cannot be reached.
        MarketBusyError: another process owns it.
        CorruptError: the log or the tables are not what they should be.
        StorageError: the storage fails while the block runs (a full disk, a lost connection); what was
            acknowledged is in the log.
    """
    config = folder.config()
    with folder.lock(), _storage_faults(folder):
        # What visitors did is nobody's business on this machine; who opens it to a group may do so.
        folder.log.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = EmbeddedLog(folder.log)
        try:
            catalogue = SqlCatalogue(folder.tables_url(config))
            try:
                store = Store(config, log, catalogue, CatalogueWriter(log, catalogue))
                if recover:
                    n_dropped = log.catalogue.n_dropped()
                    if n_dropped and catalogue.position() == START:  # the tables were lost
                        catalogue.clear(version=n_dropped)
                    store.writer.recover()
                yield store
            finally:
                catalogue.close()
        finally:
            log.close()


@contextmanager
def _storage_faults(folder: MarketFolder) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, DBAPIError) as fault:
        words = fault.orig if isinstance(fault, DBAPIError) else fault
        raise StorageError(
            f"{folder.path.absolute()}: the storage failed: {words}; what was acknowledged is in the "
            "log, and the view catches up when the market is opened next"
        ) from fault


def rebuild(store: Store) -> int:
    """Drop the view and replay the whole log; the number of records.

    Killed in between, the rest is replayed when the market is opened next.
    """
    store.catalogue.clear(version=store.log.catalogue.n_dropped())
    return store.writer.recover()
