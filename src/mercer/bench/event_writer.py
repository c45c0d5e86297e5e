"""The process that measures the event log: threads that append batches and wait until they are durable."""

import json
import math
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.bench.machine import peak_rss_mib
from mercer.engines.embedded.log.event_log import EventLog
from mercer.schema.event import EVENT

Floats = npt.NDArray[np.float64]

N_WARM_UP: Final = 20  # batches
N_SYNCS: Final = 50
PACED_EVENTS_PER_S: Final = 100_000
MAX_PACED: Final = 200_000  # events
_T0: Final = 1_790_000_000_000


def event_batches(rng: np.random.Generator, *, n: int, batch: int) -> list[pa.RecordBatch]:
    """`n` events in batches, about 250 bytes each in memory; no id comes twice."""
    made = []
    for first in range(0, n, batch):
        size = min(batch, n - first)
        ids = _uuids(rng, 4 * size)
        listing = rng.integers(10**7, size=size)
        columns: dict[str, Any] = {
            "event_id": ids[:size],
            "kind": rng.choice(["impression", "impression", "impression", "click"], size),
            "listing_id": [f"listing-{one}" for one in listing.tolist()],
            "visitor_id": ids[size : 2 * size],
            "session_id": ids[2 * size : 3 * size],
            "page_id": ids[3 * size :],
            "time_ms": _T0 + first + np.arange(size),
            "client_ms": _T0 + first + np.arange(size) - 40,
            "received_ms": _T0 + first + np.arange(size) + 40,
            "position": rng.integers(1, 25, size),
            "quantity": np.ones(size, np.int64),
            "standing": ["signed"] * size,
            "is_sponsored": np.zeros(size, np.bool_),
            "source": ["api"] * size,
        }
        arrays = [pa.array(columns.get(f.name, [None] * size), f.type) for f in EVENT]
        made.append(pa.RecordBatch.from_arrays(arrays, schema=EVENT))
    return made


def _uuids(rng: np.random.Generator, n: int) -> list[str]:
    text = rng.bytes(16 * n).hex()
    return [text[i : i + 32] for i in range(0, 32 * n, 32)]


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of some batches."""

    waits_ms: Floats  # (n_batches,) from when a batch was due until it was durable
    wall_s: float


def measure(
    log: EventLog, batches: list[pa.RecordBatch], *, writers: int, rate: float = math.inf
) -> Measured:
    """Append all, each thread its next batch as soon as the last is durable and the next is due.

    Args:
        rate: batches per second that are due; without it each is due when a thread is free.
    """
    waits_s: list[float] = []
    faults: list[BaseException] = []
    waiting = enumerate(batches)
    lock = threading.Lock()
    began = time.perf_counter()

    def write() -> None:
        while True:
            with lock:
                i, rows = next(waiting, (0, None))
            if rows is None:
                return
            due = began + i / rate if rate < math.inf else time.perf_counter()
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                log.append(rows)
            except BaseException as fault:  # told by the main thread
                faults.append(fault)
                return
            waits_s.append(time.perf_counter() - due)

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return Measured(np.array(waits_s) * 1e3, time.perf_counter() - began)


def _quantiles(name: str, waits_ms: Floats) -> dict[str, float]:
    return {
        f"{name}_p{q}_ms": round(float(np.quantile(waits_ms, q / 100, method="higher")), 2)
        for q in (50, 99)
    }


def _sync_ms(folder: Path) -> float:
    """Median milliseconds for 100 kB to be on the disk, by plain fdatasync: what no log can beat."""
    took = []
    with open(folder / "sync", "wb", buffering=0) as file:
        for _ in range(N_SYNCS):
            file.write(bytes(100_000))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    (folder / "sync").unlink()
    return round(float(np.median(took)) * 1e3, 3)


def main() -> None:
    """One job from stdin, one answer to stdout."""
    job = json.load(sys.stdin)
    folder, rng = Path(job["folder"]), np.random.default_rng(job["seed"])
    batches = event_batches(rng, n=job["events"] + N_WARM_UP * job["batch"], batch=job["batch"])
    sync_ms = _sync_ms(folder)
    log = EventLog(folder / "log")
    measure(log, batches[:N_WARM_UP], writers=job["writers"])
    before, full = log.end(), measure(log, batches[N_WARM_UP:], writers=job["writers"])
    n_commits = log.end() - before
    paced = event_batches(rng, n=min(MAX_PACED, job["events"]), batch=job["batch"])
    rate = PACED_EVENTS_PER_S / job["batch"]
    even = measure(log, paced, writers=job["writers"], rate=rate)
    log.close()
    kept = [*batches, *paced]
    n = sum(rows.num_rows for rows in kept)
    answer = {
        "events_per_s": round(job["events"] / full.wall_s),
        "commits_per_s": round(n_commits / full.wall_s, 1),
        **_quantiles("append", full.waits_ms),
        **_quantiles("paced", even.waits_ms),
        "event_bytes": round(sum(rows.nbytes for rows in kept) / n, 1),
        "event_disk_bytes": round((folder / "log" / "events.db").stat().st_size / n, 1),
        "sync_ms": sync_ms,
        "rss_mib": round(peak_rss_mib(), 1),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
