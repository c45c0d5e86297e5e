"""What has to be there before a model can serve: the columns of its plan beside the index."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa

from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.index.generation import current_generation
from mercer.engines.embedded.index.generation_files import building
from mercer.engines.embedded.index.segment_files import load_table
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import ModelFolder, standing
from mercer.engines.embedded.ranking.column_files import OnRows, has_columns
from mercer.engines.embedded.ranking.maker import make_columns
from mercer.engines.embedded.ranking.ranking import check_served, plan_of_model
from mercer.engines.embedded.ranking.watch import ROLE
from mercer.features.plan import Plan
from mercer.learn.loading import LoadedModel
from mercer.retrieve.documents import Documents
from mercer.schema.errors import MarketError
from mercer.schema.money import Rates

DOCUMENTS: Final = Path("columns") / "documents.arrow"  # of a generation
Beside = Callable[[Path, pa.Table], None]
"""(folder of a generation, its documents): writes what lies beside it."""


def served_plans(models: Path) -> list[Plan]:
    """Of the model that serves, and of the set that is logged without one; what can be read of them.

    Servers say what is wrong with the rest; an index is built all the same.
    """
    folder, sets = ModelFolder(models, ROLE), FeatureSetFolder(models)
    found: dict[str, Plan] = {}
    for read in (partial(_model_plan, folder, sets), partial(_logged_plan, sets)):
        try:
            plan = read()
        except MarketError:
            continue
        if plan is not None:
            found[plan.hash] = plan
    return list(found.values())


def _model_plan(folder: ModelFolder, sets: FeatureSetFolder) -> Plan | None:
    model, _ = standing(folder, fits=lambda one: plan_of_model(one, sets))
    return None if model is None else plan_of_model(model, sets)


def _logged_plan(sets: FeatureSetFolder) -> Plan | None:
    logged = sets.logged()
    return None if logged is None else sets.plan(logged)


def columns_beside(models: Path, rates: Rates) -> Beside:
    """Writes the columns of what serves beside a generation that is being built."""

    def write(generation: Path, documents: pa.Table) -> None:
        for plan in served_plans(models):
            make_columns(plan, generation, Documents(documents), rates)

    return write


def check_fits(models: Path, model: LoadedModel) -> None:
    """Raise a MarketError where a market cannot serve what a ranker reads; see `plan_of_model`."""
    plan_of_model(model, FeatureSetFolder(models))


def prepare(
    folder: MarketFolder,
    rates: Rates,
    model: LoadedModel,
    switch: Callable[[], None],
    *,
    on_rows: OnRows = lambda n: None,
) -> None:
    """Make the columns of a model beside the current generation, then let `switch` promote it.

    Raises:
        MarketError: the model's features cannot be served; nothing was switched.
    """
    plan = plan_of_model(model, FeatureSetFolder(folder.models))
    prepare_plan(folder, rates, plan, switch, on_rows=on_rows)


def prepare_plan(
    folder: MarketFolder,
    rates: Rates,
    plan: Plan,
    switch: Callable[[], None],
    *,
    on_rows: OnRows = lambda n: None,
) -> None:
    """Keep a feature set, make its columns beside the current generation, then `switch`.

    No generation comes or goes meanwhile: where one is being built, this waits for it.

    Raises:
        InputError: a search does not have what the set reads; nothing was switched.
    """
    check_served(plan)
    FeatureSetFolder(folder.models).keep(plan)
    folder.index.mkdir(parents=True, exist_ok=True)
    with building(folder.index):
        name = current_generation(folder.index)
        if name is not None:
            generation = folder.index / name
            documents = Documents(load_table(generation / DOCUMENTS))
            make_columns(plan, generation, documents, rates, on_rows=on_rows)
        switch()


def make_missing(folder: MarketFolder, rates: Rates) -> None:
    """Make the columns of what serves where the current generation has none that are whole.

    As after an upgrade that keeps them otherwise, or where they were removed. A generation that is being
    built meanwhile gets its own.
    """
    with building(folder.index, wait=False) as is_mine:
        name = current_generation(folder.index)
        if not is_mine or name is None:
            return
        generation = folder.index / name
        plans = [one for one in served_plans(folder.models) if not has_columns(generation, one)]
        if plans:
            documents = Documents(load_table(generation / DOCUMENTS))
            for plan in plans:
                make_columns(plan, generation, documents, rates)


def log_values(
    folder: MarketFolder, rates: Rates, plan: Plan, *, on_rows: OnRows = lambda n: None
) -> None:
    """Log the values of that plan with every page while no model ranks; servers notice by themselves.

    Raises:
        InputError: a search does not have what the set reads; nothing was switched.
    """
    sets = FeatureSetFolder(folder.models)
    prepare_plan(folder, rates, plan, lambda: sets.log(plan.hash), on_rows=on_rows)
