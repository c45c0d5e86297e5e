"""Counters as they stood at places of the log: the same bits as the live ones had there."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import final

from mercer.engines.embedded.counters.feed import Feed
from mercer.engines.embedded.counters.losses import last_erasure, losses
from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.snapshot import usable
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.column import F32s, U64s
from mercer.features.counter_facets import FacetTable
from mercer.features.counter_read import look_up
from mercer.features.counter_reader import CounterReader
from mercer.features.counter_table import CounterTable, empty_table, update


@final
class TableCounters:
    """A table at one place of the log."""

    def __init__(self, table: CounterTable, position: str) -> None:
        self.table, self._position = table, position

    @property
    def position(self) -> str:
        """The place in the log up to which events are counted."""
        return self._position

    @property
    def half_lives_ms(self) -> tuple[int, ...]:
        """The columns of `lookup`."""
        return self.table.half_lives.ms

    def lookup(self, keys: U64s, now_ms: int) -> F32s:
        """(n, n_half_lives) counts decayed to `now_ms`; 0 where a key was never seen."""
        return look_up(self.table, keys, now_ms=now_ms)


def in_order(positions: Iterable[str]) -> list[str]:
    """Different positions of counters, in an order that `replay_to` passes through in as few turns as
    there are; "" is none and left out.

    Each turn is a chain, from its earliest to its latest. One writer makes one; another one begins where
    counters were made anew, after an erasure or a power cut, and read the log in another order.

    Raises:
        InputError: a position that is none of counters.
    """
    chains: list[list[tuple[Place, str]]] = []
    found = [(Place.parse(one), one) for one in {*positions} if one]
    for place, position in sorted(found, key=_behind_all_that_it_covers):
        mine = next((chain for chain in chains if place.covers(chain[-1][0])), None)
        if mine is None:
            chains.append(mine := [])
        mine.append((place, position))
    return [position for chain in chains for _, position in chain]


def _behind_all_that_it_covers(one: tuple[Place, str]) -> tuple[int, int, int, int, str]:
    place, position = one
    return place.events, place.row, place.catalogue, place.n_pages, position


def replay_to(
    log: EmbeddedLog,
    params: CounterParams,
    positions: Sequence[str],
    *,
    folder: Path | None = None,
) -> Iterator[TableCounters]:
    """The counters at each of some positions, one after the other; each is good until the next is asked for.

    A position that does not cover the one before it is read anew from the start, so they best come
    `in_order`.

    The bits are those that the live counters had, unless the log lost what they were made of: records
    that were older than it keeps, versions of listings that were compacted, visitors who were erased.

    Args:
        log: need not be owned.
        positions: as pages name them (`counters_position`).
        folder: `views/counters/`, to begin at a snapshot; None: at the start of the log.
    Raises:
        InputError: a position that is none of counters.
    """
    places = [Place.parse(one) for one in positions]
    table, feed = empty_table(params.half_lives, max_keys=params.max_keys), None
    for place, position in zip(places, positions, strict=True):
        if feed is None or not place.covers(feed.place):
            table = empty_table(params.half_lives, max_keys=params.max_keys)
            feed = _begun(log, params, place, folder, table)
        for section in feed.sections(until=place):
            update(table, section.keys, section.times_ms)
        yield TableCounters(table, position)


def _begun(
    log: EmbeddedLog, params: CounterParams, first: Place, folder: Path | None, table: CounterTable
) -> Feed:
    known = None
    if folder is not None:
        lost = losses(log, erased=last_erasure(log))
        known = usable(folder, digest=params.digest, losses=lost, until=first)
    if known is None:
        return Feed(log, params, facets=FacetTable(len(params.rules.facets)), place=Place())
    known.put_into(table)
    return Feed(log, params, facets=known.facets(), place=known.place)


_conforms: type[CounterReader] = TableCounters
