"""Files of plain lines, for formats that split a line themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.readers import BOM, BadRow, Block, Progress, broken, cut, line_chunks
from mercer.schema.errors import InputError, NotFoundError
from mercer.schema.judge import short
from mercer.schema.limits import MAX_ROW_BYTES


@dataclass(slots=True)
class TextLines:
    """One text per line, UTF-8; empty lines are passed over."""

    path: Path
    progress: Progress = field(init=False)
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.path.is_file():
            raise NotFoundError(f"{self.path} is no file")
        if not (size := self.path.stat().st_size):
            raise InputError(f"{self.path} is empty")
        self.progress = Progress(size)

    def blocks(self, wanted: Sequence[str] | None) -> Iterator[Block]:
        """The lines as texts."""
        n_lines = 0
        try:
            for data, is_long in line_chunks(self.path, self.progress):
                lines = [data] if is_long else data.split(b"\n")
                if n_lines == 0:
                    lines[0] = lines[0].removeprefix(BOM)
                yield _block(lines, n_lines + 1, is_long=is_long)
                n_lines += len(lines)
        except (OSError, pa.ArrowException, EOFError) as fault:
            raise broken(self.path, fault, f"after line {n_lines}") from fault


def _block(lines: Sequence[bytes], first: int, *, is_long: bool) -> Block:
    items: list[str] = []
    rows: list[int] = []
    bad: list[BadRow] = []
    for number, line in enumerate(lines, first):
        if is_long:
            words = f"a line must be at most {MAX_ROW_BYTES:,} bytes"
            bad.append(BadRow(number, words, "", cut(line)))
            continue
        if not line.strip(b"\r\n "):
            continue
        try:
            items.append(line.decode())
            rows.append(number)
        except UnicodeDecodeError:
            bad.append(BadRow(number, "a line must be UTF-8", short(line), cut(line)))
    return Block({}, np.array(rows, np.int64), items, tuple(bad))
