"""What a training says about itself: for a person as a page, for a program as one object."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from mercer.learn.held_out import HeldOut, compared
from mercer.learn.ladder import BASE, Climbed, Step, by_segment
from mercer.learn.split import Split
from mercer.metrics.ragged import Ints
from mercer.metrics.sampling import Interval, PairedTest, bootstrap_mean

N_FEATURES = 30  # of which the importance is told
MIN_SEGMENT = 5  # lists; of fewer a mean says nothing
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    by_query: HeldOut
    by_time: HeldOut | None


def report_of(climbed: Climbed, *, seed: int) -> Json:
    """All numbers of a training, with 95 % intervals; NaN as None.

    Args:
        seed: of the intervals and the paired tests.
    """
    rng = np.random.default_rng(seed)
    rows = [_Row(step.name, step.by_query, step.by_time) for step in climbed.steps]
    if climbed.base_by_query is not None:
        rows.insert(0, _Row(BASE, climbed.base_by_query, climbed.base_by_time))
    best = climbed.best
    return {
        "k": climbed.k,
        "seed": climbed.seed,
        "split": _split_numbers(climbed),
        "data": data_numbers(climbed),
        "best": best.name,
        "rungs": [_rung(row, climbed, rng) for row in rows],
        "leads": [
            {"over": row.name, **_paired(compared(best.by_query, row.by_query, rng))}
            for row in rows
            if row.name != best.name
        ],
        "importance": importance(best, climbed.data.columns.names),
        "importance_unit": best.trained.importance_unit,
        "segments": _segments(climbed, rows, rng),
    }


def data_numbers(climbed: Climbed) -> Json:
    """How much there was to learn from."""
    data = climbed.data
    return {
        "lists": data.n_queries,
        "lists_with_gain": int(data.has_gain.sum()),
        "rows": data.n_rows,
        "features": len(data.columns.names),
        "feature_set": data.columns.set_hash,
        "queries": len(set(data.query)),
    }


def _split_numbers(climbed: Climbed) -> Json:
    params, parts = climbed.split_params, climbed.split
    return {"seed": params.seed, **split_numbers(parts)}


def split_numbers(parts: Split) -> Json:
    """How many lists are in each part."""
    return {
        "learn": len(parts.learn),
        "stopping": int((parts.fold > 0).sum()),
        "folds": int(parts.fold.max(initial=0)),
        "by_query": len(parts.by_query),
        "by_time": len(parts.by_time),
    }


def _rung(row: _Row, climbed: Climbed, rng: np.random.Generator) -> Json:
    found = [step for step in climbed.steps if step.name == row.name]
    out: Json = {"name": row.name, "by_query": ndcg_interval(row.by_query, rng)}
    if row.by_time is not None and row.by_time.n:
        out["by_time"] = ndcg_interval(row.by_time, rng)
    for step in found:
        out |= {"unseen": _number(step.unseen.mean), "rounds": step.trained.n_rounds}
    return out


def importance(step: Step, names: Sequence[str]) -> list[Json]:
    """The columns that matter most, with their share of all importance."""
    values = step.trained.importance
    total = max(float(values.sum()), 1e-300)
    order = np.argsort(-values, kind="stable")[:N_FEATURES]
    return [
        {"feature": names[i], "importance": float(values[i]), "share": float(values[i] / total)}
        for i in order
        if values[i] > 0
    ]


def _segments(climbed: Climbed, rows: Sequence[_Row], rng: np.random.Generator) -> list[Json]:
    """nDCG of every rung by segment, on the queries that were held out."""
    part = climbed.data.take(climbed.split.by_query)
    out = []
    for name, labels in by_segment(part, climbed.best.by_query.ndcg).items():
        for label, lists in labels.items():
            if len(lists) >= MIN_SEGMENT:
                out.append(
                    {
                        "segment": name,
                        "label": label,
                        "lists": len(lists),
                        "ndcg": {row.name: _part_mean(row.by_query, lists) for row in rows},
                    }
                )
    return out


def _part_mean(held: HeldOut, lists: Ints) -> float | None:
    return _number(HeldOut(held.ndcg[lists], held.weight[lists]).mean)


def ndcg_interval(held: HeldOut, rng: np.random.Generator) -> Json:
    """The mean nDCG of lists, with its 95 % interval, which ends where nDCG does: weighted values of
    single lists lie beyond 1, so those of a resample may."""
    found: Interval = bootstrap_mean(held.per_query, rng, n_resamples=2_000)
    low, high = np.clip([found.low, found.high], 0.0, 1.0)
    return {
        "ndcg": _number(found.mean),
        "low": _number(low),
        "high": _number(high),
        "lists": found.n,
    }


def _paired(test: PairedTest) -> Json:
    """The lead of the best rung; p is the chance of such a lead if the two were alike."""
    change = test.difference
    return {
        "lists": test.n,
        "lead": _number(change.mean),
        "low": _number(change.low),
        "high": _number(change.high),
        "p_no_lead": _number(test.p_greater),
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .25rem .8rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } tr + tr { border-top: 1px solid #ddd; }
.bar { background: #4a7; height: .8rem; } .best { font-weight: 650; }
"""


def report_html(report: Json, *, title: str) -> str:
    """The report as one page that needs nothing else."""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>",
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>",
        f"<p>{report['data']['lists']:,} lists, {report['data']['rows']:,} rows, "
        f"{report['data']['features']} features; nDCG@{report['k']} on what was held out.</p>",
        _rung_table(report),
        _lead_list(report),
        _importance_table(report),
        _segment_table(report),
    ]
    return "\n".join(part for part in parts if part) + "</html>\n"


def _rung_table(report: Json) -> str:
    lines = ["<h2>Ladder</h2><table><tr><th>rung<th>held-out queries<th>95 %<th>later days<th>95 %"]
    for rung in report["rungs"]:
        style = " class=best" if rung["name"] == report["best"] else ""
        cells = "".join(
            f"<td>{cell}" for part in ("by_query", "by_time") for cell in cells_of(rung.get(part))
        )
        lines.append(f"<tr{style}><td>{escape(rung['name'])}{cells}")
    return "\n".join(lines) + "</table>"


def cells_of(part: Json | None) -> tuple[str, str]:
    """A mean and its interval as they are shown."""
    if part is None or part["ndcg"] is None:
        return ("", "")
    return (f"{part['ndcg']:.4f}", f"{part['low']:.4f} .. {part['high']:.4f}")


def lead_sentence(lead: Json, *, best: str) -> str:
    """One lead in words."""
    if lead["lead"] is None:
        return f"{best} cannot be compared with {lead['over']}: no list has a gain"
    return (
        f"{best} over {lead['over']}: {lead['lead']:+.4f} [{lead['low']:+.4f}, {lead['high']:+.4f}] "
        f"over {lead['lists']} lists, one-sided p = {lead['p_no_lead']:.4f}"
    )


def _lead_list(report: Json) -> str:
    lines = [f"<li>{escape(lead_sentence(one, best=report['best']))}" for one in report["leads"]]
    return "<ul>" + "".join(lines) + "</ul>" if lines else ""


def _importance_table(report: Json) -> str:
    if not report["importance"]:
        return ""
    top = report["importance"][0]["share"]
    lines = [f"<h2>Importance</h2><p>By {escape(report['importance_unit'])}.</p><table>"]
    for one in report["importance"]:
        width = round(200 * one["share"] / top)
        lines.append(
            f"<tr><td>{escape(one['feature'])}<td>{one['share']:.1%}"
            f"<td><div class=bar style='width:{width}px'></div>"
        )
    return "\n".join(lines) + "</table>"


def _segment_table(report: Json) -> str:
    if not report["segments"]:
        return ""
    names = [rung["name"] for rung in report["rungs"]]
    head = "".join(f"<th>{escape(name)}" for name in names)
    lines = [f"<h2>Segments</h2><table><tr><th>segment<th>lists{head}"]
    for one in report["segments"]:
        cells = "".join(
            f"<td>{'' if one['ndcg'][name] is None else format(one['ndcg'][name], '.4f')}"
            for name in names
        )
        label = escape(f"{one['segment']}: {one['label']}")
        lines.append(f"<tr><td>{label}<td>{one['lists']}{cells}")
    return "\n".join(lines) + "</table>"
