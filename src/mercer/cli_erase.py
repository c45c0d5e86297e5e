"""`mercer erase`: a visitor is forgotten, by the log and by what came from it."""

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.events.consumer import catch_up
from mercer.schema.errors import ConfigError, MarketBusyError

if TYPE_CHECKING:
    from mercer.engines.embedded.store import Store

WAIT_S = 30.0
_POLL_S = 0.2

app = typer.Typer(no_args_is_help=True)


@app.command("erase")
def erase_command(
    visitor: Annotated[str, typer.Option("--visitor", help="The visitor_id.")],
    market: MarketDir = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    wait_s: Annotated[
        float, typer.Option(min=0, help="So long for a server that owns the market.")
    ] = WAIT_S,
    as_json: AsJson = False,
) -> None:
    """Remove a visitor's events and pages from the log, and what was derived from them.

    The pages are hidden at once. Beside a running server the order is left for it to carry out, and
    pages that it just wrote go when their journal is sealed, minutes later.

    Examples:

        mercer erase --visitor v-4711 --dry-run --market shop
        mercer erase --visitor v-4711 --market shop
    """
    now_ms = time.time_ns() // 1_000_000
    with told("erase"):
        if not visitor:
            raise ConfigError("--visitor is empty; name the visitor_id to be forgotten")
        folder = MarketFolder(market)
        folder.config()
        result = _footprint(folder, visitor, now_ms)
        if not dry_run:
            result |= _erased(folder, visitor, now_ms, wait_s=wait_s)
    say(
        result | {"visitor_id": visitor, "dry_run": dry_run},
        _text(result, dry_run),
        as_json=as_json,
    )


def _footprint(folder: MarketFolder, visitor: str, now_ms: int) -> dict[str, Any]:
    from mercer.engines.embedded.log.erase import footprint
    from mercer.engines.embedded.log.market_log import EmbeddedLog
    from mercer.engines.embedded.rejects import forget_rejects

    log = EmbeddedLog(folder.log, is_owner=False)
    try:
        found = footprint(log, {visitor: now_ms})
    finally:
        log.close()
    rejects = forget_rejects(folder.rejects, visitor, dry_run=True)
    return {"events": found.n_events, "pages": found.n_pages, "rejects": rejects}


def _erased(folder: MarketFolder, visitor: str, now_ms: int, *, wait_s: float) -> dict[str, Any]:
    """Do it as the owner, or leave it to the owner; whether it is finished, and what waits."""
    from mercer.engines.embedded.log.erase import is_finished, is_recorded, record_erasures
    from mercer.engines.embedded.log.erased import ErasedVisitors
    from mercer.engines.embedded.log.keeper import Keeper
    from mercer.engines.embedded.log.recent_file import forget_seen
    from mercer.engines.embedded.rejects import forget_rejects
    from mercer.engines.embedded.store import open_store

    ErasedVisitors(folder.log).add(visitor, erased_ms=now_ms)
    forget_rejects(folder.rejects, visitor)
    forget_seen(folder.run, {visitor: now_ms})
    by_server = False
    try:
        with open_store(folder) as store:
            record_erasures(store.log, now_ms=now_ms, late_ms=0)
            _tell_views(folder, store)
    except MarketBusyError:
        by_server = True
        until = time.monotonic() + wait_s
        while not is_recorded(folder.log, visitor) and time.monotonic() < until:
            time.sleep(_POLL_S)
    keeper = Keeper(folder.log, keep_days=folder.config().log.keep_days)
    try:
        faults = keeper.run(now_ms=time.time_ns() // 1_000_000, seal_all=True).faults
    except MarketBusyError:  # the server's own keeper is at it
        faults = []
    return {
        "is_recorded": is_recorded(folder.log, visitor),
        "is_finished": is_finished(folder.log, [visitor]),
        "by_server": by_server,
        "faults": faults,
    }


def _tell_views(folder: MarketFolder, store: "Store") -> None:
    """Let the views that there are read the erasure now; a server's learner is not running."""
    from mercer.app_learner import consumers_of, counters_of
    from mercer.engines.embedded.counters.keeper import FOLDER

    if not folder.views.exists():
        return
    if (folder.views / FOLDER).exists():
        with closing(counters_of(folder, store.config, store.log)) as counters:
            counters.catch_up()
    for consumer in consumers_of(folder, store.config):
        with closing(consumer):
            catch_up(consumer, store.log)


def _text(result: dict[str, Any], dry_run: bool) -> str:
    counted = f"{result['events']:,} events and {result['pages']:,} pages"
    if result["rejects"]:
        counted = f"{counted}, and {result['rejects']:,} rows that were set aside,"
    if dry_run:
        return f"{counted} would be removed"
    if result["is_finished"]:
        return "\n".join([*result["faults"], f"{counted} removed"])
    if result["is_recorded"]:
        rest = "the pages are hidden, and go when the server's open journal is sealed"
    else:
        rest = "the order is written down; the process that owns the market has not taken it up yet"
    return "\n".join([*result["faults"], f"{counted}: {rest}"])
