"""`mercer bench ranking`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_bench import where_measured
from mercer.cli_catalogue import AsJson, say, told

app = typer.Typer()
TOLD_EVERY = 500  # rounds between lines on stderr


@app.command("ranking")
def ranking_command(
    letor: Annotated[
        Path,
        typer.Option("--letor", help="SVM-rank or LETOR text, or Parquet with qid, label, f1, ..."),
    ],
    gains: Annotated[
        str, typer.Option(help="What a grade is worth: exp, linear, or a table.")
    ] = "exp",
    folds: Annotated[int, typer.Option(help="Over queries.")] = 5,
    repeats: Annotated[int, typer.Option(help="Of all folds, cut anew.")] = 3,
    k: Annotated[int, typer.Option(help="Of nDCG@k.")] = 10,
    seed: Annotated[int, typer.Option(help="Of folds, trainings and intervals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Rank every list by models that never saw its query: the ladder, and LightGBM's published setting.

    Exit status 1 where the ladder is worse than the published setting.

    Examples:

        mercer bench ranking --letor train.parquet
        mercer bench ranking --letor train.txt --folds 10 --json >> results.jsonl
    """
    from mercer.bench.ranking import RankingBench, bench_ranking

    bench = RankingBench(letor=letor, gains=gains, folds=folds, repeats=repeats, k=k, seed=seed)
    with told("bench ranking"):
        line = bench_ranking(bench, on_step=_told)
    if as_json:
        say(line, "", as_json=True)
    else:
        _show(line, Console(highlight=False, soft_wrap=True))
    if not line["is_no_worse"]:
        raise typer.Exit(1)


def _told(rung: str, done: int, most: int, ndcg: float) -> None:
    if done % TOLD_EVERY == 0:
        sys.stderr.write(f"mercer bench ranking: {rung} {done} of {most}, nDCG {ndcg:.4f}\n")


def _show(line: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("", f"nDCG@{line['k']}", "95 %"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, value in line["ndcg"].items():
        interval = f"{value['low']:.4f} .. {value['high']:.4f}"
        table.add_row(name, f"{value['mean']:.4f}", interval)
    console.print(table)
    verdict = "no worse" if line["is_no_worse"] else "worse"
    console.print(
        f"the ladder is {verdict} than the published setting: {line['lead']:+.4f} "
        f"[{line['lead_low']:+.4f}, {line['lead_high']:+.4f}] over {line['lists']} lists, one-sided "
        f"p {line['p_no_better']:.4f} for better, {line['p_no_worse']:.4f} for worse"
    )
    console.print(where_measured(line))
