"""What a whole market finds by words and vectors together, with the encoder that it is given."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pyarrow as pa

from mercer.app import open_market
from mercer.app_index import index_market
from mercer.engines.embedded.index.generation import Progress
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.store import open_store
from mercer.learn.model_file import ENCODER_ROLE, ModelFile
from mercer.learn.tower_recall import K, Words
from mercer.retrieve.request import SearchRequest
from mercer.schema.listing import LISTING

_BATCH: Final = 65_536  # listings that are written together
_PATIENCE_MS: Final = 60_000.0  # no part of a search is left out, however busy the machine is


def found_by_markets(
    models: Sequence[ModelFile | None],
    listings: pa.Table,
    queries: Sequence[Words],
    *,
    cache: Path,
    progress: Progress,
) -> list[list[frozenset[str]]]:
    """For each encoder and query, the ids on the first page of K hits of a hybrid search.

    Args:
        models: trained encoders; None: the day-one encoder, fitted on these listings.
        listings: LISTING rows; the sold-out and hidden ones are found by nobody.
        cache: below it the markets are made, and removed again.
    """
    found = []
    for model in models:
        with tempfile.TemporaryDirectory(dir=cache, prefix="judging-") as place:
            folder = MarketFolder(Path(place) / "market")
            _make(folder, listings, model, progress)
            found.append(_searched(folder, queries))
    return found


def _make(
    folder: MarketFolder, listings: pa.Table, model: ModelFile | None, progress: Progress
) -> None:
    folder.create()
    if model is not None:
        models = ModelFolder(folder.models, ENCODER_ROLE)
        name, at_ms = models.write(model), model.manifest.created_ms
        models.change(lambda history: history.promoted(name, at_ms=at_ms, why="a benchmark"))
    with open_store(folder) as store:
        for batch in listings.select(LISTING.names).combine_chunks().to_batches(_BATCH):
            store.writer.upsert(batch)
        index_market(store, folder, progress=progress)


def _searched(folder: MarketFolder, queries: Sequence[Words]) -> list[frozenset[str]]:
    with closing(open_market(folder.path)) as market:
        pages = [
            market.search(SearchRequest(q=" ".join(words), per_page=K, budget_ms=_PATIENCE_MS))
            for words in queries
        ]
    return [frozenset(hit.listing_id for hit in page.hits) for page in pages]
