"""No seller takes a whole page: a reordering that drops nothing."""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.text.kernel_types import I8S

I64s = npt.NDArray[np.int64]


def spread_sellers(seller: I64s, *, per_seller: int, per_page: int) -> I64s:
    """The order in which no page has more than `per_seller` listings of one seller, if that can be.

    Each page takes the best listings left whose seller still has room on it; where all that is left
    is of sellers without room, the best of those fill it. Nothing is added or dropped.

    Args:
        seller: (n,) codes of the sellers, best listing first; below 0: no seller, never limited.
        per_seller: >= 1.
        per_page: >= 1.
    Returns:
        (n,) places of the input, in their new order.
    """
    out = np.empty(len(seller), np.int64)
    _, compact = np.unique(seller, return_inverse=True)
    compact = np.where(seller < 0, -1, compact).astype(np.int64)
    _spread(compact, per_seller, per_page, np.zeros(len(seller) + 1, np.int64), out)
    return out


@nb.njit(nb.void(I8S, nb.i8, nb.i8, nb.i8[::1], nb.i8[::1]), cache=True, nogil=True)
def _spread(seller: I64s, per_seller: int, per_page: int, on_page: I64s, out: I64s) -> None:
    n = seller.size
    left = np.arange(n)  # places not yet taken, best first
    n_left, done = n, 0
    while n_left:
        on_page[:] = 0
        room = min(per_page, n_left)
        kept, taken = 0, 0
        for i in range(n_left):
            place = left[i]
            s = seller[place]
            if taken < room and (s < 0 or on_page[s] < per_seller):
                if s >= 0:
                    on_page[s] += 1
                out[done] = place
                done += 1
                taken += 1
            else:
                left[kept] = place
                kept += 1
        n_left = kept
        fill = min(room - taken, n_left)
        for i in range(fill):
            out[done] = left[i]
            done += 1
        for i in range(fill, n_left):
            left[i - fill] = left[i]
        n_left -= fill
