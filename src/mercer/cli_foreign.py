"""The options of `mercer ingest` and `validate` for events that other systems wrote down."""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mercer.engines.embedded.foreign_events import ForeignEvents
    from mercer.events.foreign import Format


class EventFormat(StrEnum):
    """Whose events the files hold."""

    MERCER = "mercer"
    SNOWPLOW = "snowplow"
    GA4 = "ga4"


FormatOption = Annotated[
    EventFormat,
    typer.Option("--format", help="Of events: Mercer's own names, or a Snowplow or GA4 export."),
]
ViewsAsClicks = Annotated[
    bool,
    typer.Option("--views-as-clicks", help="Of foreign events: a detail view counts as a click."),
]
ListingUrl = Annotated[
    str | None,
    typer.Option(
        help="Of Snowplow page views: an expression whose first group is the listing id in the address."
    ),
]


def foreign_opener(
    form: EventFormat, *, views: bool, listing_url: str | None, is_events: bool, has_map: bool
) -> "Callable[[Path], ForeignEvents] | None":
    """How the files are opened, where their events are not ours; options that do not fit are refused."""
    if form is EventFormat.MERCER:
        if views or listing_url is not None:
            option = "--views-as-clicks" if views else "--listing-url"
            raise typer.BadParameter("it needs --format snowplow or ga4", param_hint=option)
        return None
    if not is_events:
        raise typer.BadParameter(f"{form} has events: add --kind events", param_hint="--format")
    if has_map:
        raise typer.BadParameter(
            f"{form} has a map of its own; leave --map out", param_hint="--map"
        )
    from mercer.engines.embedded.foreign_events import open_foreign
    from mercer.events.foreign import ForeignChoices

    choices = ForeignChoices(views_are_clicks=views, listing_of_url=_listing_of(listing_url))
    name: Format = "snowplow" if form is EventFormat.SNOWPLOW else "ga4"
    return partial(open_foreign, form=name, choices=choices)


def _listing_of(expression: str | None) -> Callable[[str], str | None] | None:
    if expression is None:
        return None
    try:
        pattern = re.compile(expression)
    except re.error as fault:
        raise typer.BadParameter(f"{expression!r}: {fault}", param_hint="--listing-url") from None
    if not pattern.groups:
        hint = "put brackets around the listing id, as in /listing/([0-9]+)"
        raise typer.BadParameter(f"{expression!r} has no group; {hint}", param_hint="--listing-url")

    def listing_of(url: str) -> str | None:
        found = pattern.search(url)
        return found[1] if found else None

    return listing_of
