"""The synthetic catalogue: same seed, same bytes; rows that keep the contract; text that tells part."""

import hashlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from mercer.schema.arrow import require
from mercer.schema.errors import InputError
from mercer.schema.listing import LISTING
from mercer.schema.seller import SELLER
from mercer.simulate import World, generate_catalogue
from mercer.simulate.truth import ATTRIBUTES, BLOCK_ROWS, COLUMN, VOCABULARIES
from mercer.simulate.words.taxonomy import taxonomy

NOW_MS = 1_780_000_000_000

_PRINT_HASH = """
import hashlib, pyarrow as pa
from mercer.simulate import generate_catalogue
w = generate_catalogue(n_listings=1000, seed=3, now_ms=1_780_000_000_000)
sink = pa.BufferOutputStream()
with pa.ipc.new_stream(sink, w.sellers.schema) as out:
    out.write_table(w.sellers)
for batch in w.batches(700):
    with pa.ipc.new_stream(sink, batch.schema) as out:
        out.write_batch(batch)
print(hashlib.sha256(sink.getvalue()).hexdigest())
"""


@pytest.fixture(scope="module")
def world() -> World:
    return generate_catalogue(n_listings=3_000, seed=1, now_ms=NOW_MS)


@pytest.fixture(scope="module")
def rows(world: World) -> pa.Table:
    return pa.Table.from_batches(world.batches())


def _ipc(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as out:
        out.write_batch(batch)
    return bytes(sink.getvalue())


def test_two_processes_write_the_same_bytes() -> None:
    """Nothing depends on hash seeds, addresses or the order of sets."""
    hashes = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_HASH],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": salt},
        ).stdout
        for salt in ("1", "2")
    }
    assert len(hashes) == 1
    assert len(hashes.pop().strip()) == 64


def test_another_seed_is_another_market() -> None:
    """The seed matters from the first row on."""
    first, second = (
        next(generate_catalogue(n_listings=50, seed=s, now_ms=NOW_MS).batches()) for s in (1, 2)
    )
    assert hashlib.sha256(_ipc(first)).digest() != hashlib.sha256(_ipc(second)).digest()


def test_a_listing_does_not_depend_on_how_many_there_are(rows: pa.Table) -> None:
    """Row i of a market is row i of every larger market of the same seed."""
    larger = generate_catalogue(n_listings=BLOCK_ROWS + 40, seed=1, now_ms=NOW_MS)
    assert next(larger.batches(3_000)).equals(rows.combine_chunks().to_batches()[0])


@pytest.mark.parametrize("batch_rows", [1_000, 8_192, 8_193, 100_000])
def test_batches_cut_the_same_rows(batch_rows: int) -> None:
    """However the stream is cut, the rows are the same and none is lost at a block's edge."""
    world = generate_catalogue(n_listings=BLOCK_ROWS + 300, seed=4, now_ms=NOW_MS)
    sizes = [len(b) for b in world.batches(batch_rows)]
    assert sum(sizes) == world.n_listings
    assert all(size == batch_rows for size in sizes[:-1])
    ids = pa.Table.from_batches(world.batches(batch_rows))["listing_id"].to_pylist()
    assert ids == [f"L{i:08d}" for i in range(world.n_listings)]


def test_rows_keep_the_contract(world: World, rows: pa.Table) -> None:
    """Listings and sellers are what the schema says, in range, and every seller exists."""
    require(rows, LISTING, at="test")
    require(world.sellers, SELLER, at="test")
    rows.validate(full=True)
    table = rows.to_pydict()
    assert min(table["price_micros"]) > 0
    assert all(t.strip() == t and t for t in table["title"])
    assert not any("  " in t for t in table["title"])
    assert max(map(len, table["tags"])) <= 13
    assert set(table["seller_id"]) <= set(world.sellers["seller_id"].to_pylist())
    assert all(
        c <= u <= NOW_MS for c, u in zip(table["created_ms"], table["updated_ms"], strict=True)
    )
    assert all(r is None or 1 <= r <= 5 for r in table["rating"])
    assert all(
        (r is None) == (n == 0) for r, n in zip(table["rating"], table["rating_count"], strict=True)
    )


def test_truth_describes_the_rows(world: World, rows: pa.Table) -> None:
    """Category, price and stated attributes of a row are those of the truth with its number."""
    leaves, t = taxonomy(), world.truth
    for i, row in enumerate(rows.slice(0, 400).to_pylist()):
        leaf = leaves[t.category[i]]
        assert row["category_path"] == [leaf.root, leaf.name]
        assert row["price_micros"] == t.price_micros[i]
        for name, values in row["attributes"]:
            if name in COLUMN:
                assert values[0] == VOCABULARIES[COLUMN[name]].values[t.values[i, COLUMN[name]]]
                assert t.in_attributes[i, COLUMN[name]]


def test_the_text_shows_a_part_of_the_truth(world: World, rows: pa.Table) -> None:
    """Colour and material can be read in most listings that mean to state them, and in few others."""
    text = [
        f" {r['title']} {' '.join(r['tags'])} {r['description']} ".lower()
        for r in rows.select(["title", "tags", "description"]).to_pylist()
    ]
    t = world.truth
    for name in ("color", "material", "theme", "era"):
        c = COLUMN[name]
        surfaces = VOCABULARIES[c].surfaces
        has = t.values[:, c] >= 0
        shown = np.array(
            [
                v >= 0 and any(s.lower() in words for s in surfaces[v])
                for v, words in zip(t.values[:, c], text, strict=True)
            ]
        )
        stated, silent = has & t.in_text[:, c], has & ~t.in_text[:, c]
        assert shown[stated].mean() > 0.6, name
        assert shown[silent].mean() < 0.35, name
        assert 0.4 < t.in_text[has, c].mean() < 0.995, name


def test_no_attribute_is_always_or_never_there(world: World) -> None:
    """Every attribute is missing in the structured data of some listings that have it."""
    t = world.truth
    has = t.values >= 0
    share = t.in_attributes.sum(axis=0) / has.sum(axis=0)
    assert dict(zip(ATTRIBUTES, (share > 0.2) & (share < 0.95), strict=True)) == dict.fromkeys(
        ATTRIBUTES, True
    )


def test_the_taxonomy_is_sound() -> None:
    """Leaf names are unique, nouns too within a leaf, and every leaf has materials and a price."""
    leaves = taxonomy()
    assert 120 <= len(leaves) <= 220
    assert len({leaf.name for leaf in leaves}) == len(leaves)
    for leaf in leaves:
        assert len(set(leaf.nouns)) == len(leaf.nouns) >= 2
        assert leaf.materials
        assert leaf.price > 0


@pytest.mark.parametrize("arguments", [(-1, 0, NOW_MS), (1, -1, NOW_MS), (1, 0, 0)])
def test_senseless_arguments_are_refused(arguments: tuple[int, int, int]) -> None:
    """A negative count or seed, or no date, is an error that says so."""
    n, seed, now_ms = arguments
    with pytest.raises(InputError, match="must be >= 0"):
        generate_catalogue(n_listings=n, seed=seed, now_ms=now_ms)


def test_an_empty_market_is_a_market() -> None:
    """No listings: no batches, no truth rows."""
    world = generate_catalogue(n_listings=1, seed=0, now_ms=NOW_MS)
    assert len(world.truth.category) == 1
    empty = generate_catalogue(n_listings=0, seed=0, now_ms=NOW_MS)
    assert (list(empty.batches()), len(empty.sellers), len(empty.truth.category)) == ([], 0, 0)
    with pytest.raises(InputError, match="batch_rows"):
        next(world.batches(0))
