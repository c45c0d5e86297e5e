"""The one hash of features: 64 bits, the same in every process, on every machine, in every language.

FNV-1a over the bytes (Fowler, Noll, Vo), then the finaliser of MurmurHash3 (Appleby), whose every
output bit depends on every input bit. 0 stands for "missing", so what would be 0 is 1.
"""

from collections.abc import Iterable

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.text.kernel_types import U1S

_MASK = (1 << 64) - 1
_BASIS, _PRIME = 14695981039346656037, 1099511628211
_MIX_1, _MIX_2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53
_U_BASIS, _U_PRIME = np.uint64(_BASIS), np.uint64(_PRIME)
_U_MIX_1, _U_MIX_2 = np.uint64(_MIX_1), np.uint64(_MIX_2)
_SHIFT = np.uint64(33)


@nb.njit(nb.u8(nb.u8), cache=True, nogil=True)
def mixed(h: np.uint64) -> np.uint64:
    """A bijection of 64 bits in which every bit depends on all; but 0 becomes 1."""
    h = (h ^ (h >> _SHIFT)) * _U_MIX_1
    h = (h ^ (h >> _SHIFT)) * _U_MIX_2
    h ^= h >> _SHIFT
    return h if h != np.uint64(0) else np.uint64(1)


@nb.njit(nb.u8(U1S, nb.i8, nb.i8), cache=True, nogil=True)
def hash_bytes(data: npt.NDArray[np.uint8], start: int, stop: int) -> np.uint64:
    """Hash of data[start:stop]."""
    h = _U_BASIS
    for i in range(start, stop):
        h = (h ^ np.uint64(data[i])) * _U_PRIME
    return mixed(h)


@nb.njit(nb.u8(nb.u8, nb.u8), cache=True, nogil=True)
def combined(a: np.uint64, b: np.uint64) -> np.uint64:
    """Hash of two hashes; their order matters."""
    return mixed((a * _U_PRIME) ^ (b + _U_BASIS + (a << np.uint64(6)) + (a >> np.uint64(2))))


def mixed_plain(h: int) -> int:
    """The twin of `mixed`."""
    h = ((h ^ (h >> 33)) * _MIX_1) & _MASK
    h = ((h ^ (h >> 33)) * _MIX_2) & _MASK
    return (h ^ (h >> 33)) or 1


def hash_text(text: str | bytes) -> int:
    """The twin of `hash_bytes`, for one text in UTF-8."""
    h = _BASIS
    for byte in text.encode() if isinstance(text, str) else text:
        h = ((h ^ byte) * _PRIME) & _MASK
    return mixed_plain(h)


def combined_plain(a: int, b: int) -> int:
    """The twin of `combined`."""
    return mixed_plain(((a * _PRIME) & _MASK) ^ ((b + _BASIS + (a << 6) + (a >> 2)) & _MASK))


def hash_parts(parts: Iterable[str]) -> int:
    """Hash of several texts in order: `combined` of their hashes, from the left."""
    first, *rest = [hash_text(part) for part in parts]
    for one in rest:
        first = combined_plain(first, one)
    return first
