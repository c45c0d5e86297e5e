"""Files that are either there whole or not at all, also after a power cut."""

import os
from io import BufferedRandom
from pathlib import Path
from typing import Any


def sync_folder(folder: Path) -> None:
    """Make names that were created in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Make all files below a folder durable, and their names."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(Path(parent, name), "rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(parent))


def part_of(path: Path) -> Path:
    """The name under which this process writes a file before it is whole."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def open_part(part: Path, *, mode: int = 0o666) -> BufferedRandom:
    """A new file to write and to read again; one that a process left there is removed.

    Args:
        mode: permissions before the umask; 0o600 for a secret, from its first byte on.
    """
    part.unlink(missing_ok=True)  # the permissions of one that was left may be others
    return open(part, "w+b", opener=lambda name, flags: os.open(name, flags, mode))


def put_durably(file: BufferedRandom, part: Path, path: Path) -> None:
    """Give what `open_part` opened, and what is whole now, its name: sync, rename, sync the folder."""
    file.flush()
    os.fsync(file.fileno())
    os.replace(part, path)
    sync_folder(path.parent)


def write_durably(path: Path, *data: Any, mode: int = 0o666) -> None:
    """Write bytes (any buffers, one behind the other) as a file that is there whole or not at all.

    Args:
        mode: as `open_part`.
    """
    part = part_of(path)
    with open_part(part, mode=mode) as file:
        for one in data:
            file.write(one)
        put_durably(file, part, path)
