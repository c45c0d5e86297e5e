"""A market of the benchmarks with a ranker that serves: the default features and a forest.

<cache>/market-<listings>-<seed>-trees-<trees>/    a copy of the market; its index is linked, not copied
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, final

import numpy as np

from mercer.app import open_market, readied
from mercer.app_learner import counting
from mercer.bench.market import MADE_BY
from mercer.bench.scoring_model import PER_QUERY, ranker_text, rows_needed
from mercer.demo import NOW_MS
from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.durable import write_durably
from mercer.engines.embedded.feature_market import declared_set, fitted_plan
from mercer.engines.embedded.feature_sets import files_of
from mercer.engines.embedded.index.generation import Progress
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.model_promotion import promote
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.ranking.prepare import log_values
from mercer.engines.embedded.training_ranker import ROLE
from mercer.features.plan import Plan
from mercer.learn.ladder import climb
from mercer.learn.packing import Origin, packed
from mercer.learn.report import report_of
from mercer.learn.rung import OnRound, Rung, Trained, silent
from mercer.learn.split import SplitParams
from mercer.metrics.ragged import Ints
from mercer.rank.scorer import F32s
from mercer.rank.training_set import FeatureColumns, TrainingSet, grouped
from mercer.rank.trees.scorer import TreeScorer
from mercer.retrieve.request import SearchRequest
from mercer.simulate import generate_catalogue, query_mix

N_LEAVES: Final = 63
_PER_PAGE: Final = 100
NO_HURRY_MS: Final = 60_000.0


def copied_market(made: Path, to: Path) -> Path:
    """A market of its own: what never changes is linked, the rest is copied."""

    def link_or_copy(source: str, target: str) -> str:
        parts = Path(source).relative_to(made).parts
        is_immutable = (parts[0] == "index" and len(parts) > 2) or parts[:2] == ("log", "files")
        (_linked if is_immutable else shutil.copy2)(source, target)
        return target

    ignore = shutil.ignore_patterns("run", ".owner", ".building")
    shutil.copytree(made, to, copy_function=link_or_copy, ignore=ignore)
    return to


def _linked(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def ranked_market(made: Path, *, listings: int, seed: int, trees: int, progress: Progress) -> Path:
    """The market with a forest of that many trees over the default set; `made` itself for 0 trees.

    Raises:
        MarketError: the features cannot be fitted, or the forest not promoted.
    """
    if trees == 0:
        return made
    path = made.with_name(f"{made.name}-trees-{trees}")
    file, makers = path / MADE_BY, (made / MADE_BY).read_bytes()
    ready = path / "ranked"
    if ready.exists() and file.exists() and file.read_bytes() == makers:
        return path
    shutil.rmtree(path, ignore_errors=True)
    copied_market(made, path)
    folder = MarketFolder(path)
    config = folder.config()
    progress("fit the default features", listings)
    plan = fitted_plan(declared_set(path, None)[0], folder, config)
    log_values(folder, config.rates, plan)
    rows = _rows(path, listings, seed)
    progress(f"train {trees} trees", len(rows))
    _promote(folder, config, plan, rows, trees=trees, seed=seed)
    with counting(folder, config) as counters:  # they are there, and have counted nothing yet
        counters.catch_up()
    write_durably(ready, b"")
    return path


def _rows(path: Path, listings: int, seed: int) -> F32s:
    """(n, n_features) of what searches find, list by list."""
    world = generate_catalogue(n_listings=listings, seed=seed, now_ms=NOW_MS)
    wanted, found = rows_needed(N_LEAVES), list[F32s]()
    market = open_market(path)
    try:
        for query in query_mix(world, n=1_000, seed=seed + 2):
            request = SearchRequest(q=query.text, per_page=_PER_PAGE, budget_ms=NO_HURRY_MS)
            ids = [hit.listing_id for hit in market.search(request).hits]
            features = market.rank(request, ids).listed.features if ids else None
            if features is not None:
                found.append(features.dense[: len(features.dense) // PER_QUERY * PER_QUERY])
            if sum(map(len, found)) >= wanted:
                break
    finally:
        market.close()
    return np.concatenate(found)


def _promote(
    folder: MarketFolder, config: MarketConfig, plan: Plan, rows: F32s, *, trees: int, seed: int
) -> None:
    columns = FeatureColumns.of_plan(plan)
    gain = np.random.default_rng(seed).integers(0, 3, len(rows)).astype(np.float64)
    code = np.arange(len(rows)) // PER_QUERY
    query = [f"q{i}" for i in range(len(rows) // PER_QUERY)]
    data = grouped(columns=columns, features=rows, gain=gain, query_code=code, query=query)
    rung = _Forest(trees, columns.names)
    climbed = climb(data, [rung], split_params=SplitParams(by_time=0.0), seed=seed)
    origin = Origin(
        role=ROLE, name="bench", created_ms=NOW_MS, source="bench", extra=files_of(plan)
    )  # fmt: skip
    models = ModelFolder(folder.models, ROLE)
    model = models.write(packed(climbed, report_of(climbed, seed=seed), origin))
    promote(models, model, at_ms=NOW_MS, force=True, readied=readied(folder, config))


@final
class _Forest:
    """So many trees of full size, whatever they are good for: what is measured is their cost."""

    name = "forest"

    def __init__(self, trees: int, names: Sequence[str]) -> None:
        self._trees, self._names = trees, names

    def train(
        self, data: TrainingSet, fold: Ints, *, seed: int, on_round: OnRound = silent
    ) -> Trained:
        """Trees of all lists, measured on lists that they saw."""
        made = self._grown(data, seed)
        scores = made.scorer.score(data.features)
        return replace(made, unseen=np.where(fold[data.owner] > 0, scores, np.nan))

    def again(self, data: TrainingSet, like: Trained, *, seed: int) -> Trained:
        """Trees of other lists."""
        return self._grown(data, seed)

    def _grown(self, data: TrainingSet, seed: int) -> Trained:
        text = ranker_text(
            data.features, n_trees=self._trees, n_leaves=N_LEAVES, seed=seed, names=self._names
        )  # fmt: skip
        return Trained(
            kind="trees",
            data=text.encode(),
            scorer=TreeScorer.of_text(text),
            unseen=np.full(data.n_rows, np.nan),
            importance=np.zeros(len(self._names)),
            importance_unit="none",
            n_rounds=self._trees,
        )


_conforms: type[Rung] = _Forest
