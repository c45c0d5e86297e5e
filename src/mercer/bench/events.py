"""`mercer bench events`: what it costs to keep events and pages, part by part."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from mercer.bench.machine import provenance
from mercer.bench.worker import run_worker
from mercer.schema.errors import ConfigError

# Each part is a module that is run in a process of its own: a job on stdin (the fields of
# EventsBench and `folder`), an object on stdout whose keys become keys of the result.
PARTS: Final[Mapping[str, str]] = {
    "log": "mercer.bench.event_writer",
    "pages": "mercer.bench.page_cost",
    "http": "mercer.bench.events_http",
    "counted": "mercer.bench.events_counted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsBench:
    """What is measured."""

    events: int
    batch: int = 500  # events of one call
    writers: int = 4  # threads that wait for their batch each
    seed: int = 1
    parts: tuple[str, ...] = tuple(PARTS)


def bench_events(bench: EventsBench, *, cache: Path) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    What is written lies in a folder below `cache` that is removed again: name one on the disk that is
    to be measured.

    Raises:
        ConfigError: a number is out of range, or a part is unknown.
        MarketError: a measuring process failed.
    """
    if bench.events < 1 or bench.batch < 1 or bench.writers < 1 or bench.seed < 0:
        raise ConfigError(
            "events, batch and writers must be 1 or more and the seed 0 or more, got "
            f"{bench.events}, {bench.batch}, {bench.writers} and {bench.seed}"
        )
    if unknown := sorted(set(bench.parts) - set(PARTS)):
        raise ConfigError(f"part {', '.join(unknown)} is unknown; there are {', '.join(PARTS)}")
    line: dict[str, Any] = {"bench": "events", **asdict(bench), "parts": list(bench.parts)}
    cache.mkdir(parents=True, exist_ok=True)
    for part in bench.parts:
        with tempfile.TemporaryDirectory(dir=cache, prefix="events-") as folder:
            line |= run_worker(PARTS[part], {**asdict(bench), "folder": folder})
    return line | provenance()
