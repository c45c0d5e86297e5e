"""Files of foreign events as sources of ours: each row becomes no event, one, or several."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mercer.engines.embedded.readers import (
    BadRow,
    Block,
    JsonLines,
    Progress,
    Source,
    cut,
    open_source,
)
from mercer.engines.embedded.text_lines import TextLines
from mercer.events import ga4, snowplow
from mercer.events.foreign import Foreign, ForeignChoices, Format
from mercer.schema.errors import InputError
from mercer.schema.judge import short

Convert = Callable[[Any, ForeignChoices], Foreign]


@dataclass(slots=True)
class ForeignEvents:
    """A file of foreign events, read as events of ours."""

    inner: Source
    convert: Convert
    choices: ForeignChoices
    wanted: Sequence[str] | None  # columns of the foreign file; None: all
    skipped: Counter[str] = field(default_factory=Counter)  # rows that are no events, by their name
    columns: tuple[str, ...] | None = None

    path: Path = field(init=False)
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.path, self.progress = self.inner.path, self.inner.progress

    def blocks(self, wanted: Sequence[str] | None) -> Iterator[Block]:
        """The events, each with the number of the row that it came from."""
        for block in self.inner.blocks(self.wanted):
            items: list[Any] = []
            rows: list[int] = []
            bad = list(block.bad)
            for number, row in zip(block.row.tolist(), _rows(block), strict=True):
                made = self._converted(row)
                if made.fault:
                    bad.append(BadRow(number, made.fault, short(row), cut(row)))
                elif made.skipped:
                    self.skipped[made.skipped[:100]] += 1
                items.extend(made.events)
                rows.extend([number] * len(made.events))
            n_read = len(block.row) + len(block.bad)
            yield Block({}, np.array(rows, np.int64), items, tuple(bad), n_read)

    def _converted(self, row: Any) -> Foreign:
        if not isinstance(row, Mapping | str):
            return Foreign(fault="a JSON object is needed")
        return self.convert(row, self.choices)


def _rows(block: Block) -> Sequence[Any]:
    """The rows as Python values; foreign events nest too deep for columns."""
    if block.items is not None:
        return block.items
    columns = {name: column.arrow.to_pylist() for name, column in block.columns.items()}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def open_foreign(path: Path, *, form: Format, choices: ForeignChoices) -> ForeignEvents:
    """The reader of a file of foreign events.

    Raises:
        NotFoundError: no such file.
        InputError: its name is of no format that such events come in.
    """
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in (".gz", ".zst")]
    kind = suffixes[-1] if suffixes else ""
    if form == "snowplow" and kind in (".tsv", ".tab", ".txt", ""):
        return ForeignEvents(TextLines(path), snowplow.from_line, choices, None)
    if kind in (".jsonl", ".ndjson", ".json"):
        convert = snowplow.from_object if form == "snowplow" else ga4.from_object
        return ForeignEvents(JsonLines(path), convert, choices, None)
    if form == "ga4" and kind in (".parquet", ".pq"):
        return ForeignEvents(open_source(path), ga4.from_object, choices, ga4.COLUMNS)
    read = ".tsv, .jsonl" if form == "snowplow" else ".jsonl, .parquet"
    raise InputError(f"{path} has a name of no format that {form} events come in; read are {read}")
