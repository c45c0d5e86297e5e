"""Real pictures that lie in MARKET/images/, read by name and never beyond the folder."""

import os
import stat
from pathlib import Path
from typing import Final, final

from mercer.schema.errors import NotFoundError

MAX_IMAGE_BYTES: Final = 20 * 2**20
MAX_PARTS: Final = 8  # folders below folders
_MAX_NAME_CHARS = 255


@final
class ImageFolder:
    """Pictures by their path below one folder.

    Each part of a path is opened by itself, relative to the one before and never through a symbolic
    link: what is checked is what is read, also when somebody changes the folder meanwhile.

    Args:
        folder: MARKET/images; it need not exist.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_IMAGE_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes

    def read(self, name: str) -> bytes:
        """The bytes of a picture.

        Raises:
            NotFoundError: no such file, no file at all, too large, or a name that leaves the folder.
        """
        parts = name.split("/")
        if len(parts) > MAX_PARTS or not all(_is_plain(part) for part in parts):
            raise _missing(name)
        try:
            handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            for part in parts[:-1]:
                handle = _step(handle, part, os.O_DIRECTORY)
            handle = _step(handle, parts[-1], os.O_NONBLOCK)  # a pipe must not keep us waiting
            return self._content(handle, name)
        except (OSError, ValueError):
            raise _missing(name) from None

    def _content(self, handle: int, name: str) -> bytes:
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_size > self._max_bytes:
                raise _missing(name)
            with open(handle, "rb", closefd=False) as file:
                content = file.read(self._max_bytes + 1)
        finally:
            os.close(handle)
        if len(content) > self._max_bytes:
            raise _missing(name)
        return content


def _is_plain(part: str) -> bool:
    """Whether a part of a path names a file or folder of its own, hidden ones left out."""
    if not part or part.startswith(".") or len(part) > _MAX_NAME_CHARS:
        return False
    return part.isprintable() and "\\" not in part


def _step(handle: int, part: str, flags: int) -> int:
    """Open a part below an open folder, which is closed."""
    try:
        return os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=handle)
    finally:
        os.close(handle)


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"there is no picture {name[:100]!r}")
