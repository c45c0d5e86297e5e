"""Building and opening generations of a market: with which encoder, synonyms and rates.

As a program it builds one beside the owner, which adopts it: `python -m mercer.app_index MARKET`.
"""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.index.bell import Bell
from mercer.engines.embedded.index.encoder_files import EncoderChoice
from mercer.engines.embedded.index.generation import (
    Generation,
    Progress,
    build_generation,
    current_generation,
    open_generation,
    read_manifest,
    remove_stale,
)
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.ranking.prepare import (
    columns_beside,
)
from mercer.engines.embedded.retrieval_models import serving_towers
from mercer.engines.embedded.store import Store
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.schema.catalogue import Catalogue
from mercer.schema.errors import ConfigError
from mercer.text.analyze import stem, words
from mercer.text.synonyms import Synonyms

_MERGE_NICENESS = 3  # whoever answers requests comes first


def synonyms_of(folder: MarketFolder, config: MarketConfig) -> Synonyms:
    """The market's synonyms file, or none."""
    if not config.search.synonyms:
        return Synonyms.parse("", words=words, key=stem)
    path = folder.path / config.search.synonyms
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(
            f"{folder.config_file}: search.synonyms names {path}, which cannot be read: {fault}"
        ) from None
    return Synonyms.parse(text, words=words, key=stem, source=str(path))


def index_market(store: Store, folder: MarketFolder, *, progress: Progress) -> tuple[str, int]:
    """Build a generation of all that stands, make it current, and remove what is older.

    Returns:
        The generation's name, and how many listings it has.
    """
    before = current_generation(folder.index)
    name = _build(store.catalogue, folder, store.config, progress)
    remove_stale(folder.index, keep=frozenset(n for n in (before, name) if n))
    return name, read_manifest(folder.index, name).n


def _build(
    catalogue: Catalogue, folder: MarketFolder, config: MarketConfig, progress: Progress
) -> str:
    synonyms_of(folder, config)  # a faulty file is told now, not at the next start
    # What changes while the rows are read has a higher version and comes again with the delta.
    return build_generation(
        folder.index,
        catalogue.changes(since=0),
        version=catalogue.version(),
        rates=config.rates,
        encoder=EncoderChoice(config.index.encoder, trained=serving_towers(folder.models)),
        beside=columns_beside(folder.models, config.rates),
        progress=progress,
    )


def encoder_changed(folder: MarketFolder, *, progress: Progress = lambda step, n: None) -> str:
    """Build a generation with the encoder that serves from now on, and tell whoever serves the market.

    Servers adopt it as they do a merge; searches go on over the one before until it is open.

    Returns:
        The generation's name.
    """
    config = folder.config()
    with closing(SqlCatalogue(folder.tables_url(config))) as catalogue:
        name = _build(catalogue, folder, config, progress)
    with closing(Bell(folder.run / "bell")) as bell:
        bell.ring_generation()
    return name


def opener_of(folder: MarketFolder, config: MarketConfig) -> Callable[[str], Generation]:
    """Opens generations by name; one in another currency is refused."""
    synonyms, encoder = synonyms_of(folder, config), EncoderChoice(config.index.encoder)

    def opened(name: str) -> Generation:
        found = open_generation(folder.index, name, encoder=encoder, synonyms=synonyms)
        made, wanted = found.manifest, config.rates
        if (made.currency, made.rates_as_of) != (wanted.reporting, wanted.as_of):
            raise ConfigError(
                f"{folder.config_file}: prices are in {wanted.reporting} at the rates of "
                f"{wanted.as_of or 'no date'}, the index has them in {made.currency} at those of "
                f"{made.rates_as_of or 'no date'}; run mercer index --market {folder.path}"
            )
        return found

    return opened


def merge(path: Path) -> None:
    """Build a generation beside the owner, which adopts it."""
    folder = MarketFolder(path)
    config = folder.config()
    catalogue = SqlCatalogue(folder.tables_url(config))
    try:
        _build(catalogue, folder, config, lambda step, n: None)
    finally:
        catalogue.close()


if __name__ == "__main__":  # a process of its own, see `app._owner`
    os.nice(_MERGE_NICENESS)
    merge(Path(sys.argv[1]))
