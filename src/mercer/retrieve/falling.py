"""The order of scores, highest first, by one sort of whole numbers that the processor vectorises."""

import numba as nb
import numpy as np
import numpy.typing as npt

_SIGN = np.uint32(0x8000_0000)
_PLACES = np.int64(0xFFFF_FFFF)


def falling_order(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """(n,) places of the scores from the highest to the lowest, of equals the earlier one first.

    Args:
        scores: (n,) without NaN, n < 2**32.
    """
    keys = np.empty(len(scores), np.uint64)
    _keys((scores + np.float32(0)).view(np.uint32), keys)  # + 0: there is one zero
    keys.sort()  # no two are equal
    order = keys.view(np.int64)
    order &= _PLACES
    return order


@nb.njit(nb.void(nb.u4[::1], nb.u8[::1]), cache=True, nogil=True)
def _keys(bits: npt.NDArray[np.uint32], out: npt.NDArray[np.uint64]) -> None:
    """Of two positive floats the larger has the larger bits, of two negative ones the smaller."""
    for i in range(bits.size):
        rising = ~bits[i] if bits[i] & _SIGN else bits[i] | _SIGN
        out[i] = np.uint64(np.uint32(~rising)) << np.uint64(32) | np.uint64(i)
