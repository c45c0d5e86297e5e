"""A ranker in the ONNX format, run by onnxruntime on one thread."""

from typing import Any, Final, final

import numpy as np

from mercer.rank.scorer import F32s, F64s, Scorer, require_matrix
from mercer.schema.errors import ConfigError, CorruptError, InputError

SCORE: Final = "score"  # the output that is taken where a model has several
FEATURES: Final = "features"  # the model's own metadata: names of its columns, joined by commas


@final
class OnnxScorer:
    """One float32 input (n, n_features); one output of n numbers, (n,) or (n, 1).

    Of several outputs the one named `score` is taken. All work is done on the calling thread, which
    lets go of the interpreter lock meanwhile.

    Args:
        data: the file.
        features: names of the columns, in order.
        at: where it comes from, for the messages.
    Raises:
        ConfigError: onnxruntime is not installed.
        CorruptError: it is no model that onnxruntime can run.
        InputError: it wants other inputs, or its metadata name other features; says which.
    """

    def __init__(self, data: bytes, features: tuple[str, ...], *, at: str) -> None:
        self.features = features
        self._session = _session(data, at=at)
        self._input, self._output = _ends(self._session, len(features), at=at)
        declared = self._session.get_modelmeta().custom_metadata_map.get(FEATURES)
        if declared is not None and tuple(declared.split(",")) != features:
            raise InputError(
                f"{at}: its metadata name the features {declared}, it is to score "
                f"{','.join(features)}; give the columns in the order that it was trained with"
            )

    def score(self, matrix: F32s) -> F64s:
        """(n,) scores of (n, n_features) values.

        Raises:
            SchemaError: another shape or type of the matrix.
            ValueError: the model gave another number of scores.
        """
        require_matrix(matrix, n_features=len(self.features), at="ONNX scores")
        if not len(matrix):
            return np.zeros(0)
        (found,) = self._session.run([self._output], {self._input: np.ascontiguousarray(matrix)})
        scores = np.asarray(found)
        if scores.shape not in {(len(matrix),), (len(matrix), 1)}:
            raise ValueError(f"output {self._output!r} is {scores.shape}, must be ({len(matrix)},)")
        return scores.reshape(-1).astype(np.float64)


def _session(data: bytes, *, at: str) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError(
            f"{at}: ONNX models need onnxruntime; install it with: pip install 'mercer[onnx]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a request has one core
    options.log_severity_level = 4  # what fails is raised, and said by whoever asked
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # its errors have no common class
        raise CorruptError(f"{at}: onnxruntime cannot run it: {fault}") from None


def _ends(session: Any, n_features: int, *, at: str) -> tuple[str, str]:
    """Names of the input and of the output."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    wanted = f"one input of float32 values (n, {n_features})"
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 2:
        got = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in inputs)
        raise InputError(f"{at}: its inputs are {got}; served is {wanted}")
    n_rows, width = inputs[0].shape
    if isinstance(width, int) and width != n_features:
        raise InputError(f"{at}: its input is {width} features wide; served is {wanted}")
    if isinstance(n_rows, int):
        raise InputError(f"{at}: it takes {n_rows} rows at a time; export it with any number")
    names = [one.name for one in outputs]
    if len(names) != 1 and SCORE not in names:
        raise InputError(f"{at}: its outputs are {', '.join(names)}; name one of them {SCORE!r}")
    output = SCORE if SCORE in names else names[0]
    (kind,) = [one.type for one in outputs if one.name == output]
    if kind not in {"tensor(float)", "tensor(double)"}:
        raise InputError(f"{at}: output {output!r} is {kind}, must be of float or double numbers")
    return inputs[0].name, output


_conforms: type[Scorer] = OnnxScorer
