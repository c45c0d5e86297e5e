"""Listing columns in files, for a process that did not compute them."""

from pathlib import Path

import numpy as np

from mercer.features.boundary import BoundaryColumns


def save_columns(columns: BoundaryColumns, folder: Path) -> None:
    """Write each array to a file of its own."""
    for name, array in columns.to_arrays().items():
        np.save(folder / f"column-{name}.npy", array)


def load_columns(folder: Path) -> BoundaryColumns:
    """The columns that were saved, mapped into memory."""
    files = {file.stem.removeprefix("column-"): file for file in folder.glob("column-*.npy")}
    arrays = {name: np.asarray(np.load(file, mmap_mode="r")) for name, file in files.items()}
    return BoundaryColumns.from_arrays(arrays)
