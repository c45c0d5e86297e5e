"""From the files of a model to one that scores, checked on the way."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mercer.learn.gate import held_out_of
from mercer.learn.golden import check_golden
from mercer.learn.model_file import (
    GOLDEN_ROWS,
    GOLDEN_SCORES,
    HELD_OUT,
    JUDGED,
    MODEL,
    Manifest,
    ModelFile,
)
from mercer.rank.anchored_trees import AnchoredTrees
from mercer.rank.linear import LinearScorer
from mercer.rank.scorer import Scorer
from mercer.rank.training_set import FeatureColumns, TrainingSet
from mercer.rank.trees.scorer import TreeScorer
from mercer.schema.errors import CorruptError

ReadScorer = Callable[[bytes, tuple[str, ...], str], Scorer]
"""(data of the model, the columns it is to score, where it comes from) -> what scores."""


def _linear(data: bytes, _: tuple[str, ...], at: str) -> Scorer:
    return LinearScorer.from_bytes(data, at=at)


def _anchored_trees(data: bytes, _: tuple[str, ...], at: str) -> Scorer:
    return AnchoredTrees.from_bytes(data, at=at)


def _trees(data: bytes, _: tuple[str, ...], at: str) -> Scorer:
    try:
        return TreeScorer.of_text(data.decode())
    except UnicodeDecodeError as fault:
        raise CorruptError(f"{at}: is no text: {fault}") from None


KINDS: Mapping[str, ReadScorer] = {
    "linear": _linear,
    "trees": _trees,
    "anchored_trees": _anchored_trees,
}
FOREIGN_RTOL = 1e-4  # of other kinds: their libraries choose kernels by the processor


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that was checked and scores."""

    id: str
    manifest: Manifest
    scorer: Scorer
    files: Mapping[str, bytes]  # feature set, state and held-out lists among them
    read: ReadScorer  # of its kind

    @property
    def columns(self) -> FeatureColumns:
        """The columns it wants."""
        return FeatureColumns(
            self.manifest.features, self.manifest.feature_set, self.manifest.missing
        )

    @property
    def judged(self) -> Scorer:
        """The same model without the lists that judge, read anew; of one that came without it, itself.

        Raises:
            CorruptError, InputError: it is no model of this kind.
        """
        if JUDGED not in self.files:
            return self.scorer
        return self.read(self.files[JUDGED], self.manifest.features, f"{self.id}/{JUDGED}")

    @property
    def held_out(self) -> TrainingSet:
        """The lists that `judged` never learned from.

        Raises:
            CorruptError: it was made without any.
        """
        if HELD_OUT not in self.files:
            raise CorruptError(f"{self.id}: has no {HELD_OUT}, so no gate can judge it")
        return held_out_of(self.files[HELD_OUT], self.columns, at=f"{self.id}/{HELD_OUT}")


def loaded(made: ModelFile, *, at: str, kinds: Mapping[str, ReadScorer] = KINDS) -> LoadedModel:
    """A model ready to score.

    Args:
        kinds: by the manifest's kind, what reads it; engines have more than the core does.
        at: where it lies, for the messages.
    Raises:
        CorruptError: of a kind that is not known, not readable, or scoring other than when it was made.
    """
    manifest = made.manifest
    read = kinds.get(manifest.kind)
    if read is None:
        raise CorruptError(
            f"{at}: is of kind {manifest.kind!r}; this Mercer reads {', '.join(kinds)}"
        )
    scorer = read(made.files[MODEL], manifest.features, f"{at}/{MODEL}")
    rows = _array(made.files[GOLDEN_ROWS], at=f"{at}/{GOLDEN_ROWS}")
    want = _array(made.files[GOLDEN_SCORES], at=f"{at}/{GOLDEN_SCORES}")
    if rows.shape != (len(want), len(manifest.features)) or len(want) == 0:
        raise CorruptError(
            f"{at}: golden rows are {rows.shape} with {len(want)} scores for "
            f"{len(manifest.features)} features"
        )
    rtol = 0.0 if manifest.kind in KINDS else FOREIGN_RTOL
    check_golden(want, scorer.score(rows), at=at, rtol=rtol)
    return LoadedModel(made.id, manifest, scorer, made.files, read)


def _array(data: bytes, *, at: str) -> np.ndarray:
    try:
        found: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except (OSError, ValueError, EOFError) as fault:
        raise CorruptError(f"{at}: cannot be read: {fault}") from None
    return found
