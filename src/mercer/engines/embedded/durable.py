"""Files that are either there whole or not at all, also after a power cut."""

import os
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


def write_durably(path: Path, *data: Any, mode: int = 0o666) -> None:
    """Write bytes (any buffers, one behind the other) under a temporary name, sync, rename, sync the
    folder.

    Args:
        mode: permissions of the file before the umask; 0o600 for a secret, from its first byte on.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.unlink(missing_ok=True)  # of a process that died; its permissions may be others
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        for part in data:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)
