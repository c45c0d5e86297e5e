"""`mercer demo`: a synthetic market to look at, in one command."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from mercer.cli_search import Steps
from mercer.cli_words import AsJson, say, told

HOST = "127.0.0.1"
SEED = 1

app = typer.Typer(no_args_is_help=True)


@app.command("demo")
def demo_command(
    market: Annotated[
        Path, typer.Option("--market", help="A new or empty folder, or that of an earlier demo.")
    ] = Path("demo-market"),
    listings: Annotated[int, typer.Option(help="How many listings the market has.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Another one makes another market.")] = SEED,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8100,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Make and index the market, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a synthetic craft market, index it, and serve it until stopped.

    Run again, what is there is served as it is: nothing is generated or indexed twice.
    A folder that holds anything else is left alone.

    Examples:

        mercer demo
        mercer demo --market /tmp/big --listings 200000 --port 0
        mercer demo --market /tmp/small --listings 300 --no-serve --json
    """
    from mercer.demo import ensure_market, queries_to_try
    from mercer.serving import Front, serve_market

    began = time.monotonic()
    with told("demo"):
        with Steps("demo") as steps:
            made = ensure_market(
                market, n_listings=listings, seed=seed, name="Mercer demo", progress=steps
            )
        queries = queries_to_try(n_listings=listings, seed=seed)
        result: dict[str, Any] = {
            "market": str(market),
            "listings": made.listings,
            "seed": seed,
            "written": made.wrote,
            "indexed": made.indexed,
            "queries": queries,
        }

        def report(url: str | None) -> None:
            seconds = round(time.monotonic() - began, 2)
            more = {"seconds": seconds} | ({"url": url} if url else {})
            say(result | more, _told(result | more), as_json=as_json)

        if no_serve:
            report(None)
        else:
            serve_market(market, Front(host=HOST), port=port, on_ready=report)


def _told(result: dict[str, Any]) -> str:
    """What a person reads."""
    state = "made and indexed" if result["written"] else "was there already"
    lines = [
        f"{result['listings']:,} listings in {result['market']}, {state}; {result['seconds']} s"
    ]
    if "url" in result:
        lines.append(f"Open {result['url']}; Ctrl-C stops it.")
    if result["queries"]:
        lines += ["Try:", *(f"  {query}" for query in result["queries"])]
    return "\n".join(lines)
