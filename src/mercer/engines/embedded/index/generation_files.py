"""The files of a generation as a whole: who may write them, and whether all of them are there."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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


def sizes_of(folder: Path) -> dict[str, int]:
    """Bytes of each file below the folder, by path; locks left out."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


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
