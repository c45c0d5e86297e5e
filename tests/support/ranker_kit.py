"""Rankers that are made without a training: a weighted sum of a few features."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mercer.app import readied
from mercer.engines.embedded.feature_market import fitted_plan
from mercer.engines.embedded.feature_sets import files_of
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.model_promotion import promote
from mercer.engines.embedded.models import ModelFolder
from mercer.features.declare import FeatureSet
from mercer.features.default import default_feature_set
from mercer.features.plan import Plan
from mercer.learn.gate import held_out_bytes
from mercer.learn.model_file import (
    GOLDEN_ROWS,
    GOLDEN_SCORES,
    HELD_OUT,
    MODEL,
    FileSum,
    Manifest,
    ModelFile,
)
from mercer.learn.packing import npy_bytes
from mercer.rank.linear import LinearScorer
from mercer.rank.training_set import F32s, FeatureColumns, TrainingSet

T0 = 1_700_000_000_000


def plan_of_market(market: MarketFolder, feature_set: FeatureSet | None = None) -> Plan:
    """A feature set, the default one where none is given, fitted on a market's catalogue."""
    feature_set = default_feature_set() if feature_set is None else feature_set
    return fitted_plan(feature_set, market, market.config())


def ranker(plan: Plan, weights: Mapping[str, float], *, name: str = "plain") -> ModelFile:
    """A model that scores by the weighted sum of those features; what is missing adds nothing."""
    scorer = LinearScorer(
        plan.names,
        tuple(weights.get(one, 0.0) for one in plan.names),
        (0.0,) * len(plan.names),
        (0.0,) * len(plan.names),
    )
    columns = FeatureColumns.of_plan(plan)
    rows = np.random.default_rng(0).normal(size=(1_000, len(plan.names))).astype(np.float32)
    files = {
        MODEL: scorer.to_bytes(),
        GOLDEN_ROWS: npy_bytes(rows),
        GOLDEN_SCORES: npy_bytes(scorer.score(rows)),
        HELD_OUT: held_out_bytes(_held_out(columns, rows[:8])),
        **files_of(plan),
    }
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


def _held_out(columns: FeatureColumns, rows: F32s) -> TrainingSet:
    """Two lists of four rows, so that a gate has something to read."""
    return TrainingSet(
        columns=columns,
        features=rows,
        gain=np.array([1.0, 0, 0, 0] * 2),
        offsets=np.array([0, 4, 8]),
        query=("a", "b"),
        served_ms=np.zeros(2, np.int64),
        weight=np.ones(2),
        base=np.full(8, np.nan),
        position=np.zeros(8, np.int64),
    )


def promote_ranker(path: Path, made: ModelFile, *, at_ms: int = T0) -> str:
    """Let it rank a market; its id."""
    market = MarketFolder(path)
    model = ModelFolder(market.models, "ranker").write(made)
    promote(
        ModelFolder(market.models, "ranker"), model, at_ms=at_ms, force=True,
        readied=readied(market, market.config()),
    )  # fmt: skip
    return model
