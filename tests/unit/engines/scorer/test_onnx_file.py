"""Rankers as ONNX files."""

import sys

import numpy as np
import pytest
from onnx import TensorProto

from mercer.engines.embedded.scorer.onnx_file import OnnxScorer
from mercer.schema.errors import ConfigError, CorruptError, InputError
from support.onnx_model import weighted_sum

FEATURES = ("price", "age", "clicks")
WEIGHTS = (2.0, -1.0, 0.5)


def test_a_model_scores_what_it_computes() -> None:
    """One float64 for each row, none for no rows, whatever the output's shape."""
    scorer = OnnxScorer(weighted_sum(WEIGHTS, features="price,age,clicks"), FEATURES, at="here")
    rows = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    scores = scorer.score(rows)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, rows @ np.array(WEIGHTS), rtol=1e-6)
    assert scorer.score(rows[:0]).shape == (0,)


def test_the_output_named_score_is_taken() -> None:
    """Of several outputs."""
    scorer = OnnxScorer(weighted_sum(WEIGHTS, outputs=("label", "score")), FEATURES, at="here")
    assert scorer.score(np.ones((1, 3), np.float32)).tolist() == [1.5]


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        (b"no model", CorruptError, "onnxruntime cannot run it"),
        (weighted_sum(WEIGHTS)[:-40], CorruptError, "onnxruntime cannot run it"),
        (weighted_sum((1.0,) * 4), InputError, "4 features wide"),
        (weighted_sum(WEIGHTS, rows=1), InputError, "1 rows at a time"),
        (
            weighted_sum(WEIGHTS, outputs=("a", "b")),
            InputError,
            "outputs are a, b; name one of them 'score'",
        ),
        (weighted_sum(WEIGHTS, kind=TensorProto.INT64), InputError, "must be of float or double"),
        (
            weighted_sum(WEIGHTS, features="age,price,clicks"),
            InputError,
            "metadata name the features age",
        ),
    ],
)
def test_what_cannot_be_served_is_refused(
    data: bytes, error: type[Exception], sentence: str
) -> None:
    """With what is wrong, when it is loaded and not at the first request."""
    with pytest.raises(error, match=sentence):
        OnnxScorer(data, FEATURES, at="models/x")


def test_without_onnxruntime_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"pip install 'mercer\[onnx\]'"):
        OnnxScorer(weighted_sum(WEIGHTS), FEATURES, at="here")
