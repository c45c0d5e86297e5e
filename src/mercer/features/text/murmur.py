"""MurmurHash3_x86_32: the number of a word, the same as in scikit-learn and many other systems.

Source: Appleby, MurmurHash3 (public domain), the variant x86_32 with seed 0 unless said.
"""

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.kernel_types import I8S, U1S

U8s = NDArray[np.uint8]

PAD = 3  # bytes after the last one that the kernel may read, whatever they hold

_MASK = 0xFFFFFFFF
_C1, _C2, _ADD = 0xCC9E2D51, 0x1B873593, 0xE6546B64
_END_1, _END_2 = 0x85EBCA6B, 0xC2B2AE35
_U_C1, _U_C2, _U_ADD = np.uint32(_C1), np.uint32(_C2), np.uint32(_ADD)
_U_END_1, _U_END_2 = np.uint32(_END_1), np.uint32(_END_2)
_ONE, _FIVE = np.uint32(1), np.uint32(5)
_8, _13, _15, _16 = np.uint32(8), np.uint32(13), np.uint32(15), np.uint32(16)
_17, _19, _24 = np.uint32(17), np.uint32(19), np.uint32(24)
_AT_1, _AT_2, _BLOCK = np.uint64(1), np.uint64(2), np.uint64(4)


@nb.njit(nb.u4(nb.u4), cache=True, nogil=True, inline="always")
def _scrambled(k: Any) -> Any:
    k = np.uint32(k * _U_C1)
    k = np.uint32((k << _15) | (k >> _17))
    return np.uint32(k * _U_C2)


@nb.njit(nb.u4(U1S, nb.u8, nb.u8, nb.u4), cache=True, nogil=True)
def murmur(data: U8s, at: Any, size: Any, seed: Any) -> Any:
    """Hash of data[at:at + size]; data has at least PAD bytes more.

    The places are unsigned, so that no index can count from the end, and the four bytes of a block
    become one load.
    """
    h = np.uint32(seed)
    odd = size & np.uint64(3)
    end = at + size - odd
    while at < end:
        k = (
            np.uint32(data[at])
            | (np.uint32(data[at + _AT_1]) << _8)
            | (np.uint32(data[at + _AT_2]) << _16)
            | (np.uint32(data[at + np.uint64(3)]) << _24)
        )
        h ^= _scrambled(k)
        h = np.uint32((h << _13) | (h >> _19))
        h = np.uint32(h * _FIVE + _U_ADD)
        at += _BLOCK
    # The last 0 to 3 bytes without a branch: what lies behind them is masked out, and 0 adds nothing.
    k = (
        np.uint32(data[at])
        | (np.uint32(data[at + _AT_1]) << _8)
        | (np.uint32(data[at + _AT_2]) << _16)
    )
    k &= (_ONE << np.uint32(odd * np.uint64(8))) - _ONE
    h ^= _scrambled(k)
    h ^= np.uint32(size)
    h = np.uint32((h ^ (h >> _16)) * _U_END_1)
    h = np.uint32((h ^ (h >> _13)) * _U_END_2)
    return h ^ (h >> _16)


@nb.njit(nb.u4(nb.u4), cache=True, nogil=True, inline="always")
def of_three(k: Any) -> Any:
    """`murmur` of three bytes, the first one lowest in k; nothing but arithmetic."""
    h = np.uint32(_scrambled(k) ^ np.uint32(3))
    h = np.uint32((h ^ (h >> _16)) * _U_END_1)
    h = np.uint32((h ^ (h >> _13)) * _U_END_2)
    return np.uint32(h ^ (h >> _16))


@nb.njit(nb.void(U1S, I8S, nb.u4, nb.u4[::1]), cache=True, nogil=True)
def murmur_all(data: U8s, offsets: NDArray[np.int64], seed: Any, out: NDArray[np.uint32]) -> None:
    """out[i] = hash of data[offsets[i]:offsets[i + 1]]; data has at least PAD bytes more."""
    for i in range(out.size):
        size = np.uint64(offsets[i + 1] - offsets[i])
        out[i] = murmur(data, np.uint64(offsets[i]), size, np.uint32(seed))


def murmur_plain(data: bytes, seed: int = 0) -> int:
    """The twin of `murmur`: an unsigned number of 32 bits."""
    h, whole = seed, len(data) // 4 * 4
    for at in range(0, whole, 4):
        h ^= _scrambled_plain(int.from_bytes(data[at : at + 4], "little"))
        h = ((h << 13) | (h >> 19)) & _MASK
        h = (h * 5 + _ADD) & _MASK
    h ^= _scrambled_plain(int.from_bytes(data[whole:], "little"))
    h ^= len(data) & _MASK
    h = ((h ^ (h >> 16)) * _END_1) & _MASK
    h = ((h ^ (h >> 13)) * _END_2) & _MASK
    return h ^ (h >> 16)


def _scrambled_plain(k: int) -> int:
    k = (k * _C1) & _MASK
    k = ((k << 15) | (k >> 17)) & _MASK
    return (k * _C2) & _MASK
