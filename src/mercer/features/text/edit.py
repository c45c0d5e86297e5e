"""How alike two texts are letter by letter: edits over bytes of UTF-8.

Texts should be folded first (`cut`): then letters of Europe are one byte each. Of other scripts a
wrong letter may count as up to four bytes, out of as many more.

Source: Myers 1999, "A fast bit-vector algorithm for approximate string matching based on dynamic
programming", doi:10.1145/316542.316550, in blocks as there.
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.kernel_types import I8S, U1S

U8s = NDArray[np.uint8]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]
F64s = NDArray[np.float64]

MAX_LEFT_BYTES: Final = 256
MAX_RIGHT_BYTES: Final = 1_024
"""What lies behind is not compared."""

_BLOCKS: Final = MAX_LEFT_BYTES // 64
_0, _1 = np.uint64(0), np.uint64(1)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@nb.njit(
    nb.i8(nb.u8[:, ::1], nb.i8, U1S, nb.i8, nb.i8, nb.b1, nb.u8[:, ::1]), cache=True, nogil=True
)
def _distance(
    pattern: U64s, m: int, text: U8s, start: int, stop: int, is_within: bool, work: U64s
) -> int:
    """Edits from the loaded pattern of m bytes to text[start:stop], or to the best part of it.

    Args:
        pattern: (256, _BLOCKS) one bit where the pattern has that byte.
        work: (2, _BLOCKS) scratch: where the distance grows and falls down a column.
    """
    n_blocks = (m + 63) >> 6
    plus, minus = work[0], work[1]
    for block in range(n_blocks):
        plus[block], minus[block] = _ALL, _0
    last = _1 << np.uint64((m - 1) & 63)
    distance, best = m, m
    for at in range(start, stop):
        here = pattern[text[at]]
        step = 0 if is_within else 1  # from the row above: a part may begin anywhere for nothing
        for block in range(n_blocks):
            p, q, equal = plus[block], minus[block], here[block]
            vertical = equal | q
            if step < 0:
                equal |= _1
            horizontal = (((equal & p) + p) ^ p) | equal
            grow = q | ~(horizontal | p)
            fall = p & horizontal
            top = last if block == n_blocks - 1 else _1 << np.uint64(63)
            below = 1 if grow & top else (-1 if fall & top else 0)
            grow, fall = grow << _1, fall << _1
            if step > 0:
                grow |= _1
            elif step < 0:
                fall |= _1
            plus[block] = fall | ~(vertical | grow)
            minus[block] = grow & vertical
            step = below
        distance += step
        best = min(best, distance)
    return best if is_within else distance


@nb.njit(nb.i8(nb.i8[::1]), cache=True, nogil=True)
def _any(row: I64s) -> int:
    """A lane that has a text; there is one."""
    lane = 0
    while row[lane] < 0:
        lane += 1
    return lane


@nb.njit("Tuple((u8, u8, i8))(u8, u8, u8, u8, u8)", cache=True, nogil=True, forceinline=True)
def _step(equal: Any, plus: Any, minus: Any, first: Any, last: Any) -> Any:
    """One byte further: where the distance grows and falls now, and how much the last one did."""
    horizontal = (((equal & plus) + plus) ^ plus) | equal
    vertical = equal | minus
    grow = minus | ~(horizontal | plus)
    fall = plus & horizontal
    more = np.int64((grow >> last) & _1) - np.int64((fall >> last) & _1)
    grow, fall = (grow << _1) | first, fall << _1
    return fall | ~(vertical | grow), grow & vertical, more


@nb.njit(
    nb.void(nb.u8[::1], nb.i8, U1S, nb.i8[::1], nb.i8[::1], nb.i8, nb.b1, nb.i8[::1]),
    cache=True,
    nogil=True,
)
def _distances(
    pattern: U64s, m: int, text: U8s, starts: I64s, sizes: I64s, n: int, is_within: bool, out: I64s
) -> None:
    """`_distance` of the first n texts from a pattern of one block, 1 <= m <= 64; all sizes above 0.

    Each step waits for the one before, so the processor does four texts in the time of one. Where one
    of the four ends, the next takes its place.

    Args:
        pattern: (256,) the only block.
    """
    last, first = np.uint64(m - 1), _0 if is_within else _1
    # Of each lane: text[at:end], its place in `out`, and the state of its bits.
    at, end, row = np.zeros(4, np.int64), np.zeros(4, np.int64), np.full(4, -1, np.int64)
    plus, minus = np.full(4, _ALL), np.zeros(4, np.uint64)
    distance, best = np.zeros(4, np.int64), np.zeros(4, np.int64)
    following, running = 0, 0
    while True:
        for lane in range(4):
            if at[lane] == end[lane]:
                if row[lane] >= 0:
                    out[row[lane]] = best[lane] if is_within else distance[lane]
                    row[lane] = -1
                    running -= 1
                if following < n:
                    at[lane], end[lane] = starts[following], starts[following] + sizes[following]
                    row[lane], plus[lane], minus[lane] = following, _ALL, _0
                    distance[lane], best[lane] = m, m
                    following += 1
                    running += 1
        if running == 0:
            return
        steps = np.int64(MAX_RIGHT_BYTES)
        for lane in range(4):
            if row[lane] >= 0:
                steps = min(steps, end[lane] - at[lane])
        for lane in range(4):
            if row[lane] < 0:  # nothing is left for it: it goes along over what is there
                at[lane], end[lane] = at[_any(row)], at[_any(row)]
        p0, p1, p2, p3 = plus[0], plus[1], plus[2], plus[3]
        q0, q1, q2, q3 = minus[0], minus[1], minus[2], minus[3]
        d0, d1, d2, d3 = distance[0], distance[1], distance[2], distance[3]
        b0, b1, b2, b3 = best[0], best[1], best[2], best[3]
        s0, s1, s2, s3 = at[0], at[1], at[2], at[3]
        for i in range(steps):
            p0, q0, more0 = _step(pattern[text[s0 + i]], p0, q0, first, last)
            p1, q1, more1 = _step(pattern[text[s1 + i]], p1, q1, first, last)
            p2, q2, more2 = _step(pattern[text[s2 + i]], p2, q2, first, last)
            p3, q3, more3 = _step(pattern[text[s3 + i]], p3, q3, first, last)
            d0, d1, d2, d3 = d0 + more0, d1 + more1, d2 + more2, d3 + more3
            b0, b1, b2, b3 = min(b0, d0), min(b1, d1), min(b2, d2), min(b3, d3)
        plus[0], plus[1], plus[2], plus[3] = p0, p1, p2, p3
        minus[0], minus[1], minus[2], minus[3] = q0, q1, q2, q3
        distance[0], distance[1], distance[2], distance[3] = d0, d1, d2, d3
        best[0], best[1], best[2], best[3] = b0, b1, b2, b3
        for lane in range(4):
            at[lane] += steps
            end[lane] = at[lane] if row[lane] < 0 else end[lane]


@nb.njit(nb.void(I8S, I8S, U1S, I8S, I8S, U1S, nb.b1, nb.f8[::1]), cache=True, nogil=True)
def edit_similarity(
    left_starts: I64s, left_stops: I64s, left: U8s,
    right_starts: I64s, right_stops: I64s, right: U8s, is_within: bool, out: F64s,
) -> None:  # fmt: skip
    """out[i] = 1 - edits / length, of the first MAX_LEFT_BYTES and MAX_RIGHT_BYTES of the rows.

    Args:
        is_within: compare the left text with the part of the right one that it fits best; length is
            that of the left one. Else: with all of it, and length is that of the longer one.
    Returns:
        In [0, 1]; NaN where one is missing, or nothing is left to divide by.
    """
    pattern = np.zeros((256, _BLOCKS), np.uint64)
    work = np.empty((2, _BLOCKS), np.uint64)
    # Texts that wait until the left side changes.
    starts, sizes = np.empty(out.size, np.int64), np.empty(out.size, np.int64)
    rows, edits = np.empty(out.size, np.int64), np.empty(out.size, np.int64)
    of_byte = np.empty(256, np.uint64)
    n_waiting = 0
    m: Any = np.int64(0)
    at: Any = np.int64(-1)
    at_stop: Any = np.int64(-1)
    for row in range(out.size + 1):
        is_end = row == out.size
        is_new = not is_end and (left_starts[row] != at or left_stops[row] != at_stop)
        if n_waiting > 0 and (is_end or is_new):
            of_byte[:] = pattern[:, 0]
            _distances(of_byte, m, right, starts, sizes, n_waiting, is_within, edits)
            for i in range(n_waiting):
                length = m if is_within else max(m, sizes[i])
                out[rows[i]] = 1.0 - np.float64(edits[i]) / np.float64(length)
            n_waiting = 0
        if is_end:
            break
        if is_new:
            for i in range(m):
                pattern[left[at + i]] = _0
            at, at_stop = left_starts[row], left_stops[row]
            m = max(np.int64(0), min(at_stop - at, MAX_LEFT_BYTES))
            for i in range(m):
                pattern[left[at + i], i >> 6] |= _1 << np.uint64(i & 63)
        if at_stop < at or right_stops[row] < right_starts[row]:
            out[row] = np.nan
            continue
        n: Any = min(right_stops[row] - right_starts[row], MAX_RIGHT_BYTES)
        if m == 0:
            out[row] = np.nan if is_within or n == 0 else 0.0
        elif n == 0:
            out[row] = 0.0
        elif m <= 64:
            starts[n_waiting], sizes[n_waiting], rows[n_waiting] = right_starts[row], n, row
            n_waiting += 1
        else:
            start = right_starts[row]
            far = _distance(pattern, m, right, start, start + n, is_within, work)
            out[row] = 1.0 - np.float64(far) / np.float64(m if is_within else max(m, n))


def edit_similarity_plain(left: str | None, right: str | None, *, is_within: bool) -> float:
    """The twin of `edit_similarity`: the whole table of Wagner and Fischer."""
    if left is None or right is None:
        return float("nan")
    a, b = left.encode()[:MAX_LEFT_BYTES], right.encode()[:MAX_RIGHT_BYTES]
    length = len(a) if is_within else max(len(a), len(b))
    if not length:
        return float("nan")
    above = [0] * (len(b) + 1) if is_within else list(range(len(b) + 1))
    for i, byte in enumerate(a, start=1):
        row = [i]
        for j, other in enumerate(b, start=1):
            row.append(min(above[j - 1] + (byte != other), above[j] + 1, row[j - 1] + 1))
        above = row
    return 1.0 - (min(above) if is_within else above[-1]) / length
