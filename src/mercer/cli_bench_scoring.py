"""`mercer bench scoring`."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_bench import where_measured
from mercer.cli_words import AsJson, say, told

app = typer.Typer()


@app.command("scoring")
def scoring_command(
    candidates: Annotated[int, typer.Option(help="Of a request.")] = 600,
    features: Annotated[int, typer.Option(help="Of each candidate.")] = 60,
    trees: Annotated[int, typer.Option(help="Of the forest.")] = 300,
    leaves: Annotated[int, typer.Option(help="Of each tree, at most.")] = 63,
    repeats: Annotated[int, typer.Option(help="Of each side, in turns.")] = 101,
    listings: Annotated[
        int, typer.Option(help="Of the market along whose path is measured.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Of rows and training.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Score a request's candidates with gradient-boosted trees: LightGBM and Mercer, in turns.

    Then the same along the whole path, features and trees of searches in a synthetic market.

    Forests are trained first, which takes longer than the measurement. Both sides use one thread of
    one process, and the scores have to be equal in every bit.

    Examples:

        mercer bench scoring
        mercer bench scoring --leaves 255 --trees 500
        mercer bench scoring --json >> results.jsonl
    """
    from mercer.bench.scoring import ScoringBench, bench_scoring

    bench = ScoringBench(
        candidates=candidates, features=features, trees=trees, leaves=leaves, repeats=repeats,
        listings=listings, seed=seed,
    )  # fmt: skip
    with told("bench scoring"):
        line = bench_scoring(bench)
    if as_json:
        say(line, "", as_json=True)
    else:
        _show_scoring(line, Console())
    if line["max_abs_diff"] != 0:
        raise typer.Exit(1)


def _show_scoring(line: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for heading in ("ms", "CPU ms", "candidates/s"):
        table.add_column(heading, justify="right")
    for side in ("lightgbm", "mercer"):
        cpu_ms = line[f"{side}_cpu_ms"]
        table.add_row(
            side, f"{line[f'{side}_ms']:.2f}", f"{cpu_ms:.2f}",
            f"{line['candidates'] / cpu_ms * 1e3:,.0f}",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"{line['candidates']:,} x {line['features']}, {line['trees']} trees of "
        f"{line['leaves_mean']:g} leaves: {line['vs_lightgbm']:.1f} times LightGBM, greatest "
        f"difference {line['max_abs_diff']:g}; with {line['path_features']} features of the default set "
        f"({line['path_features_cpu_ms']:.2f} + {line['path_trees_cpu_ms']:.2f} ms): "
        f"{line['path_candidates_per_s_core']:,} candidates/s per core",
        highlight=False,
        soft_wrap=True,
    )
    console.print(where_measured(line), highlight=False, soft_wrap=True)
