"""Counters as one file that is there whole or not at all: what a power cut or a replay begins at.

    snapshot-<events>-<row>-<pages>.bin    a line of JSON, the arrays, a BLAKE2b hash of all before it

The places of the keys are kept too, so that a table that is full goes on as the live one does.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.shared_file import State
from mercer.engines.embedded.durable import write_durably
from mercer.features.column import I64s, U64s
from mercer.features.counter_facets import FacetTable
from mercer.features.counter_table import WORDS, CounterTable
from mercer.schema.errors import CorruptError

KEPT: Final = 2  # the newest; one more than is needed, should the disk lose one
_HASH_BYTES: Final = 16


class _Head(msgspec.Struct, frozen=True):
    digest: str  # of CounterParams
    state: State
    erasures: int
    n_keys: int
    n_listings: int
    n_facets: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the counters are at one place in the log."""

    digest: bytes
    state: State
    erasures: int  # as `SharedFile.erasures`
    places: I64s  # (n_keys + 1,) of the table; the last is that of what was evicted
    keys: U64s  # (n_keys,)
    rows: U64s  # (n_keys + 1, WORDS)
    listings: tuple[U64s, I64s, U64s]  # FacetTable.all()

    @property
    def place(self) -> Place:
        """Where it stands in the log."""
        return Place.parse(self.state.position)

    def put_into(self, table: CounterTable) -> None:
        """Fill an empty table of the same size."""
        table.keys[self.places[:-1]] = self.keys
        table.rows[self.places] = self.rows

    def facets(self) -> FacetTable:
        """A table of the listings."""
        keys, updated_ms, facets = self.listings
        made = FacetTable(facets.shape[1], max_keys=len(keys))
        made.put(keys, updated_ms, facets)
        return made


def taken(
    table: CounterTable, facets: FacetTable, state: State, *, digest: bytes, erasures: int
) -> Snapshot:
    """A copy of all of it; nobody may write meanwhile."""
    at = np.flatnonzero(table.keys)
    places = np.append(at, len(table.keys))
    return Snapshot(
        digest, state, erasures, places, table.keys[at], table.rows[places], facets.all()
    )


def path_of(folder: Path, place: Place) -> Path:
    """Where the snapshot of a place lies, if there is one."""
    return folder / f"snapshot-{place.events:016d}-{place.row:06d}-{place.n_pages:016d}.bin"


def write_snapshot(folder: Path, made: Snapshot) -> None:
    """Write it durably, and remove all but the newest.

    Raises:
        OSError: the disk is full, or failed; what was there is still there.
    """
    keys, updated_ms, facets = made.listings
    head = _Head(
        made.digest.hex(), made.state, made.erasures, len(made.keys), len(keys), facets.shape[1]
    )
    arrays = (made.places, made.keys, made.rows, keys, updated_ms, facets)
    parts: list[Any] = [
        msgspec.json.encode(head) + b"\n",
        *(np.ascontiguousarray(one) for one in arrays),
    ]
    digest = blake2b(digest_size=_HASH_BYTES)
    for part in parts:
        digest.update(part)
    write_durably(path_of(folder, made.place), *parts, digest.digest(), mode=0o600)
    for old in _paths(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def _paths(folder: Path) -> list[Path]:
    """The newest first."""
    return sorted(folder.glob("snapshot-*.bin"), reverse=True)


def remove_snapshots(folder: Path) -> None:
    """Remove all of them."""
    for path in _paths(folder):
        path.unlink(missing_ok=True)


def read_snapshot(path: Path) -> Snapshot:
    """What `write_snapshot` wrote.

    Raises:
        CorruptError: it is not that any more; remove it, the log has everything.
    """
    raw = path.read_bytes()
    body, told = memoryview(raw)[:-_HASH_BYTES], raw[-_HASH_BYTES:]
    if blake2b(body, digest_size=_HASH_BYTES).digest() != told:
        raise CorruptError(f"{path} is damaged; remove it, the counters are made from the log")
    at = raw.index(b"\n") + 1
    head = msgspec.json.decode(body[: at - 1], type=_Head)

    def part(dtype: Any, *shape: int) -> Any:
        nonlocal at
        n = int(np.prod(shape))
        found = np.frombuffer(body[at : at + 8 * n], dtype).reshape(shape)
        at += 8 * n
        return found

    n, n_listings = head.n_keys, head.n_listings
    return Snapshot(
        bytes.fromhex(head.digest),
        head.state,
        head.erasures,
        part(np.int64, n + 1),
        part(np.uint64, n),
        part(np.uint64, n + 1, WORDS),
        (
            part(np.uint64, n_listings),
            part(np.int64, n_listings),
            part(np.uint64, n_listings, head.n_facets),
        ),
    )


def usable(folder: Path, *, digest: bytes, erasures: int, until: Place | None) -> Snapshot | None:
    """The newest snapshot of those counters that a place covers; None where there is none.

    Args:
        erasures: the last erasure of the log; a snapshot that was taken before it names who is gone.
        until: the place; None: any.
    """
    for made in _readable(folder):
        fits = made.digest == digest and made.erasures >= erasures
        if fits and (until is None or until.covers(made.place)):
            return made
    return None


def _readable(folder: Path) -> Iterator[Snapshot]:
    for path in _paths(folder):
        with contextlib.suppress(CorruptError, OSError):  # the next one, or the log, has it too
            yield read_snapshot(path)
