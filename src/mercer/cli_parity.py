"""`mercer parity`: whether training and serving see the same features, measured on served pages."""

import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mercer.cli_features_run import rows_done
from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import ConfigError
from mercer.schema.time import DAY_MS

if TYPE_CHECKING:  # it loads the feature engine, which `mercer --help` need not wait for
    from mercer.engines.embedded.parity import ParityReport

app = typer.Typer(no_args_is_help=True)


@app.command("parity")
def parity_command(
    market: MarketDir = Path(),
    days: Annotated[float, typer.Option(help="Pages of the last so many days.")] = 7.0,
    pages: Annotated[
        int | None, typer.Option(help="At most so many, the newest; none given: all of them.")
    ] = None,
    min_pages: Annotated[
        int, typer.Option(help="Exit status 1 too where fewer pages could be compared.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Compute the features of served pages again from the log, and compare every value bit for bit.

    Listings, sellers and counters are those that each page saw, however they changed since; the values
    come by the path that training uses. A difference names the page, the listing, the feature and both
    values, and the exit status is 1. What the log has lost since (aged, compacted, erased) cannot be
    compared; it is counted by reason, and where nothing else was served the exit status is 1 as well.

    Examples:

        mercer parity --market shop
        mercer parity --days 1 --pages 1000 --min-pages 500 --json
    """
    from contextlib import closing

    from mercer.engines.embedded.counters.keeper import FOLDER
    from mercer.engines.embedded.counters.params import params_of
    from mercer.engines.embedded.feature_sets import FeatureSetFolder
    from mercer.engines.embedded.log.market_log import EmbeddedLog
    from mercer.engines.embedded.parity import ParityJob, parity

    with told("parity"):
        if days <= 0 or (pages is not None and pages < 1):
            raise ConfigError(f"--days must be above 0 and --pages 1 or more, got {days}, {pages}")
        folder = MarketFolder(market)
        config, now_ms = folder.config(), time.time_ns() // 1_000_000
        job = ParityJob(from_ms=now_ms - round(days * DAY_MS), to_ms=now_ms + 1, max_pages=pages)
        with (
            closing(EmbeddedLog(folder.log, is_owner=False)) as log,
            rows_done("parity", None, unit="pages") as done,
        ):
            report = parity(
                log,
                FeatureSetFolder(folder.models),
                params_of(config),
                job,
                snapshots=folder.views / FOLDER,
                on_pages=lambda n, total: done(n),
            )
    result = dataclasses.asdict(report)
    for one in result["differences"]:
        one |= {side: _json(one[side]) for side in ("served", "replayed")}
    say(result, _summary(result), as_json=as_json)
    if not as_json and report.mismatches:
        Console().print(_differences(report))
    is_too_few = report.pages < max(min_pages, 1 if report.not_compared else 0)
    if report.mismatches or is_too_few:
        raise typer.Exit(1)


def _json(value: float) -> float | str | None:
    """JSON has neither: what is missing is null, what has no end is a text."""
    if math.isnan(value):
        return None
    return str(value) if math.isinf(value) else value


def _summary(result: dict[str, Any]) -> str:
    lines = [
        f"{result['values']:,} values of {result['pages']:,} pages compared: "
        f"{result['mismatches']:,} differ"
    ]
    if not result["pages"]:
        lines[0] = "no page was ranked on features in that time; nothing to compare"
        if result["not_compared"]:
            lines[0] = "no page could be compared"
    lines += [f"  {n:,} pages left out: {why}" for why, n in result["not_compared"].items()]
    return "\n".join(lines)


def _differences(report: "ParityReport") -> Table:
    table = Table("page", "listing", "feature", "served", "replayed")
    for one in report.differences:
        table.add_row(
            one.page_id, escape(one.listing_id), one.feature, f"{one.served!r}", f"{one.replayed!r}"
        )
    return table
