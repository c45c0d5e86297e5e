"""How far a typed word is from a meant one: plain edits, and edits weighted by the error model.

Words are rows of letter codes (uint16). Code 0 is a letter that no vocabulary word has: it equals
nothing, not even another 0, so a typed letter from another script can never match.

Source: optimal string alignment is Damerau-Levenshtein where no part is edited twice; its
bit-parallel form is Hyyro 2003, "A bit-vector algorithm for computing Levenshtein and Damerau
edit distances", Nordic J. Computing 10, with the typed word in one 64-bit register.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.text.kernel_types import F8_CUBE, F8_TABLE, F8S, U1S, U2S

Codes = NDArray[np.uint16]
F64s = NDArray[np.float64]

MAX_LETTERS = 63  # a longer word does not fit the register and is neither corrected nor a target

_ONE = np.uint64(1)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_EDGE = 27  # error_model.EDGE, as a constant that numba can read


@nb.njit(nb.void(U2S, nb.u8[::1]), cache=True, nogil=True)
def load_pattern(typed: Codes, bits: NDArray[np.uint64]) -> None:
    """Set in `bits[code]` one bit for each place where `typed` has that code; clear code 0.

    Args:
        typed: (m,) codes, m <= 63.
        bits: (n_codes,) must be all 0 for the codes of `typed`; see `clear_pattern`.
    """
    for i in range(typed.size):
        if typed[i] != 0:
            bits[typed[i]] |= _ONE << np.uint64(i)


@nb.njit(nb.void(U2S, nb.u8[::1]), cache=True, nogil=True)
def clear_pattern(typed: Codes, bits: NDArray[np.uint64]) -> None:
    """Undo `load_pattern`."""
    for i in range(typed.size):
        bits[typed[i]] = np.uint64(0)


@nb.njit(nb.i8(nb.i8, U2S, nb.u8[::1]), cache=True, nogil=True)
def osa_distance(n_typed: int, word: Codes, bits: NDArray[np.uint64]) -> int:
    """Edits (omitted, extra, wrong letter, two neighbours swapped) from the loaded pattern to `word`.

    Args:
        n_typed: length of the loaded pattern, 0 <= n_typed <= 63.
        word: (n,) codes, any length.
        bits: as `load_pattern` left it.
    """
    if n_typed == 0:
        return word.size
    last = _ONE << np.uint64(n_typed - 1)
    plus, minus = _ALL, np.uint64(0)  # where the distance grows, falls down a column
    diagonal = np.uint64(0)
    before = np.uint64(0)
    distance = n_typed
    for j in range(word.size):
        here = bits[word[j]]
        swapped = (((~diagonal) & here) << _ONE) & before
        diagonal = (((here & plus) + plus) ^ plus) | here | minus | swapped
        grow = minus | ~(diagonal | plus)
        fall = diagonal & plus
        if grow & last:
            distance += 1
        elif fall & last:
            distance -= 1
        grow = (grow << _ONE) | _ONE
        fall = fall << _ONE
        plus = fall | ~(diagonal | grow)
        minus = grow & diagonal
        before = here
    return distance


@nb.njit(
    nb.f8(U2S, U2S, U1S, F8_TABLE, F8_CUBE, F8_TABLE, F8S, nb.f8[:, ::1]),
    cache=True,
    nogil=True,
)
def typing_cost(
    typed: Codes,
    word: Codes,
    letter: NDArray[np.uint8],
    substitute: F64s,
    omit: F64s,
    extra: F64s,
    scalars: F64s,
    work: F64s,
) -> float:
    """Nats of the likeliest way in which somebody who means `word` types `typed`.

    Args:
        typed: (m,) codes, m <= 63.
        word: (n,) codes, n <= 63.
        letter: (n_codes,) the class of each code, see `error_model.letter_class`.
        substitute: (28, 28) and so on, as in `error_model.CostTables`.
        omit: (2, 28, 28).
        extra: (28, 28).
        scalars: (3,) transpose, first, last.
        work: (5, 65) scratch: three rows of the table, then the costs by place.
    """
    m, n = typed.size, word.size
    transpose, first, last = scalars[0], scalars[1], scalars[2]
    omitted, added = work[3], work[4]
    for j in range(n):
        c = letter[word[j]]
        left = letter[word[j - 1]] if j > 0 else _EDGE
        right = letter[word[j + 1]] if j + 1 < n else _EDGE
        omitted[j] = min(omit[0, left, c], omit[1, right, c])
        if j == 0:
            omitted[j] += first
        elif j == n - 1:
            omitted[j] += last
    for i in range(m):
        c = letter[typed[i]]
        left = letter[typed[i - 1]] if i > 0 else _EDGE
        right = letter[typed[i + 1]] if i + 1 < m else _EDGE
        added[i] = min(extra[left, c], extra[right, c])
        if i == 0:
            added[i] += first
        elif i == m - 1:
            added[i] += last
    work[0, 0] = 0.0
    for j in range(n):
        work[0, j + 1] = work[0, j] + omitted[j]
    for i in range(m):
        here, up, up2 = work[(i + 1) % 3], work[i % 3], work[(i + 2) % 3]
        here[0] = up[0] + added[i]
        for j in range(n):
            if typed[i] == word[j] and typed[i] != 0:
                best = up[j]
            else:
                best = up[j] + substitute[letter[typed[i]], letter[word[j]]]
                if i == 0 or j == 0:
                    best += first
                elif i == m - 1 and j == n - 1:
                    best += last
            best = min(best, up[j + 1] + added[i], here[j] + omitted[j])
            if (
                i > 0
                and j > 0
                and typed[i] == word[j - 1]
                and typed[i - 1] == word[j]
                and typed[i] != 0
                and typed[i - 1] != 0
            ):
                swap = up2[j - 1] + transpose
                if i == 1 or j == 1:
                    swap += first
                elif i == m - 1 and j == n - 1:
                    swap += last
                best = min(best, swap)
            here[j + 1] = best
    return float(work[m % 3, n])
