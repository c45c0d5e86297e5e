"""`mercer bench retrieval`."""

import sys
import time
from typing import Annotated, Any, final

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_bench import Cache, cache_folder, where_measured
from mercer.cli_search import Steps
from mercer.cli_seeds import seeds_of
from mercer.cli_words import PLAIN_EVERY_S, AsJson, say, told

app = typer.Typer()
_TITLES = {
    "purchases": "purchases",
    "purchases_new_queries": "  by words nobody asked before",
    "purchases_vague": "  by one or two words",
    "purchases_faiss": "  found by FAISS",
    "purchases_hybrid": "  on the first page of a search",
    "choices": "clicks and all else",
    "choices_new_queries": "  by words nobody asked before",
    "choices_vague": "  by one or two words",
    "choices_faiss": "  found by FAISS",
}


@app.command("retrieval")
def retrieval_command(
    listings: Annotated[int, typer.Option(min=1, help="Of each market.")] = 100_000,
    searches: Annotated[
        int, typer.Option(min=1, help="From which the encoder learns, in each market.")
    ] = 20_000,
    judged: Annotated[
        int, typer.Option(min=1, help="Searches after those, by which both encoders are judged.")
    ] = 10_000,
    seeds: Annotated[
        str, typer.Option(help="Of markets, people and trainings: 1,2,5 or 1..3.")
    ] = "1..3",
    cache: Cache = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make markets and searches anew.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What the trained encoder finds of later purchases that the day-one encoder does not.

    For each seed people search a synthetic market; `mercer train retrieval` learns from the first
    searches, and both encoders look for what was chosen on later ones, in sessions that began later.
    The searches are kept in the cache: the first run takes about ten minutes for each 20,000, the
    next ones need them no more.

    Exit status 1 where the trained encoder finds no more purchases than that of day one.

    Examples:

        mercer bench retrieval --seeds 1..3 --json
        mercer bench retrieval --listings 20000 --searches 5000 --judged 2500 --seeds 1
    """
    from mercer.bench.retrieval import RetrievalBench, bench_retrieval

    with told("bench retrieval"), Steps("bench retrieval") as steps:
        bench = RetrievalBench(
            cache=cache_folder(cache), listings=listings, searches=searches, judged=judged,
            seeds=seeds_of(seeds), rebuild=rebuild,
        )  # fmt: skip
        line = bench_retrieval(bench, progress=steps, on_step=_step, on_search=_Searches())
    if as_json:
        say(line, "", as_json=True)
    else:
        _show(line, Console(highlight=False, soft_wrap=True))
    if not line["is_better"]:
        raise typer.Exit(1)


def _step(sentence: str) -> None:
    sys.stderr.write(f"mercer bench retrieval: {sentence}\n")


@final
class _Searches:
    """A line on stderr now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PLAIN_EVERY_S

    def __call__(self, n: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_EVERY_S
            _step(f"{n:,} searches")


def _show(line: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in (f"recall@{line['k']}", "n", "day one", "learned", "more", "95 %"):
        table.add_column(heading, justify="left" if heading.startswith("recall") else "right")
    for name, title in _TITLES.items():
        one = line[name]
        if one["gain"] is not None:
            table.add_row(
                title, f"{one['n']:,}", f"{one['day_one']:.4f}", f"{one['learned']:.4f}",
                f"{one['gain']:+.1%}", f"{one['low']:+.1%} .. {one['high']:+.1%}",
            )  # fmt: skip
    console.print(table)
    for seed, one in line["by_seed"].items():
        bought = one["purchases"]
        console.print(
            f"seed {seed}: {bought['day_one']:.4f} -> {bought['learned']:.4f} of {bought['n']} purchases, "
            f"{bought['gain']:+.1%}; learned from {one['learned_from']['choices']:,} choices on "
            f"{one['learned_from']['pages']:,} pages"
        )
    console.print(f"median over the seeds {line['gain_median']:+.1%}")
    console.print(where_measured(line))
