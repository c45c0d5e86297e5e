"""Rankers that packages of other teams bring."""

from pathlib import Path

import numpy as np
import pytest

from mercer.engines.embedded.scorer.entry_point import GROUP, read_entry_point
from mercer.schema.errors import InputError

ROWS = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
FEATURES = ("price", "age")


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that declares two rankers."""
    info = tmp_path / "acme_rankers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rankers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\nacme = support.acme_scorer:Weights\nill = support.acme_scorer:broken\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


def test_what_a_package_declares_scores() -> None:
    """The factory gets the rest of the model file; what it returns becomes float64."""
    scorer = read_entry_point(b"acme\n2 10", FEATURES, "models/acme")
    assert scorer.features == FEATURES
    scores = scorer.score(ROWS)
    assert scores.dtype == np.float64
    assert scores.tolist() == [22.0, 46.0]


def test_a_model_cannot_write_the_matrix() -> None:
    """It sees the values read-only, so no other stage sees changed ones."""
    scorer = read_entry_point(b"acme\n2 10", FEATURES, "here")

    def write(matrix: np.ndarray) -> np.ndarray:
        matrix[0, 0] = 9.0
        return matrix[:, 0]

    scorer._model.score = write  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="read-only"):
        scorer.score(ROWS)


@pytest.mark.parametrize(
    ("data", "features", "sentence"),
    [
        (b"os:system\nls", FEATURES, "declared are: acme, ill"),
        (b"acme\n1 2", ("age", "price"), "wants the features price,age, it is to score age,price"),
        (b"ill\n", FEATURES, "RuntimeError: no weights today"),
        (b"acme\nx", FEATURES, "could not be made: ValueError"),
    ],
)
def test_what_cannot_be_made_is_refused(
    data: bytes, features: tuple[str, ...], sentence: str
) -> None:
    """Names that no package declares are never imported; every fault says what it is."""
    with pytest.raises(InputError, match=sentence):
        read_entry_point(data, features, "models/x")


def test_another_number_of_scores_is_refused() -> None:
    """One score for each row."""
    scorer = read_entry_point(b"acme\n2 10", FEATURES, "here")
    scorer._model.score = lambda matrix: [1.0]  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"\(1,\), not \(2,\)"):
        scorer.score(ROWS)
