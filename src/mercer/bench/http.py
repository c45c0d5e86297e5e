"""`mercer bench http`: what a client waits for, over HTTP, while listings change and consumers run."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import urlsplit

from mercer.bench.machine import provenance
from mercer.bench.market import bench_market
from mercer.bench.ranked_market import copied_market, ranked_market
from mercer.demo import NOW_MS
from mercer.engines.embedded.index.generation import Progress
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import ConfigError, MarketError
from mercer.serve.process.run_folder import Status, read_status
from mercer.simulate import generate_catalogue, query_mix

N_QUERIES: Final = 10_000
N_CHANGED: Final = 5_000  # listings that are changed in turn
TRACKED_PER_S: Final = 1.0  # changes that are followed until they are found, sold and gone
BAR_MS: Final = 100.0  # p99 of the highest rate
START_S: Final = 600.0
_GROW, _BISECTIONS, _MAX_RATE = 1.5, 3, 10_000.0
_PROGRAM = "from mercer.cli import main; main()"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpBench:
    """What is measured."""

    listings: int
    workers: int = 2
    rate: float = 60.0  # searches a second
    changes: float = 20.0  # changed listings a second
    seconds: float = 60.0  # of the main window
    probe_seconds: float = 20.0  # of each window that looks for the highest rate; 0: not looked for
    queries: int = N_QUERIES
    seed: int = 1
    trees: int = 0  # of the ranker that serves; 0: none


def bench_http(
    bench: HttpBench, *, cache: Path, rebuild: bool, progress: Progress, say: Say
) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Raises:
        ConfigError: a number is out of range.
        MarketError: the market cannot be made, or the server or the load process failed.
    """
    _check(bench)
    made = bench_market(
        cache, n_listings=bench.listings, seed=bench.seed, rebuild=rebuild, progress=progress
    )
    made = ranked_market(
        made, listings=bench.listings, seed=bench.seed, trees=bench.trees, progress=progress
    )
    with (
        tempfile.TemporaryDirectory(dir=cache, prefix="http-") as folder,
        _served(copied_market(made, Path(folder) / "market"), bench) as server,
        _load(bench, server.port) as load,
    ):
        say("warming up")
        load.window(rate=min(bench.rate, 20.0), seconds=min(10.0, bench.seconds), changes=2.0)
        say(f"{bench.rate:g} searches and {bench.changes:g} changes a second")
        cpu = server.cpu_s()
        main = load.window(rate=bench.rate, seconds=bench.seconds, changes=bench.changes)
        busy = {
            name: round((s - cpu.get(name, s)) / main["took_s"], 3)
            for name, s in server.cpu_s().items()
        }
        memory = server.rss_mib()
        probes = _highest(bench, load, say) if bench.probe_seconds else []
    return _line(bench, main, probes, busy, memory)


def _check(bench: HttpBench) -> None:
    least = {
        "workers": bench.workers, "rate": bench.rate, "seconds": bench.seconds,
        "queries": bench.queries, "listings": bench.listings,
    }  # fmt: skip
    faults = [
        f"{name} must be 1 or more, got {value:g}" for name, value in least.items() if value < 1
    ]
    if bench.changes < 0 or bench.probe_seconds < 0:
        faults.append("changes and probe-seconds must be 0 or more")
    if faults:
        raise ConfigError("; ".join(faults))


@final
class _Server:
    """A served market as its operator sees it."""

    def __init__(self, status: Status, folder: MarketFolder) -> None:
        self._folder, self.port = folder, urlsplit(status.url).port or 0

    def _pids(self) -> dict[str, int]:
        status = read_status(self._folder.run)
        if status is None:
            return {}
        return {name: p.pid for name, p in status.processes.items() if p.pid is not None}

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds that each process has used."""
        tick, found = os.sysconf("SC_CLK_TCK"), {}
        for name, pid in self._pids().items():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            found[name] = (int(fields[11]) + int(fields[12])) / tick
        return found

    def rss_mib(self) -> dict[str, dict[str, float]]:
        """Resident memory of each process: all, and what is its own."""
        found = {}
        for name, pid in self._pids().items():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            words = [line.split() for line in lines if line.endswith(" kB")]
            sizes = {field.rstrip(":"): int(kib) / 1024 for field, kib, _ in words}
            found[name] = {
                "now": round(sizes["VmRSS"], 1),
                "anonymous": round(sizes["RssAnon"], 1),
            }
        return found


@contextmanager
def _served(market: Path, bench: HttpBench) -> Iterator[_Server]:
    """`mercer serve` over a market, while the block runs."""
    folder = MarketFolder(market)
    words = ["serve", "--market", str(market), "--port", "0", "--workers", str(bench.workers)]
    with open(market.parent / "serve.log", "w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield _Server(_ready(folder, process, log.name), folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    if process.returncode:
        raise MarketError(f"the server ended with status {process.returncode}: {_tail(log.name)}")


def _ready(folder: MarketFolder, process: subprocess.Popen[bytes], log: str) -> Status:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        status = read_status(folder.run)
        if status and all(p.state == "up" for p in status.processes.values()):
            return status
        time.sleep(0.1)
    raise MarketError(f"the server did not start: {_tail(log)}")


def _tail(log: str) -> str:
    return Path(log).read_text(errors="replace")[-2_000:]


@final
class _Load:
    """The process that makes the load."""

    def __init__(self, process: "subprocess.Popen[str]", seed: int) -> None:
        self._process, self._seed = process, seed
        self._searches = self._changes = self._windows = 0

    def window(self, *, rate: float, seconds: float, changes: float) -> dict[str, Any]:
        """Run one stretch of load; what it saw."""
        self._windows += 1
        each = max(1, round(changes / TRACKED_PER_S))
        job = {
            "rate": rate, "seconds": seconds, "changes": changes, "track_each": each,
            "first_search": self._searches, "first_change": self._changes,
            "seed": self._seed * 1_000 + self._windows,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise MarketError("the load process ended; what it said is above")
        seen = dict(json.loads(line))
        self._searches += len(seen["search_ms"])
        self._changes += len(seen["put_ms"]) + each
        return {"rate": rate, "seconds": seconds, **seen}


@contextmanager
def _load(bench: HttpBench, port: int) -> Iterator[_Load]:
    world = generate_catalogue(n_listings=bench.listings, seed=bench.seed, now_ms=NOW_MS)
    queries = query_mix(world, n=bench.queries, seed=bench.seed)
    first = {
        "port": port,
        "queries": [(q.text, q.filter) for q in queries],
        "listings": _objects(next(iter(world.batches())).slice(0, N_CHANGED).to_pylist()),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "mercer.bench.http_load"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(first) + "\n")
        process.stdin.flush()
        try:
            yield _Load(process, bench.seed)
        finally:
            process.stdin.close()


def _objects(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Listings as a client would send them."""
    objects = []
    for row in rows:
        one = {
            name: row[name]
            for name in ("listing_id", "title", "description", "tags", "category_path", "seller_id")
        }
        one["attributes"] = dict(row["attributes"])
        one["quantity"] = max(1, row["quantity"])
        if row["price_micros"] is not None:
            one |= {"price": row["price_micros"] / 1e6, "currency": row["currency"]}
        objects.append(one)
    return objects


def _highest(bench: HttpBench, load: _Load, say: Say) -> list[dict[str, Any]]:
    """Windows at growing rates until one fails, then between the last good and the first bad."""
    probes: list[dict[str, Any]] = []

    def holds(rate: float) -> bool:
        seen = load.window(rate=round(rate, 1), seconds=bench.probe_seconds, changes=bench.changes)
        probes.append(seen)
        is_good = _is_good(seen)
        say(
            f"{rate:.0f}/s: p99 {_ms(seen['search_ms'], 99):.0f} ms{'' if is_good else ', too much'}"
        )
        return is_good

    good, bad = 0.0, max(bench.rate, 1.0)
    while bad < _MAX_RATE and holds(bad):
        good, bad = bad, bad * _GROW
    if not good:
        good = bad / 2
    for _ in range(_BISECTIONS):
        middle = (good + bad) / 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return probes


def _is_good(seen: dict[str, Any]) -> bool:
    has_all = not seen["faults"] and not seen["unfinished"]
    return has_all and bool(seen["search_ms"]) and _ms(seen["search_ms"], 99) <= BAR_MS


def _ms(values: Sequence[float], percent: float) -> float:
    """A percentile that is one of the values; 0 where there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _window_line(seen: dict[str, Any]) -> dict[str, Any]:
    return {
        "rate": seen["rate"],
        "seconds": seen["seconds"],
        "searches": len(seen["search_ms"]),
        "p50_ms": round(_ms(seen["search_ms"], 50), 2),
        "p99_ms": round(_ms(seen["search_ms"], 99), 2),
        "max_ms": round(_ms(seen["search_ms"], 100), 2),
        "changes": len(seen["put_ms"]),
        "put_p50_ms": round(_ms(seen["put_ms"], 50), 2),
        "put_p99_ms": round(_ms(seen["put_ms"], 99), 2),
        "degraded": seen["degraded"],
        "faults": seen["faults"],
        "unfinished": seen["unfinished"],
        "behind_ms": seen["behind_ms"],
        "load_cpu": seen["load_cpu"],
    }


def _line(
    bench: HttpBench,
    main: dict[str, Any],
    probes: Sequence[dict[str, Any]],
    busy: dict[str, float],
    memory: dict[str, dict[str, float]],
) -> dict[str, Any]:
    good = [seen["rate"] for seen in (main, *probes) if _is_good(seen)]
    windows = [_window_line(seen) for seen in (main, *probes)]
    first = windows[0]
    return {
        "bench": "http",
        "listings": bench.listings,
        "workers": bench.workers,
        "rate": bench.rate,
        "changes": bench.changes,
        "seconds": bench.seconds,
        "queries": bench.queries,
        "trees": bench.trees,
        "seed": bench.seed,
        "p50_ms": first["p50_ms"],
        "p99_ms": first["p99_ms"],
        "max_ms": first["max_ms"],
        "changed_found_ms": round(_ms(main["found_ms"], 99), 1),
        "changed_found_p50_ms": round(_ms(main["found_ms"], 50), 1),
        "sold_gone_ms": round(_ms(main["gone_ms"], 99), 1),
        "sold_gone_p50_ms": round(_ms(main["gone_ms"], 50), 1),
        "tracked": len(main["gone_ms"]),
        "errors": sum(main["faults"].values()) + main["unfinished"],
        "degraded": main["degraded"],
        "highest_rate": max(good, default=0.0),
        "cpu": busy,
        "rss_mib": memory,
        "windows": windows,
        **provenance(),
    }
