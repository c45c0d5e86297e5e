"""History of events: whatever file it comes in, each event goes in once, and no proof is believed."""

import gzip
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mercer.engines.embedded.foreign_events import open_foreign
from mercer.engines.embedded.ingest import IngestJob, IngestReport, ingest
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import Store, open_store
from mercer.events.foreign import ForeignChoices, Format
from mercer.events.log import START
from mercer.events.snowplow import FIELDS
from mercer.schema.errors import MappingError
from mercer.schema.mapping import own_names, parse_map

NOW_MS = 1_790_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    folder = MarketFolder(tmp_path / "market")
    folder.create()
    with open_store(folder) as opened:
        yield opened


def run(store: Store | None, path: Path, form: Format = "mercer") -> IngestReport:
    opener = partial(open_foreign, form=form, choices=ForeignChoices())
    job = IngestJob(
        paths=[path],
        kind="events",
        source_map=own_names(),
        currency="USD",
        now_ms=NOW_MS,
        rejects=path.parent / "rejects",
        open_foreign=None if form == "mercer" else opener,
    )
    return ingest(job, store=store)


def stored(store: Store) -> list[dict[str, Any]]:
    found = [e.change.rows.to_pylist() for e in store.log.read(after=START, kinds={"events"})]
    return [row for rows in found for row in rows]


def event(event_id: str, **more: Any) -> dict[str, Any]:
    made = {"event_id": event_id, "kind": "click", "time": "2001-02-03T04:05:06Z"}
    return made | {"listing_id": "mug", "visitor_id": "v"} | more


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_history_of_any_age_goes_in_once(store: Store, tmp_path: Path) -> None:
    """A file, the same file again, and one that overlaps it: each event is in the log once, and the
    report says how many the log had."""
    first = jsonl(tmp_path / "a.jsonl", event("1"), event("2"), event("2"), {"event_id": "3"})
    report = run(store, first)
    assert (report.read, report.accepted, report.changed, report.unchanged) == (4, 2, 2, 0)
    assert (report.duplicates, report.rejected) == (1, 1)
    again = run(store, first)
    assert (again.accepted, again.changed, again.unchanged) == (2, 0, 2)
    more = run(store, jsonl(tmp_path / "b.jsonl", event("2"), event("4")))
    assert (more.changed, more.unchanged) == (1, 1)
    rows = stored(store)
    assert sorted(row["event_id"] for row in rows) == ["1", "2", "4"]
    assert rows[0]["time_ms"] == 981_173_106_000
    assert (rows[0]["received_ms"], rows[0]["source"]) == (NOW_MS, "import")


def test_a_file_that_claims_a_proof_is_not_believed(store: Store, tmp_path: Path) -> None:
    """Standing and paid slot are what this market found out itself; no column and no map sets them."""
    claim = {"standing": "signed", "is_sponsored": True, "received_ms": 5}
    report = run(store, jsonl(tmp_path / "a.jsonl", event("1", **claim)))
    (row,) = stored(store)
    assert (row["standing"], row["is_sponsored"], row["received_ms"]) == ("none", False, NOW_MS)
    assert set(report.ignored_columns) == set(claim)
    with pytest.raises(MappingError, match=r"event\.standing is unknown"):
        parse_map('[event]\nstanding = "s"', at="map")


def ga4(name: str, micros: int, items: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    value = {"string_value": "EUR", "int_value": None, "float_value": None, "double_value": None}
    return {
        "event_name": name,
        "event_timestamp": micros,
        "user_pseudo_id": "1.2",
        "event_params": [{"key": "currency", "value": value}],
        "items": items,
        "ecommerce": {"transaction_id": more.get("order")},
    }


GA4_ROWS = [
    ga4("page_view", 1_769_851_800_000_000, []),
    ga4("select_item", 1_769_851_801_000_000, [{"item_id": "mug", "price": 18.5, "quantity": 1}]),
    ga4("purchase", 1_769_851_802_000_000,
        [{"item_id": "mug", "price": 18.5, "quantity": 2}, {"item_id": "(not set)", "price": 1.0}],
        order="o-9"),
    ga4("refund", 1_769_851_803_000_000, [], order="o-9"),
]  # fmt: skip


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "parquet"])
def test_a_ga4_export(store: Store, tmp_path: Path, form: str) -> None:
    """JSON lines and Parquet give the same events; other events are skipped, bad ones set aside."""
    path = tmp_path / f"events_20260131.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(GA4_ROWS), path)
    else:
        text = "".join(json.dumps(row) + "\n" for row in GA4_ROWS).encode()
        path.write_bytes(gzip.compress(text) if form.endswith("gz") else text)
    report = run(store, path, "ga4")
    assert (report.read, report.accepted, report.rejected) == (4, 2, 2)
    assert dict(report.skipped) == {"page_view": 1}
    assert sorted(report.reasons) == [
        "a refund must have its items",
        "listing_id is missing: 1 to 200 characters of text is needed",
    ]
    click, bought = stored(store)
    assert (click["kind"], click["time_ms"], click["source"]) == ("click", 1_769_851_801_000, "ga4")
    assert (bought["kind"], bought["order_id"], bought["quantity"]) == ("purchase", "o-9", 2)
    assert (bought["price_micros"], bought["currency"]) == (18_500_000, "EUR")
    (rejects,) = (tmp_path / "rejects").iterdir()
    assert [json.loads(line)["row"] for line in rejects.read_text().splitlines()] == [4, 3]
    assert run(store, path, "ga4").unchanged == 2


def test_a_snowplow_stream(store: Store, tmp_path: Path) -> None:
    """Enriched lines without a header: things bought go in, pings are skipped, short lines set aside."""
    item = {"event": "transaction_item", "event_id": "c6ef3124-b53a-4b13-a233-0088f79dcbcb",
            "derived_tstamp": "2026-01-31 09:30:00.123", "domain_userid": "v", "ti_sku": "mug",
            "ti_orderid": "o-9", "ti_price": "18.5", "ti_quantity": "2", "ti_currency": "EUR"}  # fmt: skip
    ping = {"event": "page_ping", "event_id": "x"}
    rows = ["\t".join(row.get(name, "") for name in FIELDS) for row in (item, ping, item)]
    path = tmp_path / "enriched.tsv"
    path.write_bytes("\n".join([*rows[:2], "short\tline", "", rows[2]]).encode() + b"\n\xff\xfe\n")
    report = run(store, path, "snowplow")
    assert (report.read, report.accepted, report.duplicates, report.rejected) == (5, 1, 1, 2)
    assert dict(report.skipped) == {"page_ping": 1}
    assert sorted(e.row for e in report.examples) == [3, 5, 6]
    (one,) = stored(store)
    assert (one["kind"], one["price_micros"], one["quantity"]) == ("purchase", 18_500_000, 2)
    assert one["time_ms"] == 1_769_851_800_123


def test_a_name_of_no_format_is_told(tmp_path: Path) -> None:
    """A GA4 export is no CSV; the sentence names what is read."""
    (tmp_path / "a.csv").write_text("x")
    (fault,) = run(None, tmp_path / "a.csv", "ga4").failed_files
    assert "read are .jsonl, .parquet" in fault
