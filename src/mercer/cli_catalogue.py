"""`mercer init`, `validate`, `ingest` and `rebuild`: the catalogue from the command line."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mercer.cli_foreign import (
    EventFormat,
    FormatOption,
    ListingUrl,
    ViewsAsClicks,
    foreign_opener,
)
from mercer.cli_words import PLAIN_EVERY_S, AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import MappingError, NotFoundError

if TYPE_CHECKING:
    from mercer.engines.embedded.ingest import IngestReport, OnProgress
    from mercer.schema.fields import RowKind
    from mercer.schema.mapping import SourceMap

app = typer.Typer(no_args_is_help=True)


class Kind(StrEnum):
    """What the rows of the files are."""

    LISTINGS = "listings"
    SELLERS = "sellers"
    EVENTS = "events"


Files = Annotated[
    list[Path],
    typer.Argument(help="JSONL, CSV, TSV (also .gz, .zst) or Parquet.", metavar="FILE..."),
]
MapFile = Annotated[
    Path | None, typer.Option("--map", help="TOML: which column feeds which field.")
]
KindOption = Annotated[Kind, typer.Option("--kind", help="What the rows are.")]


@app.command("init")
def init_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    as_json: AsJson = False,
) -> None:
    """Make a folder a market, with a commented mercer.toml.

    Examples:

        mercer init shop
    """
    with told("init"):
        MarketFolder(folder).create()
    say(
        {"market": str(folder)},
        f"{folder} is a market now; its choices are in {folder / 'mercer.toml'}",
        as_json=as_json,
    )


@app.command("ingest")
def ingest_command(
    files: Files,
    market: MarketDir = Path(),
    map_file: MapFile = None,
    kind: KindOption = Kind.LISTINGS,
    form: FormatOption = EventFormat.MERCER,
    views_as_clicks: ViewsAsClicks = False,
    listing_url: ListingUrl = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the listings that the rows name.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take listings, sellers or events in; bad rows are set aside with their reason.

    Examples:

        mercer ingest listings.jsonl --market shop
        mercer ingest --map examples/icecat.toml products.parquet attributes.parquet --market shop
        mercer ingest sellers.csv --kind sellers --market shop
        mercer ingest events.jsonl.gz --kind events --market shop
        mercer ingest events_20260131.parquet --kind events --format ga4 --market shop
    """
    from mercer.engines.embedded.ingest import IngestJob, ingest
    from mercer.engines.embedded.store import open_store

    folder = MarketFolder(market)
    rows = _row_kind(kind, delete=delete)
    foreign = foreign_opener(
        form,
        views=views_as_clicks,
        listing_url=listing_url,
        is_events=kind is Kind.EVENTS,
        has_map=map_file is not None,
    )
    with told("ingest"):
        source_map = _map(map_file)
        _check_files(files)
        with open_store(folder) as store, _progress() as on_progress:
            job = IngestJob(
                paths=files,
                kind=rows,
                source_map=source_map,
                currency=store.config.rates.reporting,
                now_ms=time.time_ns() // 1_000_000,
                rejects=folder.rejects,
                open_foreign=foreign,
            )
            report = ingest(job, store=store, on_progress=on_progress)
            listings = store.catalogue.count()
    _show(report, as_json=as_json, more={"listings": listings})
    if report.failed_files or (report.rejected and not report.accepted):
        raise typer.Exit(1)


@app.command("validate")
def validate_command(
    files: Files,
    market: MarketDir = Path(),
    map_file: MapFile = None,
    kind: KindOption = Kind.LISTINGS,
    form: FormatOption = EventFormat.MERCER,
    views_as_clicks: ViewsAsClicks = False,
    listing_url: ListingUrl = None,
    delete: Annotated[bool, typer.Option("--delete", help="Judge as `ingest --delete`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what `ingest` would set aside, and why; nothing is written.

    Examples:

        mercer validate listings.jsonl --market shop
    """
    from mercer.engines.embedded.ingest import IngestJob, ingest

    foreign = foreign_opener(
        form,
        views=views_as_clicks,
        listing_url=listing_url,
        is_events=kind is Kind.EVENTS,
        has_map=map_file is not None,
    )
    with told("validate"):
        folder = MarketFolder(market)
        # A file can be judged before there is a market; only the currency would come from it.
        currency = folder.config().rates.reporting if folder.config_file.exists() else "USD"
        job = IngestJob(
            paths=files,
            kind=_row_kind(kind, delete=delete),
            source_map=_map(map_file),
            currency=currency,
            now_ms=time.time_ns() // 1_000_000,
            open_foreign=foreign,
        )
        _check_files(files)
        with _progress() as on_progress:
            report = ingest(job, store=None, on_progress=on_progress)
    _show(report, as_json=as_json, more={})
    if not report.is_clean:
        raise typer.Exit(1)


@app.command("rebuild")
def rebuild_command(
    market: MarketDir = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only say what.")] = False,
    as_json: AsJson = False,
) -> None:
    """Drop the catalogue's tables and make them again from the log.

    Examples:

        mercer rebuild --market shop
        mercer rebuild --market shop --yes
    """
    from mercer.engines.embedded.store import open_store, rebuild

    with told("rebuild"), open_store(MarketFolder(market), recover=False) as store:
        before, end = store.catalogue.count(), store.log.end()
        if not yes:
            sys.stderr.write(
                f"mercer rebuild: would drop {before:,} listings and replay the log up to position "
                f"{end or 'start'}; add --yes to do it\n"
            )
            raise typer.Exit(2)
        began = time.perf_counter()
        n_records = rebuild(store)
        after, seconds = store.catalogue.count(), time.perf_counter() - began
    result = {"records": n_records, "listings": after, "listings_before": before}
    text = (
        f"{n_records:,} records replayed, {after:,} listings ({before:,} before), {seconds:.1f} s"
    )
    say(result | {"seconds": round(seconds, 3)}, text, as_json=as_json)


def _row_kind(kind: Kind, *, delete: bool) -> "RowKind":
    if not delete:
        return kind.value
    if kind is not Kind.LISTINGS:
        raise typer.BadParameter(f"only listings can be deleted, not {kind}", param_hint="--delete")
    return "deletions"


def _map(path: Path | None) -> "SourceMap":
    from mercer.schema.mapping import own_names, parse_map

    if path is None:
        return own_names()
    try:
        return parse_map(path.read_text(encoding="utf-8"), at=str(path))
    except OSError as fault:
        raise MappingError(f"{path} cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError as fault:
        raise MappingError(f"{path} is not UTF-8: {fault}") from None


def _check_files(files: list[Path]) -> None:
    """All files that are missing, in one sentence, before any work."""
    if missing := [str(path) for path in files if not path.is_file()]:
        raise NotFoundError(f"no such file: {', '.join(missing)}")


@contextmanager
def _progress() -> Iterator["OnProgress"]:
    """A bar on a terminal, a line every few seconds elsewhere; always on stderr."""
    if not sys.stderr.isatty():
        yield _plain_progress()
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        tasks: dict[Path, Any] = {}

        def on_progress(path: Path, done: int, total: int, rows: int) -> None:
            if path not in tasks:
                tasks[path] = bar.add_task(path.name, total=total, rows=0)
            bar.update(tasks[path], completed=done, rows=rows)

        yield on_progress


def _plain_progress() -> "OnProgress":
    last = time.monotonic()

    def on_progress(path: Path, done: int, total: int, rows: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PLAIN_EVERY_S:
            last = time.monotonic()
            share = 100 * done // max(1, total)
            sys.stderr.write(f"{path.name}: {share} %, {rows:,} rows\n")

    return on_progress


def _show(report: "IngestReport", *, as_json: bool, more: dict[str, int]) -> None:
    result = report.to_dict() | more
    if as_json:
        say(result, "", as_json=True)
        return
    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    # Without a writer nothing changed, so these two would mislead.
    hidden = () if more else ("changed", "unchanged")
    for name in ("read", "accepted", "changed", "unchanged", "rejected", "duplicates"):
        if name not in hidden:
            table.add_row(name, f"{result[name]:,}")
    if more:
        table.add_row("listings in the market", f"{more['listings']:,}")
    console.print(table)
    for words, n in report.reasons.most_common():
        console.print(f"{n:,} x {words}", markup=False)
    for one in report.examples:
        console.print(f"  {one.file}, row {one.row}: {one.reason}", markup=False)
    if report.ignored_columns:
        console.print(f"ignored columns: {', '.join(report.ignored_columns[:30])}", markup=False)
    if report.absent_columns:
        console.print(f"in the map but in no row: {', '.join(report.absent_columns)}", markup=False)
    for name, n in report.skipped.most_common(30):
        console.print(f"{n:,} x {name} is no event of a marketplace, skipped", markup=False)
    for path in report.rejects_files:
        console.print(f"set aside in {path}", markup=False)
    for fault in report.failed_files:
        console.print(fault, markup=False)
    console.print(f"{report.seconds:.1f} s, {result['rows_per_s']:,} rows/s")
