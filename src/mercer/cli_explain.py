"""`mercer explain`: why a page looks as it does, and why a listing is not on it."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.schema.errors import NotFoundError

if TYPE_CHECKING:  # these load the search, which `mercer --help` need not wait for
    from mercer.serve.explain.explain import HitWhy, ListingWhy, PageWhy
    from mercer.serve.explain.ranking_why import Comparison, StageScore

TOP = 8  # features that a table has; --json has all

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
    With one that is on the page: by which features, or parts of the score, those above it are ahead.
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
    if why.ranking is not None:
        for fault in why.ranking.faults:
            console.print(f"[yellow]{escape(fault)}[/yellow]")
        if why.ranking.base is not None:
            console.print(f"the model's score is {why.ranking.base:+.4f} plus the contributions")
    stages = ", ".join(f"{name} {us / 1e3:.1f}" for name, us in why.timings_us.items())
    console.print(f"ms by stage: {stages} (all {why.took_us / 1e3:.1f})")
    console.print(f"[dim]{escape(why.note)}[/dim]")
    if why.listing is not None:
        is_ranked = why.ranking is not None and bool(why.ranking.model)
        of = "feature" if is_ranked else "part of the score"
        _show_listing(console, why.listing, of=of)


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
    table = Table("#", "listing, and what speaks for it", "score", show_lines=True, expand=True)
    table.columns[0].justify = table.columns[2].justify = "right"
    table.columns[2].no_wrap = True
    for hit in why.hits:
        title = escape(hit.title) if hit.is_there else "[dim](gone by now)[/dim]"
        lines = [f"[bold]{escape(hit.listing_id)}[/bold]  {title}", _found_by(hit), _parts(hit)]
        lines += [_stages(hit.stages), _features(hit)]
        score = f"{hit.score:.4f}" if hit.parts or hit.score else ""
        table.add_row(str(hit.position), "\n".join(line for line in lines if line), score)
    return table


def _found_by(hit: "HitWhy") -> str:
    """The words it has and lacks, attributes, cosine."""
    by = {"lexical": "words", "semantic": "meaning"}
    said = [f"by {' and '.join(by[source] for source in hit.sources)}"] if hit.sources else []
    if had := [w.word for w in hit.words if w.is_had]:
        said.append(f"has {escape(', '.join(had))}")
    if missing := [w.word for w in hit.words if not w.is_had]:
        said.append(f"lacks {escape(', '.join(missing))}")
    said += [escape(text) for text in hit.attributes]
    if hit.cosine is not None:
        said.append(f"cosine {hit.cosine:.3f}")
    return "; ".join(said)


def _parts(hit: "HitWhy") -> str:
    """The terms of its score, the empty ones left out."""
    return "  ".join(f"{p.name} {p.value:+.3f}" for p in hit.parts if abs(p.value) >= 0.0005)


def _stages(stages: "tuple[StageScore, ...]") -> str:
    """What each stage made of it."""
    return "  ".join(
        f"{escape(one.words)} {'-' if one.score is None else f'{one.score:.4f}'}"
        + ("" if one.place is None else f" (place {one.place:,})")
        for one in stages
    )


def _features(hit: "HitWhy") -> str:
    """What contributed most, with its value."""
    return "  ".join(
        f"{one.name} {one.contribution:+.4f} ({_value(one.value)})"
        for one in hit.features[:TOP]
        if one.contribution
    )


def _value(value: float | None) -> str:
    return "missing" if value is None else f"{value:.4g}"


def _compared(one: "Comparison", *, of: str = "feature") -> Table | None:
    """The features, or parts of the score, by which another listing differs most; None where in none."""
    table = Table(of, "this listing", escape(one.listing_id), "behind by")
    differ = [
        gap
        for gap in one.features
        if gap.gap
        or (gap.gap is None and gap.value != gap.other_value)  # None: nothing scored both
    ]
    for gap in differ[:TOP]:
        behind = "" if gap.gap is None else f"{gap.gap:+.4f}"
        table.add_row(gap.name, _value(gap.value), _value(gap.other_value), behind)
    return table if differ else None


def _show_listing(console: Console, found: "ListingWhy", *, of: str) -> None:
    console.print()
    title = f": {escape(found.title)}" if found.title else ""
    console.print(f"[bold]{escape(found.listing_id)}[/bold]{title}")
    for step in found.steps:
        mark = {"passed": "[green]ok[/green]", "stopped": "[red]no[/red]", "not_reached": ".."}
        console.print(f"  {mark[step.outcome]}  {step.name}")
    console.print(escape(found.sentence))
    if found.stages:
        console.print(_stages(found.stages))
    for one in found.comparisons:
        console.print(escape(one.sentence))
        if (table := _compared(one, of=of)) is not None:
            console.print(table)
    if found.parts:
        table = Table("part of the score", "this listing", "the last one shown", "behind by")
        for part in found.parts:
            gap = f"{part.gap:+.4f}" if abs(part.gap) >= 0.00005 else ""
            table.add_row(part.words, f"{part.value:.4f}", f"{part.last_shown:.4f}", gap)
        console.print(table)
    if found.basis == "now":
        console.print(
            "[dim]Evaluated on the index as it is now, which did not serve the page.[/dim]"
        )
