"""A hint for kernels that jump through memory: fetch what is read a few steps later.

A row of a million-row column is in no cache; waiting for each costs ten times what the arithmetic
on it does. A kernel that knows its rows in advance asks for the one `AHEAD` places on before it
works on the present one, so that the waits overlap.
"""

from typing import Any

import numba as nb
from llvmlite import ir
from numba.extending import intrinsic

AHEAD = 16
"""Places; enough for memory to answer, few enough to stay in the first cache."""

LINE = 64
"""Bytes that come together."""

_BYTE_PTR, _INT = ir.IntType(8).as_pointer(), ir.IntType(32)
_READ, _KEEP, _DATA = _INT(0), _INT(3), _INT(1)  # arguments of LLVM's intrinsic


def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = context.cast(builder, args[1], signature.args[1], nb.types.intp)
        pointer = builder.bitcast(builder.gep(data, [place]), _BYTE_PTR)
        kind = ir.FunctionType(ir.VoidType(), [_BYTE_PTR, _INT, _INT, _INT])
        hint = builder.module.declare_intrinsic("llvm.prefetch", (_BYTE_PTR,), kind)
        builder.call(hint, [pointer, _READ, _KEEP, _DATA])
        return context.get_dummy_value()

    return nb.types.void(array, index), generate


prefetch: Any = intrinsic(_prefetch)
"""prefetch(array, index) asks for the line with array[index] of a one-dimensional array; nothing is
read or raised, wherever the index lies. Only compiled code can call it."""
