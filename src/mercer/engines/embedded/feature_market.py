"""The feature set of a market: which one it is, and its fit on the catalogue."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.features.declare import FeatureSet
from mercer.features.default import default_feature_set
from mercer.features.fit import Batches, fit
from mercer.features.graph import build_graph
from mercer.features.listing_inputs import listing_inputs
from mercer.features.plan import Plan, compile_plan
from mercer.features.registry import registry
from mercer.schema.errors import InputError

FILE = "features.toml"
OnRows = Callable[[int], None]


def declared_set(market: Path, file: Path | None = None) -> tuple[FeatureSet, str]:
    """A market's feature set and where it comes from.

    Args:
        file: a declaration; None: features.toml of the market, and without that the default set.
    Raises:
        InputError: the file cannot be read.
        FeatureError: it is no declaration.
        NotFoundError: a market was named that is none.
    """
    if file is None:
        file = market / FILE
        if not file.is_file():
            if market != Path():  # where none was named, the default set needs none
                MarketFolder(market).config()
            return default_feature_set(), "the default set"
    try:
        return FeatureSet.from_toml(file.read_text(encoding="utf-8")), str(file)
    except FileNotFoundError:
        raise InputError(f"{file}: no such file") from None
    except UnicodeDecodeError as fault:
        raise InputError(f"{file}: is not UTF-8: {fault}") from None


def fitted_plan(
    feature_set: FeatureSet,
    folder: MarketFolder,
    config: MarketConfig,
    *,
    rows: Batches | None = None,
    on_rows: OnRows = lambda n: None,
) -> Plan:
    """The set fitted on the catalogue as it stands; what needs requests too is fitted on `rows`."""
    reads = build_graph(feature_set, registry()).columns
    with closing(SqlCatalogue(folder.tables_url(config))) as catalogue:

        def listings() -> Iterator[pa.RecordBatch]:
            done = 0
            for batch in standing_listings(catalogue):
                yield listing_inputs(batch, config.rates, reads=reads)
                done += batch.num_rows
                on_rows(done)

        state = fit(feature_set, rows, sources={"listing": listings})
    return compile_plan(feature_set, state)


def standing_listings(catalogue: SqlCatalogue) -> Iterator[pa.RecordBatch]:
    """Rows of LISTING, and more columns, of all listings that are there."""
    for batch in catalogue.changes(since=0):
        kept = batch.filter(pc.invert(batch.column("is_deleted")))
        if kept.num_rows:
            yield kept
