"""From a training to the files of a model."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mercer import __version__
from mercer.learn.gate import held_out_bytes
from mercer.learn.golden import golden_rows
from mercer.learn.ladder import Climbed
from mercer.learn.model_file import (
    GOLDEN_ROWS,
    GOLDEN_SCORES,
    HELD_OUT,
    JUDGED,
    MODEL,
    REPORT,
    REPORT_PAGE,
    FileSum,
    Manifest,
    ModelFile,
)
from mercer.learn.report import report_html


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a model is called and where it comes from."""

    role: str
    name: str
    created_ms: int
    source: str
    window: Mapping[str, Any] = field(default_factory=dict)
    parents: Sequence[str] = ()
    extra: Mapping[str, bytes] = field(
        default_factory=dict
    )  # further files, such as the feature set


def packed(climbed: Climbed, report: Mapping[str, Any], origin: Origin) -> ModelFile:
    """The best rung as a model file, with golden rows drawn by the seed of the training."""
    best = climbed.whole
    rows = golden_rows(climbed.data.features, np.random.default_rng(climbed.seed))
    title = f"{origin.role} {origin.name}: {climbed.best.name}"
    files = {
        MODEL: best.data,
        JUDGED: climbed.best.trained.data,
        GOLDEN_ROWS: npy_bytes(rows),
        GOLDEN_SCORES: npy_bytes(best.scorer.score(rows)),
        HELD_OUT: held_out_bytes(climbed.data.take(climbed.split.by_query)),
        REPORT: json.dumps(report, allow_nan=False, indent=1).encode(),
        REPORT_PAGE: report_html(dict(report), title=title).encode(),
        **origin.extra,
    }
    columns = climbed.data.columns
    manifest = Manifest(
        role=origin.role,
        name=origin.name,
        kind=best.kind,
        created_ms=origin.created_ms,
        feature_set=columns.set_hash,
        features=columns.names,
        missing=columns.missing,
        files={name: FileSum.of(data) for name, data in sorted(files.items())},
        source=origin.source,
        window=dict(origin.window),
        metrics=_metrics(climbed, report),
        params=_plain({"rung": climbed.best.name, "rounds": best.n_rounds, **best.params}),
        seeds={"training": climbed.seed, "split": climbed.split_params.seed},
        versions={"mercer": __version__, **best.versions},
        parents=tuple(origin.parents),
    )
    return ModelFile(manifest, files)


def _metrics(climbed: Climbed, report: Mapping[str, Any]) -> dict[str, Any]:
    """nDCG of the chosen rung, and its lead over the order as served where that is known."""
    mine = next(rung for rung in report["rungs"] if rung["name"] == report["best"])
    out = {"k": climbed.k}
    out |= {part: mine[part] for part in ("by_query", "by_time") if part in mine}
    return out | {"leads": report["leads"]}


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back, so that a manifest that is read equals the one that was made."""
    plain: dict[str, Any] = json.loads(json.dumps(params, allow_nan=False))
    return plain


def npy_bytes(array: npt.NDArray[Any]) -> bytes:
    """An array as the content of a .npy file."""
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=False)
    return sink.getvalue()
