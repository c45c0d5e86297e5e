"""What a plan gives: a dense matrix for models, hashed ids for embedding tables, list statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.features.column import F32s, F64s, I64s, U64s
from mercer.text.kernel_types import F8S, I8S, read_only


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """Features of n rows."""

    names: tuple[str, ...]  # of the dense columns
    hashed_names: tuple[str, ...]
    dense: F32s  # (n, n_features), C order; a missing value is NaN, always with the same bits
    hashed: U64s  # (n, n_hashed); 0 is missing
    list_stats: Mapping[str, F64s] = field(default_factory=dict)
    """"feature.statistic" -> (n_groups,), of the candidates of each request, in the order in which
    the groups first occur."""

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.dense)

    def to_arrow(self) -> pa.RecordBatch:
        """One column per feature: float32, or uint64 of hashed ids; missing stays NaN or 0."""
        dense = [pa.array(np.ascontiguousarray(column)) for column in self.dense.T]
        hashed = [pa.array(np.ascontiguousarray(column)) for column in self.hashed.T]
        return pa.record_batch([*dense, *hashed], names=[*self.names, *self.hashed_names])


_TILE = 64
_F8_ROWS = read_only(nb.f8, ndim=2)
_U8_ROWS = read_only(nb.u8, ndim=2)


@nb.njit(nb.void(_F8_ROWS, I8S, F8S, nb.f4[:, ::1]), cache=True, nogil=True)
def write_dense(
    numbers: npt.NDArray[np.float64], registers: I64s, constants: F64s, out: F32s
) -> None:
    """out[row, j] = numbers[registers[j], row] in float32; every NaN gets the same bits.

    Where registers[j] < 0 all rows have constants[-1 - registers[j]].
    """
    missing = np.float32(np.nan)
    tile = np.empty((registers.size, _TILE), np.float32)  # turned round in the nearest cache
    for first in range(0, out.shape[0], _TILE):
        n = min(_TILE, out.shape[0] - first)
        for j in range(registers.size):
            part = tile[j]
            if registers[j] < 0:
                value = np.float32(constants[-1 - registers[j]])
                part[:n] = value if value == value else missing
                continue
            source = numbers[registers[j]][first : first + n]
            for i in range(n):
                value = np.float32(source[i])
                part[i] = value if value == value else missing
        for i in range(n):
            row = out[first + i]
            for j in range(registers.size):
                row[j] = tile[j, i]


@nb.njit(nb.void(_U8_ROWS, I8S, nb.u8[:, ::1]), cache=True, nogil=True)
def write_hashed(ids: npt.NDArray[np.uint64], registers: I64s, out: U64s) -> None:
    """out[row, j] = ids[registers[j], row]."""
    for j in range(registers.size):
        for row in range(out.shape[0]):
            out[row, j] = ids[registers[j], row]
