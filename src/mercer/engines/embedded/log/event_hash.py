"""A keyed 128-bit hash of each text of a column: SipHash-2-4."""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]  # (n, 2)

_U64 = np.uint64


@nb.njit("u8(u8, i8)", cache=True, nogil=True, inline="always")
def _rotated(x: Any, n: int) -> Any:
    return (x << _U64(n)) | (x >> _U64(64 - n))


@nb.njit("UniTuple(u8, 4)(u8, u8, u8, u8)", cache=True, nogil=True, inline="always")
def _round(a: Any, b: Any, c: Any, d: Any) -> Any:
    a += b
    b = _rotated(b, 13) ^ a
    a = _rotated(a, 32)
    c += d
    d = _rotated(d, 16) ^ c
    a += d
    d = _rotated(d, 21) ^ a
    c += b
    b = _rotated(b, 17) ^ c
    c = _rotated(c, 32)
    return a, b, c, d


_ENDS = nb.types.Array(nb.int32, 1, "C", readonly=True)  # Arrow's buffers may not be written
_DATA = nb.types.Array(nb.uint8, 1, "C", readonly=True)


@nb.njit(nb.void(_ENDS, _DATA, nb.uint64, nb.uint64, nb.uint64[:, :]), cache=True, nogil=True)
def _siphash(ends: Any, data: Any, key_0: Any, key_1: Any, out: Any) -> None:
    """SipHash-2-4 with 128 bits of each text data[ends[i]:ends[i + 1]]."""
    for i in range(out.shape[0]):
        begin, end = ends[i], ends[i + 1]
        a = _U64(0x736F6D6570736575) ^ key_0
        b = _U64(0x646F72616E646F6D) ^ key_1 ^ _U64(0xEE)
        c = _U64(0x6C7967656E657261) ^ key_0
        d = _U64(0x7465646279746573) ^ key_1
        at = begin
        while at <= end:  # the last word holds what is left, and the length
            word, n_left = _U64(0), min(8, end - at)
            for j in range(n_left):
                word |= _U64(data[at + j]) << _U64(8 * j)
            if n_left < 8:
                word |= _U64(end - begin) << _U64(56)
            d ^= word
            a, b, c, d = _round(a, b, c, d)
            a, b, c, d = _round(a, b, c, d)
            a ^= word
            at += 8
        c ^= _U64(0xEE)
        for _ in range(4):
            a, b, c, d = _round(a, b, c, d)
        out[i, 0] = a ^ b ^ c ^ d
        b ^= _U64(0xDD)
        for _ in range(4):
            a, b, c, d = _round(a, b, c, d)
        out[i, 1] = a ^ b ^ c ^ d


def hash_ids(ids: Any, *, key: bytes) -> Hashes:
    """(n, 2) hashes of a string array without nulls.

    Args:
        ids: (n,) Arrow strings; a slice is fine.
        key: 16 bytes; whoever does not know it cannot make two ids collide.
    Source:
        Aumasson & Bernstein 2012, SipHash; the 128-bit variant of the reference implementation.
    """
    out = np.zeros((len(ids), 2), np.uint64)
    if len(ids):
        _, offsets, data = ids.buffers()
        ends = np.frombuffer(offsets, np.int32)[ids.offset : ids.offset + len(ids) + 1]
        text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        key_0, key_1 = np.frombuffer(key, np.uint64)
        _siphash(ends, text, key_0, key_1, out)
        out[(out == 0).all(axis=1), 1] = 1  # (0, 0) is the empty slot
    return out
