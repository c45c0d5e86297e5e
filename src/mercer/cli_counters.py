"""`mercer counters`: what the counters of a market are, and what one of them says."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import InputError, MarketBusyError

if TYPE_CHECKING:
    from mercer.engines.embedded.counters.watch import CounterWatch

app = typer.Typer(no_args_is_help=True, help="Look at the counters that features read.")


@app.command("stats")
def stats_command(market: MarketDir = Path(), as_json: AsJson = False) -> None:
    """Say up to where events are counted, how many counters there are, and how many had to go.

    Beside a running server they are as its learner has them; without one they are brought up to date
    first.

    Examples:

        mercer counters stats --market shop
        mercer counters stats --market shop --json
    """
    with told("counters stats"):
        folder = MarketFolder(market)
        with _watched(folder) as watch:
            result = _stats(folder, watch)
    if as_json:
        say(result, "", as_json=True)
    else:
        _show_stats(result, Console(highlight=False, soft_wrap=True))


@app.command("get")
def get_command(
    entity: Annotated[
        str, typer.Argument(help="listing, seller, query_listing, visitor.category, ...")
    ],
    ids: Annotated[list[str], typer.Argument(help="Its id; of a pair both.")],
    market: MarketDir = Path(),
    as_json: AsJson = False,
) -> None:
    """Say how often each kind of event was counted for an entity, by each half-life, as of now.

    The entities and their ids are in docs/reference/counters.md.

    Examples:

        mercer counters get listing mug-17 --market shop
        mercer counters get query_listing "red mug" mug-17 --market shop
        mercer counters get visitor.category v-42 "Home > Mugs" --market shop --json
    """
    with told("counters get"):
        folder = MarketFolder(market)
        with _watched(folder) as watch:
            result = _counts(folder, watch, entity, ids)
    if as_json:
        say(result, "", as_json=True)
    else:
        _show_counts(result, Console(highlight=False, soft_wrap=True))


@contextmanager
def _watched(folder: MarketFolder) -> "Iterator[CounterWatch]":
    """The counters, brought up to date where no server does it."""
    from mercer.app_learner import counters_seen, counting

    config = folder.config()
    try:
        with folder.lock(), counting(folder, config) as counters:
            counters.catch_up()
    except MarketBusyError:  # its own learner follows the log
        pass
    yield counters_seen(folder, config)


def _stats(folder: MarketFolder, watch: "CounterWatch") -> dict[str, Any]:
    from mercer.engines.embedded.counters.params import params_of
    from mercer.features.counter_read import evicted

    params, file = params_of(folder.config()), watch.counters.file()
    health = watch.health()
    now_ms = time.time_ns() // 1_000_000
    lost = None if file is None else evicted(file.table, now_ms=now_ms).tolist()
    return {
        "has_counters": health is not None,
        **({} if health is None else asdict(health)),
        "half_life_hours": [one / 3_600_000 for one in params.half_lives.ms],
        "max_keys": params.max_keys,
        "mib": round(params.layout.n_bytes / 2**20, 1),
        "lost_counts": lost,
        "entities": list(params.rules.entities),
        "fault": watch.fault,
    }


def _counts(
    folder: MarketFolder, watch: "CounterWatch", entity: str, ids: list[str]
) -> dict[str, Any]:
    from mercer.engines.embedded.counters.params import params_of
    from mercer.events.traffic import normalised
    from mercer.features.counter_keys import COUNTED_KINDS, entity_keys

    params = params_of(folder.config())
    if entity not in params.rules.entities:
        raise InputError(
            f"entity {entity!r} is not counted; there are {', '.join(params.rules.entities)}"
        )
    wanted = 2 if "." in entity or entity == "query_listing" else 1
    if len(ids) != wanted:
        raise InputError(f"{entity} has {wanted} id(s), got {len(ids)}: {', '.join(ids)}")
    if entity.startswith("query"):
        ids = [normalised(ids[0]), *ids[1:]]
    view = watch.counters.view()
    found = view.lookup(entity_keys(entity, ids), time.time_ns() // 1_000_000)
    return {
        "entity": entity,
        "ids": ids,
        "position": view.position,
        "half_life_hours": [one / 3_600_000 for one in params.half_lives.ms],
        "counts": {
            kind: [None if count != count else round(count, 4) for count in row]
            for kind, row in zip(COUNTED_KINDS, found.tolist(), strict=True)
        },
    }


def _show_stats(result: dict[str, Any], console: Console) -> None:
    if not result["has_counters"]:
        console.print("There are no counters yet; mercer serve, or an event, makes them.")
        return
    console.print(
        f"{result['n_events']:,} events and {result['n_pages']:,} pages counted, "
        f"{result['lag_events']:,} events not yet; "
        f"position {result['position'] or 'start'}"
    )
    console.print(
        f"{result['n_keys']:,} of {result['max_keys']:,} counters, {result['n_evicted']:,} had to go; "
        f"{result['mib']:,.0f} MiB"
    )
    if result["fault"]:
        console.print(result["fault"])


def _show_counts(result: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column(result["entity"])
    for hours in result["half_life_hours"]:
        table.add_column(f"{hours:g} h", justify="right")
    for kind, counts in result["counts"].items():
        table.add_row(kind, *("" if count is None else f"{count:,.2f}" for count in counts))
    console.print(table)
