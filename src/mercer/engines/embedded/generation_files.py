"""The files of a generation as a whole: who may write them, which there are, that they are on disk."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mercer.engines.embedded.durable import sync_folder
from mercer.schema.errors import CorruptError


@contextmanager
def building(index: Path, *, wait: bool = True) -> Iterator[bool]:
    """Be the only one who adds or removes generations while the block runs.

    A merge runs in a process of its own, which may outlive the owner that began it. The lock goes
    with the process, also when that is killed.

    Args:
        wait: until another is done; else the block gets False where somebody else builds.
    """
    handle = os.open(index / ".building", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            is_mine = True
        except BlockingIOError:
            is_mine = False
        yield is_mine
    finally:
        os.close(handle)


def seal(folder: Path) -> dict[str, int]:
    """Make all files below the folder durable; their sizes in bytes by path."""
    sizes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        elif path.suffix != ".lock":
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
            sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    sync_folder(folder)
    return sizes


def check_files(folder: Path, sizes: Mapping[str, int]) -> None:
    """Each file is there with its size.

    Raises:
        CorruptError: names every file that is missing or cut off.
    """
    faults = []
    for name, size in sizes.items():
        try:
            found = (folder / name).stat().st_size
        except FileNotFoundError:
            faults.append(f"{name} is missing")
            continue
        if found != size:
            faults.append(f"{name} has {found:,} bytes in place of {size:,}")
    if faults:
        raise CorruptError(
            f"{folder}: {'; '.join(faults)}; run `mercer index` to build the index anew"
        )
