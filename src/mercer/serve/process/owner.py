"""The owner's side of a market: every write passes here, is committed with its neighbours, and told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.engines.embedded.group_commit import GroupCommit
from mercer.engines.embedded.index.bell import Bell
from mercer.engines.embedded.index.merger import Merger
from mercer.engines.embedded.store import Store
from mercer.events.log import Change

Bools = npt.NDArray[np.bool_]
MAX_JOINED_ROWS = 10_000  # of the changes that are committed as one
# What comes meanwhile is committed together. A commit and the segment that each reader then makes cost
# about as much for one listing as for ten, and whoever waits for a change is promised a second.
COMMIT_EVERY_S = 0.4


@dataclass(frozen=True, slots=True)
class Written:
    """What a change of the catalogue did."""

    changed: frozenset[str]  # the ids that are different now; the rest were not newer
    version: int  # of the catalogue; an index at this version shows the change


class Writing(Protocol):
    """What the owner takes, from its own process or from another one.

    Everything may be sent again when its acknowledgement was lost: the same rows change nothing twice.
    """

    def write(self, change: Change) -> Written:
        """A change of the catalogue; durable and in the view when this returns."""
        ...

    def add_events(self, rows: pa.RecordBatch) -> Bools:
        """Rows of EVENT; durable when this returns. (n,) True where the event is new."""
        ...

    def degraded(self) -> tuple[str, ...]:
        """What does not work as it should, a sentence each; never raises."""
        ...


@dataclass(slots=True)
class MergeWhen:
    """The delta is merged into a new generation when it has more listings than both of these."""

    rows: int = 20_000
    share: float = 0.1


@final
class Owner:
    """The one who writes. Thread-safe.

    Args:
        store: opened, and closed by whoever opened it.
        indexed: version and number of listings of the current generation.
        merger: builds generations.
        fault: what else is wrong, in a sentence.
        merge_when: the default where None.
    """

    def __init__(
        self,
        store: Store,
        bell: Bell,
        *,
        indexed: Callable[[], tuple[int, int]],
        merger: Merger,
        fault: Callable[[], str] = lambda: "",
        merge_when: MergeWhen | None = None,
    ) -> None:
        self._store, self._bell, self._indexed = store, bell, indexed
        self.merger, self._fault = merger, fault
        self.merge_when = merge_when or MergeWhen()
        self._checked_at = 0  # the version at which the delta was last counted
        self._writes: GroupCommit[Change, Written] = GroupCommit(
            self._commit, interval_s=COMMIT_EVERY_S
        )
        bell.ring_version(store.catalogue.version())

    def write(self, change: Change) -> Written:
        """A change of the catalogue, committed together with what else waits."""
        return self._writes.submit(change)

    def add_events(self, rows: pa.RecordBatch) -> Bools:
        """Rows of EVENT; (n,) True where the event is new."""
        return ~self._store.log.events.append(rows)

    def degraded(self) -> tuple[str, ...]:
        """What does not work as it should."""
        faults = (self.merger.fault, self._fault(), *self._store.log.events.faults())
        return tuple(fault for fault in faults if fault)

    def _commit(self, changes: Sequence[Change]) -> Sequence[Written]:
        """Make changes durable and tell of them; for each what it did."""
        catalogue = self._store.catalogue
        before = catalogue.version()
        version = self._store.writer.write(joined(changes))[-1].version
        changed = frozenset(catalogue.changed_ids(since=before))
        self._bell.ring_version(version)
        self._merge_if_large(version)
        return [Written(changed & _ids(change), version) for change in changes]

    def _merge_if_large(self, version: int) -> None:
        made_at, n = self._indexed()
        enough = max(self.merge_when.rows, self.merge_when.share * n)
        # A listing that changes often counts once; counting is left out as long as it can be.
        if version - max(made_at, self._checked_at) <= max(1.0, enough / 10):
            return
        if version - made_at > enough:
            self._checked_at = version
            if self._store.catalogue.n_changed(since=made_at) > enough:
                self.merger.start()

    def close(self) -> None:
        """Commit what waits, give a merge up."""
        self._writes.close()
        self.merger.close()


def joined(changes: Sequence[Change]) -> list[Change]:
    """The same rows in the same order, neighbours of one kind as one change up to MAX_JOINED_ROWS.

    A change costs a step of the log and one of the catalogue, however few rows it has.
    """
    runs: list[list[Change]] = []
    n_rows = 0
    for change in changes:
        n_rows += len(change.rows)
        is_same = bool(runs) and runs[-1][0].kind == change.kind
        if is_same and n_rows <= MAX_JOINED_ROWS and runs[-1][0].rows.schema == change.rows.schema:
            runs[-1].append(change)
        else:
            runs.append([change])
            n_rows = len(change.rows)
    return [
        run[0] if len(run) == 1 else Change(run[0].kind, pa.concat_batches([c.rows for c in run]))
        for run in runs
    ]


def _ids(change: Change) -> frozenset[str]:
    if change.kind not in ("listings", "deletions"):
        return frozenset()
    return frozenset(change.rows.column("listing_id").to_pylist())


_conforms: type[Writing] = Owner
