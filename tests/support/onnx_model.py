"""Small rankers as ONNX files."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def weighted_sum(
    weights: Sequence[float],
    *,
    rows: object = "n",
    outputs: Sequence[str] = ("y",),
    kind: int = TensorProto.FLOAT,
    features: str | None = None,
    fills_gaps: bool = False,
) -> bytes:
    """A file whose every output is the weighted sum of a row.

    Args:
        rows: how many it takes at a time; a name: any number.
        outputs: their names.
        kind: element type of the outputs.
        features: what its metadata say.
        fills_gaps: whether a missing value counts as zero, or makes the score NaN.
    """
    nodes = [helper.make_node("MatMul", ["seen", "w"], ["raw"])]
    if fills_gaps:
        nodes[:0] = [
            helper.make_node("IsNaN", ["x"], ["gap"]),
            helper.make_node("Where", ["gap", "zero", "x"], ["seen"]),
        ]
    else:
        nodes[:0] = [helper.make_node("Identity", ["x"], ["seen"])]
    nodes += [helper.make_node("Cast", ["raw"], [name], to=kind) for name in outputs]
    column = np.array(weights, np.float32).reshape(-1, 1)
    graph = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, len(column)])],
        [helper.make_tensor_value_info(name, kind, [rows, 1]) for name in outputs],
        [numpy_helper.from_array(column, "w"), numpy_helper.from_array(np.zeros(1, "f4"), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if features is not None:
        helper.set_model_props(model, {"features": features})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
