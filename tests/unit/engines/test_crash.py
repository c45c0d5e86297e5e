"""kill -9 at any moment: the last good generation serves, and nothing acknowledged is lost."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import support.crash_child
from mercer.app import open_market, own_market
from mercer.app_index import index_market
from mercer.engines.embedded.index.generation import current_generation, remove_stale
from mercer.engines.embedded.index.generation_files import building
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.retrieve.request import SearchRequest
from mercer.schema.errors import CorruptError
from support.dying_child import Child, dying_child
from support.market_kit import items, make_market, small_encoder

REQUEST = SearchRequest(q="red mug", per_page=50, facets=("*",), budget_ms=60_000)


def answer(folder: Path) -> Any:
    market = open_market(folder)
    try:
        found = market.search(REQUEST)
        return [(h.listing_id, h.score) for h in found.hits], found.facet_counts, found.found
    finally:
        market.close()


def index_of(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "index").iterdir())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash") / "shop"
    make_market(folder, items(300))
    return folder


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """`child("verb|argument|folder")`: the wait status of a process that did what the line says."""
    with dying_child(support.crash_child.__file__) as ask:
        yield ask


STEPS = ["read", "columns", "files", "words", "encoder", "vectors", "vector index"]


@pytest.mark.parametrize(
    "line", [*(f"step|{s}" for s in STEPS), "random 1", "random 2", "random 3"]
)
def test_a_killed_build_leaves_the_last_generation(shop: Path, child: Child, line: str) -> None:
    """It opens and says the same; the next build removes what was left and is current."""
    before, generation = answer(shop), current_generation(shop / "index")
    if line.startswith("random"):
        line = f"build|{random.Random(line).uniform(0.02, 0.5)}"
    status = child(f"{line}|{shop}")
    named = current_generation(shop / "index")
    assert (shop / "index" / str(named) / "manifest.json").exists()
    assert answer(shop) == before
    if line.startswith("step"):
        assert status == 9
        assert named == generation
        assert any(name.endswith(".part") for name in index_of(shop))
    with small_encoder(), open_store(MarketFolder(shop)) as store:
        name, n = index_market(store, MarketFolder(shop), progress=lambda step, n: None)
    assert (n, current_generation(shop / "index")) == (300, name)
    assert index_of(shop) == sorted({".building", "CURRENT", str(named), name})
    assert answer(shop) == before


def test_what_was_acknowledged_survives_the_owner(tmp_path: Path, child: Child) -> None:
    """A killed owner's delta comes back from the tables when the market is opened again."""
    make_market(tmp_path / "shop", items(20))
    assert child(f"write|fresh|{tmp_path / 'shop'}") == 9
    request = SearchRequest(per_page=250)
    reader = open_market(tmp_path / "shop")
    assert reader.health().n_delta == 1
    seen = {hit.listing_id for hit in reader.search(request).hits}
    assert seen == {"fresh", *(f"l{i}" for i in range(1, 20))}
    reader.close()
    with own_market(tmp_path / "shop") as owner:
        assert {hit.listing_id for hit in owner.search(request).hits} == seen


def test_a_builder_keeps_its_folder(tmp_path: Path) -> None:
    """Nothing is removed while somebody builds, whoever that is; the generation that serves never."""
    index = tmp_path / "index"
    for name in (".g1-0003.part", "g1-0001", "g1-0002"):
        (index / name).mkdir(parents=True)
    (index / "CURRENT").write_text("g1-0002")
    with building(index) as is_mine, building(index, wait=False) as is_also_mine:
        assert (is_mine, is_also_mine) == (True, False)
        assert remove_stale(index, keep=frozenset()) == []
    assert remove_stale(index, keep=frozenset()) == ["g1-0001", ".g1-0003.part"]
    assert sorted(p.name for p in index.iterdir()) == [".building", "CURRENT", "g1-0002"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market whose generation has every kind of file, also those of the text index."""
    from mercer.engines.embedded.index import generation

    folder = tmp_path_factory.mktemp("corrupt") / "shop"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "TEXT_INDEX_FROM", 5)
        name = make_market(folder, items(10))
    assert (folder / "index" / name / "text").is_dir()
    return folder


@pytest.mark.parametrize("how", ["missing", "cut off", "empty"])
def test_a_damaged_file_is_named(tiny: Path, how: str) -> None:
    """Whichever file of a generation it is: the message names it and the command that helps."""
    folder = tiny / "index" / str(current_generation(tiny / "index"))
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"]
    assert len(files) > 50
    for path in files:
        data = path.read_bytes()
        if how == "missing":
            path.unlink()
        else:
            path.write_bytes(data[: len(data) // 2 if how == "cut off" else 0])
        with pytest.raises(CorruptError) as told:
            open_market(tiny)
        path.write_bytes(data)
        assert path.relative_to(folder).as_posix() in str(told.value)
        assert "mercer index" in str(told.value)
    open_market(tiny).close()


def test_a_name_without_a_generation_is_told(tiny: Path) -> None:
    """CURRENT that names what is not there says so, and a build mends it."""
    current = tiny / "index" / "CURRENT"
    good = current.read_text()
    current.write_text("g000000000099-0001")
    with pytest.raises(CorruptError, match="mercer index"):
        open_market(tiny)
    current.write_text(good)
    open_market(tiny).close()
