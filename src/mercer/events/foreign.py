"""What the readers of foreign events share: one foreign row becomes events of ours, or is none.

A row that is no event of a marketplace (a scroll, a page ping) is skipped and counted by its name; a
row that should be one and cannot be read is a fault.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Format = Literal["mercer", "snowplow", "ga4"]

_NOTHING = frozenset(("", "(not set)", "(not provided)", "(none)"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignChoices:
    """What a person decides about foreign events."""

    # A detail view counts as a click. Off: a shop that also tracks the click in the list has two.
    views_are_clicks: bool = False
    # The listing id of a page's address, or None; for page views that name no product.
    listing_of_url: Callable[[str], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """What one foreign row is."""

    events: tuple[Mapping[str, Any], ...] = ()  # with the names of EVENT, not yet judged
    skipped: str = ""  # the name of the foreign event, where it is none of ours
    fault: str = ""  # the rule that it breaks


def text_of(value: Any) -> Any:
    """A text or number as it is; None for the words that stand for nothing."""
    if isinstance(value, str):
        value = value.strip()
        return None if value in _NOTHING else value
    return value


def position_of(value: Any) -> int | None:
    """A place in a list, from 1; None for a name of a place, and for 0, which says too little."""
    try:
        place = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return place if place >= 1 else None


@dataclass(slots=True)
class Names:
    """Event ids for several listings of one foreign event: the same row gives the same ids."""

    base: str
    n_seen: dict[str, int] = field(default_factory=dict)

    def next(self, listing_id: Any) -> str:
        """Of the listing; the second line of the same listing gets a number."""
        key = str(listing_id)
        n = self.n_seen[key] = self.n_seen.get(key, 0) + 1
        return f"{self.base}/{key}" if n == 1 else f"{self.base}/{key}/{n}"
