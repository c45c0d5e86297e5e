"""The measuring process of `mercer bench counters`."""

import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import pyarrow as pa

from mercer.bench.machine import peak_rss_mib
from mercer.engines.embedded.counters.reader import SharedCounters
from mercer.engines.embedded.counters.shared_file import (
    MAX_SECTION,
    Layout,
    SharedFile,
    State,
    create_file,
)
from mercer.features.column import I64s, U64s
from mercer.features.counter_decay import DEFAULT_HALF_LIVES, HOUR_MS
from mercer.features.counter_keys import CounterRules, event_updates
from mercer.features.counter_table import empty_table, merge, occupied, update
from mercer.schema.event import EVENT

NOW_MS: Final = 1_790_000_000_000
HISTORY_MS: Final = 72 * HOUR_MS  # over which the events lie
PER_EVENT: Final = 10  # updates with the same time stand together, as those of an event do
N_EQUAL: Final = 300_000  # updates that are counted twice, in another order
N_EVENTS: Final = 8_192  # of a record of the log
PACED_UPDATES_PER_S: Final = 500_000  # what 20,000 events a second make, beside which is looked up
BESIDE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Keys and times of updates."""

    keys: U64s
    times_ms: I64s


@final
class _Draw:
    """Keys as a market has them: the k-th most frequent of n with a share of about 1 / (k ln n)."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.all, self._rng = rng.integers(1, 2**64 - 1, n, dtype=np.uint64), rng

    def zipf(self, n: int) -> U64s:
        """n keys; the popular ones lie anywhere in the table."""
        rank = np.exp(self._rng.random(n) * np.log(len(self.all))).astype(np.int64) - 1
        drawn: U64s = self.all[rank]
        return drawn

    def uniform(self, n: int) -> U64s:
        """n keys, each as likely: no cache helps."""
        drawn: U64s = self.all[self._rng.integers(0, len(self.all), n)]
        return drawn

    def times(self, n: int) -> I64s:
        """n times in order, the same for the updates of an event."""
        n_events = -(-n // PER_EVENT)
        drawn = np.sort(self._rng.integers(NOW_MS - HISTORY_MS, NOW_MS, n_events))
        return np.repeat(drawn, PER_EVENT)[:n]


@final
class _Writer:
    """Sections, committed as the learner does."""

    def __init__(self, file: SharedFile) -> None:
        self._file, self.n_evicted = file, 0
        self._n = 0

    def write(self, drawn: _Drawn, *, pace_per_s: float | None = None) -> None:
        began = time.perf_counter()
        for first in range(0, len(drawn.keys), MAX_SECTION):
            part = slice(first, first + MAX_SECTION)
            self._file.begin()
            changed = update(self._file.table, drawn.keys[part], drawn.times_ms[part])
            self._n += 1
            self.n_evicted += changed.n_evicted
            state = State(position=f"events:{self._n}", n_changes=self._file.n_changes)
            self._file.commit(state)
            if pace_per_s is not None:
                due = began + (first + MAX_SECTION) / pace_per_s
                time.sleep(max(0.0, due - time.perf_counter()))


def _timed(n: int, work: Callable[[], object], *, name: str, of: str) -> dict[str, float]:
    """How many in a second of the clock, and what each costs in nanoseconds of CPU, all threads."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    took, used = time.perf_counter() - began, time.process_time() - cpu
    return {f"{name}_per_s{of}": round(n / took), f"{name}_cpu_ns{of}": round(used * 1e9 / n, 1)}


def _look_up_all(counters: SharedCounters, keys: U64s, request: int) -> None:
    for first in range(0, len(keys), request):
        counters.view().lookup(keys[first : first + request], NOW_MS)


def _look_up_with(counters: SharedCounters, keys: U64s, request: int, threads: int) -> None:
    parts = np.array_split(keys, threads)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: _look_up_all(counters, part, request), parts))


def _beside(counters: SharedCounters, writer: _Writer, draw: _Draw, request: int) -> dict[str, Any]:
    """Requests while the writer goes at the pace of a busy market."""
    n = int(PACED_UPDATES_PER_S * BESIDE_S)
    drawn = _Drawn(draw.zipf(n), np.full(n, NOW_MS))
    writing = threading.Thread(
        target=writer.write, args=(drawn,), kwargs={"pace_per_s": PACED_UPDATES_PER_S}
    )
    keys, took, degraded = draw.zipf(request), [], 0
    writing.start()
    while writing.is_alive():
        view, began = counters.view(), time.perf_counter()
        view.lookup(keys, NOW_MS)
        took.append((time.perf_counter() - began) * 1e3)
        degraded += view.is_degraded
    writing.join()
    p50, p99 = np.quantile(took, (0.5, 0.99))
    return {
        "request_beside_writer_ms": {"p50": round(float(p50), 3), "p99": round(float(p99), 3)},
        "degraded": degraded,
    }


def _is_bit_equal(draw: _Draw, rng: np.random.Generator) -> bool:
    """Whether shuffled updates in two tables, merged, are the updates in order."""
    keys, times = draw.zipf(N_EQUAL), draw.times(N_EQUAL)
    tables = [empty_table(DEFAULT_HALF_LIVES, max_keys=2 * N_EQUAL) for _ in range(3)]
    update(tables[0], keys, times)
    order = rng.permutation(N_EQUAL)
    for table, part in zip(tables[1:], np.array_split(order, 2), strict=True):
        update(table, keys[part], times[part])
    merge(tables[2], tables[1])
    mine, its = occupied(tables[0]), occupied(tables[2])
    return all(np.array_equal(a, b) for a, b in zip(mine, its, strict=True))


def _events(rng: np.random.Generator) -> pa.RecordBatch:
    """A record of the log as a market writes it: mostly impressions."""
    kinds = np.array(["impression", "click", "favourite", "cart", "purchase"])
    kind = kinds[rng.choice(5, N_EVENTS, p=[0.85, 0.1, 0.02, 0.02, 0.01])]

    def names(word: str, n: int) -> pa.Array:
        return pa.array([f"{word}-{i:08d}" for i in rng.integers(0, n, N_EVENTS)])

    given = {
        "kind": pa.array(kind),
        "listing_id": names("listing", 200_000),
        "visitor_id": names("visitor", 500),
        "session_id": names("session", 500),
        "query": names("hand made mug", 400),
        "standing": pa.repeat("signed", N_EVENTS),
    }
    times = pa.array(np.sort(rng.integers(NOW_MS - 1_000, NOW_MS, N_EVENTS)))
    columns = []
    for field in EVENT:
        if field.name in given:
            columns.append(given[field.name])
        elif field.name.endswith("_ms"):
            columns.append(times)
        elif field.nullable:
            columns.append(pa.nulls(N_EVENTS, field.type))
        else:
            columns.append(pa.repeat(_BLANK[str(field.type)], N_EVENTS))
    return pa.RecordBatch.from_arrays(columns, schema=EVENT)


_BLANK: Final[dict[str, pa.Scalar]] = {
    "string": pa.scalar("x"),
    "bool": pa.scalar(False),
    "int64": pa.scalar(1, pa.int64()),
}


def _event_rate(writer: _Writer, rng: np.random.Generator) -> dict[str, float]:
    """Events of records in memory until they are counted, with what they mean for tastes."""
    rows, rules = _events(rng), CounterRules()
    facets = rng.integers(1, 2**62, (N_EVENTS, len(rules.facets)), dtype=np.uint64)
    repeats = 30

    def work() -> None:
        for _ in range(repeats):
            made = event_updates(rows, facets=facets, rules=rules)
            writer.write(_Drawn(made.keys, made.times_ms))

    return _timed(repeats * N_EVENTS, work, name="events", of="")


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """All figures of one run."""
    rng = np.random.default_rng(job["seed"])
    path = Path(job["folder"]) / "live.bin"
    layout = Layout(half_lives=DEFAULT_HALF_LIVES, max_keys=job["keys"], digest=bytes(32))
    create_file(path, layout, losses=0)
    file, draw = SharedFile(path, is_writer=True), _Draw(job["keys"], rng)
    counters, writer = SharedCounters(path, DEFAULT_HALF_LIVES), _Writer(file)
    every = _Drawn(draw.all, np.full(job["keys"], NOW_MS - HISTORY_MS))
    found = _timed(job["keys"], lambda: writer.write(every), name="new_keys", of="")
    found |= {
        "n_keys": int(np.count_nonzero(file.table.keys)),
        "n_evicted": writer.n_evicted,
        "mib": round(layout.n_bytes / 2**20, 1),
    }
    request, threads = job["request"], job["threads"]
    for of, drawn in (("", draw.zipf), ("_uniform", draw.uniform)):
        updates = _Drawn(drawn(job["updates"]), draw.times(job["updates"]))
        found |= _timed(job["updates"], partial(writer.write, updates), name="updates", of=of)
        keys = drawn(job["lookups"])
        for n, told in ((1, f"{of}_1_thread"), (threads, of)):
            work = partial(_look_up_with, counters, keys, request, n)
            found |= _timed(job["lookups"], work, name="lookups", of=told)
    beside = _beside(counters, writer, draw, request)
    return (
        found
        | beside
        | _event_rate(writer, rng)
        | {
            "bit_equal": _is_bit_equal(draw, rng),
            "half_lives": len(DEFAULT_HALF_LIVES),
            "write_threads": 1,
            "rss_mib": round(peak_rss_mib(), 1),
        }
    )


def main() -> None:
    """A job on stdin, the figures on stdout."""
    json.dump(measure(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
