"""What flows between the nodes of a plan: columns of n rows, of nine kinds.

| kind | one row is | missing is |
|---|---|---|
| number | float64 | NaN |
| id | uint64, the hash of something | 0 |
| text | bytes of UTF-8 | a length below 0 |
| folded | the same after `text.analyze.fold`, one space between words | a length below 0 |
| ids | uint64 in order, such as the ids of tags | a length below 0 |
| words | uint32 in order: the words of a text, or its n-grams | a length below 0 |
| texts | strings in order, such as tags; only as an input column | a length below 0 |
| vector | float32, the same width in every row | NaN in its first place |
| code | a vector in int8, from -127 to 127, without its length | zeros |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

F32s = npt.NDArray[np.float32]
F64s = npt.NDArray[np.float64]
I8Table = npt.NDArray[np.int8]
I64s = npt.NDArray[np.int64]
U64s = npt.NDArray[np.uint64]

Kind = Literal["number", "id", "text", "folded", "ids", "words", "texts", "vector", "code"]
KINDS: tuple[str, ...] = get_args(Kind)

NO_ID = 0
"""The id of what is missing; no hash gives it."""


@dataclass(frozen=True, slots=True)
class Ragged:
    """Row i is values[starts[i]:stops[i]]; missing where stops[i] < starts[i].

    Rows may share values: a query that belongs to 600 candidates is there once.
    """

    starts: I64s  # (n,)
    stops: I64s  # (n,)
    values: npt.NDArray[Any]  # uint8 of a text, uint64 of ids, uint32 of words

    def __len__(self) -> int:
        return len(self.starts)

    def taken(self, rows: I64s) -> "Ragged":
        """Some rows, in the order asked for; the values are shared."""
        return Ragged(self.starts[rows], self.stops[rows], self.values)


@dataclass(frozen=True, slots=True)
class Texts:
    """Lists of strings: row i has the strings starts[i] to stops[i] of `strings`."""

    starts: I64s  # (n,)
    stops: I64s  # (n,)
    strings: Ragged

    def __len__(self) -> int:
        return len(self.starts)

    def taken(self, rows: I64s) -> "Texts":
        """Some rows, in the order asked for; the strings are shared."""
        return Texts(self.starts[rows], self.stops[rows], self.strings)


Column = F64s | U64s | F32s | I8Table | Ragged | Texts
"""number: (n,) float64; id: (n,) uint64; vector: (n, width) float32; code: (n, width) int8;
text, folded, ids, words: Ragged; texts: Texts."""


def numbers_of(column: Column) -> F64s:
    """(n,) float64; raises TypeError for another kind."""
    if isinstance(column, np.ndarray) and column.dtype == np.float64:
        return cast(F64s, column)
    raise TypeError(f"{type(column).__name__} is no column of numbers")


def ids_of(column: Column) -> U64s:
    """(n,) uint64; raises TypeError for another kind."""
    if isinstance(column, np.ndarray) and column.dtype == np.uint64:
        return cast(U64s, column)
    raise TypeError(f"{type(column).__name__} is no column of ids")


def vectors_of(column: Column) -> F32s:
    """(n, width) float32; raises TypeError for another kind."""
    if isinstance(column, np.ndarray) and column.dtype == np.float32:
        return cast(F32s, column)
    raise TypeError(f"{type(column).__name__} is no column of vectors")


def codes_of(column: Column) -> I8Table:
    """(n, width) int8; raises TypeError for another kind."""
    if isinstance(column, np.ndarray) and column.dtype == np.int8:
        return cast(I8Table, column)
    raise TypeError(f"{type(column).__name__} is no column of codes")


def table_of(column: Column) -> F32s | I8Table:
    """Vectors or codes, (n, width); raises TypeError for another kind."""
    if isinstance(column, np.ndarray) and column.ndim == 2:
        return cast(F32s, column)
    raise TypeError(f"{type(column).__name__} is no column of vectors or codes")


def ragged_of(column: Column) -> Ragged:
    """A text or a list of ids; raises TypeError for another kind."""
    if isinstance(column, Ragged):
        return column
    raise TypeError(f"{type(column).__name__} is no column of texts or ids")


def texts_of(column: Column) -> Texts:
    """A list of texts; raises TypeError for another kind."""
    if isinstance(column, Texts):
        return column
    raise TypeError(f"{type(column).__name__} is no column of lists of texts")


def taken(column: Column, rows: I64s) -> Column:
    """Some rows of a column, in the order asked for."""
    if isinstance(column, Ragged | Texts):
        return column.taken(rows)
    return cast(Column, column[rows])


def repeated(column: Column, n: int) -> Column:
    """The first row of a column, n times; texts and lists share their values."""
    if isinstance(column, Ragged):
        return Ragged(np.full(n, column.starts[0]), np.full(n, column.stops[0]), column.values)
    return taken(column, np.zeros(n, np.int64))


def ragged(rows: Sequence[Sequence[int] | bytes | None], dtype: type[np.generic]) -> Ragged:
    """From plain Python rows; for tests and small inputs, bulk data comes in as Arrow."""
    lengths = np.array([-1 if row is None else len(row) for row in rows], np.int64)
    ends = np.cumsum(np.maximum(lengths, 0))
    starts = ends - np.maximum(lengths, 0)
    flat = [value for row in rows if row is not None for value in row]
    return Ragged(starts, starts + lengths, np.array(flat, dtype))
