"""Comparing sixteen words at a time, which compilers do not find in a loop that may end early."""

from typing import Any, Final

import numba as nb
from llvmlite import ir
from numba.extending import intrinsic

LANES: Final = 16

_WORD, _MASK, _PLACE = ir.IntType(64), ir.IntType(LANES), ir.IntType(32)
_LANES = ir.VectorType(_WORD, LANES)
_NOTHING = ir.Constant(_LANES, ir.Undefined)


def _equal_lanes(typing_context: Any, array: Any, first: Any, word: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = context.cast(builder, args[1], signature.args[1], nb.types.intp)
        wanted = context.cast(builder, args[2], signature.args[2], nb.types.uint64)
        pointer = builder.bitcast(builder.gep(data, [place]), _LANES.as_pointer())
        found = builder.load(pointer, align=8)
        one = builder.insert_element(_NOTHING, wanted, ir.Constant(_PLACE, 0))
        of_each = ir.Constant(ir.VectorType(_PLACE, LANES), [0] * LANES)
        everywhere = builder.shuffle_vector(one, _NOTHING, of_each)
        mask = builder.bitcast(builder.icmp_unsigned("==", found, everywhere), _MASK)
        return builder.zext(mask, _WORD)

    return nb.types.int64(array, first, word), generate


equal_lanes: Any = intrinsic(_equal_lanes)
"""equal_lanes(words, first, word): bit i is set where words[first + i] is `word`, for i < LANES.

Of a one-dimensional array of uint64 that has LANES more words from `first` on. Only compiled code can
call it; on a processor without such registers it is as many comparisons.
"""
