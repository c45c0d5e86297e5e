"""One file of counters as its writer has it: sections go in, snapshots come out."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final, final

import msgspec

from mercer.engines.embedded.counters.feed import Feed, Section
from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.shared_file import SharedFile, State, create_file
from mercer.engines.embedded.counters.snapshot import Draft, drafted, remove_snapshots, usable
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.features.counter_facets import FacetTable
from mercer.features.counter_table import update
from mercer.schema.errors import StorageError

LIVE: Final = "live.bin"
NEXT: Final = "next.bin"


@final
class CounterStore:
    """The file, and the feed that fills it. One process has it, one thread uses it."""

    def __init__(self, file: SharedFile, feed: Feed) -> None:
        self.file, self.feed = file, feed
        self._state = file.state()

    @property
    def state(self) -> State:
        """What is committed."""
        return self._state

    def read_on(self, *, max_events: int) -> int:
        """Count what the log has more: at most about so many events, and as many pages.

        Returns:
            How many of the kind of which there were more.
        """
        n_events = n_pages = 0
        for section in self.feed.events():
            self._add(section)
            n_events += section.n_events
            if n_events >= max_events:
                break
        for section in self.feed.searches():
            self._add(section)
            n_pages += section.n_pages
            if n_pages >= max_events:
                break
        return max(n_events, n_pages)

    def _add(self, section: Section) -> None:
        before, file = self._state, self.file
        file.begin()
        try:
            changed = update(file.table, section.keys, section.times_ms)
        except BaseException:
            file.recover()
            raise
        self._state = State(
            position=section.place.position,
            n_keys=before.n_keys + changed.n_new - changed.n_evicted,
            n_evicted=before.n_evicted + changed.n_evicted,
            n_events=before.n_events + section.n_events,
            n_pages=before.n_pages + section.n_pages,
            newest_ms=max(before.newest_ms, section.newest_ms),
            n_changes=file.n_changes,
        )
        file.commit(self._state)

    def drafted(self, folder: Path) -> Draft:
        """A copy of all of it, as a snapshot of a folder that has no name yet. Raises OSError."""
        file, facets = self.file, self.feed.facets
        return drafted(
            folder, file.table, facets, self._state, digest=file.digest, losses=file.losses
        )

    def become_live(self, folder: Path, *, instead_of: "CounterStore | None") -> None:
        """Take the place of the file that readers use."""
        os.replace(self.file.path, folder / LIVE)
        self.file.path = folder / LIVE
        if instead_of is not None:
            instead_of.file.supersede()


def resumed(
    folder: Path, log: EmbeddedLog, params: CounterParams, *, losses: int
) -> CounterStore | None:
    """The live file as the last writer left it, an open section rolled back; None where it is no use.

    Args:
        losses: of the log (`losses.py`).
    """
    try:
        file = SharedFile(folder / LIVE, is_writer=True)
    except (FileNotFoundError, StorageError):
        return None
    if file.digest != params.digest or not file.is_of_this_boot or file.losses < losses:
        file.supersede()
        return None
    file.recover()
    place = Place.parse(file.state().position)
    known = usable(folder, digest=params.digest, losses=losses, until=place)
    facets = FacetTable(len(params.rules.facets)) if known is None else known.facets()
    begin = replace(place, catalogue=0 if known is None else known.place.catalogue)
    feed = Feed(log, params, facets=facets, place=begin)
    feed.learn_listings(until=place.catalogue)
    return CounterStore(file, feed)


def restored(
    folder: Path, log: EmbeddedLog, params: CounterParams, *, losses: int, is_anew: bool = False
) -> CounterStore:
    """A new file, from the newest snapshot that is usable, else empty; not live yet.

    Args:
        losses: of the log (`losses.py`).
        is_anew: leave snapshots alone.
    Raises:
        StorageError: there is no room for it.
    """
    path = folder / NEXT
    create_file(path, params.layout, losses=losses)
    file = SharedFile(path, is_writer=True)
    known = None
    if not is_anew:
        known = usable(folder, digest=params.digest, losses=losses, until=None)
    if known is None:
        remove_snapshots(folder)  # of other rules, or with those who were erased
        feed = Feed(log, params, facets=FacetTable(len(params.rules.facets)), place=Place())
        return CounterStore(file, feed)
    file.begin()
    known.put_into(file.table)
    file.commit(msgspec.structs.replace(known.state, n_changes=0))
    return CounterStore(file, Feed(log, params, facets=known.facets(), place=known.place))
