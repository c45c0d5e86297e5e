"""Rows that were set aside, in a file of their own that people read and repair."""

import os
import re
import time
from pathlib import Path
from typing import Any, final

import msgspec

MAX_LINES = 100_000


@final
class RejectsFile:
    """DIR/rejects/<source>-<time>.jsonl; created with its first line. One per source."""

    def __init__(self, folder: Path, source: Path) -> None:
        self._folder, self._source = folder, source
        self._file: Any = None
        self._n_lines = 0
        self.path: Path | None = None

    def add(self, row: int, reason: str, raw: Any) -> None:
        """One line: the row's number in its file, why, and what it said (cut)."""
        if self._file is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._open()
        self._n_lines += 1
        if self._n_lines <= MAX_LINES:
            line = {"row": row, "reason": reason, "raw": raw}
            self._file.write(msgspec.json.encode(line) + b"\n")

    def _open(self) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        for again in range(1_000):
            name = f"{self._source.name}-{stamp}{f'-{again}' if again else ''}.jsonl"
            try:
                self._file = open(self._folder / name, "xb")  # noqa: SIM115 - open until `close`
            except FileExistsError:
                continue
            self.path = self._folder / name
            return
        raise FileExistsError(f"{self._folder} has a thousand files of this second")

    def close(self) -> None:
        """Say how many lines were left out and give the file back."""
        if self._file is None:
            return
        if (more := self._n_lines - MAX_LINES) > 0:
            self._file.write(msgspec.json.encode({"left_out": more}) + b"\n")
        self._file.close()


def forget_rejects(folder: Path, visitor_id: str, *, dry_run: bool = False) -> int:
    """Remove the lines that name a visitor from all files of rejects; how many.

    A row that could not be read has no fields, so a line goes that has the id as a word anywhere.

    Args:
        folder: rejects/ of a market; it need not be there.
        dry_run: only count.
    """
    name = re.escape(msgspec.json.encode(visitor_id)[1:-1])
    word = re.compile(rb"(?<![\w-])" + name + rb"(?![\w-])")
    n_removed = 0
    for path in sorted(folder.glob("*.jsonl")):
        with open(path, "rb") as lines:
            n_here = sum(1 for line in lines if word.search(line))
            if n_here and not dry_run:
                part = path.with_suffix(".part")
                lines.seek(0)
                with open(part, "wb") as kept:
                    kept.writelines(line for line in lines if not word.search(line))
                os.replace(part, path)
        n_removed += n_here
    return n_removed


def expire_rejects(folder: Path, *, before_s: float, dry_run: bool = False) -> int:
    """Remove the files that were last written before that time, in seconds since 1970; how many."""
    old = [path for path in folder.glob("*.jsonl") if path.stat().st_mtime < before_s]
    for path in old if not dry_run else ():
        path.unlink(missing_ok=True)
    return len(old)
