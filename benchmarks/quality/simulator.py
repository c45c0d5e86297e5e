"""How near the simulated people are to real ones: figures as one JSON line, and plots.

    mercer simulate traffic --market demo-market --searches 20000 --days 28 --json > traffic.json
    MERCER_DATA=... python benchmarks/quality/simulator.py --traffic traffic.json [--plots docs/images]

Reads the summary of a run and the folders esci_us, wands_queries, eshop_clicks, open_bandit,
online_retail, gpl3_ad_logs and online_shoppers of MERCER_DATA. What is compared, and what it does not
show: docs/why/simulator.md.
"""

import argparse
import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mercer.bench.machine import provenance
from mercer.simulate.people.season import hour_factor, week_factor, year_factor
from mercer.simulate.seller import DAY_MS

Floats = npt.NDArray[np.float64]
MAX_WORDS = 9
REAL, OTHER, OURS = "#6b7280", "#b0b7c3", "#c2410c"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traffic", type=Path, required=True, help="The summary of a run.")
    parser.add_argument("--plots", type=Path, help="A folder for SVG files.")
    args = parser.parse_args()
    data, run = Path(os.environ["MERCER_DATA"]), json.loads(args.traffic.read_text("utf-8"))
    figures = {
        "query_length": query_length(data, run),
        "click_by_position": click_by_position(data, run),
        "popularity": popularity(data, run),
        "rates": rates(data, run),
        "season": season(data),
    }
    if args.plots:
        args.plots.mkdir(parents=True, exist_ok=True)
        for name, draw in PLOTS.items():
            _drawn(args.plots / f"simulator-{name.replace('_', '-')}.svg", draw, figures[name])
    plain = {name: _without_curves(found) for name, found in figures.items()}
    print(json.dumps({"benchmark": "simulator", **plain, **provenance()}))
    return 0


def query_length(data: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Share of queries by words, 1 .. MAX_WORDS and more."""
    esci = set(pq.read_table(data / "esci_us" / "judgments.parquet")["query"].to_pylist())
    wands = pq.read_table(data / "wands_queries" / "queries.parquet")["query"].to_pylist()
    counts = {
        "esci": Counter(len(q.split()) for q in esci),
        "wands": Counter(len(q.split()) for q in wands),
        "simulator": Counter({int(n): c for n, c in run["query_words"].items()}),
    }
    return {
        name: {
            "n": sum(count.values()),
            "mean": _mean_of(count),
            "curve": [
                sum(c for n, c in count.items() if min(n, MAX_WORDS) == words) / sum(count.values())
                for words in range(1, MAX_WORDS + 1)
            ],
        }
        for name, count in counts.items()
    }


def click_by_position(data: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Share of clicks by sixth of a page and by page; click rates of open_bandit's three places."""
    eshop = pq.read_table(data / "eshop_clicks" / "clicks.parquet")
    places = np.bincount(eshop["photo_position"].to_numpy(), minlength=7)[1:7]
    pages = np.bincount(eshop["page_number"].to_numpy(), minlength=6)[1:6]
    ours = np.array(run["clicks_by_position"][:24], float).reshape(6, 4).sum(axis=1)
    our_pages = np.array(run["clicks_by_page"][:5], float)
    bandit = {}
    for name in ("men", "women"):
        table = pq.read_table(data / "open_bandit" / f"{name}.parquet")
        drawn = table.filter(pc.equal(table["policy"], "random"))
        position, click = drawn["position"].to_numpy(), drawn["click"].to_numpy()
        bandit[name] = [_rate(click[position == p]) for p in (1, 2, 3)]
    looked = np.array(run["impressions_by_position"][:24], float)
    rate = np.array(run["clicks_by_position"][:24], float) / np.maximum(looked, 1.0)
    return {
        "eshop_clicks": {"sixths": _shares(places), "pages": _shares(pages)},
        "simulator": {
            "sixths": _shares(ours),
            "pages": _shares(our_pages),
            "rate_1_to_24": [round(float(r), 4) for r in rate],
            "examined": _shares(looked / looked.max(), of=1.0),
        },
        "open_bandit": bandit,
    }


def popularity(data: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Gini and Lorenz curves of clicks.

    Where there are few events for each item, chance alone makes them unequal; so clicks on listings
    are compared with real purchases thinned to as many for each item, and clicks on categories, of
    which there are about as many as the web shop has items, with clicks on those.
    """
    rng = np.random.default_rng(1)
    eshop = pq.read_table(data / "eshop_clicks" / "clicks.parquet")["item_id"].value_counts()
    eshop_clicks = np.array(eshop.field("counts"), float)
    retail = pq.read_table(data / "online_retail" / "transactions.parquet")
    sold = retail.filter(
        pc.and_(pc.greater(retail["quantity"], 0), pc.greater(retail["unit_price"], 0))
    )
    lines = np.array(sold["item_id"].value_counts().field("counts"), float)
    clicks = _expanded(run["clicks_per_listing"], run["listings"])
    by_category = np.array(run["clicks_per_category"], float)

    def thinned(counts: Floats, mean: float) -> Floats:
        return rng.poisson(counts * (mean / counts.mean())).astype(float)

    columns = {
        "eshop_clicks, items": eshop_clicks,
        "simulator, clicks on categories": by_category,
        "online_retail, items": lines,
        "online_retail thinned as clicks": thinned(lines, clicks.mean()),
        "simulator, clicks on listings": clicks,
    }
    return {
        name: {
            "n": len(counts),
            "mean": round(float(counts.mean()), 4),
            "gini": round(_gini(counts), 3),
            "top_tenth": round(float(_lorenz(counts)[-1] - _lorenz(counts)[-11]), 3),
            "curve": _lorenz(counts).tolist(),
        }
        for name, counts in columns.items()
    }


def rates(data: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Clicks per impression, purchases per visit, clicks per visit."""
    ads = pq.read_table(data / "gpl3_ad_logs" / "search_keywords.parquet")
    shown = ads.group_by("keyword_id").aggregate([("impressions", "sum"), ("clicks", "sum")])
    impressions = shown["impressions_sum"].to_numpy().astype(float)
    clicks = shown["clicks_sum"].to_numpy().astype(float)
    often = impressions >= 1_000
    display = pq.read_table(data / "gpl3_ad_logs" / "display_campaigns.parquet")
    bandit = [
        pq.read_table(data / "open_bandit" / f"{name}.parquet")["click"].to_numpy()
        for name in ("men", "women")
    ]
    shoppers = pq.read_table(data / "online_shoppers" / "sessions.parquet")["Revenue"]
    eshop = pq.read_table(data / "eshop_clicks" / "clicks.parquet")
    in_session = eshop.group_by("session_id").aggregate([("click_order", "max")])
    per_visit = in_session["click_order_max"].to_numpy()
    ours = {int(n): k for n, k in run["clicks_per_session"].items()}
    flat = np.repeat(list(ours), list(ours.values()))
    keywords = np.quantile((clicks / np.maximum(impressions, 1))[often], [0.1, 0.5, 0.9])
    return {
        "click_rate": {
            "search ads": round(float(clicks.sum() / impressions.sum()), 4),
            "search ads, keywords p10 p50 p90": [round(float(q), 4) for q in keywords],
            "display ads": round(
                float(pc.sum(display["clicks"]).as_py() / pc.sum(display["impressions"]).as_py()), 4
            ),
            "open_bandit": round(float(np.concatenate(bandit).mean()), 4),
            "simulator": run["click_rate"],
        },
        "conversion": {
            "online_shoppers": round(float(np.mean(shoppers.to_numpy(zero_copy_only=False))), 4),
            "simulator": run["conversion"],
        },
        "clicks_per_clicking_visit": {
            "eshop_clicks": {"mean": round(float(per_visit.mean()), 2),
                             "median": float(np.median(per_visit))},
            "simulator": {"mean": round(float(flat.mean()), 2), "median": float(np.median(flat))},
        },
    }  # fmt: skip


def season(data: Path) -> dict[str, Any]:
    """Orders by hour, weekday and month over their mean, next to the simulator's factors."""
    retail = pq.read_table(
        data / "online_retail" / "transactions.parquet", columns=["ts", "invoice"]
    )
    first = retail.group_by("invoice").aggregate([("ts", "min")])["ts_min"]
    hours, days = pc.hour(first).to_numpy(), pc.day_of_week(first).to_numpy()
    months = pc.month(first).to_numpy()[pc.year(first).to_numpy() == 2011]
    by_month = np.bincount(months, minlength=13)[1:11].astype(float)  # January .. October: whole
    year = year_factor(np.arange(365, dtype=np.int64) * DAY_MS)
    ends = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31])
    ours = np.array([year[a:b].mean() for a, b in pairwise(ends)])
    monday = 4 * DAY_MS  # 1970-01-05
    week = week_factor(monday + np.arange(7, dtype=np.int64) * DAY_MS)
    day = hour_factor(np.arange(24, dtype=np.int64) * 3_600_000)
    columns = {
        "hour": (np.bincount(hours, minlength=24), day),
        "weekday": (np.bincount(days, minlength=7), week),
        "month": (by_month, ours),
    }
    return {
        name: {"online_retail": _over_mean(real), "simulator": _over_mean(own)}
        for name, (real, own) in columns.items()
    }


def plot_query_length(figure: Any, found: dict[str, Any]) -> None:
    axes = figure.subplots()
    words = np.arange(1, MAX_WORDS + 1)
    for name, color in (("esci", REAL), ("wands", OTHER), ("simulator", OURS)):
        one = found[name]
        label = f"{name}: {one['n']:,} queries, mean {one['mean']:.1f}"
        axes.plot(words, one["curve"], color=color, marker="o", label=label)
    axes.set(xlabel=f"words ({MAX_WORDS}: and more)", ylabel="share of queries")
    axes.legend(frameon=False)


def plot_click_by_position(figure: Any, found: dict[str, Any]) -> None:
    left, middle, right = figure.subplots(1, 3)
    for axes, key, label in ((left, "sixths", "sixth of the page"), (middle, "pages", "page")):
        at = np.arange(1, len(found["simulator"][key]) + 1)
        axes.bar(at - 0.2, found["eshop_clicks"][key], 0.4, color=REAL, label="eshop_clicks")
        axes.bar(at + 0.2, found["simulator"][key], 0.4, color=OURS, label="simulator")
        axes.set(xlabel=label, ylabel="share of clicks")
        axes.legend(frameon=False)
    ours = np.array(found["simulator"]["rate_1_to_24"])
    right.plot(np.arange(1, 25), ours / ours[:3].mean(), color=OURS, label="simulator")
    for name, color in (("men", REAL), ("women", OTHER)):
        rate, low, high = np.array(found["open_bandit"][name]).T
        scale = rate.mean()
        right.errorbar(
            [1, 2, 3], rate / scale, [(rate - low) / scale, (high - rate) / scale],
            color=color, marker="o", capsize=3, label=f"open_bandit {name}",
        )  # fmt: skip
    right.set(xlabel="position", ylabel="click rate over that of 1 to 3", ylim=(0, None))
    right.legend(frameon=False)


def plot_popularity(figure: Any, found: dict[str, Any]) -> None:
    groups = (
        ("eshop_clicks, items", "simulator, clicks on categories"),
        ("online_retail thinned as clicks", "simulator, clicks on listings"),
    )
    for axes, names in zip(figure.subplots(1, 2), groups, strict=True):
        for name, color in zip(names, (REAL, OURS), strict=True):
            one = found[name]
            label = f"{name}\nGini {one['gini']:.2f}"
            axes.plot(np.linspace(0, 1, 101), one["curve"], color=color, label=label)
        axes.plot([0, 1], [0, 1], color=OTHER, linewidth=0.7)
        axes.set(xlabel="share of items, least first", ylabel="share of events")
        axes.legend(frameon=False, fontsize=7)


def plot_rates(figure: Any, found: dict[str, Any]) -> None:
    left, right = figure.subplots(1, 2)
    clicks = found["click_rate"]
    names = ["open_bandit", "display ads", "search ads", "simulator"]
    left.bar(names, [clicks[n] for n in names], color=[REAL, REAL, REAL, OURS])
    low, _, high = clicks["search ads, keywords p10 p50 p90"]
    left.vlines(2, low, high, color="black", linewidth=1)
    left.set(ylabel="clicks per impression")
    left.tick_params(axis="x", labelsize=6)  # four names side by side
    names = ["online_shoppers", "simulator"]
    right.bar(names, [found["conversion"][n] for n in names], color=[REAL, OURS])
    right.set(ylabel="visits with a purchase")


def plot_season(figure: Any, found: dict[str, Any]) -> None:
    for axes, key in zip(figure.subplots(1, 3), ("hour", "weekday", "month"), strict=True):
        for name, color in (("online_retail", REAL), ("simulator", OURS)):
            axes.plot(found[key][name], color=color, marker="o", markersize=3, label=name)
        axes.set(xlabel=key, ylabel="orders over their mean", ylim=(0, None))
        axes.legend(frameon=False)


PLOTS = {
    "query_length": plot_query_length,
    "click_by_position": plot_click_by_position,
    "popularity": plot_popularity,
    "rates": plot_rates,
    "season": plot_season,
}


def _drawn(path: Path, draw: Any, found: dict[str, Any]) -> None:
    mpl.use("svg")
    from matplotlib.figure import Figure

    style = {"svg.hashsalt": "mercer", "font.size": 8, "axes.spines.top": False,
             "axes.spines.right": False, "svg.fonttype": "none"}  # fmt: skip
    with mpl.rc_context(style):
        is_wide = path.stem.endswith(("position", "season"))
        figure = Figure(figsize=(9, 2.8) if is_wide else (6, 2.8), layout="constrained")
        draw(figure, found)
        figure.savefig(path, metadata={"Date": None})


def _without_curves(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _without_curves(value) for name, value in found.items() if name != "curve"}
    return found


def _rate(clicks: npt.NDArray[Any]) -> tuple[float, float, float]:
    """A rate with its 95 % Wilson interval."""
    n, p, z = len(clicks), float(clicks.mean()), 1.96
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return round(p, 5), round(float(middle - half), 5), round(float(middle + half), 5)


def _shares(counts: npt.NDArray[Any], *, of: float | None = None) -> list[float]:
    total = counts.sum() if of is None else of
    return [round(float(c / total), 4) for c in counts]


def _over_mean(values: npt.NDArray[Any]) -> list[float]:
    return [round(float(v), 3) for v in values / values.mean()]


def _mean_of(count: Counter[int]) -> float:
    return round(sum(n * c for n, c in count.items()) / sum(count.values()), 3)


def _expanded(histogram: dict[str, int], n_items: int) -> Floats:
    """Counts of every item from how many have how much; the rest have none."""
    some = np.repeat([int(n) for n in histogram], list(histogram.values())).astype(float)
    return np.concatenate([np.zeros(n_items - len(some)), some])


def _lorenz(counts: Floats) -> Floats:
    """(101,) share of all events that the least popular 0, 1, .. 100 % of the items have."""
    upto = np.concatenate([[0.0], np.cumsum(np.sort(counts))])
    upto /= upto[-1]
    at = np.linspace(0.0, 1.0, 101)
    return np.interp(at, np.linspace(0.0, 1.0, len(upto)), upto)


def _gini(counts: Floats) -> float:
    ordered = np.sort(counts)
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))


if __name__ == "__main__":
    raise SystemExit(main())
