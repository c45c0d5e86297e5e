"""Rankers that are made without a training: a weighted sum of a few features."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mercer.app import promote_model
from mercer.engines.embedded.feature_sets import files_of
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.features.declare import FeatureSet
from mercer.features.default import default_feature_set
from mercer.features.fit import fit
from mercer.features.graph import build_graph
from mercer.features.listing_inputs import listing_inputs
from mercer.features.plan import Plan, compile_plan
from mercer.features.registry import registry
from mercer.learn.model_file import (
    GOLDEN_ROWS,
    GOLDEN_SCORES,
    MODEL,
    FileSum,
    Manifest,
    ModelFile,
)
from mercer.learn.packing import npy_bytes
from mercer.rank.linear import LinearScorer
from mercer.rank.training_set import FeatureColumns

T0 = 1_700_000_000_000


def plan_of_market(market: MarketFolder, feature_set: FeatureSet | None = None) -> Plan:
    """A feature set, the default one where none is given, fitted on a market's catalogue."""
    feature_set = default_feature_set() if feature_set is None else feature_set
    reads, config = build_graph(feature_set, registry()).columns, market.config()
    catalogue = SqlCatalogue(market.tables_url(config))
    try:
        batches = list(catalogue.changes(since=0))
    finally:
        catalogue.close()

    def rows() -> list:
        return [listing_inputs(batch, config.rates, reads=reads) for batch in batches]

    return compile_plan(feature_set, fit(feature_set, rows, sources={"listing": rows}))


def ranker(plan: Plan, weights: Mapping[str, float], *, name: str = "plain") -> ModelFile:
    """A model that scores by the weighted sum of those features; what is missing adds nothing."""
    scorer = LinearScorer(
        plan.names,
        tuple(weights.get(one, 0.0) for one in plan.names),
        (0.0,) * len(plan.names),
        (0.0,) * len(plan.names),
    )
    rows = np.random.default_rng(0).normal(size=(1_000, len(plan.names))).astype(np.float32)
    files = {
        MODEL: scorer.to_bytes(),
        GOLDEN_ROWS: npy_bytes(rows),
        GOLDEN_SCORES: npy_bytes(scorer.score(rows)),
        **files_of(plan),
    }
    columns = FeatureColumns.of_plan(plan)
    manifest = Manifest(
        role="ranker",
        name=name,
        kind="linear",
        created_ms=T0,
        feature_set=plan.hash,
        features=plan.names,
        missing=columns.missing,
        files={name: FileSum.of(data) for name, data in sorted(files.items())},
        source="judgments",
    )
    return ModelFile(manifest, files)


def promote_ranker(path: Path, made: ModelFile, *, at_ms: int = T0) -> str:
    """Let it rank a market; its id."""
    market = MarketFolder(path)
    model = ModelFolder(market.models, "ranker").write(made)
    promote_model(market, market.config(), model, at_ms=at_ms, force=True)
    return model
