"""`mercer log tail|stats|verify|export|compact|retain`: what the log of a market holds."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_words import PLAIN_EVERY_S, AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.time import DAY_MS, iso

_WIDTH = 110  # of a table
POLL_S = 0.3  # of `tail --follow`

app = typer.Typer(no_args_is_help=True, help="Look into the log, check it, export it, shorten it.")


class RecordKindOption(StrEnum):
    """What the rows are."""

    LISTINGS = "listings"
    DELETIONS = "deletions"
    SELLERS = "sellers"
    CAMPAIGNS = "campaigns"
    RULES = "rules"
    EVENTS = "events"
    PAGES = "pages"
    ERASURES = "erasures"


class Format(StrEnum):
    """Of an exported file."""

    PARQUET = "parquet"
    AVRO = "avro"


DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@contextmanager
def _reading(market: Path) -> Iterator[tuple[MarketFolder, Any]]:
    """The log of a market for reading, also while another process owns it."""
    from mercer.engines.embedded.log.market_log import EmbeddedLog

    folder = MarketFolder(market)
    folder.config()  # a folder that is no market is told as such
    log = EmbeddedLog(folder.log, is_owner=False)
    try:
        yield folder, log
    finally:
        log.close()


@app.command("tail")
def tail_command(
    market: MarketDir = Path(),
    kind: Annotated[
        list[RecordKindOption] | None,
        typer.Option("--kind", help="Only these; may be given several times."),
    ] = None,
    rows: Annotated[int, typer.Option("-n", min=0, help="So many of the last rows.")] = 10,
    follow: Annotated[
        bool, typer.Option("--follow", help="Then those that come, until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the newest rows of the log, oldest first.

    With --json, one object with all rows; with --follow too, each later row is an object on its line.

    Examples:

        mercer log tail --market shop
        mercer log tail --kind events --kind pages -n 50 --market shop
        mercer log tail --kind events --follow --market shop
    """
    from mercer.engines.embedded.log.log_tail import TailRow, last_rows
    from mercer.engines.embedded.log.log_tail import follow as coming
    from mercer.events.log import RECORD_KINDS

    wanted = tuple(one for one in RECORD_KINDS if not kind or one in [k.value for k in kind])

    def show(row: TailRow) -> None:
        text = json.dumps(row.to_dict(), allow_nan=False) if as_json else _line(row)
        sys.stdout.write(text + "\n")

    with told("log tail"), _reading(market) as (_, log):
        end = log.end(kinds=wanted)
        found = last_rows(log, kinds=wanted, n=rows)
        if as_json:
            say({"rows": [row.to_dict() for row in found]}, "", as_json=True)
        else:
            for row in found:
                show(row)
            if not found and not follow:
                sys.stdout.write("the log has no such row yet\n")
        if not follow:
            return
        sys.stdout.flush()
        try:
            for one in coming(log, kinds=wanted, after=end):
                if one is None:
                    sys.stdout.flush()
                    time.sleep(POLL_S)
                else:
                    show(one)
        except KeyboardInterrupt:
            return


def _line(one: Any) -> str:
    """A row as a person reads it."""
    return f"{iso(one.time_ms)}  {one.kind:<9}  {_SUMMARY[one.kind](one.row)}"


def _event_words(row: Any) -> str:
    words = [row["kind"], row["listing_id"], f"visitor={row['visitor_id'] or '-'}"]
    words += [f"page={row['page_id']}"] if row["page_id"] else []
    words += [f"position={row['position']}"] if row["position"] else []
    words += [row["standing"]] if row["standing"] != "none" else []
    return " ".join(words)


def _page_words(row: Any) -> str:
    degraded = f" degraded: {'; '.join(row['degraded'])}" if row["degraded"] else ""
    return (
        f"{row['surface']} {row['q']!r} found={row['found']} shown={len(row['shown'])} "
        f"{row['took_us'] / 1000:.1f} ms page={row['page_id']}{degraded}"
    )


_SUMMARY: dict[str, Callable[[Any], str]] = {
    "listings": lambda row: f"{row['listing_id']} {row['title']!r}",
    "deletions": lambda row: str(row["listing_id"]),
    "sellers": lambda row: f"{row['seller_id']} {row['name']!r}",
    "campaigns": lambda row: f"{row['campaign_id']} {row['name']!r}",
    "rules": lambda row: f"{row['rule_id']} {row['action']}",
    "events": _event_words,
    "pages": _page_words,
    "erasures": lambda row: f"visitor={row['visitor_id']}",
}


@app.command("stats")
def stats_command(market: MarketDir = Path(), as_json: AsJson = False) -> None:
    """Say how much the log holds, from when to when, and how far its consumers have read.

    Examples:

        mercer log stats --market shop
        mercer log stats --market shop --json
    """
    from mercer.engines.embedded.log.log_stats import consumer_stats, kind_stats

    with told("log stats"), _reading(market) as (folder, log):
        kinds = kind_stats(folder.log, log)
        consumers = consumer_stats(folder.path / "views", log)
    pages = [one for one in kinds if one.kind == "pages"]
    n_pages = sum(one.n_rows for one in pages)
    result = {
        "rows": sum(one.n_rows for one in kinds),
        "bytes": sum(one.n_bytes for one in kinds),
        "bytes_per_page": round(sum(one.n_bytes for one in pages) / n_pages) if n_pages else None,
        "kinds": [dataclasses.asdict(one) for one in kinds],
        "consumers": [dataclasses.asdict(one) for one in consumers],
    }
    if as_json:
        say(result, "", as_json=True)
        return
    console = Console(highlight=False, soft_wrap=True)
    if not kinds:
        console.print("the log is empty")
        return
    console.width = max(console.width, _WIDTH)  # a cell that is cut or folded says nothing
    table = Table(box=None, pad_edge=False)
    for name in ("partition", "kind"):
        table.add_column(name, no_wrap=True)
    for name in ("rows", "bytes", "bytes/row", "first", "last"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in kinds:
        per_row = f"{one.n_bytes / one.n_rows:,.0f}"
        times = (_day(one.first_ms), _day(one.last_ms))
        table.add_row(
            one.partition, one.kind, f"{one.n_rows:,}", f"{one.n_bytes:,}", per_row, *times
        )
    console.print(table)
    for reader in consumers:
        console.print(f"consumer {reader.name}: {reader.lag:,} rows behind", markup=False)


def _day(time_ms: int | None) -> str:
    return (
        "-" if time_ms is None else f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M}"
    )


@app.command("verify")
def verify_command(market: MarketDir = Path(), as_json: AsJson = False) -> None:
    """Read the whole log and say what is damaged: checksums, gaps, order.

    Exit status 1 where anything is. Works beside a running server.

    Examples:

        mercer log verify --market shop
    """
    from mercer.engines.embedded.log.log_check import check_log

    with told("log verify"), _reading(market) as (folder, log):
        found = check_log(folder.log, log, progress=_told_rows("verify"))
    text = (
        f"{found.n_records:,} records with {found.n_rows:,} rows, {found.n_pages:,} pages in "
        f"{found.n_page_files:,} files ({found.n_erased:,} removed on purpose); "
        f"{len(found.faults) or 'no'} faults"
    )
    say(found.to_dict(), "\n".join([*found.faults, text]), as_json=as_json)
    if found.faults:
        raise typer.Exit(1)


def _told_rows(command: str) -> Callable[[str, int], None]:
    last = time.monotonic()

    def progress(name: str, n: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PLAIN_EVERY_S:
            last = time.monotonic()
            sys.stderr.write(f"mercer log {command}: {name}: {n:,} rows\n")

    return progress


@app.command("export")
def export_command(
    kind: Annotated[RecordKindOption, typer.Option("--kind", help="Which records.")],
    out: Annotated[Path, typer.Option("--out", help="A new file.")],
    market: MarketDir = Path(),
    file_format: Annotated[Format, typer.Option("--format", help="Of the file.")] = Format.PARQUET,
    as_json: AsJson = False,
) -> None:
    """Write all rows of one kind to a file.

    Examples:

        mercer log export --kind events --out events.parquet --market shop
        mercer log export --kind pages --format avro --out pages.avro --market shop
    """
    from mercer.engines.embedded.log.log_export import export

    tell = _told_rows("export")
    with told("log export"), _reading(market) as (_, log):
        n = export(
            log,
            kind.value,
            out,
            format_name=file_format.value,
            progress=lambda n: tell(kind.value, n),
        )
    result = {"rows": n, "file": str(out), "format": file_format.value, "bytes": out.stat().st_size}
    say(result, f"{n:,} rows in {out}, {result['bytes']:,} bytes", as_json=as_json)


@app.command("compact")
def compact_command(
    market: MarketDir = Path(),
    catalogue: Annotated[
        bool,
        typer.Option(
            "--catalogue",
            help="Also remove all versions but the newest of each listing, seller, campaign and "
            "rule; no server may run.",
        ),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Seal the closed journals of pages into compressed segments, whatever their size.

    A running server does it by itself when they are large or an hour old; no page is lost. With
    --catalogue older versions of what the catalogue says are removed; what is searched stays the same.

    Examples:

        mercer log compact --dry-run --market shop
        mercer log compact --market shop
        mercer log compact --catalogue --dry-run --market shop
    """
    with told("log compact"):
        folder = MarketFolder(market)
        report = _kept(folder, seal_all=True, dry_run=dry_run)
        dropped = _compacted(folder, dry_run=dry_run) if catalogue else None
    result = {
        "dry_run": dry_run,
        "sealed_journals": report.sealed_journals,
        "sealed_pages": report.sealed_pages,
        "catalogue": dropped and dataclasses.asdict(dropped),
        "faults": report.faults,
    }
    would = "would be " if dry_run else ""
    text = f"{report.sealed_pages:,} pages of {report.sealed_journals:,} journals {would}sealed"
    if dropped is not None:
        text += (
            f"\n{dropped.n_dropped:,} of {dropped.n_rows:,} rows of the catalogue {would}removed, "
            f"{dropped.n_blanked:,} {would}reduced to their key"
        )
    say(result, "\n".join([*report.faults, text]), as_json=as_json)
    if report.faults:
        raise typer.Exit(1)


def _compacted(folder: MarketFolder, *, dry_run: bool) -> Any:
    """What a compaction of the catalogue's records removed, or would; up to where the view stands."""
    from mercer.engines.embedded.store import open_store

    if dry_run:
        with _reading(folder.path) as (_, log):
            return log.compact(log.end(), is_dry_run=True)
    with open_store(folder) as store:
        return store.log.compact(store.catalogue.position())


def _kept(
    folder: MarketFolder, *, seal_all: bool = False, dry_run: bool, keep_days: int | None = None
) -> Any:
    """One run of the keeper of the pages."""
    from mercer.engines.embedded.log.keeper import Keeper

    keeper = Keeper(folder.log, keep_days=keep_days or folder.config().log.keep_days)
    return keeper.run(now_ms=_now_ms(), seal_all=seal_all, dry_run=dry_run)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@app.command("retain")
def retain_command(
    market: MarketDir = Path(),
    keep_days: Annotated[
        int | None,
        typer.Option(min=1, help="Instead of `log.keep_days` of mercer.toml, for this once."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove pages, events and files of rejects that are older than the market keeps them.

    A running server does it by itself once an hour; then the events are left to it.

    Examples:

        mercer log retain --dry-run --market shop
        mercer log retain --keep-days 90 --market shop
    """
    from mercer.engines.embedded.rejects import expire_rejects

    with told("log retain"):
        folder = MarketFolder(market)
        days = keep_days or folder.config().log.keep_days
        n_events, by_server = _expired_events(folder, days, dry_run=dry_run)
        report = _kept(folder, dry_run=dry_run, keep_days=days)
        before_s = time.time() - days * DAY_MS / 1_000
        n_files = expire_rejects(folder.rejects, before_s=before_s, dry_run=dry_run)
    result = {
        "dry_run": dry_run,
        "keep_days": days,
        "events": n_events,
        "events_left_to_server": by_server,
        "pages": report.expired_pages,
        "rejects_files": n_files,
        "faults": report.faults,
    }
    would = "would be " if dry_run else ""
    text = f"{n_events:,} events and {report.expired_pages:,} pages {would}removed"
    if n_files:
        text += f", and {n_files:,} files of rejects"
    if by_server:
        text += "; the events are left to the process that owns the market"
    say(result, "\n".join([*report.faults, text]), as_json=as_json)
    if report.faults:
        raise typer.Exit(1)


def _expired_events(folder: MarketFolder, days: int, *, dry_run: bool) -> tuple[int, bool]:
    """How many events went, and whether the owner of the market has to remove them."""
    from mercer.engines.embedded.store import open_store
    from mercer.schema.errors import MarketBusyError

    before_ms = _now_ms() - days * DAY_MS
    if dry_run:
        with _reading(folder.path) as (_, log):
            return log.events.n_before(before_ms=before_ms), False
    try:
        with open_store(folder) as store:
            return store.log.events.expire(before_ms=before_ms), False
    except MarketBusyError:
        return 0, True
