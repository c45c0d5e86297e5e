"""The partition `catalogue` of the embedded log: records in SQLite and in files."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from mercer.engines.embedded.log.catalogue_log import INLINE_ROWS, CatalogueLog
from mercer.engines.embedded.log.catalogue_records import records_after, rows_after
from mercer.engines.embedded.sqlite_file import open_shared
from mercer.events.log import RECORD_KINDS, Change
from mercer.schema.errors import CorruptError, SchemaError
from mercer.schema.listing import DELETION
from support.listing_rows import listing_rows


@pytest.fixture
def log(tmp_path: Path) -> Iterator[CatalogueLog]:
    opened = CatalogueLog(tmp_path / "log")
    yield opened
    opened.close()


def many(n: int) -> pa.RecordBatch:
    """So many listings with all kinds of fields."""
    return listing_rows(
        *({"listing_id": f"{i}", "tags": ["x"], "attributes": {"a": f"{i}"}} for i in range(n))
    )


def test_rows_come_back_equal_and_in_order(log: CatalogueLog) -> None:
    """Nothing is lost or turned round, small records and for those in files."""
    small, large = many(2), many(INLINE_ROWS + 1)
    gone = pa.RecordBatch.from_pylist([{"listing_id": "a", "updated_ms": 7}], schema=DELETION)
    changes = [Change("listings", small), Change("deletions", gone), Change("listings", large)]
    first = log.append(changes[:1])
    last = log.append(changes[1:])
    entries = list(log.read(0))
    assert [change.kind for _, change in entries] == ["listings", "deletions", "listings"]
    assert all(e.rows.equals(c.rows) for (_, e), c in zip(entries, changes, strict=True))
    positions = [position for position, _ in entries]
    assert positions == sorted(set(positions))
    assert (positions[0], positions[-1], log.end()) == (first, last, last)
    assert [position for position, _ in log.read(first)] == positions[1:]
    assert list(log.read(last)) == []


def test_it_is_there_when_opened_again(log: CatalogueLog, tmp_path: Path) -> None:
    """Durable, as far as a process can see it."""
    position = log.append([Change("listings", many(3))])
    again = CatalogueLog(tmp_path / "log")
    assert again.end() == position
    assert again.append([Change("listings", many(1))]) > position
    again.close()


def test_rows_of_another_schema_leave_nothing(log: CatalogueLog) -> None:
    """One bad change refuses the whole step."""
    with pytest.raises(SchemaError, match="title"):
        log.append(
            [Change("listings", many(1)), Change("listings", many(1).drop_columns(["title"]))]
        )
    assert log.end() == 0


def test_a_file_that_changed_is_noticed(log: CatalogueLog, tmp_path: Path) -> None:
    """The content's hash is in the name; a flipped byte or a lost file is a CorruptError."""
    log.append([Change("listings", many(INLINE_ROWS + 1))])
    (path,) = (tmp_path / "log" / "files").iterdir()
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    with pytest.raises(CorruptError, match="does not match its name"):
        list(log.read(0))
    path.unlink()
    with pytest.raises(CorruptError, match="position 1"):
        list(log.read(0))


def test_a_crash_before_the_record_leaves_an_orphan(
    log: CatalogueLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File first, record second: in between there is a file that nothing names, and no record."""
    large = Change("listings", many(INLINE_ROWS + 1))
    log._prepared(large, [])
    log._coming.clear()  # as after the process ended
    assert (log.end(), list(log.read(0))) == (0, [])
    assert len(log.orphans()) == 1
    log.append([large])
    assert log.orphans() == []


def test_a_reader_of_rare_kinds_skips_the_rest(log: CatalogueLog, tmp_path: Path) -> None:
    """It looks at as many records as there are of its kinds, not at all of the others."""
    gone = pa.RecordBatch.from_pylist([{"listing_id": "a", "updated_ms": 7}], schema=DELETION)
    log.append([Change("listings", many(1))] * 3_000)
    last = log.append([Change("deletions", gone)])
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(open_shared(tmp_path / "log" / "log.db")) as db:
        db.set_progress_handler(count, 10)
        kinds = ("deletions", "erasures")
        assert [r[0] for r in records_after(db, 0, kinds=kinds, limit=256)] == [last]
        assert (rows_after(db, 0, kinds=kinds), rows_after(db, last, kinds=kinds)) == (1, 0)
        assert records_after(db, 0, kinds=(), limit=9) == []
        assert steps < 100
        assert len(records_after(db, 2_900, kinds=("listings", "deletions"), limit=50)) == 50
        assert rows_after(db, 2_900, kinds=RECORD_KINDS) == 101


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "log.db").write_bytes(b"not a database" * 100)
    with pytest.raises(CorruptError, match=r"log\.db"):
        CatalogueLog(tmp_path / "log")
