"""What ranked a page that was served before, as far as it is still there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, final

from mercer.engines.embedded.feature_sets import FeatureSetFolder, plan_of
from mercer.engines.embedded.models import ModelFolder
from mercer.features.plan import Plan
from mercer.learn.loading import LoadedModel
from mercer.learn.model_file import FEATURE_STATE, FEATURES
from mercer.rank.contribution import Contributing, contributing
from mercer.schema.errors import MarketError
from mercer.schema.page import Page

ROLE: Final = "ranker"
KEPT: Final = 4  # models that are kept loaded; pages that people ask about are mostly of one


@dataclass(frozen=True, slots=True, kw_only=True)
class PageModel:
    """The model and the feature set of one page."""

    id: str = ""  # of the model; "" where none ranked the page
    wants: tuple[str, ...] = ()  # columns that the model reads, in its order
    division: Contributing | None = None  # None: what a feature contributed is not known
    names: tuple[str, ...] = ()  # of the logged values; () where they are not known any more
    docs: Mapping[str, str] = field(default_factory=dict)  # by name
    faults: tuple[str, ...] = ()  # a sentence for all that is not there or not known


@final
class PageModels:
    """Finds what ranked pages. Thread-safe; writes nothing.

    Args:
        models: the folder `models/` of a market.
    """

    def __init__(self, models: Path) -> None:
        self._folder, self._sets = ModelFolder(models, ROLE), FeatureSetFolder(models)
        self._load = lru_cache(KEPT)(self._loaded)
        self._plan = lru_cache(KEPT)(self._sets.plan)

    def of_page(self, page: Page) -> PageModel | None:
        """What ranked it; None for a page of the first pass alone."""
        model_id = model_of(page)
        if not (model_id or page.feature_set):
            return None
        faults: list[str] = []
        model, division = None, None
        if model_id:
            try:
                model, division = self._load(model_id)
            except MarketError as fault:
                faults.append(
                    f"What ranked the page, {model_id}, cannot be asked any more: {fault}."
                )
        if model is not None and division is None:
            faults.append(
                f"{model_id} is of the kind {model.manifest.kind!r}, of which Mercer does not know what "
                "a feature contributes, so the values are told and no contributions."
            )
        plan = self._plan_of(page.feature_set, model, faults)
        names = () if plan is None else plan.names
        docs = {} if plan is None else {one.name: one.doc for one in plan.feature_set.features}
        wants = () if model is None else model.manifest.features
        if missing := [name for name in wants if names and name not in names]:
            faults.append(f"{model_id} reads {missing[0]!r}, which the page's feature set has not.")
            division = None
        return PageModel(
            id=model_id, wants=wants, division=division, names=names, docs=docs,
            faults=tuple(faults),
        )  # fmt: skip

    def _loaded(self, model_id: str) -> tuple[LoadedModel, Contributing | None]:
        model = self._folder.load(model_id)
        return model, contributing(model.scorer)

    def _plan_of(self, set_hash: str, model: LoadedModel | None, faults: list[str]) -> Plan | None:
        """The set by its hash, from the market or from the model that was trained on it."""
        try:
            return self._plan(set_hash)
        except MarketError as fault:
            if model is not None and model.manifest.feature_set == set_hash:
                files = dict(model.files)
                if FEATURES in files and FEATURE_STATE in files:
                    return plan_of(files, at=model.id)
            faults.append(f"The page's feature values cannot be named any more: {fault}.")
            return None


def model_of(page: Page) -> str:
    """The id of the model that had the last word on a page; "" where the first pass had."""
    name, at, content = page.models[-1].rpartition("@") if len(page.models) > 1 else ("", "", "")
    return f"{name}-{content}" if at else ""
