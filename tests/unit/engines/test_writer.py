"""The one way in which the catalogue changes, when the storage fails in the middle of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mercer.engines.embedded import tables
from mercer.engines.embedded.log.catalogue_log import INLINE_ROWS
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import Store, open_store, rebuild
from mercer.events.log import CATALOGUE_KINDS, START
from mercer.schema.errors import StorageError
from support.listing_rows import listing_rows, standing


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = MarketFolder(tmp_path / "market")
    folder.create()
    with open_store(folder) as opened:
        yield opened


def titles(store: Store) -> dict[str, str]:
    return {key: row["title"] for key, row in standing(store.catalogue).items()}


def test_a_change_that_missed_the_view_is_not_passed_by(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the log, not acknowledged; the next change takes it along, in its order."""

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    store.writer.upsert(listing_rows({"listing_id": "a"}))
    with monkeypatch.context() as patch:
        patch.setattr(tables, "write_place", full)
        with pytest.raises(StorageError, match=r"full.*send it again"):
            store.writer.upsert(listing_rows({"listing_id": "b"}))
    assert titles(store) == {"a": "thing a"}
    store.writer.upsert(listing_rows({"listing_id": "c"}))
    assert titles(store) == {key: f"thing {key}" for key in "abc"}
    assert store.log.lag(store.catalogue.position(), kinds=CATALOGUE_KINDS) == 0
    rebuild(store)
    assert list(titles(store)) == ["a", "b", "c"]


@pytest.mark.parametrize("n_rows", [1, INLINE_ROWS + 1])
def test_a_log_that_is_full_takes_nothing(store: Store, n_rows: int) -> None:
    """The error says so, nothing is in log or view; with room again the same change is taken."""
    db = store.log.catalogue._owned()
    text = "x" * (20_000 // n_rows)
    rows = listing_rows(*({"listing_id": f"{i}", "description": text} for i in range(n_rows)))
    db.execute(f"pragma max_page_count={db.execute('pragma page_count').fetchone()[0]}")
    with suppress(StorageError):
        for _ in range(60):  # free pages of the file are used first
            store.writer.upsert(rows)
    before = store.log.end(), titles(store)
    with pytest.raises(StorageError, match="full"):
        store.writer.upsert(rows)
    assert (store.log.end(), titles(store)) == before
    db.execute("pragma max_page_count=1000000")
    store.writer.upsert(rows)
    assert len(titles(store)) == n_rows
    assert store.log.lag(START, kinds=CATALOGUE_KINDS) % n_rows == 0


def test_a_file_that_cannot_be_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large record's file fails before its record: the same law."""
    from mercer.engines.embedded.log import catalogue_log as log_module

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    rows = listing_rows(*({"listing_id": f"{i}"} for i in range(INLINE_ROWS + 1)))
    with monkeypatch.context() as patch:
        patch.setattr(log_module, "write_durably", broken)
        with pytest.raises(StorageError, match="Input/output"):
            store.writer.upsert(rows)
    assert (store.log.end(), titles(store)) == (START, {})
    assert store.writer.upsert(rows).n_changed == INLINE_ROWS + 1
    assert store.log.catalogue.orphans() == []
