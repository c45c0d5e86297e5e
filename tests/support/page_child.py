"""Writes pages until it is killed: `page_child.py LOG SLOT ROTATE_BYTES`; tells each id when it is in."""

import sys
from pathlib import Path

from uuid_utils import uuid7

from mercer.engines.embedded.log.page_writer import SlotWriter, WriterParams
from mercer.schema.page import Page


def main(log, slot, rotate_bytes):
    params = WriterParams(rotate_bytes=int(rotate_bytes))
    writer = SlotWriter(Path(log) / f"pages-{slot}", params)
    n = 0
    while True:
        page_id = str(uuid7())
        page = Page(
            page_id=page_id,
            served_ms=int(page_id.replace("-", "")[:12], 16),
            surface="search",
            q=str(n),
            request={"padding": "x" * (n * 97 % 5000)},
            found=n,
            generation="g",
            catalogue_version=1,
            shown=(),
        )
        if writer.write(page, budget_s=10):
            sys.stdout.write(f"{page_id}\n")
            sys.stdout.flush()
        n += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
