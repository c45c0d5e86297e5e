"""The partition `catalogue`: SQLite for small records, one immutable Parquet file for each large one.

    log/log.db                     WAL, synchronous=FULL; the row of a large record names its file
    log/files/<kind>-<sha256>.parquet

A file is written under another name, synced and renamed before its record is committed, so a crash in
between leaves a file that nothing names, never a record without its file.
"""

import itertools
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, final

import msgspec
import pyarrow as pa

from mercer.engines.embedded.durable import sync_folder, write_durably
from mercer.engines.embedded.log.catalogue_records import (
    FORMAT,
    TABLES,
    from_json,
    from_parquet,
    records_after,
    rows_after,
    to_json,
    to_parquet,
)
from mercer.engines.embedded.log.compaction import (
    COMPACTED_KINDS,
    Compacted,
    RowFate,
    fates,
    survivors,
)
from mercer.engines.embedded.log.partition import Partition
from mercer.engines.embedded.sqlite_file import last_offset, open_owned, open_shared, transaction
from mercer.events.log import RECORD_KINDS, RECORD_SCHEMAS, Change, RecordKind
from mercer.events.upgrade import upgraded
from mercer.schema.arrow import require
from mercer.schema.errors import CorruptError, SchemaError

INLINE_ROWS = 64  # more go into a file
INLINE_BYTES = 256 * 1024
_READ_RECORDS = 256


@final
class CatalogueLog:
    """Changes of the catalogue in a folder. One process owns it; its methods are thread-safe.

    Args:
        folder: of the log; made where it is not there.
        is_owner: this process writes; else the log is only read, and may not be there yet.
        on_step: told of "files", "written" and "committed" in a compaction; for tests of crashes.
    """

    # Events too: before they had a partition of their own they lay here.
    kinds: Final = frozenset[RecordKind](RECORD_KINDS) - {"pages"}

    def __init__(
        self,
        folder: Path,
        *,
        is_owner: bool = True,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._on_step = on_step
        self._coming: Counter[str] = Counter()  # files whose records are not committed yet
        self._files = folder / "files"
        self._lock = threading.Lock()
        self._path = folder / "log.db"
        self._db: sqlite3.Connection | None = None
        self.committed = 0  # the offset up to which this owner has committed; read without waiting
        if not is_owner:
            return
        self._files.mkdir(parents=True, exist_ok=True)
        self._db = open_owned(self._path, TABLES, format_version=FORMAT)
        self.committed = last_offset(self._db)
        sync_folder(folder)

    def append(self, changes: Sequence[Change]) -> int:
        """Make all changes durable in one step; the offset of the last one.

        Raises:
            SchemaError: rows that are not of their kind's schema; nothing was appended.
        """
        coming: list[str] = []
        try:
            records = [self._prepared(change, coming) for change in changes]
            with self._lock:
                with transaction(self._owned()) as db:
                    db.executemany(
                        "insert into record (kind, n_rows, file, payload) values (?, ?, ?, ?)",
                        records,
                    )
                    last = last_offset(db)
                self.committed = last
        finally:
            self._arrived(coming)
        return last

    def _owned(self) -> sqlite3.Connection:
        assert self._db is not None, "only the owner of a market writes its log"
        return self._db

    def _arrived(self, names: Sequence[str]) -> None:
        with self._lock:
            self._coming.subtract(names)
            self._coming += Counter()  # without those that are at 0

    def _prepared(
        self, change: Change, coming: list[str]
    ) -> tuple[str, int, str | None, bytes | None]:
        """The row of a record; a large one is written to its file first, which `coming` then names."""
        schema = RECORD_SCHEMAS[change.kind]
        rows = require(change.rows, schema, at=f"log record of {change.kind}").select(schema.names)
        if rows.num_rows <= INLINE_ROWS and rows.nbytes <= INLINE_BYTES:
            return change.kind, rows.num_rows, None, to_json(rows)
        name, data = to_parquet(change.kind, rows)
        with self._lock:  # from here on nobody takes it for an orphan
            self._coming[name] += 1
        coming.append(name)
        if not (self._files / name).exists():
            write_durably(self._files / name, data)
        return change.kind, rows.num_rows, name, None

    def read(
        self, after: int, *, kinds: Collection[RecordKind] = RECORD_KINDS
    ) -> Iterator[tuple[int, Change]]:
        """(offset, record) after that offset; a snapshot of the file's state at each few hundred."""
        if not self._path.exists():
            return
        with closing(open_shared(self._path)) as db:
            while True:
                found = records_after(db, after, kinds=kinds, limit=_READ_RECORDS)
                for record in found:
                    try:
                        change = self._change(*record)
                    except CorruptError:
                        if self._is_as_read(db, record):
                            raise
                        break  # compacted since it was looked up: look again
                    yield record[0], change
                    after = record[0]
                else:
                    if len(found) < _READ_RECORDS:
                        return

    @staticmethod
    def _is_as_read(db: sqlite3.Connection, record: tuple[Any, ...]) -> bool:
        now = db.execute("select n_rows, file from record where position = ?", record[:1])
        found: Any = now.fetchone()
        return bool(found == (record[2], record[3]))

    def _change(
        self, position: int, kind: RecordKind, n_rows: int, file: str | None, payload: bytes | None
    ) -> Change:
        if kind not in RECORD_SCHEMAS:
            raise CorruptError(f"{self._path}, position {position}: unknown kind {kind!r}")
        try:
            if file is None:
                rows = from_json(payload or b"", kind)
            else:
                rows = from_parquet((self._files / file).read_bytes(), name=file)
            rows = upgraded(kind, rows)
        except (OSError, pa.ArrowException, msgspec.DecodeError, SchemaError) as fault:
            raise CorruptError(
                f"{self._path}, position {position}: {file or 'record'} cannot be read ({fault}); "
                "restore the log folder from a backup"
            ) from fault
        if rows.num_rows != n_rows:
            raise CorruptError(
                f"{self._path}, position {position}: {rows.num_rows} rows, {n_rows} were written"
            )
        return Change(kind, rows)

    def remove(self, offsets: Sequence[int]) -> None:
        """Remove whole records that are kept elsewhere, and the files that only they named."""
        with self._lock, transaction(self._owned()) as db:
            db.executemany("delete from record where position = ?", [(at,) for at in offsets])
        self._remove_orphans()

    def compact(self, up_to: int, *, is_dry_run: bool = False) -> Compacted:
        """Keep of each key its newest version among the records up to that offset.

        Offsets stay; whoever has read up to any of them goes on to the same state. Interrupted, it
        has changed nothing, but for files that nothing names.

        Args:
            up_to: the last record that may change.
            is_dry_run: only say what would be removed.
        """
        fate = fates(
            itertools.takewhile(lambda r: r[0] <= up_to, self.read(0, kinds=COMPACTED_KINDS))
        )
        changed = {at: one for at, one in fate.items() if not one.is_all_kept}
        report = Compacted(
            n_records=len(fate),
            n_rows=sum(len(one.is_kept) for one in fate.values()),
            n_dropped=sum(one.n_dropped for one in changed.values()),
            n_blanked=int(sum(one.is_blanked.sum() for one in changed.values())),
        )
        if changed and not is_dry_run:
            self._replace(changed, report.n_dropped)
        return report

    def _replace(self, changed: Mapping[int, RowFate], n_dropped: int) -> None:
        """Put what is left in the place of some records, in one transaction."""
        made: list[tuple[Any, ...]] = []
        gone: list[tuple[int]] = []
        coming: list[str] = []
        try:
            for at, change in self.read(0, kinds=COMPACTED_KINDS):
                if at in changed:
                    rows = survivors(change, changed[at])
                    if rows.num_rows:
                        made.append((*self._prepared(Change(change.kind, rows), coming), at))
                    else:
                        gone.append((at,))
            self._on_step("files")
            with self._lock, transaction(self._owned()) as db:
                db.executemany(
                    "update record set kind = ?, n_rows = ?, file = ?, payload = ? "
                    "where position = ?",
                    made,
                )
                db.executemany("delete from record where position = ?", gone)
                db.execute("insert into compaction (n_dropped) values (?)", (n_dropped,))
                self._on_step("written")
        finally:
            self._arrived(coming)
        self._on_step("committed")
        self._remove_orphans()

    def n_dropped(self) -> int:
        """Rows that compactions removed so far: so many changes a view that is rebuilt does not see."""
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            row = db.execute("select sum(n_dropped) from compaction").fetchone()
        return int(row[0] or 0)

    def n_compactions(self) -> int:
        """Compactions that removed or blanked anything so far."""
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            return int(db.execute("select count(*) from compaction").fetchone()[0])

    def orphans(self) -> list[Path]:
        """Files that no record names: left by a crash between file and record; safe to remove."""
        with self._lock:
            return self._orphans()

    def _orphans(self) -> list[Path]:
        named = {r[0] for r in self._owned().execute("select distinct file from record")}
        return sorted(
            p for p in self._files.iterdir() if p.name not in named and p.name not in self._coming
        )

    def _remove_orphans(self) -> None:
        with self._lock:  # who finds a file there and counts on it says so under this lock
            for path in self._orphans():
                path.unlink()

    def end(self) -> int:
        """The offset of the last record; 0 where there is none."""
        with self._lock:
            if self._db is not None:
                return last_offset(self._db)
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            return last_offset(db)

    def n_rows(self, after: int, *, kinds: Collection[RecordKind] = RECORD_KINDS) -> int:
        """Rows of those kinds after that offset."""
        if not self._path.exists():
            return 0
        with closing(open_shared(self._path)) as db:
            return rows_after(db, after, kinds=kinds)

    def close(self) -> None:
        """Give the file back; the log can be opened again."""
        with self._lock:
            if self._db is not None:
                self._db.close()


_conforms: type[Partition] = CatalogueLog
