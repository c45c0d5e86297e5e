"""The laws of `schema.catalogue.Catalogue`, over SQLite and a real PostgreSQL."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercer.engines.embedded import tables
from mercer.engines.embedded.chunks import CHUNK_ROWS
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.schema.arrow import require
from mercer.schema.catalogue import CHANGED_LISTING, STORED_LISTING
from mercer.schema.errors import ConfigError, SchemaError
from mercer.schema.seller import SELLER
from support.listing_rows import deleted_rows, listing_rows, standing


@pytest.fixture
def catalogue(url: str) -> Iterator[SqlCatalogue]:
    opened = SqlCatalogue(url)
    opened.clear()
    yield opened
    opened.close()


def test_applying_twice_changes_nothing(catalogue: SqlCatalogue) -> None:
    """Law 1: the second time every row is stale and the version stays."""
    rows = listing_rows({"listing_id": "a"}, {"listing_id": "b", "tags": ["x"], "price": 2.5})
    first = catalogue.apply(rows, position="p1")
    again = catalogue.apply(rows, position="p2")
    assert (first.n_changed, first.n_stale) == (2, 0)
    assert (again.n_changed, again.n_stale, again.version) == (0, 2, first.version)
    assert standing(catalogue) == {row["listing_id"]: row for row in rows.to_pylist()}


def test_what_was_given_comes_back(catalogue: SqlCatalogue) -> None:
    """Every field of LISTING survives, in columns of the promised types."""
    item = {
        "listing_id": "ä/1",
        "seller_id": "s",
        "description": "d" * 3000,
        "tags": ["x", "y"],
        "category_path": ["Home", "Mugs"],
        "attributes": {"color": ["red", "blue"], "size": "m"},
        "price": 12.5,
        "images": ["i"],
        "created_ms": 5,
        "rating": 4.5,
        "sold_count": 3,
        "is_hidden": True,
    }
    rows = listing_rows(item)
    catalogue.apply(rows, position="p1")
    changed = next(catalogue.changes(since=0))
    require(changed, CHANGED_LISTING, at="test")
    assert {k: v for k, v in changed.to_pylist()[0].items() if k in rows.schema.names} == (
        rows.to_pylist()[0]
    )
    require(catalogue.listings(["ä/1"]), STORED_LISTING, at="test")


def test_later_time_wins_in_any_order(catalogue: SqlCatalogue) -> None:
    """Law 2: an older version that comes later is stale."""
    new = listing_rows({"listing_id": "a", "title": "new", "updated_ms": 1_700_000_000_002})
    old = listing_rows({"listing_id": "a", "title": "old", "updated_ms": 1_700_000_000_001})
    catalogue.apply(new, position="p1")
    assert catalogue.apply(old, position="p2").n_stale == 1
    assert standing(catalogue)["a"]["title"] == "new"


def test_at_equal_times_the_later_applied_wins(catalogue: SqlCatalogue) -> None:
    """Law 2: also within one batch, where the last row counts."""
    two = listing_rows({"listing_id": "a", "title": "one"}, {"listing_id": "a", "title": "two"})
    applied = catalogue.apply(two, position="p1")
    assert (applied.n_changed, applied.n_stale) == (1, 1)
    assert standing(catalogue)["a"]["title"] == "two"
    catalogue.apply(listing_rows({"listing_id": "a", "title": "three"}), position="p2")
    assert standing(catalogue)["a"]["title"] == "three"


def test_a_deletion_is_a_version(catalogue: SqlCatalogue) -> None:
    """Law 2: deleted stays deleted for older versions, also of an id never seen; later ones revive."""
    catalogue.apply(listing_rows({"listing_id": "a"}), position="p1")
    catalogue.apply(deleted_rows(1_700_000_000_000, "a", "ghost"), position="p2")
    assert standing(catalogue) == {}
    assert catalogue.count() == 0
    assert catalogue.listings(["a"]).num_rows == 0
    catalogue.apply(listing_rows({"listing_id": "ghost"}, {"listing_id": "a"}), position="p3")
    assert standing(catalogue) == {}
    catalogue.apply(
        listing_rows({"listing_id": "a", "updated_ms": 1_700_000_000_001}), position="p4"
    )
    assert list(standing(catalogue)) == ["a"]


def test_row_ids_are_for_ever(catalogue: SqlCatalogue) -> None:
    """Law 3: an id keeps its row over changes, deletion and revival; no two ids share one."""

    def row_ids() -> dict[str, int]:
        rows = [row for batch in catalogue.changes(since=0) for row in batch.to_pylist()]
        return {row["listing_id"]: row["row_id"] for row in rows}

    catalogue.apply(listing_rows({"listing_id": "a"}, {"listing_id": "b"}), position="p1")
    before = row_ids()
    catalogue.apply(deleted_rows(1_700_000_000_000, "a"), position="p2")
    catalogue.apply(listing_rows({"listing_id": "c"}), position="p3")
    catalogue.apply(
        listing_rows({"listing_id": "a", "updated_ms": 1_700_000_000_001}), position="p4"
    )
    after = row_ids()
    assert {key: after[key] for key in before} == before
    assert len(set(after.values())) == 3


def test_what_is_known_of_an_id(catalogue: SqlCatalogue) -> None:
    """Its row id, version and time, also after it was deleted; nothing of one that never was."""
    catalogue.apply(
        listing_rows({"listing_id": "a", "updated_ms": 1_700_000_000_000}), position="p1"
    )
    before = catalogue.row_state("a")
    assert before is not None
    assert (before.updated_ms, before.is_deleted) == (1_700_000_000_000, False)
    version = catalogue.apply(deleted_rows(1_710_000_000_000, "a"), position="p2").version
    after = catalogue.row_state("a")
    assert after is not None
    assert after.row_id == before.row_id
    assert (after.version, after.updated_ms, after.is_deleted) == (version, 1_710_000_000_000, True)
    assert catalogue.row_state("b") is None


def test_changes_since_a_version(catalogue: SqlCatalogue) -> None:
    """Law 4: each id once with its newest state, oldest version first, nothing at or before it."""
    first = catalogue.apply(listing_rows({"listing_id": "a"}, {"listing_id": "b"}), position="p1")
    catalogue.apply(
        listing_rows({"listing_id": "b", "title": "newer", "updated_ms": 1_700_000_000_000}),
        position="p2",
    )
    last = catalogue.apply(deleted_rows(1_700_000_000_000, "a"), position="p3")
    rows = [r for b in catalogue.changes(since=first.version, batch_rows=1) for r in b.to_pylist()]
    assert [(r["listing_id"], r["title"], r["is_deleted"]) for r in rows] == [
        ("b", "newer", False),
        ("a", "", True),
    ]
    assert rows[1]["updated_ms"] == 1_700_000_000_000
    assert [r["version"] for r in rows] == sorted(r["version"] for r in rows)
    assert last.version == catalogue.version() == rows[-1]["version"]
    assert list(catalogue.changes(since=last.version)) == []


def test_a_batch_is_whole_or_not_at_all(
    catalogue: SqlCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 5: a fault between the rows and the position leaves neither."""
    catalogue.apply(listing_rows({"listing_id": "a"}), position="p1")

    def break_off(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(tables, "write_state", break_off)
        with pytest.raises(OSError, match="disk full"):
            catalogue.apply(listing_rows({"listing_id": "b"}), position="p2")
    assert catalogue.position() == "p1"
    assert list(standing(catalogue)) == ["a"]
    assert catalogue.apply(listing_rows({"listing_id": "b"}), position="p2").n_changed == 1
    assert catalogue.position() == "p2"


def test_listings_in_the_order_asked_for(catalogue: SqlCatalogue) -> None:
    """Unknown ids are left out, one that is asked for twice comes twice."""
    catalogue.apply(listing_rows(*({"listing_id": f"{i}"} for i in range(9))), position="p1")
    found = catalogue.listings(["7", "none", "2", "7", "'; drop table listing; --"])
    assert found.column("listing_id").to_pylist() == ["7", "2", "7"]
    assert catalogue.listings([]).num_rows == 0


def test_ids_that_no_database_can_hold_do_not_exist(catalogue: SqlCatalogue) -> None:
    """NUL and halves of a pair come from clients; they find nothing and fail nothing."""
    catalogue.apply(listing_rows({"listing_id": "a"}), position="p1")
    found = catalogue.listings(["\0", "a\0", "\ud800", "a"])
    assert found.column("listing_id").to_pylist() == ["a"]


def test_many_rows_over_many_chunks(catalogue: SqlCatalogue) -> None:
    """Rows find their content again when chunks are full, partly replaced, and dropped."""
    n = 2 * CHUNK_ROWS + 7
    rows = listing_rows(*({"listing_id": f"{i}", "title": f"t{i}"} for i in range(n)))
    assert catalogue.apply(rows, position="p1").n_changed == n
    newer = listing_rows(
        *(
            {"listing_id": f"{i}", "title": f"u{i}", "updated_ms": 1_700_000_000_000}
            for i in range(0, n, 3)
        )
    )
    catalogue.apply(newer, position="p2")
    titles = {key: row["title"] for key, row in standing(catalogue).items()}
    assert titles == {f"{i}": f"{'t' if i % 3 else 'u'}{i}" for i in range(n)}


def test_contents_that_nobody_needs_go(catalogue: SqlCatalogue) -> None:
    """A chunk whose rows were all replaced or deleted is dropped: the view does not grow for ever."""
    n = CHUNK_ROWS + 3
    for at in range(3):
        items = ({"listing_id": f"{i}", "updated_ms": 10**12 + at} for i in range(n))
        catalogue.apply(listing_rows(*items), position=f"p{at + 1}")
        assert catalogue.n_chunks() == 2
    catalogue.apply(deleted_rows(10**12 + 9, *(f"{i}" for i in range(n))), position="p9")
    assert catalogue.n_chunks() == 0


def test_single_changes_are_compacted(
    catalogue: SqlCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many chunks of one row become few, and nothing that is read changes."""
    monkeypatch.setattr(tables, "_COMPACT_EVERY", 8)
    for i in range(30):
        catalogue.apply(
            listing_rows({"listing_id": f"{i}", "title": f"t{i}"}), position=f"p{i + 1}"
        )
    assert catalogue.n_chunks() < 16
    assert {k: r["title"] for k, r in standing(catalogue).items()} == {
        f"{i}": f"t{i}" for i in range(30)
    }
    assert catalogue.version() == 30


def test_sellers(catalogue: SqlCatalogue) -> None:
    """Sellers follow the same rule: the later time wins, twice is once."""
    old = {"seller_id": "s", "name": "Old", "rating_count": 0, "updated_ms": 1}
    new = old | {"name": "New", "updated_ms": 2, "rating": 4.5, "opened_ms": 7, "country": "DE"}
    batch = pa.RecordBatch.from_pylist([new, old], schema=SELLER)
    assert catalogue.apply_sellers(batch, position="p1").n_changed == 1
    assert catalogue.apply_sellers(batch, position="p2").n_changed == 0
    assert catalogue.sellers(["x", "s"]).to_pylist() == [new]
    assert catalogue.position() == "p2"


def test_wrong_columns_are_refused(catalogue: SqlCatalogue) -> None:
    """A batch that is not LISTING changes nothing."""
    with pytest.raises(SchemaError, match="title"):
        catalogue.apply(listing_rows({"listing_id": "a"}).drop_columns(["title"]), position="p1")
    assert catalogue.position() == ""


def test_it_is_there_when_opened_again(catalogue: SqlCatalogue, url: str) -> None:
    """Rows, position and version outlive the process."""
    catalogue.apply(listing_rows({"listing_id": "a"}), position="p41")
    again = SqlCatalogue(url)
    assert (again.position(), again.version(), list(standing(again))) == ("p41", 1, ["a"])
    again.close()


def test_urls_of_other_databases_are_refused() -> None:
    """The message names what is allowed."""
    for wrong in ("mysql://x/y", "no url"):
        with pytest.raises(ConfigError, match="sqlite"):
            SqlCatalogue(wrong)


_CHANGES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.booleans(), st.integers(0, 40)),
    min_size=1,
    max_size=24,
    unique_by=lambda change: (change[0], change[2]),  # one version of an id per time
)


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(changes=_CHANGES, seed=st.integers(0, 2**16))
def test_any_order_and_batching_give_the_same_view(
    catalogue: SqlCatalogue, changes: list[tuple[str, bool, int]], seed: int
) -> None:
    """Law 2 over random upserts and deletions: only the latest version of each id counts."""
    catalogue.clear()
    rng, position = np.random.default_rng(seed), 0
    order = rng.permutation(len(changes)).tolist()
    while order:
        n = int(rng.integers(1, 5))
        chosen, order = [changes[i] for i in order[:n]], order[n:]
        for is_deleted in (True, False):
            position += 1
            some = [(key, 10**12 + at) for key, dead, at in chosen if dead == is_deleted]
            if some and is_deleted:
                for key, at in some:
                    catalogue.apply(deleted_rows(at, key), position=f"p{position}")
            elif some:
                items = ({"listing_id": k, "title": f"{k}{t}", "updated_ms": t} for k, t in some)
                catalogue.apply(listing_rows(*items), position=f"p{position}")
    latest = {key: (at, dead) for key, dead, at in sorted(changes, key=lambda change: change[2])}
    expected = {key: f"{key}{10**12 + at}" for key, (at, dead) in latest.items() if not dead}
    assert {key: row["title"] for key, row in standing(catalogue).items()} == expected
