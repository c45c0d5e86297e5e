"""How an event fades in a counter: forward decay in whole numbers, so that sums come out bit for bit.

Time since LANDMARK_MS is cut into epochs of SPAN half-lives, for each half-life h its own. An event at
time t of epoch e adds round(2^((t - start(e)) / h) * 2^FRACTION_BITS) to the sum of epoch e: a number
that depends on the event and on nothing else, least at the start of the epoch and 2^SPAN times that at
its end. A counter keeps the sums of its newest epoch and of the one before:

    count(now) = (sum(e) + sum(e - 1) * 2^-SPAN) * 2^(-(now - start(e)) / h) * 2^-FRACTION_BITS

The landmark of a counter, start(e), moves with the newest event that it has and never with the clock.
What this means, exactly:

- A counter is a function of the set of its events. Sums of whole numbers may be made in any order and
  in any parts, also where they saturate at MAX_SUM, and an epoch that falls out of the window falls out
  wherever it was added. So `merge` is associative and commutative, and any order or partition of the
  events gives the same bits.
- An event that is older than the epoch before the newest one of its counter counts nothing. It would
  have weighed less than 2^-SPAN, so the count is less than the sum over all events by at most that
  share of each.
- Rounding moves the weight of an event by at most 2^-(FRACTION_BITS + 1) of itself; the table behind
  2^x by less than 2^-23.
- A counter saturates at 2^(48 - SPAN - FRACTION_BITS) = 67 million events in the same moment at the
  end of an epoch, and more else. It then stays too low until the epoch has passed.
- Events before LANDMARK_MS, or later than MAX_EPOCH epochs after it, count nothing.

Source: Cormode, Shkapenyuk, Srivastava, Xu 2009, "Forward decay", doi:10.1109/ICDE.2009.65; there the
landmark is fixed for good and the sums grow without bound. Epochs, so that they do not, are ours.
"""

import math
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.schema.errors import ConfigError

F64s = npt.NDArray[np.float64]
I64s = npt.NDArray[np.int64]

LANDMARK_MS = 1_262_304_000_000  # 2010-01-01
SPAN = 10  # half-lives of an epoch
FRACTION_BITS = 12
SUM_BITS = 48
MAX_SUM = (1 << SUM_BITS) - 1
MAX_EPOCH = (1 << 16) - 1
MAX_HALF_LIVES = 4
HOUR_MS = 3_600_000
MIN_HALF_LIFE_MS = HOUR_MS // 2  # its last epoch ends in 2047
MAX_HALF_LIFE_MS = 10_000 * HOUR_MS

_TABLE_BITS = 10  # of the fraction of an exponent; the rest is a straight line in between
_X_BITS = 20  # of the fraction of an exponent
_ONE = 30  # 1.0 in the table is 2^30


def _powers() -> I64s:
    """(2^_TABLE_BITS + 1,) round(2^(i / 2^_TABLE_BITS) * 2^_ONE), by whole numbers only.

    The 2^k-th root is k square roots of a number with so many digits that their rounding is not seen.
    """
    root, digits = 2 << 512, 512
    roots = []  # 2^(1/2), 2^(1/4), ...
    for _ in range(_TABLE_BITS):
        root = math.isqrt(root << digits)
        roots.append(root)
    out = []
    for i in range((1 << _TABLE_BITS) + 1):
        power = 1 << digits
        for k, one in enumerate(roots):
            if i >> (_TABLE_BITS - 1 - k) & 1:
                power = power * one >> digits
        if i >> _TABLE_BITS:
            power = 2 << digits
        out.append((power + (1 << (digits - _ONE - 1))) >> (digits - _ONE))
    return np.array(out, np.int64)


POWERS = _powers()
SCALES: F64s = np.array([2.0 ** (-SPAN * (i - 64)) for i in range(128)])
"""(128,) by what a sum of an epoch 64 - i epochs behind counts; beyond the ends as at the ends."""


@dataclass(frozen=True, slots=True)
class HalfLives:
    """The half-lives of all counters of a table, ascending.

    Raises:
        ConfigError: not 1 to MAX_HALF_LIVES, not ascending, or out of range.
    """

    ms: tuple[int, ...]

    def __post_init__(self) -> None:
        allowed = f"{MIN_HALF_LIFE_MS / HOUR_MS:g} to {MAX_HALF_LIFE_MS / HOUR_MS:g} hours"
        is_rising = all(a < b for a, b in zip(self.ms, self.ms[1:], strict=False))
        is_in_range = all(MIN_HALF_LIFE_MS <= one <= MAX_HALF_LIFE_MS for one in self.ms)
        if not (1 <= len(self.ms) <= MAX_HALF_LIVES and is_rising and is_in_range):
            raise ConfigError(
                f"half-lives of the counters: got {[one / HOUR_MS for one in self.ms]} hours; allowed "
                f"are 1 to {MAX_HALF_LIVES} of them, ascending, each {allowed}"
            )

    def __len__(self) -> int:
        return len(self.ms)

    def column(self) -> I64s:
        """(n_half_lives,) in ms."""
        return np.array(self.ms, np.int64)


DEFAULT_HALF_LIVES = HalfLives((HOUR_MS, 24 * HOUR_MS, 7 * 24 * HOUR_MS, 30 * 24 * HOUR_MS))


@nb.njit("i8(i8, i8)", cache=True, nogil=True, inline="always")
def epoch_of(time_ms: Any, half_life_ms: Any) -> Any:
    """The epoch of a time, from 1; 0 where it counts nothing."""
    since = time_ms - LANDMARK_MS
    if since < 0:
        return 0
    epoch = since // (SPAN * half_life_ms) + 1
    return epoch if epoch <= MAX_EPOCH else 0


@nb.njit("i8(i8, i8[::1])", cache=True, nogil=True, inline="always")
def _power(x: Any, powers: Any) -> Any:
    """2^(x / 2^_X_BITS) * 2^_ONE for x in [0, 2^_X_BITS)."""
    at = x >> (_X_BITS - _TABLE_BITS)
    between = x & ((1 << (_X_BITS - _TABLE_BITS)) - 1)
    low = powers[at]
    return low + (((powers[at + 1] - low) * between) >> (_X_BITS - _TABLE_BITS))


@nb.njit("i8(i8, i8, i8[::1])", cache=True, nogil=True, inline="always")
def weight_of(time_ms: Any, half_life_ms: Any, powers: Any) -> Any:
    """What an event at a time of an epoch adds to the epoch's sum, in [2^12, 2^22]."""
    since = (time_ms - LANDMARK_MS) % (SPAN * half_life_ms)
    x = (since << _X_BITS) // half_life_ms
    shift = _ONE - FRACTION_BITS - (x >> _X_BITS)
    return (_power(x & ((1 << _X_BITS) - 1), powers) + (np.int64(1) << (shift - 1))) >> shift


@nb.njit("f8(i8, i8, i8[::1])", cache=True, nogil=True, inline="always")
def fade_of(now_ms: Any, half_life_ms: Any, powers: Any) -> Any:
    """What a sum of the epoch of `now_ms` is worth then: 2^(-(now - start) / h - FRACTION_BITS)."""
    since = (now_ms - LANDMARK_MS) % (SPAN * half_life_ms)
    x = -((since << _X_BITS) // half_life_ms)
    power = _power(x & ((1 << _X_BITS) - 1), powers)
    return power * 2.0 ** (x >> _X_BITS) * 2.0 ** (-_ONE - FRACTION_BITS)


def plain_count(times_ms: I64s, *, half_life_ms: int, now_ms: int) -> float:
    """The twin: a count by the formula, from all events of a counter, in floating point."""
    since = np.asarray(times_ms, np.int64) - LANDMARK_MS
    epoch = since // (SPAN * half_life_ms)
    is_in = (since >= 0) & (epoch < MAX_EPOCH)
    if not is_in.any():
        return 0.0
    is_in &= epoch >= epoch[is_in].max() - 1
    return float((2.0 ** ((times_ms[is_in] - now_ms) / half_life_ms)).sum())
