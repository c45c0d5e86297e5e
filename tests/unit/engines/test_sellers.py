"""The table of sellers that features read: it grows, changes in place, and says of which moment it is."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mercer.engines.embedded.log.catalogue_log import CatalogueLog
from mercer.engines.embedded.ranking import sellers as sellers_module
from mercer.engines.embedded.ranking.sellers import Sellers
from mercer.events.log import Change
from mercer.schema.seller import SELLER


def seller(number: int, *, updated_ms: int, **fields: Any) -> dict[str, Any]:
    nothing = {
        field.name: None if field.nullable else {"string": ""}.get(str(field.type), 0)
        for field in SELLER
    }
    return nothing | {"seller_id": f"s{number}", "updated_ms": updated_ms, **fields}


def test_a_change_is_seen_whatever_block_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any row on the table is what was written last of each seller, an older version changes
    nothing, and the revision moves with each change alone."""
    monkeypatch.setattr(sellers_module, "_BLOCK", 4)
    log = CatalogueLog(tmp_path)
    rng = np.random.default_rng(3)
    table, stands, order = Sellers(log), dict[str, dict[str, Any]](), list[str]()
    for turn in range(1, 60):
        one = seller(int(rng.integers(0, 23)), updated_ms=int(rng.integers(1, turn + 1)))
        key = one["seller_id"]
        is_new = key not in stands or one["updated_ms"] > stands[key]["updated_ms"]
        order += [] if key in stands else [key]
        if is_new:
            stands[key] = one
        log.append([Change("sellers", pa.RecordBatch.from_pylist([one], schema=SELLER))])
        assert table.follow() == is_new
        first = int(rng.integers(0, len(order) + 1))
        _, _, rows = table.batch(first)
        assert rows.to_pylist() == [stands[name] for name in order[first:]]
    assert len(order) > 12
    log.close()
