"""`mercer bench ranking`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_bench import where_measured
from mercer.cli_words import AsJson, say, told
from mercer.schema.errors import ConfigError

if TYPE_CHECKING:  # it loads the engines, which `mercer --help` need not wait for
    from mercer.bench.ranking_boards import Board

app = typer.Typer()
TOLD_EVERY = 500  # rounds between lines on stderr
ASKED_EVERY = 50  # queries


@app.command("ranking")
def ranking_command(
    letor: Annotated[
        Path | None,
        typer.Option("--letor", help="SVM-rank or LETOR text, or Parquet with qid, label, f1, ..."),
    ] = None,
    market: Annotated[
        list[Path] | None,
        typer.Option("--market", help="In place of --letor: a judged catalogue, once for each."),
    ] = None,
    judgments: Annotated[
        list[Path] | None, typer.Option(help="Of each --market, in the same order.")
    ] = None,
    map_file: Annotated[
        list[Path] | None, typer.Option("--map", help="That names the columns of --judgments.")
    ] = None,
    gains: Annotated[
        list[str] | None,
        typer.Option(help="What a grade is worth: exp (where none is given), linear, or a table."),
    ] = None,
    candidates: Annotated[int, typer.Option(help="Of a judged query, that are ranked.")] = 200,
    folds: Annotated[int, typer.Option(help="Over queries.")] = 5,
    repeats: Annotated[int, typer.Option(help="Of all folds, cut anew.")] = 3,
    k: Annotated[int, typer.Option(help="Of nDCG@k.")] = 10,
    seed: Annotated[int, typer.Option(help="Of folds, trainings and intervals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Rank every list by models that never saw its query: the ladder, and LightGBM's published setting.

    With --market and --judgments the lists are what a search finds for judged queries, with the values
    of the features that the market logs or ranks on, and the ladder stands beside the order without a
    model; the queries of several markets are pooled. Exit status 1 where the ladder is worse than what
    stands beside it, and with --judgments where it is not shown to be better (p < .1).

    Examples:

        mercer bench ranking --letor train.parquet
        mercer bench ranking --letor train.txt --folds 10 --json >> results.jsonl
        mercer bench ranking --market shop --judgments judged.jsonl --gains E=1,S=.1,C=.01,I=0
    """
    words = {"folds": folds, "repeats": repeats, "k": k, "seed": seed}
    with told("bench ranking"):
        if (letor is None) == (market is None):
            raise ConfigError("name either --letor or --market with --judgments")
        if letor is not None:
            from mercer.bench.ranking import RankingBench, bench_ranking

            bench = RankingBench(letor=letor, gains=(gains or ["exp"])[0], **words)
            line = bench_ranking(bench, on_step=_told)
        else:
            boards = _boards(market or [], judgments or [], map_file or [], gains or [])
            from mercer.bench.ranking_boards import BoardsBench, bench_boards

            line = bench_boards(
                BoardsBench(boards=boards, candidates=candidates, **words),
                on_step=_told,
                on_query=_asked,
            )
    if as_json:
        say(line, "", as_json=True)
    else:
        show = _show if letor is not None else _show_boards
        show(line, Console(highlight=False, soft_wrap=True))
    if not (line["is_no_worse"] and line.get("beats_retrieval", True)):
        raise typer.Exit(1)


def _boards(
    markets: list[Path], judgments: list[Path], maps: list[Path], gains: list[str]
) -> "list[Board]":
    """One for each market; an option that is given once or never holds for all."""
    from mercer.bench.ranking_boards import Board

    if len(judgments) != len(markets):
        raise ConfigError(f"{len(markets)} --market need as many --judgments, got {len(judgments)}")
    for name, given in (("--map", maps), ("--gains", gains)):
        if len(given) not in (0, 1, len(markets)):
            raise ConfigError(f"{name}: give none, one, or one for each of {len(markets)} markets")
    n = len(markets)
    map_of = [None] * n if not maps else maps * (n // len(maps))
    gains_of = ["exp"] * n if not gains else gains * (n // len(gains))
    return [
        Board(market=one, judgments=judged, gains=worth, map_file=named)
        for one, judged, worth, named in zip(markets, judgments, gains_of, map_of, strict=True)
    ]


def _asked(board: str, done: int, total: int) -> None:
    if done % ASKED_EVERY == 0 or done == total:
        sys.stderr.write(f"mercer bench ranking: {board}: {done} of {total} queries asked\n")


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


def _show_boards(line: dict[str, Any], console: Console) -> None:
    parts = {**line["boards"], "pooled": line["pooled"]}
    table = Table(box=None, pad_edge=False)
    for heading in ("", "queries", "ranked by", f"nDCG@{line['k']}", "95 %"):
        table.add_column(heading, justify="left" if heading in ("", "ranked by") else "right")
    for name, part in parts.items():
        for who, value in part["ndcg"].items():
            interval = f"{value['low']:.4f} .. {value['high']:.4f}"
            table.add_row(name, str(part["queries"]), who, f"{value['mean']:.4f}", interval)
    console.print(table)
    for name, part in parts.items():
        console.print(
            f"{name}: the cascade over retrieval alone {part['lead']:+.4f} "
            f"[{part['lead_low']:+.4f}, {part['lead_high']:+.4f}], one-sided p "
            f"{part['p_no_better']:.4f} for better, {part['p_no_worse']:.4f} for worse"
        )
    console.print(where_measured(line))
