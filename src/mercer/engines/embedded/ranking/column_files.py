"""The columns that a plan keeps of a generation's listings, as files beside it.

    index/<generation>/features/<first 32 characters of the plan's hash>/
        records.npy  offsets.npy  entries.bin  vector.<node>.npy  done.json

A folder is whole or not there: it is written under another name and renamed. Rows are in the order of
the generation's documents, so that they can be made in one pass and in bounded memory. `done.json` names
the columns in their order; a folder with other ones (of another version of Mercer) counts as absent.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.durable import sync_folder, sync_tree
from mercer.features.boundary import BoundaryColumns
from mercer.features.plan import Plan
from mercer.schema.errors import CorruptError

FOLDER: Final = "features"
_DONE, _ENTRIES = "done.json", "entries.bin"
_HASH_CHARS = 32
_REMEDY: Final = "remove the folder and restart mercer serve, which makes it anew"
OnRows = Callable[[int], None]


def columns_folder(generation: Path, plan_hash: str) -> Path:
    """Where the columns of a plan lie."""
    return generation / FOLDER / plan_hash[:_HASH_CHARS]


def has_columns(generation: Path, plan: Plan) -> bool:
    """Whether they are there, whole, and what the plan reads."""
    try:
        return read_columns(generation, plan) is not None
    except CorruptError:
        return False


def write_columns(
    generation: Path,
    plan: Plan,
    parts: Iterable[BoundaryColumns],
    *,
    n: int,
    on_rows: OnRows = lambda n: None,
) -> None:
    """Write the columns of all n listings, part by part; what is there and whole is left as it is.

    Args:
        parts: one after the other, n rows together, at least one part.
        on_rows: told how many are done.
    """
    target = columns_folder(generation, plan.hash)
    if has_columns(generation, plan):
        return
    work = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        _write(work, parts, n, on_rows, plan.listing_column_names)
        sync_tree(work)
        if target.exists() and not has_columns(generation, plan):
            shutil.rmtree(target)  # damaged, or of another Mercer; who mapped its files keeps them
        work.rename(target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        if has_columns(generation, plan):  # somebody else made them meanwhile
            return
        raise
    sync_folder(target.parent)


def _write(
    work: Path, parts: Iterable[BoundaryColumns], n: int, on_rows: OnRows, names: Sequence[str]
) -> None:
    arrays: dict[str, npt.NDArray[Any]] = {}
    offsets = np.zeros(n + 1, np.int64)
    done = 0
    with (work / _ENTRIES).open("wb") as entries:
        for part in parts:
            for name, rows in (("records", part.records), *_vectors(part)):
                if name not in arrays:
                    arrays[name] = np.lib.format.open_memmap(
                        work / f"{name}.npy", "w+", rows.dtype, (n, *rows.shape[1:])
                    )
                arrays[name][done : done + part.n] = rows
            offsets[done + 1 : done + part.n + 1] = offsets[done] + part.offsets[1:]
            entries.write(np.ascontiguousarray(part.entries).tobytes())
            done += part.n
            on_rows(done)
    if done != n:
        raise CorruptError(f"{work}: {done:,} rows were made of {n:,} listings")
    np.save(work / "offsets.npy", offsets)
    for array in arrays.values():
        array.flush()  # type: ignore[attr-defined]
    sizes = {path.name: path.stat().st_size for path in work.iterdir()}
    (work / _DONE).write_text(json.dumps({"n": n, "columns": names, "files": sizes}))


def _vectors(part: BoundaryColumns) -> list[tuple[str, npt.NDArray[Any]]]:
    return [(f"vector.{name}", rows) for name, rows in part.vectors.items()]


def read_columns(generation: Path, plan: Plan) -> BoundaryColumns | None:
    """The columns, memory-mapped; None where they are not there, or are other ones than the plan's.

    Raises:
        CorruptError: a file is missing or cut off.
    """
    folder = columns_folder(generation, plan.hash)
    try:
        told = json.loads((folder / _DONE).read_bytes())
        if told.get("columns") != list(plan.listing_column_names):
            return None
        for name, size in told["files"].items():
            if (found := (folder / name).stat().st_size) != size:
                raise CorruptError(
                    f"{folder / name} has {found:,} bytes in place of {size:,}; {_REMEDY}"
                )
        arrays = {path.stem: _mapped(path) for path in folder.glob("*.npy")}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise CorruptError(f"{folder}: {fault}; {_REMEDY}") from None
    size = told["files"][_ENTRIES] // 8
    entries = (
        np.asarray(np.memmap(folder / _ENTRIES, np.uint64, "r")) if size else np.zeros(0, np.uint64)
    )
    return BoundaryColumns.from_arrays({**arrays, "entries": entries})


def _mapped(path: Path) -> npt.NDArray[Any]:
    # A plain array over the same pages: kernels dispatch on the exact type. Nothing of size 0 is mapped.
    mapped = np.load(path, mmap_mode="r") if path.stat().st_size > 128 else np.load(path)
    return np.asarray(mapped)
