"""Counters as one file that is there whole or not at all: what a power cut or a replay begins at.

    snapshot-<events>-<row>-<pages>.bin    a line of JSON, the arrays, a BLAKE2b hash of all before it

The places of the keys are kept too, so that a table that is full goes on as the live one does.
"""

import contextlib
import hashlib
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedRandom
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numpy as np

from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.counters.shared_file import State
from mercer.engines.embedded.durable import open_part, part_of, put_durably
from mercer.features.column import I64s, U64s
from mercer.features.counter_facets import FacetTable
from mercer.features.counter_table import WORDS, CounterTable
from mercer.schema.errors import CorruptError

KEPT: Final = 2  # the newest; one more than is needed, should the disk lose one
PART_ROWS: Final = 1 << 14  # of the table, in memory while it is copied: some 1 MB
_HASH_BYTES: Final = 16
_MAX_HEAD: Final = 1 << 16  # a position names every partition of pages
_new_hash: Final = partial(hashlib.blake2b, digest_size=_HASH_BYTES)


class _Head(msgspec.Struct, frozen=True):
    digest: str  # of CounterParams
    state: State
    losses: int
    n_keys: int
    n_listings: int
    n_facets: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the counters are at one place in the log."""

    digest: bytes
    state: State
    losses: int  # as `SharedFile.losses`
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


def path_of(folder: Path, place: Place) -> Path:
    """Where the snapshot of a place lies, if there is one."""
    return folder / f"snapshot-{place.events:016d}-{place.row:06d}-{place.n_pages:016d}.bin"


@final
class Draft:
    """A snapshot that is whole and has no name yet: neither read nor durable.

    Args:
        file: as `open_part` opened it.
        path: the name that it is to have.
    """

    def __init__(self, file: BufferedRandom, path: Path) -> None:
        self._file, self._path = file, path

    def finish(self) -> None:
        """Make it durable under its name, and remove all but the newest; may run in another thread.

        Raises:
            OSError: the disk is full, or failed; what was there is still there.
        """
        try:
            with self._file as file:
                file.seek(0)
                digest = hashlib.file_digest(file, _new_hash).digest()
                file.seek(0, os.SEEK_END)
                file.write(digest)
                put_durably(file, part_of(self._path), self._path)
        except OSError:
            part_of(self._path).unlink(missing_ok=True)
            raise
        for old in _paths(self._path.parent)[KEPT:]:
            old.unlink(missing_ok=True)


def drafted(
    folder: Path,
    table: CounterTable,
    facets: FacetTable,
    state: State,
    *,
    digest: bytes,
    losses: int,
) -> Draft:
    """A copy of all of it in a file; nobody may write meanwhile.

    It goes there in parts: a second table would not fit into every memory, and what is given back of
    one the process does not give back to the system.

    Raises:
        OSError: the disk is full, or failed.
    """
    path = path_of(folder, Place.parse(state.position))
    file = open_part(part_of(path), mode=0o600)
    try:
        _copy(file, table, facets, (digest, state, losses))
    except OSError:
        file.close()
        part_of(path).unlink(missing_ok=True)
        raise
    return Draft(file, path)


def _copy(
    file: BufferedRandom, table: CounterTable, facets: FacetTable, told: tuple[bytes, State, int]
) -> None:
    digest, state, losses = told
    n, m = int(np.count_nonzero(table.keys)), len(facets)
    head = msgspec.json.encode(_Head(digest.hex(), state, losses, n, m, facets.n_facets))
    file.write(head + b"\n")
    row_bytes = 8 * WORDS
    sizes = (8 * (n + 1), 8 * n, row_bytes * (n + 1))
    at = _write_columns(file, len(head) + 1, sizes, _table_parts(table))
    _write_columns(file, at, (8 * m, 8 * m, 8 * facets.n_facets * m), facets.parts(PART_ROWS))
    file.flush()


def _table_parts(table: CounterTable) -> Iterator[tuple[I64s, U64s, U64s]]:
    """Places, keys and rows of what is there, and at last the row of what was evicted."""
    for first in range(0, table.n_places, PART_ROWS):
        at = np.flatnonzero(table.keys[first : first + PART_ROWS]) + first
        yield at, table.keys[at], table.rows[at]
    yield np.array([table.n_places]), table.keys[:0], table.rows[-1:]


def _write_columns(
    file: BufferedRandom, at: int, sizes: Sequence[int], parts: Iterable[Sequence[Any]]
) -> int:
    """Write columns one behind the other, from parts that have some rows of each; where they end.

    Args:
        at: where the first begins.
        sizes: of each, in bytes.
    """
    ends = np.cumsum((at, *sizes)).tolist()
    begins = ends[:-1]
    for part in parts:
        for i, values in enumerate(part):
            block: Any = np.ascontiguousarray(values)
            file.seek(begins[i])
            file.write(block)
            begins[i] += block.nbytes
    assert begins == ends[1:], "what was counted is what is written"
    return int(ends[-1])


def _paths(folder: Path) -> list[Path]:
    """The newest first."""
    return sorted(folder.glob("snapshot-*.bin"), reverse=True)


def remove_snapshots(folder: Path) -> None:
    """Remove all of them."""
    for path in _paths(folder):
        path.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
    """Remove what processes that died have left; no keeper but the caller may be at work."""
    for path in folder.glob(".snapshot-*.part"):
        path.unlink(missing_ok=True)


def read_snapshot(path: Path) -> Snapshot:
    """What `Draft.finish` wrote; its arrays lie in the file, not in memory.

    Raises:
        CorruptError: it is not that any more; remove it, the log has everything.
    """
    raw = _mapped(path)
    body, told = raw[:-_HASH_BYTES], bytes(raw[-_HASH_BYTES:])
    hashed = _new_hash()
    hashed.update(body)
    if hashed.digest() != told:
        raise CorruptError(f"{path} is damaged; remove it, the counters are made from the log")
    at = bytes(body[:_MAX_HEAD]).index(b"\n") + 1
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
        head.losses,
        part(np.int64, n + 1),
        part(np.uint64, n),
        part(np.uint64, n + 1, WORDS),
        (
            part(np.uint64, n_listings),
            part(np.int64, n_listings),
            part(np.uint64, n_listings, head.n_facets),
        ),
    )


def _mapped(path: Path) -> memoryview:
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def usable(folder: Path, *, digest: bytes, losses: int, until: Place | None) -> Snapshot | None:
    """The newest snapshot of those counters that a place covers; None where there is none.

    Args:
        losses: of the log (`losses.py`); a snapshot of fewer counts what is gone.
        until: the place; None: any.
    """
    for made in _fitting(folder, digest, losses):
        if until is None or until.covers(made.place):
            return made
    return None


def oldest_place(folder: Path, *, digest: bytes, losses: int) -> Place | None:
    """Where the oldest snapshot that is usable stands; None where there is none."""
    places = [made.place for made in _fitting(folder, digest, losses)]
    return places[-1] if places else None


def _fitting(folder: Path, digest: bytes, losses: int) -> Iterator[Snapshot]:
    return (one for one in _readable(folder) if one.digest == digest and one.losses >= losses)


def _readable(folder: Path) -> Iterator[Snapshot]:
    for path in _paths(folder):
        with contextlib.suppress(CorruptError, OSError):  # the next one, or the log, has it too
            yield read_snapshot(path)
