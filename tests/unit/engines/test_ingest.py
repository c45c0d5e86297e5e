"""Whatever file comes: good rows go in, bad ones are set aside with their reason, nothing crashes."""

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mercer.engines.embedded import ingest as ingest_module
from mercer.engines.embedded import readers
from mercer.engines.embedded.ingest import IngestJob, IngestReport, ingest
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import Store, open_store, rebuild
from mercer.events.log import CATALOGUE_KINDS, START
from mercer.schema.errors import MappingError, MarketBusyError, NotFoundError
from mercer.schema.fields import RowKind
from mercer.schema.mapping import SourceMap, own_names, parse_map
from support.listing_rows import standing

ROOT = Path(__file__).parents[3]
NOW_MS = 1_790_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = MarketFolder(tmp_path / "market")
    folder.create()
    with open_store(folder) as opened:
        yield opened


def run(
    store: Store,
    *paths: Path,
    kind: RowKind = "listings",
    source_map: SourceMap | None = None,
    rejects: Path | None = None,
) -> IngestReport:
    job = IngestJob(
        paths=paths,
        kind=kind,
        source_map=source_map or own_names(),
        currency="USD",
        now_ms=NOW_MS,
        rejects=rejects,
    )
    return ingest(job, store=store)


def lines(path: Path, *items: Any) -> Path:
    """A JSONL file, dated 2024, of objects and of raw lines."""
    raw = [i if isinstance(i, bytes) else json.dumps(i).encode() for i in items]
    path.write_bytes(b"\n".join(raw) + b"\n")
    os.utime(path, (1_720_000_000, 1_720_000_000))
    return path


GOOD = {"listing_id": "good", "title": "Mug", "price": 12.5, "attributes": {"color": ["red"]}}


def test_good_rows_go_in_beside_every_kind_of_bad_line(store: Store, tmp_path: Path) -> None:
    """Each fault is set aside with its row number and a reason; the rejects file is bounded."""
    bad: list[tuple[Any, str]] = [
        (b'{"listing_id": "x", "title": ', "JSON"),
        (b'{"listing_id": "x", "title": "\xff\xfe"}', "JSON"),
        (b"\x00\x00", "JSON"),
        (b"[" * 100_000, "JSON"),
        ([1, 2], "JSON object"),
        ({"title": "no id"}, "listing_id is missing"),
        ({"listing_id": "x"}, "title is missing"),
        ({"listing_id": "x", "title": "  "}, "title is missing"),
        ({"listing_id": "x", "title": ["list"]}, "title must be text"),
        ({"listing_id": "x", "title": 1.5}, "title must be text"),
        ({"listing_id": "x", "title": "y" * 10_000_000}, "10,000,000 characters"),
        ({"listing_id": "x" * 201, "title": "y"}, "listing_id must be"),
        ({"listing_id": "x\0", "title": "y"}, "listing_id must be"),
        ({"listing_id": "x", "title": "nul\0byte"}, "title must be"),
        ({"listing_id": "x", "title": "\ud800"}, ""),
        ({"listing_id": "x", "title": "y", "price": -1}, "got -1"),
        ({"listing_id": "x", "title": "y", "price": "cheap"}, "got 'cheap'"),
        ({"listing_id": "x", "title": "y", "price": 1e300}, "price_micros must be"),
        ({"listing_id": "x", "title": "y", "quantity": 1.5}, "quantity must be"),
        ({"listing_id": "x", "title": "y", "quantity": 2**80}, "quantity must be"),
        ({"listing_id": "x", "title": "y", "quantity": True}, "quantity must be"),
        ({"listing_id": "x", "title": "y", "rating": 7}, "0 to 5"),
        ({"listing_id": "x", "title": "y", "currency": "dollars", "price": 1}, "ISO 4217"),
        ({"listing_id": "x", "title": "y", "updated_ms": 4_000_000_000_000}, "must not be after"),
        ({"listing_id": "x", "title": "y", "created": "99999-01-01"}, "created_ms must be"),
        ({"listing_id": "x", "title": "y", "created": "2024-02-30"}, "created_ms must be"),
        ({"listing_id": "x", "title": "y", "tags": ["t"] * 101}, "at most 100"),
        ({"listing_id": "x", "title": "y", "tags": [{"a": 1}]}, "tags must be"),
        ({"listing_id": "x", "title": "y", "attributes": [1]}, "attributes must be"),
        ({"listing_id": "x", "title": "y", "attributes": {"a": {"b": 1}}}, "attributes must be"),
        (
            {"listing_id": "x", "title": "y", "attributes": {f"{i}": "v" for i in range(251)}},
            "at most 250",
        ),
        (
            {"listing_id": "x", "title": "y", "attributes": {"a": [f"{i}" for i in range(51)]}},
            "at most 50",
        ),
    ]  # fmt: skip
    path = lines(tmp_path / "mixed.jsonl", *(item for item, _ in bad), GOOD, b"", b"  ")
    report = run(store, path, rejects=tmp_path / "rejects")
    assert (report.read, report.accepted) == (len(bad) + 1, 1)
    assert list(standing(store.catalogue)) == ["good"]
    (file,) = report.rejects_files
    told = [json.loads(line) for line in Path(file).read_bytes().splitlines()]
    assert Path(file).stat().st_size < 200_000
    by_row = {one["row"]: one["reason"] for one in told}
    assert sorted(by_row) == list(range(1, len(bad) + 1))
    missed = {i: by_row[i] for i, (_, words) in enumerate(bad, 1) if words not in by_row[i]}
    assert missed == {}


def test_the_same_rows_are_judged_alike_in_every_format(store: Store, tmp_path: Path) -> None:
    """JSONL, CSV, TSV and Parquet of the same listings give the same rows of LISTING."""
    rows = [
        {"listing_id": "a", "title": "Mug, white", "price": "12.5", "tags": "x,y",
         "category": "Home > Mugs", "quantity": "3", "updated": "2024-01-02T03:04:05Z",
         "attributes": '{"color": ["red", "blue"]}', "is_hidden": "no"},
        {"listing_id": "7", "title": 'A "ring"', "price": "", "tags": "", "category": "",
         "quantity": "", "updated": "1704164645", "attributes": "", "is_hidden": ""},
    ]  # fmt: skip
    native = [
        rows[0] | {"price": 12.5, "tags": ["x", "y"], "category": ["Home", "Mugs"], "quantity": 3,
                   "attributes": {"color": ["blue", "red"][::-1]}, "is_hidden": False},
        {"listing_id": 7, "title": 'A "ring"', "updated": 1_704_164_645},
    ]  # fmt: skip
    names = list(rows[0])
    quoted = [
        ["" if v is None else '"' + v.replace('"', '""') + '"' for v in r.values()] for r in rows
    ]
    (tmp_path / "a.csv").write_text("\n".join([",".join(names), *(",".join(q) for q in quoted)]))
    (tmp_path / "a.tsv").write_text("\n".join(["\t".join(names), *("\t".join(q) for q in quoted)]))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    packed = gzip.compress(b"\n".join(json.dumps(r).encode() for r in native))
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    (tmp_path / "a.jsonl.zst").write_bytes(
        pa.Codec("zstd").compress(lines(tmp_path / "n.jsonl", *native).read_bytes(), asbytes=True)
    )
    seen = []
    for name in ("a.csv", "a.tsv", "a.parquet", "a.jsonl.gz", "a.jsonl.zst", "n.jsonl"):
        store.catalogue.clear()
        report = run(store, tmp_path / name)
        assert report.is_clean, (name, report.examples, report.failed_files)
        seen.append(standing(store.catalogue))
    assert seen[0]["a"]["price_micros"] == 12_500_000
    assert seen[0]["a"]["attributes"] == [("color", ["red", "blue"])]
    assert seen[0]["a"]["updated_ms"] == seen[0]["7"]["updated_ms"] == 1_704_164_645_000
    assert all(one == seen[0] for one in seen[1:])


def test_the_same_file_twice_changes_nothing(store: Store, tmp_path: Path) -> None:
    """Rows without an updated time are as old as their file, so a second run is stale."""
    path = lines(tmp_path / "a.jsonl", GOOD, {"listing_id": "b", "title": "x"})
    assert run(store, path).changed == 2
    again = run(store, path)
    assert (again.accepted, again.changed, again.unchanged) == (2, 0, 2)
    assert standing(store.catalogue)["good"]["updated_ms"] == 1_720_000_000_000


def test_duplicate_ids_are_reported_and_the_last_row_stands(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within one block and across blocks of a file."""
    monkeypatch.setattr(readers, "BLOCK_BYTES", 200)
    items = [{"listing_id": f"{i % 7}", "title": f"version {i}"} for i in range(20)]
    report = run(store, lines(tmp_path / "a.jsonl", *items), rejects=tmp_path / "rejects")
    assert (report.read, report.rejected, report.duplicates) == (20, 0, 13)
    titles = {key: row["title"] for key, row in standing(store.catalogue).items()}
    assert titles == {f"{i % 7}": f"version {i}" for i in range(13, 20)}
    (file,) = report.rejects_files
    told = [json.loads(line) for line in Path(file).read_bytes().splitlines()]
    assert (told[0]["row"], "(row 1)" in told[0]["reason"]) == (8, True)


def test_events_are_logged_and_a_repeated_one_counts_once(store: Store, tmp_path: Path) -> None:
    """An event goes to the log, not to the catalogue; the id makes retries harmless."""
    event = {"event_id": "e1", "kind": "click", "time": "2024-01-01", "listing_id": "a"}
    path = lines(tmp_path / "e.jsonl", event, event, event | {"event_id": "e2", "kind": "stare"})
    report = run(store, path, kind="events")
    assert (report.accepted, report.duplicates, report.rejected) == (1, 1, 1)
    (entry,) = store.log.read(after=START)
    assert entry.change.kind == "events"
    assert entry.change.rows.to_pylist()[0]["time_ms"] == 1_704_067_200_000
    assert store.log.lag(store.catalogue.position(), kinds=CATALOGUE_KINDS) == 0


def test_sellers(store: Store, tmp_path: Path) -> None:
    """Sellers go through the same rules."""
    path = lines(tmp_path / "s.jsonl", {"id": "s1", "name": "Anna", "country": "de"}, {"name": "x"})
    report = run(store, path, kind="sellers")
    assert (report.accepted, report.rejected) == (1, 1)
    assert store.catalogue.sellers(["s1"]).to_pylist()[0]["country"] == "DE"


def test_deletions_name_listings(store: Store, tmp_path: Path) -> None:
    """A row without a time deletes as of now; whole listings may be given."""
    run(store, lines(tmp_path / "a.jsonl", GOOD, {"listing_id": "b", "title": "x"}))
    report = run(
        store, lines(tmp_path / "d.jsonl", GOOD, {"listing_id": "ghost"}), kind="deletions"
    )
    assert (report.accepted, report.rejected, report.ignored_columns) == (2, 0, [])
    assert list(standing(store.catalogue)) == ["b"]


def test_broken_files_say_so_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    """Truncated, empty, misnamed and falsely packed files each give a sentence; a good one goes in."""
    rows = pa.Table.from_pylist([{"listing_id": f"{i}", "title": "t" * 50} for i in range(5000)])
    pq.write_table(rows, tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "holed.parquet").write_bytes(whole[:200] + bytes(300) + whole[500:])
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "text.parquet").write_text("listing_id,title\n")
    (tmp_path / "a.jsonl.gz").write_bytes(
        gzip.compress(b'{"listing_id":"z","title":"t"}\n' * 50)[:40]
    )
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip at all")
    (tmp_path / "notes.xls").write_bytes(b"x")
    (tmp_path / "latin.csv").write_bytes(b"listing_id,title,gr\xf6sse\n1,x,2\n")
    (tmp_path / "array.json").write_text(
        '[{"id": "1", "title": "x"},\n{"id": "2", "title": "y"}]\n'
    )
    (tmp_path / "twice.csv").write_text("title,title\na,b\n")
    broken = sorted(p for p in tmp_path.iterdir() if p.is_file() and p.name != "whole.parquet")
    report = run(store, *broken, lines(tmp_path / "good.jsonl", GOOD))
    assert len(report.failed_files) == len(broken), report.failed_files
    for path in broken:
        assert any(str(path) in fault for fault in report.failed_files), path
    assert "good" in standing(store.catalogue)


def test_csv_with_broken_rows(store: Store, tmp_path: Path) -> None:
    """A row with too many cells and a cell of broken UTF-8 are set aside with their numbers."""
    (tmp_path / "a.csv").write_bytes(
        b'listing_id,title,price\n1,ok,1\n2,too,many,cells\n3,b\xffd,1\n4,"two\nlines",2\n5,f\xffw\n'
    )
    report = run(store, tmp_path / "a.csv", rejects=tmp_path / "rejects")
    told = [json.loads(x) for x in Path(report.rejects_files[0]).read_bytes().splitlines()]
    assert sorted(one["row"] for one in told) == [2, 3, 5]
    assert {key: row["title"] for key, row in standing(store.catalogue).items()} == {
        "1": "ok",
        "4": "two\nlines",
    }


def test_csv_over_many_blocks(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters of two bytes and long rows lie across block edges; none is lost, none comes twice."""
    monkeypatch.setattr(readers, "_CSV_BLOCK_BYTES", 4_096)
    rows = [f'{i},"größe {"ü" * (i * 37 % 1_900)}"' for i in range(300)]
    (tmp_path / "a.csv").write_text("listing_id,title\n" + "\n".join(rows), encoding="utf-8")
    report = run(store, tmp_path / "a.csv")
    assert (report.read, report.failed_files) == (300, [])
    assert report.accepted == sum(i * 37 % 1_900 + 6 <= 1_000 for i in range(300))


def test_a_line_longer_than_memory_should_hold(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is set aside unread, wherever the blocks break it, and the lines around it go in."""
    monkeypatch.setattr(readers, "MAX_ROW_BYTES", 1000)
    monkeypatch.setattr(readers, "BLOCK_BYTES", 64)
    huge = b'{"listing_id": "h", "title": "' + b"x" * 5000 + b'"}'
    report = run(store, lines(tmp_path / "a.jsonl", GOOD, huge, {"listing_id": "b", "title": "t"}))
    assert (report.read, report.accepted, report.rejected) == (3, 2, 1)
    assert [example.row for example in report.examples] == [2]


def test_unknown_columns_are_named_once(store: Store, tmp_path: Path) -> None:
    """They are ignored, and the report says which."""
    report = run(store, lines(tmp_path / "a.jsonl", GOOD | {"colour": 1}, GOOD | {"x": 2}))
    assert report.ignored_columns == ["colour", "x"]


def test_a_map_that_does_not_fit_says_what_there_is(store: Store, tmp_path: Path) -> None:
    """Missing columns are all named, with those that exist; nothing is written."""
    (tmp_path / "a.csv").write_text("sku,name\n1,x\n")
    made = parse_map('[listing]\nlisting_id = "id"\ntitle = "titel"\n', at="m.toml")
    with pytest.raises(MappingError, match=r"no column id, titel.*sku, name"):
        run(store, tmp_path / "a.csv", source_map=made)
    with pytest.raises(MappingError, match="--map"):
        run(store, tmp_path / "a.csv")
    with pytest.raises(MappingError, match=r"no \[seller\]"):
        run(store, tmp_path / "a.csv", source_map=made, kind="sellers")
    with pytest.raises(NotFoundError):
        run(store, tmp_path / "none.csv")
    assert store.log.end() == START


def test_a_foreign_catalogue_by_its_map(store: Store, tmp_path: Path) -> None:
    """Units, joins, constants, defaults, separators, word lists, missing words, side attributes."""
    (tmp_path / "p.csv").write_text(
        "sku;name;sub;cents;since;labels;state;maker\n"
        "1;Ring;of gold;1999;31.01.2024;a|b;hidden;Acme\n"
        "2;Bowl;None;None;01.02.2024;;live;None\n"
    )
    (tmp_path / "extra.csv").write_text("sku;key;val\n1;metal;gold\n1;metal;silver\n9;metal;tin\n")
    text = """
        [source]
        missing = ["None"]
        delimiter = ";"
        [listing]
        listing_id = "sku"
        title = { columns = ["name", "sub"], join = " " }
        price = { column = "cents", unit = "cents" }
        currency = { constant = "EUR" }
        created = { column = "since", format = "%d.%m.%Y" }
        tags = { column = "labels", separator = "|" }
        is_hidden = { column = "state", values = { hidden = "true", live = "false" } }
        quantity = { constant = 4 }
        seller_id = { column = "maker", default = "house" }
        [listing.attributes]
        maker = "maker"
        [attributes_file]
        listing_id = "sku"
        name = "key"
        value = "val"
    """
    made = parse_map(text, at="m.toml")
    report = run(store, tmp_path / "p.csv", tmp_path / "extra.csv", source_map=made)
    assert report.is_clean
    rows = standing(store.catalogue)
    assert rows["1"]["title"] == "Ring of gold"
    assert (rows["1"]["price_micros"], rows["1"]["currency"]) == (19_990_000, "EUR")
    assert rows["1"]["created_ms"] == 1_706_659_200_000
    assert (rows["1"]["tags"], rows["1"]["is_hidden"], rows["1"]["quantity"]) == (
        ["a", "b"],
        True,
        4,
    )
    assert rows["1"]["attributes"] == [("maker", ["Acme"]), ("metal", ["gold", "silver"])]
    assert (rows["2"]["title"], rows["2"]["price_micros"], rows["2"]["currency"]) == (
        "Bowl",
        None,
        None,
    )
    assert (rows["2"]["seller_id"], rows["2"]["attributes"]) == ("house", [])


def test_rebuild_gives_the_same_view(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables are a view of the log: rows, row ids and versions come back."""
    monkeypatch.setattr(ingest_module, "BATCH_ROWS", 100)
    items = [{"listing_id": f"{i}", "title": f"t{i}", "tags": ["x"]} for i in range(500)]
    run(store, lines(tmp_path / "a.jsonl", *items))
    run(
        store,
        lines(tmp_path / "b.jsonl", *({"listing_id": f"{i}"} for i in range(30))),
        kind="deletions",
    )
    before = pa.Table.from_batches(store.catalogue.changes(since=0))
    assert rebuild(store) == len(list(store.log.read(after=START)))
    assert pa.Table.from_batches(store.catalogue.changes(since=0)).equals(before)
    assert store.catalogue.count() == 470


def test_only_one_owner(store: Store, tmp_path: Path) -> None:
    """A second opener is refused, and the message names the process that owns the market."""
    with (
        pytest.raises(MarketBusyError, match=str(os.getpid())),
        open_store(MarketFolder(tmp_path / "market")),
    ):
        pass


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "files", "n"),
    [
        ("esci_us", ["products.parquet"], 6_764),
        ("icecat_chorus", ["products.parquet", "attributes.parquet"], 19_406),
        ("icecat_chorus", ["products.parquet"], 19_406),
    ],
)
def test_real_catalogues_go_in_whole(
    store: Store, real_data: Callable[[str], Path], name: str, files: list[str], n: int
) -> None:
    """The shipped maps take every listing of the real catalogues, twice to the same end."""
    folder = real_data(name)
    text = (ROOT / "examples" / f"{name.partition('_')[0]}.toml").read_text()
    made = parse_map(text, at=name)
    report = run(store, *(folder / f for f in files), source_map=made)
    assert (report.accepted, report.is_clean, store.catalogue.count()) == (n, True, n)
    assert run(store, *(folder / f for f in files), source_map=made).changed == 0
