"""Model files: what is damaged is told and never served."""

import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from mercer.engines.embedded.lambdamart import LambdaMart, LambdaMartParams
from mercer.engines.embedded.model_promotion import promote, roll_back
from mercer.engines.embedded.models import POINTER, ModelFolder, ModelWatch
from mercer.learn.ladder import climb
from mercer.learn.loading import LoadedModel
from mercer.learn.logistic import Logistic
from mercer.learn.model_file import (
    GOLDEN_ROWS,
    GOLDEN_SCORES,
    JUDGED,
    MANIFEST,
    MODEL,
    FileSum,
    ModelFile,
)
from mercer.learn.packing import Origin, npy_bytes, packed
from mercer.learn.report import report_of
from mercer.learn.split import SplitParams
from mercer.rank.training_set import FeatureColumns
from mercer.rank.trees.scorer import TreeScorer
from mercer.schema.errors import CorruptError, InputError, MarketError, NotFoundError
from support.rankings import made_lists

LIGHT = LambdaMartParams(n_trees=30, min_rows_in_leaf=5, learning_rate=0.1)


@lru_cache
def model(
    kind: str = "trees", *, seed: int = 0, noise: float = 0.0, split_seed: int = 0
) -> ModelFile:
    """A small model; with noise it has learned from other labels than the truth."""
    data = made_lists(n_queries=80)
    if noise:
        gain = np.random.default_rng(seed).permutation(data.gain)
        data = replace(data, gain=gain)
    rung = LambdaMart(LIGHT) if kind == "trees" else Logistic()
    made = climb(data, [rung], split_params=SplitParams(seed=split_seed), seed=seed)
    made = replace(made, data=made_lists(n_queries=80))  # judged by the truth
    origin = Origin(role="ranker", name=kind, created_ms=1_000 + seed, source="letor")
    return packed(made, report_of(made, seed=0), origin)


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "models", "ranker")


@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_a_model_comes_back(folder: ModelFolder, kind: str) -> None:
    """What was written is read, and scores its golden rows to the bit."""
    made = model(kind)
    assert folder.write(made) == made.id
    assert folder.write(made) == made.id  # again: nothing happens
    back = folder.load(made.id)
    assert back.manifest == made.manifest
    assert folder.ids() == [made.id]
    assert back.held_out.n_queries > 5
    assert back.columns == made_lists().columns


def corrupted(
    folder: ModelFolder, made: ModelFile, name: str, change: Callable[[bytes], bytes]
) -> None:
    file = folder.path / made.id / name
    file.write_bytes(change(file.read_bytes()))


@pytest.mark.parametrize(
    "name", ["model", "judged", "golden_rows.npy", "golden_scores.npy", "held_out.npz", MANIFEST]
)
@pytest.mark.parametrize(
    "change",
    [lambda d: d[: len(d) // 2], lambda d: b"", lambda d: d[:-2] + bytes([d[-2] ^ 1, d[-1]])],
    ids=["cut", "empty", "one bit"],
)
def test_a_damaged_file_is_named(
    folder: ModelFolder, name: str, change: Callable[[bytes], bytes]
) -> None:
    """Whatever file of a model is cut off, empty or changed by one bit: a sentence that names it."""
    made = model()
    folder.write(made)
    corrupted(folder, made, name, change)
    with pytest.raises(CorruptError, match=name):
        folder.load(made.id)


def test_a_missing_file_is_named(folder: ModelFolder) -> None:
    """A file that is gone is named; a model that is gone is answered with those that are there."""
    made = model()
    folder.write(made)
    (folder.path / made.id / MODEL).unlink()
    with pytest.raises(CorruptError, match="model is missing"):
        folder.load(made.id)
    with pytest.raises(NotFoundError, match=f"no model 'other'.*{made.id}"):
        folder.load("other")


def test_other_scores_are_told(folder: ModelFolder) -> None:
    """A model whose golden rows score differently, by one bit in one row, is refused by row and value."""
    made = model()
    scores = np.frombuffer(made.files[GOLDEN_SCORES][-8_000:], np.float64).copy()
    scores[17] = np.nextafter(scores[17], np.inf)
    files = {**made.files, GOLDEN_SCORES: npy_bytes(scores)}
    sums = {name: FileSum.of(data) for name, data in files.items()}
    other = ModelFile(replace(made.manifest, files=sums), files)
    folder.write(other)
    with pytest.raises(CorruptError, match=r"1 of 1000 golden rows score differently.*row 17"):
        folder.load(other.id)


def test_another_feature_set_is_refused(folder: ModelFolder) -> None:
    """A model of another feature set than the one that serves is refused with both hashes; forced, it
    serves in its place."""
    first, other = model(), of_another_set(model("linear"))
    for made in (first, other):
        folder.write(made)
    promote(folder, first.id, at_ms=1)
    both = f"{first.manifest.feature_set}.*{other.manifest.feature_set}"
    with pytest.raises(InputError, match=both):
        promote(folder, other.id, at_ms=2)
    assert folder.history().current == first.id
    assert promote(folder, other.id, at_ms=3, force=True).is_forced
    assert folder.history().current == other.id


def of_another_set(made: ModelFile) -> ModelFile:
    """The same model of as many features that have another name."""
    features = tuple(f"other_{name}" for name in made.manifest.features)
    renamed = FeatureColumns.of_file(list(features))
    files = {
        MODEL: re.sub(rb'"(f\d)', rb'"other_\1', made.files[MODEL]),
        **{name: data for name, data in made.files.items() if name != MODEL},
    }
    sums = {name: FileSum.of(data) for name, data in files.items()}
    changed = replace(
        made.manifest, feature_set=renamed.set_hash, features=features, files=sums
    )  # fmt: skip
    return ModelFile(changed, files)


def test_the_gate(folder: ModelFolder) -> None:
    """Worse than the champion is refused, and forced it is in the history; no worse goes live."""
    good, bad = model(), model(noise=1.0)
    for made in (good, bad):
        folder.write(made)
    assert promote(folder, good.id, at_ms=1).is_done
    with pytest.raises(InputError, match=f"{bad.id} is not promoted: worse than {good.id} on"):
        promote(folder, bad.id, at_ms=2)
    assert folder.history().current == good.id
    dry = promote(folder, bad.id, at_ms=2, is_dry_run=True)
    assert not dry.verdict.passed
    assert not dry.is_done
    forced = promote(folder, bad.id, at_ms=3, force=True)
    assert forced.is_forced
    assert folder.history().changes[-1].is_forced
    assert promote(folder, good.id, at_ms=4).verdict.passed
    assert roll_back(folder, at_ms=5).current == bad.id


def test_the_gate_asks_the_model_that_saw_nothing_of_what_judges(folder: ModelFolder) -> None:
    """However well a model knows the judging lists by heart, what judges it is the one beside it."""
    champion, bad = model(), model(noise=1.0)
    files = {**bad.files, MODEL: champion.files[MODEL]}
    files[GOLDEN_SCORES] = champion.files[GOLDEN_SCORES]
    sums = {name: FileSum.of(data) for name, data in files.items()}
    learned_by_heart = ModelFile(replace(bad.manifest, files=sums), files)
    for made in (champion, learned_by_heart):
        folder.write(made)
    promote(folder, champion.id, at_ms=1)
    with pytest.raises(InputError, match="worse than"):
        promote(folder, learned_by_heart.id, at_ms=2)


def without_judged(made: ModelFile) -> ModelFile:
    """As models were kept before: what serves is what was measured."""
    files = {name: data for name, data in made.files.items() if name != JUDGED}
    files[MODEL] = made.files[JUDGED]
    scorer = TreeScorer.of_text(files[MODEL].decode())
    golden = np.load(io.BytesIO(files[GOLDEN_ROWS]))
    files[GOLDEN_SCORES] = npy_bytes(scorer.score(golden))
    sums = {name: FileSum.of(data) for name, data in files.items()}
    return ModelFile(replace(made.manifest, files=sums), files)


def test_a_model_that_came_without_a_judged_one_is_judged_itself(folder: ModelFolder) -> None:
    """Such a champion is no obstacle, and such a challenger no way around the gate."""
    old, good, bad = without_judged(model()), model(), without_judged(model(noise=1.0))
    for made in (old, good, bad):
        folder.write(made)
    assert folder.load(old.id).judged is not None
    promote(folder, old.id, at_ms=1)
    assert promote(folder, good.id, at_ms=2).is_done
    with pytest.raises(InputError, match="worse than"):
        promote(folder, bad.id, at_ms=3)


def test_models_of_other_splits_are_not_compared(folder: ModelFolder) -> None:
    """A champion that may have learned from the judging lists is no yardstick."""
    folder.write(model())
    folder.write(model(split_seed=1))
    promote(folder, model().id, at_ms=1)
    with pytest.raises(InputError, match="another split"):
        promote(folder, model(split_seed=1).id, at_ms=2)


def test_a_rollback_to_a_damaged_model_is_refused(folder: ModelFolder) -> None:
    """What serves stays where the model before cannot serve."""
    first, second = model(), model("linear")
    for made in (first, second):
        folder.write(made)
        promote(folder, made.id, at_ms=1, force=True)
    corrupted(folder, first, MODEL, lambda d: d[:-1])
    with pytest.raises(CorruptError, match="model has"):
        roll_back(folder, at_ms=2)
    assert folder.history().current == second.id


def test_a_watch_swaps_models_in(folder: ModelFolder) -> None:
    """Promote, promote, rollback: a watch serves each of them after its next poll, and no poll before."""
    first, second = model(), model("linear")
    folder.write(first)
    folder.write(second)
    watch = ModelWatch(folder)
    assert not watch.poll()
    assert watch.model is None
    promote(folder, first.id, at_ms=1)
    assert watch.model is None
    assert watch.poll()
    assert watch.model is not None
    assert watch.model.id == first.id
    assert not watch.poll()
    promote(folder, second.id, at_ms=2, force=True)
    assert watch.poll()
    assert watch.model.id == second.id
    roll_back(folder, at_ms=3)
    assert watch.poll()
    assert watch.model.id == first.id
    roll_back(folder, at_ms=4)
    assert watch.poll()
    assert watch.model is None


@pytest.mark.parametrize("what", ["cut", "pointer", "features"])
def test_a_watch_keeps_what_serves(folder: ModelFolder, what: str) -> None:
    """Where the next model is damaged or of other features, or the pointer is: the old model stays."""
    first, second = model(), model("linear")
    folder.write(first)
    folder.write(second)
    refused: list[str] = []

    def fits(one: LoadedModel) -> None:
        if one.id in refused:
            raise InputError(f"{one.id}: a search has not what it reads")

    watch = ModelWatch(folder, fits=fits)
    promote(folder, first.id, at_ms=1)
    watch.poll()
    promote(folder, second.id, at_ms=2, force=True)
    if what == "cut":
        corrupted(folder, second, MODEL, lambda d: d[:-1])
    elif what == "pointer":
        (folder.path / POINTER).write_bytes(b"{}")
    else:
        refused.append(second.id)
    assert not watch.poll()
    assert watch.model is not None
    assert watch.model.id == first.id
    assert {"cut": second.id, "pointer": "cannot be read", "features": "has not what it reads"}[
        what
    ] in watch.fault
    if what == "cut":
        roll_back(folder, at_ms=3)
        watch.poll()
        assert watch.fault == ""


def test_a_watch_tells_of_what_is_damaged_under_it(folder: ModelFolder) -> None:
    """A file of the model that serves is cut off: it goes on, and the fault says so until it is whole."""
    made = model()
    folder.write(made)
    watch = ModelWatch(folder)
    promote(folder, made.id, at_ms=1)
    assert watch.poll()
    loaded = watch.model
    corrupted(folder, made, MODEL, lambda d: d[:-1])
    assert not watch.poll()
    assert watch.model is loaded
    assert "model has" in watch.fault
    corrupted(folder, made, MODEL, lambda d: made.files[MODEL])
    assert not watch.poll()
    assert (watch.model, watch.fault) == (loaded, "")


def test_a_new_watch_takes_the_model_before(folder: ModelFolder) -> None:
    """A process that starts beside a damaged model serves the one promoted before, and later the repaired."""
    first, second = model(), model("linear")
    for i, made in enumerate((first, second)):
        folder.write(made)
        promote(folder, made.id, at_ms=i, force=True)
    corrupted(folder, second, MODEL, lambda d: b"")
    watch = ModelWatch(folder)
    assert watch.poll()
    assert watch.model is not None
    assert watch.model.id == first.id
    assert second.id in watch.fault
    assert f"{first.id} serves in its place" in watch.fault
    corrupted(folder, second, MODEL, lambda d: second.files[MODEL])
    assert watch.poll()
    assert (watch.model.id, watch.fault) == (second.id, "")
    for made in (first, second):
        corrupted(folder, made, MODEL, lambda d: b"")
    none = ModelWatch(folder)
    assert not none.poll()
    assert none.model is None
    assert none.fault.endswith("no model serves")


def test_a_crash_leaves_no_half_model(folder: ModelFolder) -> None:
    """What a writer that died left under a temporary name is no model."""
    made = model()
    folder.path.mkdir(parents=True)
    part = folder.path / f".{made.id}.{os.getpid()}.part"
    part.mkdir()
    (part / MODEL).write_bytes(b"half")
    assert folder.ids() == []
    assert folder.write(made) == made.id
    assert folder.load(made.id).id == made.id


def test_names_are_plain(tmp_path: Path) -> None:
    """A role or id that would leave the folder is refused or not found."""
    with pytest.raises(InputError, match="allowed are"):
        ModelFolder(tmp_path, "../other")
    with pytest.raises(MarketError):
        ModelFolder(tmp_path, "ranker").load("../../etc")


def test_a_manifest_of_another_format_is_told(folder: ModelFolder) -> None:
    """A format that this version does not know is named."""
    made = model()
    folder.write(made)

    def newer(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), "format": 9}).encode()

    corrupted(folder, made, MANIFEST, newer)
    with pytest.raises(CorruptError, match="the format is 9, this Mercer reads 1"):
        folder.manifest(made.id)
