"""Logs that an older version wrote stay readable, with defaults for the columns it did not know."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mercer.engines.embedded.log import event_log, event_records
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store, rebuild
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.events.log import CATALOGUE_KINDS, START
from mercer.schema.event import EVENT
from support.listing_rows import listing_rows
from support.log_kit import event_rows

HERE = Path(__file__).parent
WRITTEN = sorted(HERE.glob("log_*"))
LATER = {"standing": "none", "is_sponsored": False, "source": "import"}


def _as_written(row: dict[str, Any], today: dict[str, Any]) -> dict[str, Any]:
    """The fields that the row was written with, as JSON has them."""
    return json.loads(json.dumps({name: today[name] for name in row}))


@pytest.mark.parametrize("folder", WRITTEN, ids=lambda p: p.name)
@pytest.mark.parametrize("is_owner", [True, False])
def test_a_written_log_is_read(folder: Path, tmp_path: Path, is_owner: bool) -> None:
    """Every row that was written comes back, from records in the database and from files."""
    log_folder = tmp_path / "log"
    shutil.copytree(folder, log_folder)
    lines = (folder / "expected.jsonl").read_text("utf-8").splitlines()
    expected: dict[str, list[dict[str, Any]]] = {}
    for line in map(json.loads, lines):
        expected.setdefault(line["kind"], []).extend(line["rows"])
    log = EmbeddedLog(log_folder, is_owner=is_owner)
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in log.read(after=START):
        found.setdefault(entry.change.kind, []).extend(entry.change.rows.to_pylist())
    log.close()
    for kind, rows in expected.items():
        pairs = zip(rows, found[kind], strict=True)
        assert [_as_written(row, today) for row, today in pairs] == rows
    if folder.name == "log_1":
        for row in found["events"]:
            assert row | LATER == row
            assert row["received_ms"] == row["time_ms"]


def test_written_ids_are_known(tmp_path: Path) -> None:
    """An event that a written log has is a duplicate, whether its ids are read from files or records."""
    for folder in WRITTEN:
        lines = map(json.loads, (folder / "expected.jsonl").read_text("utf-8").splitlines())
        ids = [row["event_id"] for one in lines if one["kind"] == "events" for row in one["rows"]]
        assert ids
        for is_lost in (False, True):
            copy = tmp_path / f"{folder.name} {is_lost}"
            shutil.copytree(folder, copy)
            if is_lost:
                shutil.rmtree(copy / "event-ids", ignore_errors=True)
            log = EmbeddedLog(copy)
            assert log.events.append(event_rows(*ids, "new")).tolist() == [True] * len(ids) + [
                False
            ]
            log.close()


def test_an_older_schema_of_events_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of several schemas lie in one file; those that lack a column get its default."""
    older = pa.schema([field for field in EVENT if field.name not in ("source", "extra")])
    with monkeypatch.context() as patch:
        for module in (event_log, event_records):
            patch.setattr(module, "EVENT", older)
        log = event_log.EventLog(tmp_path)
        log.append(event_rows("old").select(older.names))
        log.close()
    log = event_log.EventLog(tmp_path)
    assert log.append(event_rows("old", "new")).tolist() == [True, False]
    rows = [row for _, change in log.read(0) for row in change.rows.to_pylist()]
    assert [(row["event_id"], row["source"]) for row in rows] == [("old", "import"), ("new", "api")]
    log.close()


def test_written_tables_are_brought_up_to_date_in_place(tmp_path: Path) -> None:
    """Format 1 kept the offset of its one partition; the view stands where it stood."""
    shutil.copy(HERE / "tables_1" / "tables.db", tmp_path)
    for _ in range(2):
        catalogue = SqlCatalogue(f"sqlite:///{tmp_path / 'tables.db'}")
        assert (catalogue.position(), catalogue.version()) == ("catalogue:6", 69)
        assert catalogue.count() == 64
        catalogue.close()


def test_a_market_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    """Its events move to their partition, once; the view stands where it stood and misses nothing."""
    folder = MarketFolder(tmp_path / "market")
    folder.create()
    shutil.copytree(HERE / "log_1", folder.log)
    shutil.copy(HERE / "tables_1" / "tables.db", folder.path)
    for _ in range(2):
        with open_store(folder) as store:
            assert (store.catalogue.count(), store.catalogue.version()) == (64, 69)
            assert store.log.lag(store.catalogue.position(), kinds=CATALOGUE_KINDS) == 0
            assert store.log.catalogue.n_rows(0, kinds=("events",)) == 0
            assert store.log.events.n_rows(0) == 74
            assert store.log.catalogue.orphans() == []
    with open_store(folder) as store:
        store.writer.upsert(listing_rows({"listing_id": "new"}))
        rebuild(store)
        assert store.catalogue.count() == 65
