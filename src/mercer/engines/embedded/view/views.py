"""Consumers that keep their state in SQLite: `views/<name>.db`, position and state in one transaction.

All of it can be rebuilt from the log, so a file of another version, or one that is broken, is made anew.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol, final

from mercer.engines.embedded.sqlite_file import open_shared
from mercer.events.consumer import Consumer
from mercer.events.log import START, Change, Entry, Position, RecordKind

_META = """
create table if not exists consumer (
    only integer primary key check (only = 1),
    version integer not null,
    position text not null
);
"""


class View(Protocol):
    """What a consumer computes: its tables, and how a record changes them."""

    @property
    def name(self) -> str:
        """Of the consumer and its file."""
        ...

    @property
    def version(self) -> int:
        """Another one starts anew; counts up with the tables, the kinds and the rules."""
        ...

    @property
    def kinds(self) -> frozenset[RecordKind]:
        """The records it reads."""
        ...

    @property
    def tables(self) -> str:
        """DDL, `create table if not exists ...`."""
        ...

    def apply(self, db: sqlite3.Connection, change: Change) -> None:
        """Take one record in; it neither commits nor reads anything but `db`."""
        ...


@final
class SqliteConsumer:
    """A view kept in a file. One process writes; its methods are thread-safe.

    Args:
        folder: `views/` of a market; made where it is not there.
        on_step: told of "applied" before and of "committed" after each transaction; for tests of
            crashes.
    """

    def __init__(
        self, folder: Path, view: View, *, on_step: Callable[[str], None] = lambda step: None
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path, self._view, self._on_step = folder / f"{view.name}.db", view, on_step
        self._lock = threading.Lock()
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            db = _opened(self._path)
            row = db.execute("select version from consumer").fetchone()
            if row is not None and row[0] == self._view.version:
                db.executescript(self._view.tables)
                return db
            db.close()
        except sqlite3.OperationalError:  # the storage, not the content
            raise
        except sqlite3.DatabaseError:
            pass  # broken; it is only a view
        _remove(self._path)
        db = _opened(self._path)
        db.executescript(self._view.tables)
        db.execute("insert into consumer values (1, ?, ?)", (self._view.version, START))
        return db

    @property
    def name(self) -> str:
        """Of the view and its file."""
        return self._view.name

    @property
    def kinds(self) -> frozenset[RecordKind]:
        """The records it reads."""
        return self._view.kinds

    def position(self) -> Position:
        """Up to where its state has the log."""
        with self._lock:
            return Position(self._db.execute("select position from consumer").fetchone()[0])

    def apply(self, entries: Sequence[Entry]) -> None:
        """Take entries in, and their last position, in one transaction."""
        with self._lock:
            self._db.execute("begin immediate")
            try:
                for entry in entries:
                    self._view.apply(self._db, entry.change)
                self._db.execute("update consumer set position = ?", (entries[-1].position,))
                self._on_step("applied")
                self._db.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("rollback")
                raise
        self._on_step("committed")
        if any(entry.change.kind == "erasures" for entry in entries):
            with self._lock:  # what was taken away is still in the file beside the database
                self._db.execute("pragma wal_checkpoint(truncate)")

    def reset(self) -> None:
        """Forget all; the next step begins at the start of the log."""
        with self._lock:
            self._db.close()
            _remove(self._path)
            self._db = self._open()

    def state_hash(self) -> str:
        """Of all rows of all tables, whatever order they were written in; the position left out."""
        with self._lock:
            return state_hash(self._db, skip=("consumer",))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for queries; what is committed when it reads."""
        with closing(open_shared(self._path)) as db:
            yield db

    def close(self) -> None:
        """Give the file back; it can be opened again."""
        with self._lock:
            self._db.close()


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    db.execute("pragma journal_mode=wal")
    # After a power cut a view may be older; its position is as old, and it reads on from there.
    db.execute("pragma synchronous=normal")
    db.execute("pragma secure_delete=on")  # what an erasure takes away is overwritten
    db.executescript(_META)
    return db


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def state_hash(db: sqlite3.Connection, *, skip: Sequence[str] = ()) -> str:
    """SHA-256 over the tables by name, each with its rows sorted by all columns."""
    digest = hashlib.sha256()
    names = db.execute("select name from sqlite_master where type = 'table' order by name")
    for (name,) in names.fetchall():
        if name in skip or name.startswith("sqlite_"):
            continue
        n_columns = len(db.execute(f'select * from "{name}" limit 0').description)
        order = ", ".join(map(str, range(1, n_columns + 1)))
        digest.update(f"{name}\n".encode())
        for row in db.execute(f'select * from "{name}" order by {order}'):
            digest.update(f"{row!r}\n".encode())
    return digest.hexdigest()


_conforms: type[Consumer] = SqliteConsumer
