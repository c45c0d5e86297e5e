"""`mercer bench cascade`."""

import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_bench import Cache, cache_folder, where_measured
from mercer.cli_seeds import seeds_of
from mercer.cli_words import AsJson, say, told

app = typer.Typer()


@app.command("cascade")
def cascade_command(
    listings: Annotated[int, typer.Option(help="Of the synthetic market.")] = 20_000,
    searches: Annotated[int, typer.Option(help="That are learned from.")] = 20_000,
    rounds: Annotated[int, typer.Option(help="Trainings, evenly spread over the searches.")] = 4,
    judged: Annotated[int, typer.Option(help="Searches after the last training.")] = 2_000,
    seeds: Annotated[str, typer.Option(help="Of market and buyers: 1..5, or 3,7.")] = "1..5",
    cache: Cache = None,
    as_json: AsJson = False,
) -> None:
    """How much of what an ideal order would give buyers does the cascade learn to give?

    Simulated buyers search a fresh market, rankers are trained on its log and promoted, and pages are
    judged by what their listings are truly worth to those who asked. A seed takes about ten minutes.

    Examples:

        mercer bench cascade --seeds 1
        mercer bench cascade --seeds 1..5 --json >> results.jsonl
        mercer bench cascade --seeds 1 --searches 2000 --rounds 1 --judged 500 --listings 5000
    """
    from mercer.bench.cascade import CascadeBench, bench_cascade

    with told("bench cascade"):
        bench = CascadeBench(
            listings=listings, searches=searches, rounds=rounds, judged_searches=judged,
            seeds=seeds_of(seeds),
        )  # fmt: skip
        line = bench_cascade(bench, cache=cache_folder(cache), told=_told)
    if as_json:
        say(line, "", as_json=True)
    else:
        _show(line, Console(highlight=False, soft_wrap=True))


def _told(said: str) -> None:
    sys.stderr.write(f"mercer bench cascade: {said}\n")


def _show(line: dict[str, Any], console: Console) -> None:
    orders = ("random_matches", "random", "retrieval", "first_pass", "cascade", "oracle", "whole")
    table = Table(box=None, pad_edge=False, title="true worth of a first page, x 1,000")
    for heading in ("seed", *orders, "share", "95 %", "none", "swaps", "model"):
        table.add_column(heading.replace("_", " "), justify="right")
    for one in line["by_seed"]:
        worth = one["utility"]
        table.add_row(
            str(one["seed"]),
            *("" if worth[name] is None else f"{1e3 * worth[name]:.1f}" for name in orders),
            f"{one['share']:.3f}",
            f"{one['share_low']:.3f} .. {one['share_high']:.3f}",
            *(
                "-" if (share := one["share_by_bias"][way]) is None else f"{share:.3f}"
                for way in ("none", "swaps", "model")
            ),
        )
    console.print(table)
    console.print(
        f"(cascade - retrieval) / (oracle - retrieval): {line['share']:.3f}, the median of "
        f"{len(line['by_seed'])} seeds; {line['share_first_pass']:.3f} from the first pass on; "
        f"{line['share_whole']:.3f} of the way to the best of the whole catalogue"
    )
    console.print(
        f"clicks without the favour of places beat raw ones in {line['debiased_wins']} seeds"
    )
    console.print(where_measured(line))
