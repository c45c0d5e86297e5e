"""A SQLite file of the log: opened by its one owner, or by any process for reading."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mercer.schema.errors import CorruptError

_FORMAT_TABLE = "create table if not exists format (version integer not null);"


def open_owned(
    path: Path, tables: str, *, format_version: int, page_bytes: int = 4096
) -> sqlite3.Connection:
    """The owner's connection: every commit is on disk when it returns; usable from any thread.

    Raises:
        CorruptError: the file is no such database, or of another format.
        sqlite3.OperationalError: the storage failed.
    """
    try:
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        db.execute(f"pragma page_size={page_bytes}")
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=full")
        db.executescript(tables + _FORMAT_TABLE)
        row = db.execute("select version from format").fetchone()
        if row is None:
            db.execute("insert into format values (?)", (format_version,))
    except sqlite3.OperationalError:  # the storage, not the content
        raise
    except sqlite3.DatabaseError as fault:
        raise CorruptError(f"{path} cannot be opened as a log: {fault}") from fault
    if row is not None and row[0] != format_version:
        raise CorruptError(
            f"{path} has format {row[0]}, this version of Mercer reads {format_version}; "
            "open it with the version that wrote it"
        )
    return db


def open_shared(path: Path) -> sqlite3.Connection:
    """A connection that reads what is committed, in any process and for one thread."""
    # Not mode=ro: a reader of a WAL has to be able to make its shared memory.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of the block or nothing of it."""
    db.execute("begin immediate")
    try:
        yield db
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise


def last_offset(db: sqlite3.Connection) -> int:
    """Of the newest row that `record` ever had; 0 where there was none."""
    # Not max(position): what was removed was there once.
    row = db.execute("select seq from sqlite_sequence where name = 'record'").fetchone()
    return int(row[0]) if row else 0
