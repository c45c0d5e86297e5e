"""`mercer index`, `search` and `serve`: from the catalogue to answers."""

import dataclasses
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.retrieve.request import Mode, SearchRequest, SearchResponse, Sort
from mercer.schema.errors import InputError, NotFoundError

app = typer.Typer(no_args_is_help=True)


class Steps:
    """Tells on stderr what a build is at."""

    def __init__(self, command: str = "index") -> None:
        self._command = command
        self._bar: Bar | None = None
        self._task: Any = None
        if sys.stderr.isatty():
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task("reading")

    def __enter__(self) -> "Steps":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, step: str, n: int) -> None:
        """Called by the build after each step."""
        if self._bar:
            self._bar.update(self._task, description=f"{step}: {n:,} listings")
        elif step not in ("read", "written"):
            sys.stderr.write(f"mercer {self._command}: {step} done, {n:,} listings\n")


@app.command("index")
def index_command(market: MarketDir = Path(), as_json: AsJson = False) -> None:
    """Build the index of everything that is for sale, and let it serve.

    Searches go on over the old index until the new one is complete. While `mercer serve` runs this is
    not needed: it takes changes in as they come and merges them by itself.

    Examples:

        mercer index --market shop
        mercer index --market shop --json
    """
    from mercer.app_index import index_market
    from mercer.engines.embedded.market_folder import MarketFolder
    from mercer.engines.embedded.store import open_store

    began, folder = time.monotonic(), MarketFolder(market)
    with told("index"), open_store(folder) as store, Steps() as steps:
        name, n = index_market(store, folder, progress=steps)
    seconds = round(time.monotonic() - began, 2)
    say(
        {"generation": name, "listings": n, "seconds": seconds},
        f"{n:,} listings are searchable, in generation {name}; {seconds} s",
        as_json=as_json,
    )


@app.command("search")
def search_command(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What a buyer types.")],
    market: MarketDir = Path(),
    filter_text: Annotated[
        str, typer.Option("--filter", help="As in docs/reference/filter.md.")
    ] = "",
    facets: Annotated[
        list[str] | None, typer.Option("--facet", help="A field to count; * for the usual ones.")
    ] = None,
    mode: Annotated[str, typer.Option(help="lexical, semantic or hybrid.")] = "hybrid",
    sort: Annotated[
        str, typer.Option(help="relevance, newest, price_asc or price_desc.")
    ] = "relevance",
    page: Annotated[int, typer.Option(help="From 1.")] = 1,
    per_page: Annotated[int, typer.Option(help="Hits of a page.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Search from the command line, with what was understood and how long each stage took.

    Examples:

        mercer search "white ceramic mug under 20" --market shop
        mercer search "boots" --filter 'color IN ["brown", "black"] AND price < 90' --facet material
    """
    from typing import cast, get_args

    from mercer.app import open_market

    for given, allowed, name in ((mode, get_args(Mode), "mode"), (sort, get_args(Sort), "sort")):
        if given not in allowed:
            raise typer.BadParameter(f"{given!r}; allowed: {', '.join(allowed)}", param_hint=name)
    request = SearchRequest(
        q=query,
        filter=filter_text,
        facets=tuple(facets or ()),
        sort=cast(Sort, sort),
        mode=cast(Mode, mode),
        page=page,
        per_page=per_page,
    )
    with told("search", words=(InputError, NotFoundError)):
        response = open_market(market).search(request)
    if as_json:
        found = dataclasses.asdict(response)
        for hit in found["hits"]:
            hit["document"] = dict(hit["document"])  # it is kept as JSON until it is read
        say(found, "", as_json=True)
    else:
        _show(response)


def _show(response: SearchResponse) -> None:
    from mercer.serve.explain.words import understood_words

    console = Console()
    table = Table("#", "listing", "title", "price", "score", "by")
    for hit in response.hits:
        price, document = hit.document["price_micros"], hit.document
        shown = "" if price is None else f"{price / 1e6:,.2f} {document['currency']}"
        table.add_row(
            str(hit.position), hit.listing_id, document["title"][:70], shown,
            f"{hit.score:.3f}", "+".join(hit.sources),
        )  # fmt: skip
    console.print(f"{response.found:,} found in {response.search_time_ms:.1f} ms")
    if response.did_you_mean:
        is_used = bool(response.understood.get("corrections"))
        words = "understood as" if is_used else "did you mean"
        console.print(f"{words}: {response.did_you_mean}")
    console.print("understood: " + "; ".join(understood_words(response.understood)))
    if response.hits:
        console.print(table)
    elif response.found:
        console.print(f"Page {response.page} is past the end.")
    else:
        console.print("Nothing found.")
    for dropped in response.degraded:
        console.print(f"dropped: {dropped}")
    for name, values in response.facet_counts.items():
        console.print(f"{name}: " + ", ".join(f"{v.value} ({v.count:,})" for v in values[:10]))
    stages = (f"{name} {took_us / 1e3:.1f}" for name, took_us in response.timings_us.items())
    console.print("ms by stage: " + ", ".join(stages))


@app.command("serve")
def serve_command(
    market: MarketDir = Path(),
    host: Annotated[
        str, typer.Option(help="A loopback address; any address once the market has keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8100,
    workers: Annotated[
        int, typer.Option(help="Processes that answer requests; from 2 on each is a reader.")
    ] = 1,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="A name by which it is reached, beside localhost."),
    ] = None,
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option("--trust-proxy", help="An address or network that may say who the client is."),
    ] = None,
) -> None:
    """Serve the API and the pages of a market until stopped.

    One worker owns the market and answers in one process. With more, a process owns it, each worker
    answers over the same index, and all are started again when they end. A learner runs beside them.

    Without any key it serves this machine only, and allows everything; see `mercer keys`.

    Examples:

        mercer serve --market shop
        mercer serve --market shop --workers 2
        mercer serve --market shop --host 0.0.0.0 --allow-host shop.example --trust-proxy 10.0.0.0/8
    """
    from mercer.app import access_note
    from mercer.serving import Front, serve_market

    def ready(url: str) -> None:
        typer.echo(f"Mercer serves {market} at {url}; {access_note(market)}", err=True)

    front = Front(
        host=host, allow_hosts=tuple(allow_host or ()), trust_proxies=tuple(trust_proxy or ())
    )
    with told("serve"), Steps() as steps:
        serve_market(
            market, front, port=port, workers=workers, progress=steps, on_ready=ready,
        )  # fmt: skip
