"""`mercer explain`: why a page looks as it does, and why a listing is not on it."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mercer.cli_catalogue import AsJson, MarketDir, say, told
from mercer.schema.errors import NotFoundError

if TYPE_CHECKING:  # these load the search, which `mercer --help` need not wait for
    from mercer.serve.explain import HitWhy, ListingWhy, PageWhy

app = typer.Typer(no_args_is_help=True)


@app.command("explain")
def explain_command(
    page_id: Annotated[str, typer.Argument(metavar="PAGE", help="The page_id of a served page.")],
    listing_id: Annotated[
        str | None,
        typer.Argument(metavar="[LISTING]", help="Why is it, or is it not, on the page?"),
    ] = None,
    market: MarketDir = Path(),
    as_json: AsJson = False,
) -> None:
    """Explain a page that was served: what was understood, why each hit matched, what it scored.

    With a listing that is not on the page: at which stage it left the way there, and by how much.
    What the page's record has is told as it was; the rest is evaluated on the index as it stands, and
    the answer says so.

    Examples:

        mercer explain 0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e --market shop
        mercer explain 0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e mug-18 --market shop --json
    """
    from mercer.app import open_market

    with told("explain", words=(NotFoundError,)):
        why = open_market(market).explain(page_id, listing_id)
    if as_json:
        say(dataclasses.asdict(why), "", as_json=True)
    else:
        _show(why)


def _show(why: "PageWhy") -> None:
    console = Console()
    served = datetime.fromtimestamp(why.served_ms / 1e3, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    asked = escape(why.q) if why.q else "(everything)"
    console.print(f"[bold]{asked}[/bold]  {why.surface} page of {served}, {why.found:,} found")
    if why.understood:
        console.print("understood: " + escape("; ".join(why.understood)))
    if shown := _options(why):
        console.print("asked with: " + escape(shown))
    for dropped in why.dropped:
        console.print("dropped: " + escape(dropped))
    if why.hits:
        console.print(_hits(why))
    else:
        console.print("Nothing was shown.")
    if why.n_candidates is not None:
        console.print(f"{why.n_candidates:,} candidates were scored")
    models = ", ".join(why.models) or "none"
    console.print(
        f"generation {why.generation}, catalogue version {why.catalogue_version:,}, models {models}"
    )
    stages = ", ".join(f"{name} {us / 1e3:.1f}" for name, us in why.timings_us.items())
    console.print(f"ms by stage: {stages} (all {why.took_us / 1e3:.1f})")
    console.print(f"[dim]{escape(why.note)}[/dim]")
    if why.listing is not None:
        _show_listing(console, why.listing)


def _options(why: "PageWhy") -> str:
    """What was asked beyond the words, where it is not the default."""
    names = ("filter", "sort", "mode", "page", "per_seller")
    plain = ("", "relevance", "hybrid", 1, None)
    pairs = zip(names, plain, strict=True)
    return "; ".join(
        f"{name} {why.request[name]}"
        for name, value in pairs
        if why.request.get(name, value) != value
    )


def _hits(why: "PageWhy") -> Table:
    names = [part.name for part in max((hit.parts for hit in why.hits), key=len)]
    table = Table("#", "listing", "title", "has words", "by", "cosine", "score", *names)
    for hit in why.hits:
        values = {part.name: part.value for part in hit.parts}
        table.add_row(
            str(hit.position),
            escape(hit.listing_id),
            escape(hit.title[:40]) if hit.is_there else "[dim](gone by now)[/dim]",
            _words(hit),
            "+".join(hit.sources) or "order",
            "" if hit.cosine is None else f"{hit.cosine:.3f}",
            f"{hit.score:.4f}",
            *(f"{values[name]:+.3f}" if name in values else "" for name in names),
        )
    return table


def _words(hit: "HitWhy") -> str:
    had = [escape(w.word) if w.is_had else f"[strike dim]{escape(w.word)}[/]" for w in hit.words]
    return " ".join([*had, *(f"({escape(text)})" for text in hit.attributes)])


def _show_listing(console: Console, found: "ListingWhy") -> None:
    console.print()
    title = f": {escape(found.title)}" if found.title else ""
    console.print(f"[bold]{escape(found.listing_id)}[/bold]{title}")
    for step in found.steps:
        mark = {"passed": "[green]ok[/green]", "stopped": "[red]no[/red]", "not_reached": ".."}
        console.print(f"  {mark[step.outcome]}  {step.name}")
    console.print(escape(found.sentence))
    if found.parts:
        table = Table("part of the score", "this listing", "the last one shown", "behind by")
        for part in found.parts:
            table.add_row(
                part.words, f"{part.value:.4f}", f"{part.last_shown:.4f}", f"{part.gap:+.4f}"
            )
        console.print(table)
    if found.basis == "now":
        console.print(
            "[dim]Evaluated on the index as it is now, which did not serve the page.[/dim]"
        )
