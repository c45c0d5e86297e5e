"""The open file that pages are appended to, and how anybody reads such a file.

    <first ordinal>.journal    header (magic, format version, first ordinal), then frames

Its writer holds a lock on the file, so that a journal without a lock is one that nobody writes any
more; the lock goes with the process. A frame is appended by one write(): it survives a kill of the
process at once, and a power cut as soon as it is synced, which happens in the background.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import final

from mercer.engines.embedded.log.page_frame import Frame, walk
from mercer.schema.errors import CorruptError

SUFFIX = ".journal"
FORMAT = 1
_HEADER = struct.Struct("<7sBq")
HEADER_BYTES = _HEADER.size
_MAGIC = b"mercerP"
_BLOCK = 1 << 20  # bytes of a journal that are read at a time


def journal_name(first: int) -> str:
    """The file name of the journal whose first page has that ordinal."""
    return f"{first:020d}{SUFFIX}"


@final
class Journal:
    """A journal while it is written, by one thread."""

    def __init__(self, folder: Path, *, first: int) -> None:
        """Make the file under another name, lock it, then give it its name."""
        self.path, self.first, self.n = folder / journal_name(first), first, 0
        temporary = folder / f".{journal_name(first)}.{os.getpid()}.part"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self.size = os.write(handle, _HEADER.pack(_MAGIC, FORMAT, first))
            if self.size < _HEADER.size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.rename(temporary, self.path)
        except BaseException:
            os.close(handle)
            temporary.unlink(missing_ok=True)
            raise
        self._handle = handle
        self.is_sound = True  # false: a failed write could not be taken back; begin another file

    def append(self, frame: bytes) -> None:
        """Write a frame behind the others, whole or not at all.

        Raises:
            OSError: the disk is full or broken; what was written of the frame is cut off again.
        """
        try:
            n = os.pwrite(self._handle, frame, self.size)
            if n < len(frame):  # the disk took a part: what is left tells why
                n += os.pwrite(self._handle, frame[n:], self.size + n)
            if n < len(frame):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._cut()
            raise
        self.size += n
        self.n += 1

    def has(self, n_bytes: int) -> bool:
        """Whether so many bytes have reached the file behind what `append` has returned for."""
        return os.fstat(self._handle).st_size >= self.size + n_bytes

    def _cut(self) -> None:
        try:
            os.ftruncate(self._handle, self.size)
        except OSError:
            self.is_sound = False

    def sync(self) -> None:
        """Make what was appended durable; may be called from another thread."""
        os.fdatasync(self._handle)

    def close(self) -> None:
        """Give the file and its lock back."""
        os.close(self._handle)


def frames_of(path: Path, *, start: int = 0) -> Iterator[Frame]:
    """The whole frames from `start` on, of which a part is in memory at a time; safe while the journal
    is written. The file stays open until the last of them was asked for.

    Args:
        start: where to begin: 0, or the `end` of a frame.
    Raises:
        FileNotFoundError: it was sealed meanwhile.
        CorruptError: the file is no journal of a known format.
    """
    at, n = max(start, HEADER_BYTES), _BLOCK
    with open(path, "rb", buffering=0) as file:
        _check_header(file.read(_HEADER.size), path)
        while True:
            # A frame is never put together from two reads: a torn end may be cut off and written anew.
            data, end = os.pread(file.fileno(), n, at), 0
            for frame in walk(memoryview(data)):
                if frame.payload is None and frame.end == n:
                    break  # perhaps the last one, just being written: look again
                end = frame.end
                yield Frame(frame.start + at, end + at, frame.payload)
            if len(data) < n:
                return
            at, n = at + end, _BLOCK if end else 2 * n


def _check_header(header: bytes, path: Path) -> None:
    if len(header) < _HEADER.size:
        raise CorruptError(f"{path} is no journal: it has {len(header)} bytes; move it away")
    magic, version, first = _HEADER.unpack(header)
    if magic != _MAGIC or journal_name(first) != path.name:
        raise CorruptError(f"{path} is no journal, or was renamed; restore it from a backup")
    if version != FORMAT:
        raise CorruptError(
            f"{path} has format {version}, this version of Mercer reads {FORMAT}; "
            "seal it with the version that wrote it (mercer log compact)"
        )


def is_open(path: Path) -> bool:
    """Whether a living process writes that journal."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
