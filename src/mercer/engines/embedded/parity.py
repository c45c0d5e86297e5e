"""Whether the values that ranked served pages are those that the batch path gives, bit for bit.

Each page names its feature set and what of it was off, its version of catalogue and sellers, and its
place in the log of the counters. Everything is made anew from the log as of those, on the batch path,
and compared with what the page has written down. Nothing that serves is asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.catalogue_history import CatalogueHistory, catalogue_history
from mercer.engines.embedded.counters.losses import Lost, lost_of
from mercer.engines.embedded.counters.params import CounterParams
from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.replay import in_order, replay_to
from mercer.engines.embedded.counters.snapshot import oldest_place
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.page_replay import CandidateRows, asked_ms_of, off_of, page_rows
from mercer.engines.embedded.ranking.ranking import with_off
from mercer.engines.embedded.slate_askers import SlateAskers
from mercer.events.log import START
from mercer.features.counter_reader import CounterReader
from mercer.features.plan import Plan
from mercer.schema.errors import NotFoundError
from mercer.schema.page import Page

F32s = npt.NDArray[np.float32]
I64s = npt.NDArray[np.int64]
MAX_SHOWN = 100  # differences that a report names
OnPages = Callable[[int, int], None]
"""(pages done, pages in all)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that came out otherwise."""

    page_id: str
    listing_id: str
    feature: str
    served: float
    replayed: float


@dataclass(slots=True)
class ParityReport:
    """What was compared."""

    pages: int = 0
    values: int = 0
    mismatches: int = 0
    differences: list[Difference] = field(default_factory=list)  # the first MAX_SHOWN
    by_feature: dict[str, int] = field(default_factory=dict)  # mismatches
    not_compared: dict[str, int] = field(default_factory=dict)  # pages, by reason

    def leave_out(self, reason: str) -> None:
        """A page that cannot be compared."""
        self.not_compared[reason] = self.not_compared.get(reason, 0) + 1

    def has_counters(self, position: str, lost: Lost, begun: Place | None) -> bool:
        """Whether a replay gives the counters of a page that names a position, if it names any."""
        why = lost.of(Place.parse(position), begun=begun) if position else ""
        if why:
            self.leave_out(why)
        return not why

    def differ(self, one: Difference) -> None:
        """A value that came out otherwise."""
        self.mismatches += 1
        self.by_feature[one.feature] = self.by_feature.get(one.feature, 0) + 1
        if len(self.differences) < MAX_SHOWN:
            self.differences.append(one)


@dataclass(frozen=True, slots=True)
class _Task:
    position: str  # of the counters that the page saw; "": none
    page_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityJob:
    """Which pages are replayed: those served in [from_ms, to_ms), at most so many, the newest."""

    from_ms: int
    to_ms: int
    max_pages: int | None = None


def parity(
    log: EmbeddedLog,
    sets: FeatureSetFolder,
    params: CounterParams,
    job: ParityJob,
    *,
    snapshots: Path,
    on_pages: OnPages = lambda done, total: None,
) -> ParityReport:
    """Replay pages through the batch path and compare every value that was used.

    A page without its heavy part, or one that no feature was computed for, has nothing to compare. One
    whose log was compacted, erased or aged since is left out by name: its listings, events or feature
    set are not there any more.

    Args:
        snapshots: of the counters. Only where events have aged is one begun at, for their counts are in
            nothing else.
    """
    report = ParityReport()
    askers = SlateAskers()
    tasks, row_ids = _tasks(log, job, report, askers)
    plans, lost = _Plans(sets), lost_of(log)
    begun = None
    if lost.has_aged:
        begun = oldest_place(snapshots, digest=params.digest, losses=lost.losses)
    tasks = [one for one in tasks if report.has_counters(one.position, lost, begun)]
    folder = None if begun is None else snapshots
    with catalogue_history(log, row_ids=row_ids) as history:
        for done, (task, counters) in enumerate(_with_counters(log, params, tasks, folder), 1):
            found = log.pages.find(task.page_id)
            page = None if found is None else askers.as_ranked(found)
            if found is None:
                report.leave_out("the page was removed meanwhile")
            elif page is None:
                report.leave_out("the log does not have the first page of its slate any more")
            else:
                _compare(page, plans, history, params, counters, report)
            on_pages(done, len(tasks))
    return report


class _Plans:
    """Plans by hash, each with what was off when a page was served."""

    def __init__(self, sets: FeatureSetFolder) -> None:
        self._sets = sets
        self._known = dict[tuple[str, frozenset[str]], Plan | None]()

    def of(self, set_hash: str, off: frozenset[str]) -> Plan | None:
        key = set_hash, off
        if key not in self._known:
            try:
                self._known[key] = with_off(self._sets.plan(set_hash), off)
            except NotFoundError:
                self._known[key] = None
        return self._known[key]


def _tasks(
    log: EmbeddedLog, job: ParityJob, report: ParityReport, askers: SlateAskers
) -> tuple[list[_Task], I64s]:
    """The pages, and the row ids of all their candidates."""
    found: list[tuple[int, str]] = []
    for entry in log.read(after=START, kinds={"pages"}):
        rows = entry.change.rows
        askers.note(rows)
        served = rows.column("served_ms").to_numpy()
        has_set = np.array([bool(one) for one in rows.column("feature_set").to_pylist()], np.bool_)
        chosen = np.flatnonzero((served >= job.from_ms) & (served < job.to_ms) & has_set)
        ids = rows.column("page_id")
        found += [(int(served[i]), ids[i].as_py()) for i in chosen.tolist()]
    found.sort(reverse=True)
    tasks, row_ids = list[_Task](), CandidateRows()
    for _, page_id in found[: job.max_pages]:
        page = log.pages.find(page_id)
        if page is None or not page.shown_features.size:
            report.leave_out(
                "its values were not written down (log.detail_share, or beyond the rank)"
            )
            continue
        tasks.append(_Task(page.counters_position, page_id))
        row_ids.add(page)
    return tasks, row_ids.different()


def _with_counters(
    log: EmbeddedLog, params: CounterParams, tasks: list[_Task], snapshots: Path | None
) -> Iterator[tuple[_Task, CounterReader | None]]:
    """Each task with the counters at its place; without any where the page had none."""
    groups = dict[str, list[_Task]]()
    for task in tasks:
        groups.setdefault(task.position, []).append(task)
    for task in groups.get("", ()):
        yield task, None
    positions = in_order(groups)
    counted = replay_to(log, params, positions, folder=snapshots)
    for position, reader in zip(positions, counted, strict=True):
        for task in groups[position]:
            yield task, reader


def _compare(
    page: Page,
    plans: _Plans,
    history: CatalogueHistory,
    params: CounterParams,
    counters: CounterReader | None,
    report: ParityReport,
) -> None:
    plan = plans.of(page.feature_set, off_of(page))
    if plan is None:
        report.leave_out(f"its feature set {page.feature_set[:12]} is not there any more")
        return
    if plan.reads_counters and counters is None:
        report.leave_out("it was served without counters")
        return
    found = page_rows(page, history, params.rates, reads=plan.reads)
    if found.n_lost:
        report.leave_out("the log does not have its listings as they were any more")
        return
    matrix = plan.run(found.batch, now_ms=asked_ms_of(page), counters=counters)
    row_of = {row_id: i for i, row_id in enumerate(found.row_ids.tolist())}
    rows = [row_of.get(one.row_id, -1) for one in page.shown]
    if min(rows, default=-1) < 0:
        report.leave_out("its candidates were not written down as far as what it shows")
        return
    _count(page, plan, page.shown_features.reshape(len(rows), -1), matrix.dense[rows], report)


def _count(page: Page, plan: Plan, served: F32s, replayed: F32s, report: ParityReport) -> None:
    report.pages += 1
    report.values += served.size
    differs = served.view(np.uint32) != np.ascontiguousarray(replayed).view(np.uint32)
    for i, j in zip(*np.nonzero(differs), strict=True):
        one = Difference(
            page.page_id,
            page.shown[i].listing_id,
            plan.names[j],
            float(served[i, j]),
            float(replayed[i, j]),
        )
        report.differ(one)
