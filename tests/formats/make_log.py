"""Writes tests/formats/log_N: `PYTHONPATH=tests python tests/formats/make_log.py N` from the root.

Run it when the layout of the log or a record's schema has a new version; what is committed stays as it is.
`log_1` was written by the version before events had a partition of their own.
"""

import json
import shutil
import sys
from pathlib import Path

from mercer.engines.embedded.log import event_id_store
from mercer.engines.embedded.log.catalogue_log import INLINE_ROWS
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.events.log import Change
from support.log_kit import T0, change_of

HERE = Path(__file__).parent


def changes() -> list[Change]:
    """Every kind that is appended, small and large; a listing in two versions, a deletion."""
    who = {"visitor_id": "v1", "session_id": "s1", "page_id": "p1"}
    events = [
        who | {"event_id": f"e{i}", "listing_id": f"l{i}", "extra": '{"a":1}' if i % 2 else None}
        for i in range(90)
    ]
    listings = [
        {
            "listing_id": f"l{i}",
            "title": f"ä{i}",
            "tags": ["x"],
            "attributes": [("color", ["red"])],
            "updated_ms": T0,
        }
        for i in range(INLINE_ROWS + 1)
    ]
    return [
        change_of("sellers", {"seller_id": "s1", "name": "Shop", "rating": 4.5}),
        change_of("listings", *listings),
        change_of("listings", {"listing_id": "l1", "title": "newer", "updated_ms": T0 + 1}),
        change_of("deletions", {"listing_id": "l2", "updated_ms": T0 + 2}),
        change_of("campaigns", {"campaign_id": "c1", "listing_ids": ["l1"], "bid_micros": 7}),
        change_of("rules", {"rule_id": "r1", "filter": "price < 5", "weight": 0.5}),
        change_of("erasures", {"visitor_id": "v9"}),
        change_of("events", *events[:5]),
        change_of("events", *events[5:]),
    ]


def main() -> None:
    """The folder of a log that was closed, and beside it what was put in."""
    folder = HERE / f"log_{sys.argv[1]}"
    shutil.rmtree(folder, ignore_errors=True)
    event_id_store.FLUSH_AT_CLOSE = 1  # or so few ids would get no file
    log = EmbeddedLog(folder)
    for change in changes():
        log.append([change])
    log.close()
    lines = [
        json.dumps({"kind": c.kind, "rows": c.rows.to_pylist()}, ensure_ascii=False)
        for c in changes()
    ]
    (folder / "expected.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
