"""Argument types of the kernels that read memory-mapped columns.

A file mapped for reading gives read-only arrays, and numba takes those only where the signature
says so; writable arrays fit as well.
"""

from typing import Any

import numba as nb


def read_only(item: Any, *, ndim: int = 1) -> Any:
    """A contiguous array of `item` that the kernel does not write."""
    return nb.types.Array(item, ndim, "C", readonly=True)


U1S = read_only(nb.u1)
U2S = read_only(nb.u2)
U4S = read_only(nb.u4)
U8S = read_only(nb.u8)
I4S = read_only(nb.i4)
I8S = read_only(nb.i8)
F4S = read_only(nb.f4)
F8S = read_only(nb.f8)
F8_TABLE = read_only(nb.f8, ndim=2)
F8_CUBE = read_only(nb.f8, ndim=3)
