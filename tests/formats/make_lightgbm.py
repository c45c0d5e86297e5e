"""Writes the models of older LightGBM versions: `python tests/formats/make_lightgbm.py LIB VERSION`.

LIB is the shared library of an unpacked wheel of that version, called through its C interface, so
that no old Python package has to run. What is committed stays as it is.
"""

import ctypes
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
N, N_FEATURES, N_TREES = 300, 6, 6


def made_rows(seed: int) -> np.ndarray:
    """(N, N_FEATURES) gaps in the first, many zeros in the second, categories in the last."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(N, N_FEATURES)).astype(np.float32)
    rows[rng.random(N) < 0.3, 0] = np.nan
    rows[:, 1] = np.maximum(np.round(rows[:, 1]), 0)
    rows[:, -1] = rng.integers(0, 40, N)
    return rows


class Library:
    """LightGBM's C interface, as far as it is needed."""

    def __init__(self, path: str) -> None:
        self._lib = ctypes.cdll.LoadLibrary(path)
        self._lib.LGBM_GetLastError.restype = ctypes.c_char_p

    def call(self, name: str, *args: Any) -> None:
        """Call a function; its error ends the script."""
        if getattr(self._lib, name)(*args):
            raise SystemExit(self._lib.LGBM_GetLastError().decode())

    def train(self, rows: np.ndarray, label: np.ndarray, params: str) -> ctypes.c_void_p:
        """A booster of N_TREES trees."""
        data, booster, done = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_int()
        matrix = rows.ctypes.data_as(ctypes.c_void_p)
        self.call(
            "LGBM_DatasetCreateFromMat", matrix, 0, N, N_FEATURES, 1, params.encode(), None,
            ctypes.byref(data),
        )  # fmt: skip
        values = label.astype(np.float32)
        self.call(
            "LGBM_DatasetSetField", data, b"label", values.ctypes.data_as(ctypes.c_void_p), N, 0
        )
        self.call("LGBM_BoosterCreate", data, params.encode(), ctypes.byref(booster))
        for _ in range(N_TREES):
            self.call("LGBM_BoosterUpdateOneIter", booster, ctypes.byref(done))
        return booster

    def save(
        self, booster: ctypes.c_void_p, path: Path, *, has_start: bool, has_kind: bool
    ) -> None:
        """Write the model's text; later versions take where to begin, and a kind of importance."""
        extra = [0] * has_start + [-1] + [0] * has_kind
        self.call("LGBM_BoosterSaveModel", booster, *extra, str(path).encode())

    def scores(self, booster: ctypes.c_void_p, rows: np.ndarray, *, has_start: bool) -> np.ndarray:
        """(n,) raw scores."""
        out, n = np.zeros(len(rows)), ctypes.c_int64()
        extra = [0] * has_start + [-1]
        self.call(
            "LGBM_BoosterPredictForMat", booster, rows.ctypes.data_as(ctypes.c_void_p), 0,
            len(rows), N_FEATURES, 1, 1, *extra, b"", ctypes.byref(n),
            out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )  # fmt: skip
        return out


def main(library: str, version: str) -> None:
    """Two models: one with gaps, one in which zero counts as missing; rows and scores beside them."""
    lib, parts = Library(library), tuple(int(part) for part in version.split("."))
    rows = made_rows(1)
    label = np.nan_to_num(rows[:, 0]) + rows[:, 1] + (rows[:, -1] % 5)
    for name, more in (("gaps", ""), ("zeros", "zero_as_missing=true")):
        params = (
            "objective=regression num_leaves=15 min_data_in_leaf=2 min_data_per_group=2 verbose=-1 "
            f"num_threads=1 categorical_feature=5 cat_smooth=1 {more}"
        )
        booster = lib.train(rows, label, params)
        folder = HERE / "lightgbm"
        folder.mkdir(exist_ok=True)
        text = folder / f"{version}_{name}.txt"
        lib.save(booster, text, has_start=parts >= (2, 2), has_kind=parts >= (3, 2))
        seen = made_rows(2)[:120]
        scores = lib.scores(booster, seen, has_start=parts >= (3, 1))
        np.savez(folder / f"{version}_{name}.npz", rows=seen, scores=scores)


if __name__ == "__main__":
    main(*sys.argv[1:])
