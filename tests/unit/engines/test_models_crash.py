"""kill -9 of promote, rollback and train at each step: the old or the new model serves, whole."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import support.model_crash_child
from mercer.app import open_market
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.index.generation import current_generation
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import ModelFolder, ModelWatch
from mercer.engines.embedded.ranking.column_files import has_columns
from mercer.engines.embedded.ranking.ranking import plan_of_model
from mercer.features.declare import Feature, FeatureSet
from support.dying_child import Child, dying_child
from support.ranker_kit import plan_of_market, promote_ranker, ranker
from support.rankings import made_lists
from support.small_market import small_market

KILLED = (9, 25)  # SIGKILL; SIGXFSZ, of a write that became too long
MOST_STEPS = 200


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """`child("how|n|words")`: the wait status of a process that did what the line says."""
    with dying_child(support.model_crash_child.__file__) as ask:
        yield ask


def tiny(name: str) -> FeatureSet:
    """A set of the price alone, under that name."""
    price = Feature(
        name=name, entity="listing", transform="identity", inputs=("listing.price_micros",)
    )
    return FeatureSet(name="tiny", features=(price,))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market where "cheap" serves; "dear", of another feature set, was made and never served."""
    path = tmp_path_factory.mktemp("models") / "shop"
    with small_market(path, n_listings=40, seed=1):
        pass
    folder = MarketFolder(path)
    promote_ranker(path, ranker(plan_of_market(folder, tiny("cost")), {"cost": -1.0}, name="cheap"))
    dear = ranker(plan_of_market(folder, tiny("price")), {"price": 1.0}, name="dear")
    ModelFolder(folder.models, "ranker").write(dear)
    lists = made_lists(n_queries=80)
    rows = zip(
        lists.owner.tolist(), lists.gain.tolist(), np.nan_to_num(lists.features), strict=True
    )
    (path / "train.txt").write_text(
        "\n".join(
            f"{int(np.log2(gain + 1))} qid:{query} "
            + " ".join(f"{i + 1}:{value}" for i, value in enumerate(row.tolist()))
            for query, gain, row in rows
        )
    )
    return path


def models_of(path: Path) -> ModelFolder:
    return ModelFolder(MarketFolder(path).models, "ranker")


def named(path: Path, name: str) -> str:
    (found,) = (one for one in models_of(path).ids() if one.startswith(name))
    return found


def serving(path: Path) -> str:
    """What a server serves that starts now: the model that the pointer names, with the columns it reads."""
    folder, models = MarketFolder(path), models_of(path)
    sets = FeatureSetFolder(folder.models)
    for one in models.ids():
        models.load(one)
    for one in sets.hashes():
        sets.plan(one)
    watch = ModelWatch(models, fits=lambda one: plan_of_model(one, sets))
    watch.poll()
    assert watch.fault == ""
    assert watch.model is not None
    assert watch.model.id == models.history().current
    generation = folder.index / str(current_generation(folder.index))
    assert has_columns(generation, plan_of_model(watch.model, sets))
    return watch.model.id.partition("-")[0]


def deaths(
    child: Child, shop: Path, tmp_path: Path, words: Callable[[Path], list[str]]
) -> Iterator[tuple[Path, Callable[[], int]]]:
    """The market after each step at which the command dies, and how to do it once more; always from the
    same state, until a step comes that it does not have."""
    lines = [f"step|{n}" for n in range(1, MOST_STEPS)] + [f"size|{10**n}" for n in range(1, 6)]
    work, is_over = tmp_path / "work", False
    shutil.copytree(shop, work)
    columns = Path("index", str(current_generation(shop / "index")), "features")
    for line in lines:
        if is_over and line.startswith("step"):
            continue
        for part in (Path("models"), columns):  # all that the commands write
            shutil.rmtree(work / part)
            shutil.copytree(shop / part, work / part)
        said = "\t".join(words(work))
        status = child(f"{line}|{said}")
        if status == 0:
            is_over = True
        else:
            assert status & 0x7F in KILLED
        yield work, lambda said=said: child(f"whole|0|{said}")
    assert is_over


def test_a_killed_promote(shop: Path, child: Child, tmp_path: Path) -> None:
    """The model before or the new one serves; done again, the new one does."""

    def words(path: Path) -> list[str]:
        return ["promote", named(path, "dear"), "--market", str(path), "--force"]

    child("warm|0|" + "\t".join([*words(shop), "--dry-run"]))
    seen: list[str] = []
    for path, again in deaths(child, shop, tmp_path, words):
        seen.append(serving(path))
        if len(seen) % 3 == 0 or "dear" in seen:
            status = again()
            assert (status == 0) == (seen[-1] == "cheap")  # else it serves already
            assert serving(path) == "dear"
    assert len(seen) > 15
    assert seen[0] == "cheap"
    assert "dear" in seen[:-1]  # killed behind the one step that changes it
    with closing(open_market(path)) as market:
        assert market.health().degraded == ()


def test_a_killed_rollback(shop: Path, child: Child, tmp_path: Path) -> None:
    """The model that is left or the one before serves; done again where it had not happened, the latter."""
    start, warm = tmp_path / "start", tmp_path / "warm"
    shutil.copytree(shop, start)
    promoted = ["promote", named(shop, "dear"), "--force", "--market"]
    assert child("whole|0|" + "\t".join([*promoted, str(start)])) == 0
    # A market of its own, so that what both commands load is loaded before the children are made.
    shutil.copytree(shop, warm)
    for words in (promoted, ["rollback", "--market"]):
        assert child("warm|0|" + "\t".join([*words, str(warm)])) == 0
    seen: list[str] = []
    for path, again in deaths(
        child, start, tmp_path, lambda path: ["rollback", "--market", str(path)]
    ):
        seen.append(serving(path))
        if seen[-1] == "dear":
            assert again() == 0
            assert serving(path) == "cheap"
    assert {"cheap", "dear"} == set(seen)


def test_a_killed_training(shop: Path, child: Child, tmp_path: Path) -> None:
    """What served serves on; the new model is there whole or not at all, and nothing half is left behind
    by the next training."""

    def words(path: Path) -> list[str]:
        file, market = str(shop / "train.txt"), str(path)
        return ["train", "ranker", "--letor", file, "--market", market, "--name", "third"]

    work = tmp_path / "warm"
    shutil.copytree(shop, work)
    assert child("warm|0|" + "\t".join(words(work))) == 0
    n_models = []
    for path, again in deaths(child, shop, tmp_path, words):
        assert serving(path) == "cheap"
        n_models.append(len(models_of(path).ids()))
        if len(n_models) % 3 == 0:
            assert again() == 0
            assert serving(path) == "cheap"
            assert not list(models_of(path).path.glob(".*.part"))
    assert len(n_models) > 15
    assert {2, 3} == set(n_models)
