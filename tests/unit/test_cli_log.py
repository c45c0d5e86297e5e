"""`mercer log` and `mercer erase`: what a person types to look into the log and to shorten it."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import closing

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mercer.app_learner import consumers_of
from mercer.cli import app
from mercer.engines.embedded.log.avro_files import read_avro
from mercer.engines.embedded.log.erase import LATE_MS, record_erasures
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_folder import PageFolder
from mercer.engines.embedded.log.page_writer import SlotWriter, WriterParams
from mercer.engines.embedded.log.recent_file import RecentFile
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.engines.embedded.view.views import SqliteConsumer
from mercer.events.consumer import catch_up, step
from mercer.events.recent import Seen, SeenEvent
from mercer.schema.time import DAY_MS
from support.log_kit import change_of, event_rows
from support.page_samples import plain_page

NOW_MS = int(time.time() * 1000)


def mercer(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(*words, exit_code=0):
    """The one JSON object that a command gave."""
    result = mercer(*words, "--json")
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def shop(tmp_path):
    """A market whose log has some of everything; nobody owns it."""
    folder = MarketFolder(tmp_path / "shop")
    folder.create()
    log = EmbeddedLog(folder.log)
    log.append(
        [change_of("listings", *({"listing_id": f"l{n}", "title": "mug"} for n in range(3)))]
    )
    log.append([change_of("erasures", {"visitor_id": "gone"})])
    for n in range(6):
        log.events.append(
            event_rows(
                f"e{n}", visitor_id="ann" if n % 2 else "bob", received_ms=NOW_MS - n * DAY_MS
            )
        )
    log.close()
    write_pages(folder, range(4))
    return folder.path


def write_pages(folder, numbers, *, age_days=0):
    writer = SlotWriter(folder.log / "pages-0", WriterParams(rotate_bytes=600))
    for n in numbers:
        page = plain_page(
            n,
            ms=NOW_MS - age_days * DAY_MS + n,
            visitor_id="ann" if n % 2 else "bob",
            shown_parts=[float("nan")],
        )
        assert writer.write(page, budget_s=5)
    writer.close()


def test_the_tail_shows_the_newest_rows(shop):
    """The last rows by time, oldest first; JSON has them whole, maps as objects and NaN as null."""
    rows = answer("log", "tail", "--market", shop, "-n", 5)["rows"]
    assert [row["kind"] for row in rows] == ["events", "pages", "pages", "pages", "pages"]
    assert rows[-1]["row"]["shown_parts"] == [None]
    assert rows[-1]["row"]["timings_us"] == {}
    rows = answer("log", "tail", "--market", shop, "--kind", "events", "--kind", "erasures")["rows"]
    assert len(rows) == 7
    text = mercer("log", "tail", "--market", shop).output
    assert "search 'blue vase 3' found=3 shown=2" in text
    assert "click" in text
    assert answer("log", "tail", "--market", shop, "-n", 0)["rows"] == []


def test_an_empty_log_says_so(tmp_path):
    """A market without a record has an answer to each question."""
    folder = MarketFolder(tmp_path / "new")
    folder.create()
    where = ("--market", folder.path)
    assert "no such row yet" in mercer("log", "tail", *where).output
    assert "the log is empty" in mercer("log", "stats", *where).output
    assert answer("log", "stats", *where)["bytes_per_page"] is None
    assert answer("log", "verify", *where)["faults"] == []
    assert answer("log", "compact", *where)["sealed_pages"] == 0
    assert answer("log", "retain", *where)["events"] == 0
    assert answer("erase", "--visitor", "v", *where)["events"] == 0
    assert answer("log", "export", "--kind", "pages", "--out", tmp_path / "p", *where)["rows"] == 0


def test_no_market_is_told(tmp_path):
    """A folder that is no market ends with status 2 and what to do."""
    result = mercer("log", "stats", "--market", tmp_path)
    assert result.exit_code == 2
    assert "is no market" in result.output


def test_the_tail_follows(shop):
    """With --follow, a page that is written meanwhile is shown, and SIGINT ends it."""
    words = ["log", "tail", "--kind", "pages", "--follow", "--json", "--market", str(shop)]
    # A run of the tests in the background may ignore the signal, and its children would.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from mercer.cli import main; main()", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert len(json.loads(child.stdout.readline())["rows"]) == 4
            write_pages(MarketFolder(shop), [9])
            assert json.loads(child.stdout.readline())["row"]["q"] == "blue vase 9"
            child.send_signal(signal.SIGINT)
            assert child.wait(30) == 0
        finally:  # whatever failed, it does not follow for ever
            child.kill()


class Counting:
    """A view that counts events, for its position."""

    name, version, kinds = "counting", 1, frozenset({"events"})
    tables = "create table if not exists n (n integer);"

    def apply(self, db, change):
        pass


def test_stats_count_what_is_there(shop):
    """Rows, times and bytes by partition and kind, bytes per page, and the lag of a consumer."""
    folder = MarketFolder(shop)
    consumer = SqliteConsumer(shop / "views", Counting())
    log = EmbeddedLog(folder.log, is_owner=False)
    step(consumer, log, max_rows=2)
    consumer.close()
    for _ in ("journals", "segments"):
        told = answer("log", "stats", "--market", shop)
        rows = {one["kind"]: one["n_rows"] for one in told["kinds"]}
        assert rows == {"listings": 3, "erasures": 1, "events": 6, "pages": 4}
        (pages,) = [one for one in told["kinds"] if one["kind"] == "pages"]
        assert (pages["first_ms"], pages["last_ms"]) == (NOW_MS, NOW_MS + 3)
        assert told["bytes_per_page"] == round(pages["n_bytes"] / 4)
        assert [(c["name"], c["lag"]) for c in told["consumers"]] == [("counting", 4)]
        mercer("log", "compact", "--market", shop)
    text = mercer("log", "stats", "--market", shop).output
    assert "consumer counting: 4 rows behind" in text


def test_compact_keeps_the_newest_versions(shop):
    """With --catalogue older versions go, the dry run says how many, and a rebuild shows the same."""
    where = ("--market", shop)
    item = {"listing_id": "l0", "title": "new title", "updated_ms": NOW_MS + 9}
    (shop / "more.jsonl").write_text(json.dumps(item) + "\n")
    mercer("ingest", shop / "more.jsonl", *where)
    assert answer("log", "compact", *where)["catalogue"] is None
    would = answer("log", "compact", "--catalogue", "--dry-run", *where)["catalogue"]
    done = answer("log", "compact", "--catalogue", *where)["catalogue"]
    assert done == would == {"n_records": 2, "n_rows": 4, "n_dropped": 0, "n_blanked": 1}
    assert answer("log", "verify", *where)["faults"] == []
    assert "1 reduced to their key" in mercer("log", "compact", "--catalogue", *where).output
    assert answer("rebuild", "--yes", *where)["listings"] == 3
    rows = answer("log", "tail", "--kind", "listings", *where)["rows"]
    assert sorted(row["row"]["title"] for row in rows) == ["", "mug", "mug", "new title"]


def test_verify_finds_damage(shop):
    """A sound log passes; a flipped byte anywhere is told with the file, and the status is 1."""
    where = ("--market", shop)
    assert answer("log", "verify", *where) | {"n_records": 0} == {
        "n_records": 0, "n_rows": 10, "n_page_files": 2, "n_pages": 4, "n_erased": 0, "n_torn": 0,
        "faults": [],
    }  # fmt: skip
    (journal, _) = PageFolder(shop / "log" / "pages-0").files()
    data = bytearray(journal.path.read_bytes())
    data[-30] ^= 1
    journal.path.write_bytes(data)
    (fault,) = answer("log", "verify", *where, exit_code=1)["faults"]
    assert "is damaged" in fault
    mercer("log", "compact", *where)
    (fault,) = answer("log", "verify", *where, exit_code=1)["faults"]
    assert "1 pages could not be read when it was sealed" in fault
    (file,) = PageFolder(shop / "log" / "pages-0").files()
    data = bytearray(file.path.read_bytes())
    data[100] ^= 1
    file.path.write_bytes(data)
    (fault,) = answer("log", "verify", *where, exit_code=1)["faults"]
    assert "does not match its name" in fault


def test_verify_finds_a_missing_file(shop):
    """A file of pages that is gone leaves a gap that is told."""
    write_pages(MarketFolder(shop), range(10, 16))
    files = PageFolder(shop / "log" / "pages-0").files()
    files[1].path.unlink()
    faults = answer("log", "verify", "--market", shop, exit_code=1)["faults"]
    assert len(faults) == 1
    assert "were written" in faults[0]


def test_verify_finds_a_broken_record(shop):
    """A damaged record of events is told; those behind it are still read."""
    import sqlite3

    with sqlite3.connect(shop / "log" / "events.db") as db:
        db.execute("update record set payload = zeroblob(20) where position = 2")
    db.close()
    found = answer("log", "verify", "--market", shop, exit_code=1)
    (fault,) = found["faults"]
    assert "position 2" in fault
    assert found["n_rows"] == 9


@pytest.mark.parametrize("kind", ["listings", "events", "pages", "erasures"])
def test_export_has_every_row(shop, tmp_path, kind):
    """Parquet and Avro have the rows of the log, equal; a file that is there is left alone."""
    log = EmbeddedLog(shop / "log", is_owner=False)
    expected = [r for e in log.read(after="", kinds={kind}) for r in e.change.rows.to_pylist()]
    parquet, avro = tmp_path / "rows.parquet", tmp_path / "rows.avro"
    words = ("log", "export", "--market", shop, "--kind", kind)
    assert answer(*words, "--out", parquet)["rows"] == len(expected)
    assert repr(pq.read_table(parquet).to_pylist()) == repr(expected)
    assert answer(*words, "--out", avro, "--format", "avro")["rows"] == len(expected)
    back = [row for batch in read_avro(avro, kind) for row in batch.to_pylist()]
    assert repr(back) == repr(expected)
    result = mercer(*words, "--out", avro)
    assert result.exit_code == 1
    assert "is there already" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rows.avro", "rows.parquet", "shop"]


def test_retain_removes_what_is_old(shop):
    """A dry run counts, and a run removes just that: pages and events older than the limit."""
    write_pages(MarketFolder(shop), range(20, 24), age_days=10)
    mercer("log", "compact", "--market", shop)
    writer = SlotWriter(shop / "log" / "pages-1")
    assert writer.write(plain_page(1, ms=NOW_MS - 20 * DAY_MS), budget_s=5)
    writer.close()
    mercer("log", "compact", "--market", shop)
    words = ("log", "retain", "--market", shop, "--keep-days", 3)
    told = answer(*words, "--dry-run")
    assert (told["events"], told["pages"]) == (3, 1)
    done = answer(*words)
    assert (done["events"], done["pages"]) == (3, 1)
    assert answer(*words)["events"] == 0
    assert answer("log", "verify", "--market", shop)["faults"] == []


def left(log):
    """What has visitors, and is still to be read."""
    return list(log.read(after="", kinds={"events", "pages"}))


def test_erase_takes_the_visitor(shop):
    """A dry run counts and leaves all; a run removes the visitor everywhere and says so."""
    words = ("erase", "--visitor", "ann", "--market", shop)
    told = answer(*words, "--dry-run")
    assert (told["events"], told["pages"]) == (3, 2)
    done = answer(*words)
    assert (done["events"], done["pages"], done["is_finished"], done["by_server"]) == (
        3,
        2,
        True,
        False,
    )
    assert answer(*words)["events"] == 0
    log = EmbeddedLog(shop / "log", is_owner=False)
    assert all("ann" not in e.change.rows["visitor_id"].to_pylist() for e in left(log))
    erased = [r for e in log.read(after="", kinds={"erasures"}) for r in e.change.rows.to_pylist()]
    assert {row["visitor_id"] for row in erased} == {"gone", "ann"}
    assert answer("log", "verify", "--market", shop)["faults"] == []
    assert "3 events" not in mercer(*words).output


def test_erase_tells_the_views(shop):
    """What the views derived from the visitor is gone when the command is done."""
    folder = MarketFolder(shop)
    log = EmbeddedLog(folder.log)
    bought = {"event_id": "p1", "kind": "purchase", "visitor_id": "ann", "received_ms": NOW_MS - 50}
    log.append([change_of("events", bought)])
    log.close()

    def purchases():
        found = []
        for consumer in consumers_of(folder, folder.config()):
            with closing(consumer):
                catch_up(consumer, EmbeddedLog(folder.log, is_owner=False))
                if consumer.name == "attribution":
                    with consumer.reading() as db:
                        found = db.execute("select event_id from purchase").fetchall()
        return found

    assert purchases() == [("p1",)]
    assert answer("erase", "--visitor", "ann", "--market", shop)["events"] == 4
    told = answer("log", "stats", "--market", shop)["consumers"]
    assert {one["name"]: one["lag"] for one in told} == {"attribution": 0, "traffic": 0}
    assert purchases() == []


def test_erase_reaches_what_is_kept_beside_the_log(shop):
    """Rows that an ingest set aside and what the console remembers: those of the visitor, no others."""
    folder = MarketFolder(shop)
    folder.rejects.mkdir()
    lines = [
        b'{"row":1,"reason":"x","raw":{"visitor_id":"ann"}}\n',
        b'{"row":2,"reason":"x","raw":"{\\"visitor_id\\": \\"ann\\"}"}\n',
        b'{"row":3,"reason":"x","raw":{"visitor_id":"ann-2","title":"joann"}}\n',
    ]
    (folder.rejects / "e.jsonl-1.jsonl").write_bytes(b"".join(lines))
    seen = RecentFile(folder.run, 3, now_ms=lambda: NOW_MS)
    seen.recent.remember(Seen((SeenEvent(received_ms=1, verdict="rejected", visitor_id="ann"),)))
    seen.recent.request_ended("/", 200)
    seen.close()
    words = ("erase", "--visitor", "ann", "--market", shop)
    assert answer(*words, "--dry-run")["rejects"] == 2
    assert "2 rows that were set aside" in mercer(*words).output
    assert (folder.rejects / "e.jsonl-1.jsonl").read_bytes() == lines[2]
    left_over = (folder.run / "recent-3.json").read_bytes()
    assert b"ann" not in left_over
    assert b"200" in left_over
    assert answer(*words)["rejects"] == 0


def test_erase_beside_a_server(shop):
    """While another process owns the market, the order is written down, and the owner carries it out."""
    words = ("erase", "--visitor", "ann", "--market", shop)
    with open_store(MarketFolder(shop)) as store:
        told = answer(*words, "--wait-s", 0)
        assert (told["by_server"], told["is_recorded"], told["is_finished"]) == (True, False, False)
        assert "has not taken it up yet" in mercer(*words, "--wait-s", 0).output
        assert store.log.pages.recent(limit=9) != []
        assert all(page.visitor_id != "ann" for page in store.log.pages.recent(limit=9))
        later_ms = int(time.time() * 1000) + LATE_MS + 100
        assert record_erasures(store.log, now_ms=later_ms) == 3
        assert all("ann" not in e.change.rows["visitor_id"].to_pylist() for e in left(store.log))


def test_erase_wants_a_visitor(shop):
    """An empty visitor is refused with status 2."""
    assert mercer("erase", "--visitor", "", "--market", shop).exit_code == 2


def test_a_file_that_cannot_be_written_is_told_in_a_sentence(shop, monkeypatch):
    """A folder that is not there, a disk that is full: no trace of calls, status 1, and no file is left."""
    words = ("log", "export", "--kind", "events", "--market", shop, "--out")
    told = mercer(*words, shop / "nowhere" / "e.parquet")
    assert told.exit_code == 1
    assert "nowhere is no folder" in told.stderr

    def full(*args, **more):
        raise OSError(28, "No space left on device", "e.parquet")

    monkeypatch.setattr("mercer.engines.embedded.log.log_export.os.fsync", full)
    told = mercer(*words, shop / "e.parquet")
    assert told.exit_code == 1
    assert told.stderr.startswith("mercer log export: [Errno 28] No space left")
    assert not list(shop.glob("*e.parquet*"))


def test_old_rejects_go_with_the_events(shop):
    """Rows that were set aside name visitors too, so they are not kept for ever."""
    folder = MarketFolder(shop)
    folder.rejects.mkdir()
    old, young = folder.rejects / "old.jsonl", folder.rejects / "young.jsonl"
    for path, age_days in ((old, 100), (young, 10)):
        path.write_text("{}")
        at = time.time() - age_days * DAY_MS / 1_000
        os.utime(path, (at, at))
    words = ("log", "retain", "--keep-days", 60, "--market", shop)
    assert answer(*words, "--dry-run")["rejects_files"] == 1
    assert old.exists()
    assert "1 files of rejects" in mercer(*words).output
    assert [path.name for path in folder.rejects.iterdir()] == ["young.jsonl"]


def test_what_visitors_did_is_for_the_market_s_user_alone(tmp_path):
    """Log, views and rejects are made so that no other user of the machine may look into them."""
    folder = MarketFolder(tmp_path / "shop")
    folder.create()
    source = tmp_path / "e.jsonl"
    source.write_text("nonsense\n")
    mercer("ingest", source, "--kind", "events", "--market", folder.path)
    answer("erase", "--visitor", "ann", "--market", folder.path)
    for consumer in consumers_of(folder, folder.config()):
        consumer.close()
    for one in (folder.log, folder.views, folder.rejects):
        assert stat.S_IMODE(one.stat().st_mode) == 0o700, one
