"""Visitors whose removal from the log was ordered and is not finished.

    log/erased.json    {"visitor id": {"erased_ms": when it was ordered, "is_recorded": ...}, ...}

Whoever reads pages leaves theirs out from the moment that the file is there. The owner of the market
records the erasure in the log and removes the events (`erase.py`), the keeper removes the pages; when
no file holds one any more, the visitor leaves the list too.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.durable import write_durably
from mercer.schema.errors import CorruptError


class Order(msgspec.Struct, frozen=True):
    """An erasure that is not finished."""

    erased_ms: int  # everything up to this instant goes
    is_recorded: bool = False  # in the log, and the visitor's events are gone


@final
class ErasedVisitors:
    """The list, read again when the file changes."""

    def __init__(self, log: Path) -> None:
        self._log, self._path = log, log / "erased.json"
        self._seen: tuple[int, int, int] | None = None
        self._orders: Mapping[str, Order] = {}
        self._visitors: Mapping[str, int] = {}

    def visitors(self) -> Mapping[str, int]:
        """Who, and up to which time; empty where nothing is pending."""
        self.orders()
        return self._visitors

    def orders(self) -> Mapping[str, Order]:
        """What is pending, by visitor."""
        try:
            stat = os.stat(self._path)
        except FileNotFoundError:
            self._seen, self._orders, self._visitors = None, {}, {}
            return self._orders
        seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if seen != self._seen:
            try:
                told = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Order])
            except msgspec.DecodeError as fault:
                raise CorruptError(
                    f"{self._path} cannot be read: {fault}; order the erasures again "
                    "(mercer erase) and remove the file"
                ) from fault
            self._orders, self._seen = told, seen
            self._visitors = {who: order.erased_ms for who, order in told.items()}
        return self._orders

    def hides(self, visitor_id: str | None, served_ms: int) -> bool:
        """Whether such a page may not be shown any more."""
        return visitor_id is not None and self.visitors().get(visitor_id, -1) >= served_ms

    def kept(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of PAGE that may be shown."""
        hidden = hidden_rows(rows, self.visitors())
        return rows if hidden is None else rows.filter(pc.invert(hidden))

    def add(self, visitor_id: str, *, erased_ms: int) -> None:
        """Hide the pages of that visitor up to that instant; durable when this returns."""
        with self._changing() as orders:
            before = orders.get(visitor_id)
            if before is None or before.erased_ms < erased_ms:
                orders[visitor_id] = Order(erased_ms)

    def mark_recorded(self, finished: Mapping[str, int]) -> None:
        """These are in the log now, and their events are gone; a later order stays as it is."""
        with self._changing() as orders:
            for who, erased_ms in finished.items():
                if who in orders and orders[who].erased_ms <= erased_ms:
                    orders[who] = Order(orders[who].erased_ms, is_recorded=True)

    def done(self, finished: Mapping[str, int]) -> None:
        """No page of these is left; those that are recorded too leave the list."""
        with self._changing() as orders:
            for who, erased_ms in finished.items():
                order = orders.get(who)
                if order is not None and order.is_recorded and order.erased_ms <= erased_ms:
                    del orders[who]

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Order]]:
        """One process at a time changes the list."""
        self._log.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._log / ".erased", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._seen = None
            before = self.orders()
            after = dict(before)
            yield after
            if after != before:
                write_durably(self._path, msgspec.json.encode(after))
        finally:
            os.close(handle)


def hidden_rows(
    rows: pa.RecordBatch | pa.Table, visitors: Mapping[str, int], *, time: str = "served_ms"
) -> pa.Array | None:
    """(n,) whether a row belongs to an erased visitor; None where none does.

    Args:
        rows: with `visitor_id` and the column of that time.
        visitors: up to which time a visitor was erased, by id.
        time: the column.
    """
    if not visitors:
        return None
    ids = pa.array(list(visitors), pa.string())
    at = pc.index_in(rows["visitor_id"], value_set=ids)
    if at.null_count == len(at):
        return None
    limit = pc.take(pa.array(list(visitors.values()), pa.int64()), at)
    return pc.fill_null(pc.less_equal(rows[time], limit), False)
