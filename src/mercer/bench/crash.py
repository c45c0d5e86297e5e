"""`mercer bench crash`: a served market whose processes are killed under load, and whose disk fails.

Clients search, send events and change listings all the time, and keep what was acknowledged. Processes
get SIGKILL at random moments, which are commits most of the time, and at chosen ones: while a
generation is built, and when it is renamed. Then writes to the market's disk fail for a while with
ENOSPC and EIO. In the end the market is stopped, and `crash_check` counts what was lost, doubled or
differs.
"""

import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mercer.bench.crash_check import check
from mercer.bench.crash_load import Acknowledged, searcher, seller
from mercer.bench.crash_server import Server
from mercer.bench.machine import provenance
from mercer.demo import ensure_market
from mercer.schema.errors import ConfigError, MarketError

ROLES: Final = ("owner", "reader", "learner")
MERGE_ROWS: Final = 40  # a delta so small is merged, so that merges are always under way
FAULT_S: Final = 2.0
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashBench:
    """What is done to the market."""

    kills: int = 200
    listings: int = 1_500
    workers: int = 2
    faults: int = 6  # spells of a failing disk, ENOSPC and EIO in turn
    searchers: int = 2
    sellers: int = 2
    moment_s: float = 5.0  # a moment that does not come is not waited for any longer
    seed: int = 1


def bench_crash(bench: CrashBench, *, progress: Progress) -> dict[str, Any]:
    """One line of results; `is_kept` is true where every promise was.

    Raises:
        ConfigError: a number is out of range.
        MarketError: the server did not start, stop or recover.
    """
    if min(bench.kills, bench.faults) < 0 or min(bench.listings, bench.workers) < 1:
        raise ConfigError("kills and faults must be 0 or more, listings and workers 1 or more")
    rng, known = random.Random(bench.seed), Acknowledged()
    with tempfile.TemporaryDirectory(prefix="mercer-crash-") as name:
        folder = Path(name)
        market = folder / "market"
        ensure_market(market, n_listings=bench.listings, seed=bench.seed, name="Crash")
        _merge_often(market)
        environment, fault_file = _failing_disk(folder, market)
        server = Server(market, workers=bench.workers, environment=environment)
        began = time.monotonic()
        url = server.start()
        try:
            with _load(bench, url, known):
                killed = _kill(bench, server, market, rng, progress)
                faulty_s = _fail(bench, server, fault_file, rng, progress)
                _wait_healthy(server)
            status = server.stop()
        except BaseException:
            server.kill_all()
            raise
        wall_s = time.monotonic() - began
        progress("checking", len(known.event_ids))
        found = check(market, known)
    return _line(bench, known, found, killed, faulty_s, wall_s, status)


def _merge_often(market: Path) -> None:
    file = market / "mercer.toml"
    text = file.read_text("utf-8")
    file.write_text(
        text.replace("[index]\n", f"[index]\nmerge_rows = {MERGE_ROWS}\nmerge_share = 0.0\n"),
        "utf-8",
    )


def _failing_disk(folder: Path, market: Path) -> tuple[dict[str, str], Path | None]:
    """The environment in which writes below the market fail as a file says; none without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return {}, None
    library, fault_file = folder / "fault.so", folder / "fault"
    source = Path(__file__).with_name("fault.c")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True
    )
    environment = {
        "LD_PRELOAD": str(library),
        "FAULT_DIR": str(market.resolve()) + "/",
        "FAULT_FILE": str(fault_file),
    }
    return environment, fault_file


@contextmanager
def _load(bench: CrashBench, url: str, known: Acknowledged) -> Iterator[None]:
    stop = threading.Event()
    threads = [
        threading.Thread(target=of, args=(url, known, stop), kwargs={"seed": seed}, daemon=True)
        for of, n in ((searcher, bench.searchers), (seller, bench.sellers))
        for seed in range(n)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60.0)


def _kill(
    bench: CrashBench, server: Server, market: Path, rng: random.Random, progress: Progress
) -> Counter[str]:
    """Kill one process after the other, many of them before the last one is back."""
    killed: Counter[str] = Counter()
    while (n := sum(killed.values())) < bench.kills:
        if n % 10 == 9:
            _wait_healthy(server)
        moment = rng.choice(tuple(_MOMENTS))
        time.sleep(rng.uniform(0.0, 0.8))
        has_come = _MOMENTS[moment](market / "index", bench.moment_s)
        role = rng.choice((*ROLES, "merge") if moment == "any" else ("owner", "merge"))
        if has_come and server.kill_one(role, rng):
            killed[f"{role}, {moment}" if moment != "any" else role] += 1
            progress("killed", n + 1)
    return killed


def _await(happened: Callable[[], bool], wait_s: float) -> bool:
    """Whether it happens within that time."""
    until = time.monotonic() + wait_s
    while not (has_come := happened()) and time.monotonic() < until:
        time.sleep(0.001)
    return has_come


def _building(index: Path, wait_s: float) -> bool:
    return _await(lambda: any(index.glob(".g*.part")), wait_s)


def _renaming(index: Path, wait_s: float) -> bool:
    """The next generation gets its name, and perhaps is current already."""
    before = {path.name for path in index.glob("g*-*")}
    return _await(lambda: any(path.name not in before for path in index.glob("g*-*")), wait_s)


_MOMENTS: Final[Mapping[str, Callable[[Path, float], bool]]] = {
    "any": lambda index, wait_s: True,  # commits, most of the time
    "building": _building,
    "renaming": _renaming,
}


def _fail(
    bench: CrashBench,
    server: Server,
    fault_file: Path | None,
    rng: random.Random,
    progress: Progress,
) -> float:
    """Let the disk fail now and then; seconds in all."""
    if fault_file is None:
        return 0.0
    total_s = 0.0
    for n in range(bench.faults):
        _wait_healthy(server)
        share = rng.choice((20, 60, 100))
        fault_file.write_text(f"{'ENOSPC' if n % 2 == 0 else 'EIO'} {share}", "utf-8")
        time.sleep(FAULT_S)
        fault_file.unlink()
        total_s += FAULT_S
        progress("spells of a failing disk", n + 1)
    return total_s


def _wait_healthy(server: Server, *, timeout_s: float = 90.0) -> None:
    """Until every process answers for itself again."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if server.is_healthy():
            return
        time.sleep(0.1)
    raise MarketError(
        f"the market did not recover within {timeout_s:g} s:\n" + "\n".join(server.said[-30:])
    )


def _line(
    bench: CrashBench,
    known: Acknowledged,
    found: Mapping[str, Any],
    killed: Counter[str],
    faulty_s: float,
    wall_s: float,
    status: int,
) -> dict[str, Any]:
    bad = ("lost", "doubled", "risen", "differs", "differ", "unsigned", "not_found")
    broken = [name for name, value in found.items() if name.endswith(bad) and value]
    return {
        "bench": "crash",
        "is_kept": not broken and not known.faults and status == 0,
        "broken": broken,
        "kills": sum(killed.values()),
        "kills_by_role": dict(killed),
        "faulty_s": faulty_s,
        "seed": bench.seed,
        "workers": bench.workers,
        "wall_s": round(wall_s, 1),
        "exit_status": status,
        "answers": known.n_answers,
        "retries": known.n_retries,
        "acknowledged": {
            "events": len(known.event_ids),
            "listings": len(known.listings),
            "deleted": len(known.deleted),
            "pages": len(known.page_ids),
        },
        "faults": known.faults[:20],
        **found,
        **provenance(),
    }
