"""Counters as they stood at places of the log: the same bits as the live ones had there."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import final

from mercer.engines.embedded.counters.feed import Feed, last_erasure
from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.snapshot import usable
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.column import F32s, U64s
from mercer.features.counter_facets import FacetTable
from mercer.features.counter_reader import CounterReader
from mercer.features.counter_table import CounterTable, empty_table, look_up, update
from mercer.schema.errors import InputError


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
    """Different positions of counters, from the earliest to the latest; "" is none and left out.

    Raises:
        InputError: a position that is none of counters.
    """
    return sorted({one for one in positions if one}, key=Place.parse)


def replay_to(
    log: EmbeddedLog,
    params: CounterParams,
    positions: Sequence[str],
    *,
    folder: Path | None = None,
) -> Iterator[TableCounters]:
    """The counters at each of some positions, one after the other; each is good until the next is asked for.

    The bits are those that the live counters had, unless the log lost what they were made of: records
    that were older than it keeps, versions of listings that were compacted, visitors who were erased.

    Args:
        log: need not be owned.
        positions: as pages name them (`counters_position`), from the earliest to the latest.
        folder: `views/counters/`, to begin at a snapshot; None: at the start of the log.
    Raises:
        InputError: a position that is none of counters, or lies before the one in front of it.
    """
    places = [Place.parse(one) for one in positions]
    for one, following in pairwise(places):
        if following < one:
            raise InputError(
                f"counters positions must ascend: {following.position!r} follows {one.position!r}"
            )
    if not places:
        return
    table = empty_table(params.half_lives, max_keys=params.max_keys)
    feed = _begun(log, params, places[0], folder, table)
    for place, position in zip(places, positions, strict=True):
        for section in feed.sections(until=place):
            update(table, section.keys, section.times_ms)
        yield TableCounters(table, position)


def _begun(
    log: EmbeddedLog, params: CounterParams, first: Place, folder: Path | None, table: CounterTable
) -> Feed:
    known = None
    if folder is not None:
        erasures = last_erasure(log)
        known = usable(folder, digest=params.digest, erasures=erasures, until=first)
    if known is None:
        return Feed(log, params, facets=FacetTable(len(params.rules.facets)), place=Place())
    known.put_into(table)
    return Feed(log, params, facets=known.facets(), place=known.place)


_conforms: type[CounterReader] = TableCounters
