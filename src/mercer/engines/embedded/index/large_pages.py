"""Files of an index in memory by pages of 2 MB instead of 4 KB, where the kernel can.

A search reads some thousand rows scattered over files of hundreds of megabytes. With small pages the
processor has to find out for nearly each of them where its page lies, which in a virtual machine takes
as long as reading it: at 1 M listings large pages spare a tenth of the time of a search on busy cores.

Linux keeps files of some file systems (ext4 from 6.16 on, XFS, btrfs) in large pages when they are read from
disk for somebody who asks for that. What was just written lies in small ones, so it is dropped and read
again. All of it is a wish: what cannot be done is left out.
"""

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

LARGE_BYTES = 1 << 21
_SHARE = 0.5  # of the machine's memory that an index may have to be worth reading again
# Of Linux 5.14; Python has no name for it. A fault of the disk is an OSError, where touching the pages
# would be the end of the process.
_MADV_POPULATE_READ = 22


def read_in_large_pages(folder: Path) -> None:
    """Read what lies in a folder into large pages; nobody may have it open, and it is on disk."""
    if not hasattr(os, "posix_fadvise") or not hasattr(mmap, "MADV_HUGEPAGE"):
        return
    files = [path for path in folder.rglob("*") if path.is_file()]
    sizes = {path: size for path in files if (size := path.stat().st_size) >= LARGE_BYTES}
    if sum(sizes.values()) > _SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        return
    for path in sizes:
        with suppress(OSError):
            _read_again(path)


def _read_again(path: Path) -> None:
    with path.open("rb") as file:
        with mmap.mmap(file.fileno(), mmap.PAGESIZE, access=mmap.ACCESS_READ) as first:
            first.madvise(_MADV_POPULATE_READ)  # it is left as it is where that cannot be done
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            wish_large_pages(mapped)
            mapped.madvise(_MADV_POPULATE_READ)


def wish_large_pages(mapped: Any) -> None:
    """Have what is not in memory yet read into large pages.

    Args:
        mapped: a `mmap.mmap` of a file.
    """
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            mapped.madvise(mmap.MADV_HUGEPAGE)
