"""Sums that do not depend on the order of their terms: fixed point wide enough for every double.

A finite double is a whole number of 2^-1074, so 68 limbs of 32 bits hold any sum of 2^60 of them
exactly (Kulisch's accumulator). Adding limb by limb is associative and commutative; `settle` gives
equal sums equal limbs.
"""

from fractions import Fraction

import numba as nb
import numpy as np

from mercer.features.column import F64s, I64s
from mercer.text.kernel_types import F8S

N_LIMBS = 68
_LIMB = 32
_UNIT = 1074  # a limb of index 0 counts 2^-1074
_SETTLE_EVERY = 1 << 20  # additions before a limb could overflow: 2^63 / 2^32, with room


def no_sum() -> I64s:
    """The sum of no terms, (N_LIMBS,)."""
    return np.zeros(N_LIMBS, np.int64)


def add_exactly(limbs: I64s, values: F64s) -> I64s:
    """The sum with more terms, settled; NaN and infinities are left out."""
    total = limbs.copy()
    _add(total, np.ascontiguousarray(values, np.float64))
    return total


def merged_sum(a: I64s, b: I64s) -> I64s:
    """The sum of both, settled."""
    total = a + b
    _settle(total)
    return total


def exact_value(limbs: I64s) -> Fraction:
    """The sum, without any rounding."""
    whole = sum(int(limb) << (_LIMB * i) for i, limb in enumerate(limbs.tolist()))
    return Fraction(whole, 1 << _UNIT)


@nb.njit(nb.void(nb.i8[::1]), cache=True, nogil=True)
def _settle(limbs: I64s) -> None:
    """Bring all limbs but the last into [0, 2^32)."""
    for i in range(limbs.size - 1):
        carry = limbs[i] >> _LIMB  # floor, also below 0
        limbs[i] -= carry << _LIMB
        limbs[i + 1] += carry


@nb.njit(nb.void(nb.i8[::1], F8S), cache=True, nogil=True)
def _add(limbs: I64s, values: F64s) -> None:
    bits = values.view(np.int64)
    low_32 = np.int64(0xFFFFFFFF)
    for i in range(values.size):
        exponent = (bits[i] >> 52) & 0x7FF
        if exponent == 0x7FF:
            continue  # NaN, infinity
        mantissa = bits[i] & ((np.int64(1) << 52) - 1)
        if exponent > 0:
            mantissa |= np.int64(1) << 52
            exponent -= 1
        limb, shift = exponent >> 5, exponent & 31
        # 53 bits shifted by up to 31 lie in three limbs.
        lower, upper = (mantissa & low_32) << shift, (mantissa >> 32) << shift
        sign = np.int64(-1) if bits[i] < 0 else np.int64(1)
        limbs[limb] += sign * (lower & low_32)
        limbs[limb + 1] += sign * (((lower >> 32) & low_32) + (upper & low_32))
        limbs[limb + 2] += sign * ((upper >> 32) & low_32)
        if (i + 1) % _SETTLE_EVERY == 0:
            _settle(limbs)
    _settle(limbs)
