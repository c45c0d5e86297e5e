"""Writes the fixtures of pages and of Avro records: `PYTHONPATH=tests python tests/formats/make_pages.py`.

Run it when a format or a version has a new number; what is committed of older ones stays as it is.
"""

import json
from pathlib import Path

import fastavro

from mercer.engines.embedded.log.keeper import Keeper
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.page_segment import FORMAT
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.events.avro import NAMES, VERSIONS, avro_schema
from support.page_samples import big_page, plain_page

HERE = Path(__file__).parent
T0 = 1_790_000_000_000
# An event as version 1 had it.
EVENT_1 = ("event_id", "kind", "time_ms", "listing_id", "visitor_id", "session_id", "buyer_id",
           "page_id", "query", "position", "price_micros", "currency", "quantity")  # fmt: skip


def make_pages() -> None:
    """A sealed segment of which a row was erased, a journal behind it, and what both say."""
    folder = HERE / f"page_segment_{FORMAT}"
    sealed = [plain_page(n, ms=T0 + n, visitor_id=f"v{n}") for n in range(1, 4)]
    sealed.append(big_page(4, ms=T0 + 4, n_candidates=40, n_shown=6, n_features=3, visitor_id="v4"))
    write(folder, sealed)
    log = PageLog(folder)
    log.erased.add("v2", erased_ms=T0 + 100)
    Keeper(folder, keep_days=400).run(now_ms=T0 + 100, seal_all=True)
    write(folder, [plain_page(n, ms=T0 + n) for n in (5, 6)])
    lines = [
        json.dumps({"position": offset, "rows": change.rows.to_pylist()})
        for offset, change in log.partitions()["pages-0"].read(0, kinds={"pages"})
    ]
    (folder / "expected.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def write(folder: Path, pages: list) -> None:
    writer = SlotWriter(folder / "pages-0")
    assert all(writer.write(page, budget_s=5) for page in pages)
    writer.close()


def make_schemas() -> None:
    """The Avro schema of every kind, under its version."""
    for kind, name in NAMES.items():
        path = HERE / "avro" / f"{name}_{VERSIONS[kind]}.avsc"
        path.write_text(json.dumps(avro_schema(kind), indent=1) + "\n", "utf-8")


def make_event_1() -> None:
    """Events as version 1 wrote them, with the schema it had."""
    schema = avro_schema("events")
    fields = [field for field in schema["fields"] if field["name"] in EVENT_1]
    schema = schema | {"version": 1, "fields": fields}
    (HERE / "avro" / "Event_1.avsc").write_text(json.dumps(schema, indent=1) + "\n", "utf-8")
    row = dict.fromkeys(EVENT_1) | {"kind": "click", "time_ms": T0, "listing_id": "l1"}
    rows = [row | {"event_id": f"e{n}", "quantity": 1, "position": n or None} for n in range(3)]
    with open(HERE / "avro" / "Event_1.avro", "wb") as file:
        fastavro.writer(
            file, fastavro.parse_schema(schema), rows, sync_marker=b"mercer" * 2 + b"test"
        )


if __name__ == "__main__":
    (HERE / "avro").mkdir(exist_ok=True)
    make_pages()
    make_schemas()
    make_event_1()
