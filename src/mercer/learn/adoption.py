"""A model of another team as a model file: what judges and checks it comes from one that is here."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mercer import __version__
from mercer.learn.held_out import ndcg_of
from mercer.learn.loading import LoadedModel
from mercer.learn.model_file import (
    FEATURE_STATE,
    FEATURES,
    GOLDEN_ROWS,
    GOLDEN_SCORES,
    HELD_OUT,
    MODEL,
    FileSum,
    Manifest,
    ModelFile,
)
from mercer.learn.packing import npy_bytes
from mercer.learn.report import ndcg_interval
from mercer.rank.scorer import Scorer, Skipped, attempted
from mercer.schema.errors import InputError

K = 10  # of the nDCG where the other model does not say
SEED = 0  # of the interval that is printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What another team brings."""

    kind: str  # how `data` is read
    data: bytes
    scorer: Scorer  # what reading it gave
    budget_ms: float  # of one request


def adopted(model: Adopted, like: LoadedModel, *, name: str, created_ms: int) -> ModelFile:
    """A model file with the columns, golden rows and held-out lists of a model that is here.

    So the gate can compare the two, and what the foreign model scores today is checked wherever it is
    loaded. It must not have learned from those lists; nobody but its makers can know.

    Raises:
        InputError: it does not score the golden rows; says what it did.
        CorruptError: the other model has no held-out lists.
    """
    golden = np.load(io.BytesIO(like.files[GOLDEN_ROWS]), allow_pickle=False)
    files = {
        MODEL: model.data,
        GOLDEN_ROWS: like.files[GOLDEN_ROWS],
        GOLDEN_SCORES: npy_bytes(_scored(model, golden, name=name)),
        HELD_OUT: like.files[HELD_OUT],
        **{part: like.files[part] for part in (FEATURES, FEATURE_STATE) if part in like.files},
    }
    origin = like.manifest
    manifest = Manifest(
        role=origin.role,
        name=name,
        kind=model.kind,
        created_ms=created_ms,
        feature_set=origin.feature_set,
        features=origin.features,
        missing=origin.missing,
        files={part: FileSum.of(data) for part, data in sorted(files.items())},
        source="adopted",
        metrics=_metrics(model, like, name=name),
        params={"budget_ms": model.budget_ms},
        seeds={"split": origin.seeds["split"]} if "split" in origin.seeds else {},
        versions={"mercer": __version__},
        parents=(like.id,),
    )
    return ModelFile(manifest, files)


def _scored(model: Adopted, rows: npt.NDArray[Any], *, name: str) -> npt.NDArray[Any]:
    found = attempted(model.scorer.score, rows)
    if isinstance(found, Skipped):
        raise InputError(
            f"{name}: {found.sentence}, on the golden rows; a model has to score every row, "
            "also one with missing values"
        )
    return found


def _metrics(model: Adopted, like: LoadedModel, *, name: str) -> dict[str, Any]:
    lists = like.held_out
    k = int(like.manifest.metrics.get("k", K))
    found = ndcg_of(lists, _scored(model, lists.features, name=name), k=k)
    return {"k": k, "by_query": ndcg_interval(found, np.random.default_rng(SEED))}
