"""What has to be there before a model can serve: the columns of its plan beside the index."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa

from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.index.generation import current_generation
from mercer.engines.embedded.index.generation_files import building
from mercer.engines.embedded.index.segment_files import load_table
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.ranking.column_files import OnRows
from mercer.engines.embedded.ranking.maker import make_columns
from mercer.engines.embedded.ranking.ranking import plan_of_model
from mercer.engines.embedded.ranking.watch import ROLE
from mercer.features.plan import Plan
from mercer.learn.loading import LoadedModel
from mercer.retrieve.documents import Documents
from mercer.schema.errors import MarketError
from mercer.schema.money import Rates

DOCUMENTS: Final = Path("columns") / "documents.arrow"  # of a generation
Beside = Callable[[Path, pa.Table], None]
"""(folder of a generation, its documents): writes what lies beside it."""


def served_plan(models: Path) -> Plan | None:
    """The plan of the model that serves; None where none does, or where it cannot be read."""
    folder = ModelFolder(models, ROLE)
    try:
        current = folder.history().current
        model = None if current is None else folder.load(current)
        return None if model is None else plan_of_model(model, FeatureSetFolder(models))
    except MarketError:  # servers say what is wrong with it; an index is built all the same
        return None


def columns_beside(models: Path, rates: Rates) -> Beside:
    """Writes the columns of the model that serves beside a generation that is being built."""

    def write(generation: Path, documents: pa.Table) -> None:
        plan = served_plan(models)
        if plan is not None:
            make_columns(plan, generation, Documents(documents), rates)

    return write


def prepare(
    folder: MarketFolder,
    rates: Rates,
    model: LoadedModel,
    switch: Callable[[], None],
    *,
    on_rows: OnRows = lambda n: None,
) -> None:
    """Make the columns of a model beside the current generation, then let `switch` promote it.

    No generation comes or goes meanwhile: where one is being built, this waits for it.

    Raises:
        MarketError: the model's features cannot be served; nothing was switched.
    """
    sets = FeatureSetFolder(folder.models)
    plan = plan_of_model(model, sets)
    sets.keep(plan)
    folder.index.mkdir(parents=True, exist_ok=True)
    with building(folder.index):
        name = current_generation(folder.index)
        if name is not None:
            generation = folder.index / name
            documents = Documents(load_table(generation / DOCUMENTS))
            make_columns(plan, generation, documents, rates, on_rows=on_rows)
        switch()
