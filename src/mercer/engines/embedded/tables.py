"""The catalogue view in SQL tables: one code for SQLite and PostgreSQL.

A row of `listing` holds what decides (ids, times, versions, a hash); what a listing says lies in `chunk`,
up to 512 listings in one blob, so that a bulk load and a scan never make an object per listing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from mercer.engines.embedded import chunks
from mercer.engines.embedded.rowhash import hash_rows
from mercer.engines.embedded.sql import (
    CHUNK,
    LISTING_ROW,
    SELLER_ROW,
    drop_tables,
    fetch,
    members,
    open_engines,
    read_place,
    read_state,
    upsert_columns,
    write_place,
    write_state,
)
from mercer.schema.arrow import require
from mercer.schema.catalogue import CHANGED_LISTING, STORED_LISTING, Applied, Catalogue, RowState
from mercer.schema.listing import LISTING
from mercer.schema.position import Position
from mercer.schema.seller import SELLER

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Every so many chunks of few rows, left by single changes, are written together.
_COMPACT_EVERY = 2_048
_SMALL_ROWS = chunks.CHUNK_ROWS // 4
_ROW = LISTING_ROW.c
_KEYS = (_ROW.listing_id, _ROW.row_id, _ROW.updated_ms, _ROW.version, _ROW.is_deleted)

# What each commit runs, made once: putting a statement together costs more than running it.
_SINCE = sa.bindparam("since", type_=sa.BigInteger())
_CHANGES = (
    sa.select(*_KEYS, _ROW.chunk_id, _ROW.chunk_row)
    .where(_ROW.version > _SINCE, _ROW.version <= sa.bindparam("until", type_=sa.BigInteger()))
    .order_by(_ROW.version)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_CHANGED_IDS = sa.select(_ROW.listing_id).where(_ROW.version > _SINCE)
_N_CHANGED = sa.select(sa.func.count()).select_from(LISTING_ROW).where(_ROW.version > _SINCE)
_RELEASE = (
    sa.update(CHUNK)
    .where(CHUNK.c.chunk_id == sa.bindparam("at"))
    .values(n_live=CHUNK.c.n_live - sa.bindparam("gone"))
)
_DROP_EMPTY = sa.delete(CHUNK).where(CHUNK.c.n_live <= 0)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the tables know of the rows of a batch; 0 and False where nothing."""

    row_id: Ints
    updated_ms: Ints
    is_deleted: Bools
    content_hash: Ints
    chunk_id: Ints


def _ints(values: Any) -> Ints:
    out: Ints = np.fromiter(values, np.int64, len(values))
    return out


def _winners(ids: Any, updated_ms: Ints) -> Ints:
    """Per id the row with the latest time (the last of equals), in the order of the ids.

    Rows in the order of their ids touch each page of the unique index once.
    """
    by_id: Ints = pc.sort_indices(ids).to_numpy().astype(np.int64)
    codes = ids.dictionary_encode()
    if len(codes.dictionary) == len(ids):
        return by_id
    rank = np.empty(len(codes.dictionary), np.int64)
    rank[pc.sort_indices(codes.dictionary).to_numpy()] = np.arange(len(rank))
    code = rank[codes.indices.to_numpy()]
    order: Ints = np.lexsort((np.arange(len(ids)), updated_ms, code))
    last: Bools = np.diff(code[order], append=-1) != 0
    return order[last]


@final
class SqlCatalogue:
    """The catalogue behind a SQLAlchemy URL (sqlite:///FILE or postgresql://...)."""

    def __init__(self, url: str) -> None:
        self._write, self._read = open_engines(url)

    def apply(self, listings: pa.RecordBatch, *, position: Position) -> Applied:
        """Upsert rows of LISTING; an optional boolean column `is_deleted` marks tombstones."""
        require(listings, LISTING, at="catalogue")
        n_rows = listings.num_rows
        is_deleted = np.zeros(n_rows, np.bool_)
        if "is_deleted" in listings.schema.names:
            is_deleted = listings.column("is_deleted").to_numpy(zero_copy_only=False)
        won = _winners(listings.column("listing_id"), listings.column("updated_ms").to_numpy())
        rows, is_deleted = listings.select(LISTING.names).take(pa.array(won)), is_deleted[won]
        content_hash = hash_rows(rows, skip=("listing_id", "updated_ms"))
        with self._write.begin() as db:
            state = read_state(db)
            stored = self._lookup(db, rows.column("listing_id"), is_empty=state["next_row_id"] == 1)
            updated_ms = rows.column("updated_ms").to_numpy()
            is_other = (is_deleted != stored.is_deleted) | (
                ~is_deleted & (content_hash != stored.content_hash)
            )
            is_new = stored.row_id == 0
            is_changed = is_new | (updated_ms > stored.updated_ms)
            is_changed |= (updated_ms == stored.updated_ms) & is_other
            at = np.flatnonzero(is_changed)
            if len(at):
                row_id = stored.row_id[at]
                fresh = row_id == 0
                row_id[fresh] = state["next_row_id"] + np.arange(fresh.sum())
                state["next_row_id"] += int(fresh.sum())
                changed = rows if len(at) == rows.num_rows else rows.take(pa.array(at))
                self._write_rows(db, state, changed, row_id, is_deleted[at], content_hash[at])
                self._release(db, stored.chunk_id[at])
            write_state(db, state)
            write_place(db, position)
        return Applied(len(at), n_rows - len(at), state["version"])

    def _lookup(self, db: sa.Connection, ids: Any, *, is_empty: bool) -> _Stored:
        n = len(ids)
        out = _Stored(
            row_id=np.zeros(n, np.int64),
            updated_ms=np.zeros(n, np.int64),
            is_deleted=np.zeros(n, np.bool_),
            content_hash=np.zeros(n, np.int64),
            chunk_id=np.full(n, -1, np.int64),
        )
        if is_empty or not n:
            return out
        wanted = members(db, ids.to_pylist(), sa.Text())
        found = fetch(
            db, sa.select(*_KEYS, _ROW.content_hash, _ROW.chunk_id).where(_ROW.listing_id == wanted)
        )
        if found:
            name, row_id, updated_ms, _, is_deleted, content_hash, chunk_id = zip(
                *found, strict=True
            )
            at = pc.index_in(pa.array(name, pa.string()), ids).to_numpy()
            out.row_id[at] = _ints(row_id)
            out.updated_ms[at] = _ints(updated_ms)
            out.is_deleted[at] = _ints(is_deleted) == 1
            out.content_hash[at] = _ints(content_hash)
            out.chunk_id[at] = _ints(chunk_id)
        return out

    def _write_rows(
        self,
        db: sa.Connection,
        state: dict[str, int],
        rows: pa.RecordBatch,
        row_id: Ints,
        is_deleted: Bools,
        content_hash: Ints,
    ) -> None:
        n = rows.num_rows
        live = np.flatnonzero(~is_deleted)
        chunk_id, chunk_row = np.full(n, -1), np.zeros(n, np.int64)
        content = rows if len(live) == n else rows.take(pa.array(live))
        first = state["next_chunk_id"]
        ids, places = self._write_chunks(db, state, content)
        chunk_id[live], chunk_row[live] = ids, places
        columns = {
            "row_id": row_id.tolist(),
            "listing_id": rows.column("listing_id").to_pylist(),
            "updated_ms": rows.column("updated_ms").to_pylist(),
            "version": range(state["version"] + 1, state["version"] + n + 1),
            "is_deleted": is_deleted.astype(np.int64).tolist(),
            "content_hash": content_hash.tolist(),
            "chunk_id": chunk_id.tolist(),
            "chunk_row": chunk_row.tolist(),
        }
        upsert_columns(db, LISTING_ROW, "row_id", columns)
        state["version"] += n
        if first // _COMPACT_EVERY != state["next_chunk_id"] // _COMPACT_EVERY:
            self._compact(db, state)

    def _write_chunks(
        self, db: sa.Connection, state: dict[str, int], rows: pa.RecordBatch
    ) -> tuple[Ints, Ints]:
        """Store the contents; the chunk and the place in it of each row."""
        at = np.arange(rows.num_rows)
        ids = state["next_chunk_id"] + at // chunks.CHUNK_ROWS
        if rows.num_rows:
            parts = [rows.slice(s, chunks.CHUNK_ROWS) for s in at[:: chunks.CHUNK_ROWS].tolist()]
            blobs = {
                "chunk_id": list(
                    range(state["next_chunk_id"], state["next_chunk_id"] + len(parts))
                ),
                "n_live": [part.num_rows for part in parts],
                "content": [chunks.encode(part) for part in parts],
            }
            upsert_columns(db, CHUNK, "chunk_id", blobs)
            state["next_chunk_id"] += len(parts)
        return ids, at % chunks.CHUNK_ROWS

    def _release(self, db: sa.Connection, chunk_id: Ints) -> None:
        """Count down the rows that left their chunks; a chunk without rows goes."""
        left, count = np.unique(chunk_id[chunk_id >= 0], return_counts=True)
        if not len(left):
            return
        db.execute(
            _RELEASE,
            [{"at": a, "gone": g} for a, g in zip(left.tolist(), count.tolist(), strict=True)],
        )
        db.execute(_DROP_EMPTY)

    def _compact(self, db: sa.Connection, state: dict[str, int]) -> None:
        """Write chunks of few rows together. No listing changes, no version moves."""
        few = sa.select(CHUNK.c.chunk_id).where(CHUNK.c.n_live < _SMALL_ROWS)
        small = [row[0] for row in db.execute(few)]
        if len(small) < 2:
            return
        wanted = members(db, small, sa.BigInteger())
        found = fetch(
            db,
            sa.select(*_KEYS, _ROW.content_hash, _ROW.chunk_id, _ROW.chunk_row)
            .where(_ROW.chunk_id.in_(sa.select(wanted)))
            .order_by(_ROW.row_id),
        )
        names, row_id, updated, version, deleted, hashes, old, place = zip(*found, strict=True)
        content = chunks.assemble(_ints(old), _ints(place), lambda ids: self._fetch(db, ids))
        new_id, new_place = self._write_chunks(db, state, content)
        columns = {
            "row_id": row_id,
            "listing_id": names,
            "updated_ms": updated,
            "version": version,
            "is_deleted": deleted,
            "content_hash": hashes,
            "chunk_id": new_id.tolist(),
            "chunk_row": new_place.tolist(),
        }
        upsert_columns(db, LISTING_ROW, "row_id", columns)
        db.execute(sa.delete(CHUNK).where(CHUNK.c.chunk_id.in_(sa.select(wanted))))

    def _fetch(self, db: sa.Connection, chunk_ids: Sequence[int]) -> Mapping[int, Any]:
        wanted = members(db, chunk_ids, sa.BigInteger())
        select = sa.select(CHUNK.c.chunk_id, CHUNK.c.content).where(CHUNK.c.chunk_id == wanted)
        return {chunk_id: chunks.decode(content) for chunk_id, content in fetch(db, select)}

    def _content(self, db: sa.Connection, found: Sequence[Any]) -> dict[str, Any]:
        """Columns of CHANGED_LISTING for rows of the keys, their chunk and their place in it."""
        names, row_id, updated_ms, version, is_deleted, chunk_id, chunk_row = zip(
            *found, strict=True
        )
        content = chunks.assemble(
            _ints(chunk_id), _ints(chunk_row), lambda ids: self._fetch(db, ids)
        )
        columns = dict(zip(content.schema.names, content.columns, strict=True))
        # Of a tombstone only these two are known.
        columns["listing_id"] = pa.array(names, pa.string())
        columns["updated_ms"] = pa.array(_ints(updated_ms))
        columns["row_id"], columns["version"] = pa.array(_ints(row_id)), pa.array(_ints(version))
        columns["is_deleted"] = pa.array(_ints(is_deleted) == 1)
        return columns

    def changes(self, *, since: int, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """CHANGED_LISTING rows whose version is above `since`, oldest version first."""
        last, until = since, self.version()
        while last < until:
            with self._read.begin() as db:
                asked = {"since": last, "until": until, "most": batch_rows}
                found = fetch(db, _CHANGES, asked)
                if not found:
                    return
                columns = self._content(db, found)
            last = found[-1][3]
            yield pa.RecordBatch.from_arrays(
                [columns[name] for name in CHANGED_LISTING.names], schema=CHANGED_LISTING
            )

    def changed_ids(self, *, since: int) -> list[str]:
        """The ids whose version is above `since`."""
        with self._read.begin() as db:
            return [row[0] for row in fetch(db, _CHANGED_IDS, {"since": since})]

    def n_changed(self, *, since: int) -> int:
        """How many ids have a version above `since`."""
        with self._read.begin() as db:
            return int(db.execute(_N_CHANGED, {"since": since}).scalar_one())

    def listings(self, listing_ids: Sequence[str]) -> pa.Table:
        """STORED_LISTING rows of those ids that exist and are not deleted, in the order asked for."""
        listing_ids = [one for one in listing_ids if _can_be_stored(one)]
        asked = pa.array(listing_ids, pa.string())
        with self._read.begin() as db:
            wanted = members(db, sorted(set(listing_ids)), sa.Text())
            found = fetch(
                db,
                sa.select(*_KEYS, _ROW.chunk_id, _ROW.chunk_row)
                .where(_ROW.listing_id == wanted, _ROW.is_deleted == 0)
                .order_by(_ROW.row_id),
            )
            if not found:
                return STORED_LISTING.empty_table()
            columns = self._content(db, found)
        rows = pa.Table.from_arrays(
            [columns[name] for name in STORED_LISTING.names], schema=STORED_LISTING
        )
        at = pc.index_in(asked, columns["listing_id"])
        return rows.take(at.drop_null()).combine_chunks()

    def row_state(self, listing_id: str) -> RowState | None:
        """What is known of one id, deleted or not; None where it never was."""
        with self._read.begin() as db:
            found = db.execute(sa.select(*_KEYS).where(_ROW.listing_id == listing_id)).first()
        if found is None:
            return None
        _, row_id, updated_ms, version, is_deleted = found
        return RowState(row_id, version, updated_ms, bool(is_deleted))

    def apply_sellers(self, sellers: pa.RecordBatch, *, position: Position) -> Applied:
        """Upsert rows of SELLER."""
        require(sellers, SELLER, at="catalogue, sellers")
        n_rows = sellers.num_rows
        won = _winners(sellers.column("seller_id"), sellers.column("updated_ms").to_numpy())
        rows = sellers.select(SELLER.names).take(pa.array(won)).to_pylist()
        with self._write.begin() as db:
            wanted = members(db, [row["seller_id"] for row in rows], sa.Text())
            select = sa.select(SELLER_ROW).where(SELLER_ROW.c.seller_id == wanted)
            stored = {found.seller_id: found._asdict() for found in db.execute(select)}
            newer = [row for row in rows if _is_newer(row, stored.get(row["seller_id"]))]
            if newer:
                columns = {name: [row[name] for row in newer] for name in SELLER.names}
                upsert_columns(db, SELLER_ROW, "seller_id", columns)
            state = read_state(db)
            write_place(db, position)
        return Applied(len(newer), n_rows - len(newer), state["version"])

    def sellers(self, seller_ids: Sequence[str]) -> pa.Table:
        """SELLER rows of those ids that exist, in the order asked for."""
        with self._read.begin() as db:
            wanted = members(db, sorted(set(seller_ids)), sa.Text())
            select = sa.select(SELLER_ROW).where(SELLER_ROW.c.seller_id == wanted)
            found = {row.seller_id: row._asdict() for row in db.execute(select)}
        rows = [found[one] for one in seller_ids if one in found]
        return pa.Table.from_pylist(rows, schema=SELLER)

    def advance(self, *, position: Position) -> None:
        """Note that the log was read up to `position` where nothing changed."""
        with self._write.begin() as db:
            write_place(db, position)

    def position(self) -> Position:
        """The log position that this view stands at."""
        with self._read.begin() as db:
            return read_place(db)

    def version(self) -> int:
        """The version of the newest change."""
        with self._read.begin() as db:
            return read_state(db)["version"]

    def count(self) -> int:
        """How many listings stand, deleted ones left out."""
        select = sa.select(sa.func.count()).select_from(LISTING_ROW).where(_ROW.is_deleted == 0)
        with self._read.begin() as db:
            return int(db.execute(select).scalar_one())

    def n_chunks(self) -> int:
        """How many blobs hold the contents; for the operator's eye, and the tests'."""
        with self._read.begin() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(CHUNK)).scalar_one())

    def clear(self, *, version: int = 0) -> None:
        """Drop the view; only `mercer rebuild` does, and then replays the log.

        Args:
            version: to count on from; the changes that a compaction of the log removed, so that no
                version comes twice.
        """
        drop_tables(self._write)
        with self._write.begin() as db:
            write_state(db, {"version": version})

    def close(self) -> None:
        """Give all connections back."""
        self._write.dispose()
        self._read.dispose()


def _can_be_stored(text: str) -> bool:
    """Whether both databases can hold it; what they cannot (NUL, half of a pair) does not exist."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_newer(row: Mapping[str, Any], stored: Mapping[str, Any] | None) -> bool:
    if stored is None or row["updated_ms"] > stored["updated_ms"]:
        return True
    return bool(row["updated_ms"] == stored["updated_ms"] and row != stored)


_conforms: type[Catalogue] = SqlCatalogue
