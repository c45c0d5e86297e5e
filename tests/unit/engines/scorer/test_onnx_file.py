"""Rankers as ONNX files."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mercer.engines.embedded.scorer.onnx_file import OnnxScorer
from mercer.schema.errors import ConfigError, CorruptError, InputError

FEATURES = ("price", "age", "clicks")
WEIGHTS = np.array([[2.0], [-1.0], [0.5]], np.float32)


def model_bytes(
    *, rows: object = "n", width: int = 3, outputs: tuple[str, ...] = ("y",), kind: int = TensorProto.FLOAT,
    features: str | None = None,
) -> bytes:  # fmt: skip
    """A weighted sum, with as many outputs as asked."""
    nodes = [helper.make_node("MatMul", ["x", "w"], [name]) for name in outputs]
    if kind != TensorProto.FLOAT:
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["raw"]),
            helper.make_node("Cast", ["raw"], [outputs[0]], to=kind),
        ]
    graph = helper.make_graph(
        nodes, "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, width])],
        [helper.make_tensor_value_info(name, kind, [rows, 1]) for name in outputs],
        [numpy_helper.from_array(np.resize(WEIGHTS, (width, 1)), "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if features is not None:
        helper.set_model_props(model, {"features": features})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_a_model_scores_what_it_computes() -> None:
    """One float64 for each row, none for no rows, whatever the output's shape."""
    scorer = OnnxScorer(model_bytes(features="price,age,clicks"), FEATURES, at="here")
    rows = np.random.default_rng(1).normal(size=(7, 3)).astype(np.float32)
    scores = scorer.score(rows)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, (rows @ WEIGHTS)[:, 0], rtol=1e-6)
    assert scorer.score(rows[:0]).shape == (0,)


def test_the_output_named_score_is_taken() -> None:
    """Of several outputs."""
    scorer = OnnxScorer(model_bytes(outputs=("label", "score")), FEATURES, at="here")
    assert scorer.score(np.ones((1, 3), np.float32)).tolist() == [1.5]


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        (b"no model", CorruptError, "onnxruntime cannot run it"),
        (model_bytes()[:-40], CorruptError, "onnxruntime cannot run it"),
        (model_bytes(width=4), InputError, "4 features wide"),
        (model_bytes(rows=1), InputError, "1 rows at a time"),
        (model_bytes(outputs=("a", "b")), InputError, "outputs are a, b; name one of them 'score'"),
        (model_bytes(kind=TensorProto.INT64), InputError, "must be of float or double"),
        (model_bytes(features="age,price,clicks"), InputError, "metadata name the features age"),
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
        OnnxScorer(model_bytes(), FEATURES, at="here")
