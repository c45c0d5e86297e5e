"""What was fitted: statistics by feature that merge, hash and save."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mercer.features.transform import Arrays
from mercer.schema.errors import CorruptError, FeatureError

_MAGIC = b"mercer-features-1\n"


@dataclass(frozen=True, slots=True)
class FittedState:
    """The statistics of a feature set; without fitted features there are none."""

    set_hash: str = ""  # of the declaration they belong to; "" where nothing is fitted
    n_stages: int = 0  # how many stages of the fit are done
    arrays: Mapping[str, Arrays] = field(default_factory=dict)  # by feature

    def content_hash(self) -> str:
        """SHA-256 of all that is in it, 64 hexadecimal digits: equal states, equal hash."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """One file: a line of JSON, then the arrays; equal states give equal bytes."""
        flat = [
            (feature, name, np.ascontiguousarray(array))
            for feature, arrays in sorted(self.arrays.items())
            for name, array in sorted(arrays.items())
        ]
        head = {
            "set_hash": self.set_hash,
            "n_stages": self.n_stages,
            "features": sorted(self.arrays),
            "arrays": [[f, n, a.dtype.str, list(a.shape)] for f, n, a in flat],
        }
        text = json.dumps(head, sort_keys=True).encode() + b"\n"
        return b"".join([_MAGIC, text, *(array.tobytes() for _, _, array in flat)])

    @classmethod
    def from_bytes(cls, data: bytes) -> "FittedState":
        """The state that `to_bytes` wrote.

        Raises:
            CorruptError: cut off, or not such a file.
        """
        try:
            return _read(cls, data)
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptError(
                f"fitted state of features: {error}; fit again, or take the copy of a good model"
            ) from None


def _read(cls: type[FittedState], data: bytes) -> FittedState:
    if not data.startswith(_MAGIC):
        raise ValueError(f"begins with {data[:20]!r}, must begin with {_MAGIC!r}")
    end = data.index(b"\n", len(_MAGIC))
    head = json.loads(data[len(_MAGIC) : end])
    at = end + 1
    arrays: dict[str, dict[str, npt.NDArray[Any]]] = {name: {} for name in head["features"]}
    for feature, name, dtype, shape in head["arrays"]:
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if at + size > len(data):
            raise ValueError(f"is cut off at {len(data)} bytes, inside {feature}.{name}")
        arrays[feature][name] = np.frombuffer(data[at : at + size], dtype).reshape(shape)
        at += size
    if at != len(data):
        raise ValueError(f"has {len(data) - at} bytes too many")
    return cls(head["set_hash"], head["n_stages"], arrays)


def require_state(state: FittedState, set_hash: str, needed: Mapping[str, str]) -> None:
    """Check that a state has what the features of a set need.

    Args:
        needed: transform of each feature that has to be fitted.
    Raises:
        FeatureError: it belongs to another set, or a feature is not fitted.
    """
    if not needed:
        return
    if state.set_hash and state.set_hash != set_hash:
        raise FeatureError(
            f"fitted state: belongs to the feature set {state.set_hash[:12]}, "
            f"this one is {set_hash[:12]}; fit again"
        )
    for feature, transform in needed.items():
        if feature not in state.arrays:
            raise FeatureError(
                f"feature {feature!r}: {transform} has to be fitted first; "
                "pass the state that `fit` gives"
            )
