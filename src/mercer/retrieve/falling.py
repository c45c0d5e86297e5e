"""The order of scores, highest first, by one sort of whole numbers that the processor vectorises."""

import numpy as np
import numpy.typing as npt

_SIGN = np.uint32(0x8000_0000)
_PLACE_BITS = np.uint64(32)


def falling_order(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """(n,) places of the scores from the highest to the lowest, of equals the earlier one first.

    Args:
        scores: (n,) without NaN, n < 2**32.
    """
    bits = (scores + np.float32(0)).view(np.uint32)  # + 0: there is one zero
    # Of two positive floats the larger has the larger bits, of two negative ones the smaller.
    rising = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    keys = (~rising).astype(np.uint64) << _PLACE_BITS | np.arange(len(scores), dtype=np.uint64)
    keys.sort()  # no two are equal
    return (keys & np.uint64(0xFFFF_FFFF)).astype(np.int64)
