"""`mercer credits`: which pages sold what, and how many clicks may be billed."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder

N_SHOWN = 100

app = typer.Typer(no_args_is_help=True)


@app.command("credits")
def credits_command(
    page: Annotated[
        str | None, typer.Option("--page", help="Only the purchases credited to this page_id.")
    ] = None,
    market: MarketDir = Path(),
    as_json: AsJson = False,
) -> None:
    """Say by what purchases are credited, how much was taken back, and how many clicks are billable.

    Beside a running server the credits are those that its learner has made so far, and it is told how
    many events it has not read yet; without one they are brought up to date first.

    Examples:

        mercer credits --market shop
        mercer credits --page 0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e --market shop --json
    """
    with told("credits"):
        folder = MarketFolder(market)
        result = _result(folder, page)
    if as_json:
        say(result, "", as_json=True)
    else:
        _show(result, Console(highlight=False, soft_wrap=True))


def _result(folder: MarketFolder, page: str | None) -> dict[str, Any]:
    from mercer.app_learner import follow_log
    from mercer.engines.embedded.log.market_log import EmbeddedLog
    from mercer.engines.embedded.sqlite_file import open_shared
    from mercer.engines.embedded.view.attribution_tables import credits_of, n_billable, totals
    from mercer.events.log import START, Position, RecordKind

    config = folder.config()
    file = folder.views / "attribution.db"
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        follow_log(folder, config, log)
        kinds = frozenset[RecordKind](("events", "erasures"))
        if not file.exists():
            empty: dict[str, Any] = {"how": {}, "billable_clicks": 0, "purchases": []}
            return empty | {"events_behind": log.lag(START, kinds=kinds)}
        with closing(open_shared(file)) as db:
            position = Position(db.execute("select position from consumer").fetchone()[0])
            return {
                "how": totals(db),
                "billable_clicks": n_billable(db),
                "purchases": credits_of(db, page_ids=[page]) if page is not None else [],
                "events_behind": log.lag(position, kinds=kinds),
            }


def _show(result: dict[str, Any], console: Console) -> None:
    if not result["how"]:
        console.print("No purchase was credited yet: none came in.")
    else:
        table = Table(box=None, pad_edge=False)
        for heading in ("credited by", "purchases", "pieces", "taken back"):
            table.add_column(heading, justify="left" if heading == "credited by" else "right")
        for how, of in result["how"].items():
            cells = (of["purchases"], of["pieces"], of["taken_back"])
            table.add_row(how, *(f"{n:,}" for n in cells))
        console.print(table)
    for one in result["purchases"][:N_SHOWN]:
        order = one["order_id"] or "no order"
        console.print(
            f"{one['listing_id']}: {one['quantity']} bought, {one['n_back']} taken back, {order}, "
            f"by {one['how']}",
            markup=False,
        )
    console.print(f"{result['billable_clicks']:,} billable clicks")
    if result["events_behind"]:
        console.print(f"{result['events_behind']:,} events are not read yet")
