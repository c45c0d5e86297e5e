"""Comparing sixteen words at a time, which compilers do not find in a loop that may end early."""

from typing import Any, Final

import numba as nb
from llvmlite import ir
from numba.extending import intrinsic

LANES: Final = 16

_RESULT, _MASK, _PLACE = ir.IntType(64), ir.IntType(LANES), ir.IntType(32)


def _compared(context: Any, builder: Any, types: Any, args: Any) -> Any:
    """The lanes, as 16 bits, where the array args[0] has from args[1] on the word args[2]."""
    word = ir.IntType(types[0].dtype.bitwidth)
    lanes = ir.VectorType(word, LANES)
    nothing = ir.Constant(lanes, ir.Undefined)
    data = context.make_array(types[0])(context, builder, args[0]).data
    place = context.cast(builder, args[1], types[1], nb.types.intp)
    wanted = context.cast(builder, args[2], types[2], types[0].dtype)
    pointer = builder.bitcast(builder.gep(data, [place]), lanes.as_pointer())
    found = builder.load(pointer, align=word.width // 8)
    one = builder.insert_element(nothing, wanted, ir.Constant(_PLACE, 0))
    of_each = ir.Constant(ir.VectorType(_PLACE, LANES), [0] * LANES)
    everywhere = builder.shuffle_vector(one, nothing, of_each)
    return builder.bitcast(builder.icmp_unsigned("==", found, everywhere), _MASK)


def _equal_lanes(typing_context: Any, array: Any, first: Any, word: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(_compared(context, builder, signature.args, args), _RESULT)

    return nb.types.int64(array, first, word), generate


def _count_lanes(typing_context: Any, array: Any, first: Any, word: Any, n: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        equal = builder.zext(_compared(context, builder, signature.args, args), _RESULT)
        n_lanes = context.cast(builder, args[3], signature.args[3], nb.types.int64)
        beyond = builder.shl(ir.Constant(_RESULT, -1), n_lanes)
        return builder.ctpop(builder.and_(equal, builder.not_(beyond)))

    return nb.types.int64(array, first, word, n), generate


equal_lanes: Any = intrinsic(_equal_lanes)
"""equal_lanes(words, first, word): bit i is set where words[first + i] is `word`, for i < LANES.

Of a one-dimensional array of uint64 or uint32 that has LANES more words from `first` on. Only compiled
code can call it; on a processor without such registers it is as many comparisons.
"""

count_lanes: Any = intrinsic(_count_lanes)
"""count_lanes(words, first, word, n): how many of words[first : first + n] are `word`, n < 64; those
beyond LANES are not looked at. Of an array as for `equal_lanes`."""
