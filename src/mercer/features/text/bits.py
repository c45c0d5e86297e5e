"""What a kernel asks of 64 bytes or bits at a time, for which numba has no words.

Each is a few instructions of LLVM that any processor has; what it does is said in plain Python by
its twin in tests. No bounds are checked, as in any kernel.
"""

from typing import Any

import numba as nb
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 64
"""Bytes that are looked at together."""

_BYTES = ir.VectorType(ir.IntType(8), LANES)


def _trailing_zeros(typing_context: Any, bits: Any) -> Any:
    del typing_context
    if bits != nb.u8:
        return None

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        return builder.cttz(args[0], cgutils.false_bit)

    return types.uint64(types.uint64), emit


def _bytes_between(typing_context: Any, data: Any, at: Any, first: Any, last: Any) -> Any:
    del typing_context
    if at != nb.i8 or first != nb.u1 or last != nb.u1:
        return None

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = builder.load(
            _pointer(context, builder, signature.args[0], args[0], args[1]), align=1
        )
        above = builder.sub(block, _splat(builder, args[2]))
        width = _splat(builder, builder.sub(args[3], args[2]))
        return builder.bitcast(builder.icmp_unsigned("<=", above, width), ir.IntType(64))

    return types.uint64(data, at, first, last), emit


def _lower_block(typing_context: Any, data: Any, at: Any, out: Any, out_at: Any) -> Any:
    del typing_context
    if at != nb.i8 or out_at != nb.i8:
        return None

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = builder.load(
            _pointer(context, builder, signature.args[0], args[0], args[1]), align=1
        )
        from_a = builder.sub(block, ir.Constant(_BYTES, [65] * LANES))
        is_upper = builder.icmp_unsigned("<", from_a, ir.Constant(_BYTES, [26] * LANES))
        bit = builder.select(
            is_upper, ir.Constant(_BYTES, [32] * LANES), ir.Constant(_BYTES, [0] * LANES)
        )
        to = _pointer(context, builder, signature.args[2], args[2], args[3])
        builder.store(builder.or_(block, bit), to, align=1)
        return context.get_dummy_value()

    return types.void(data, at, out, out_at), emit


def _load_64(typing_context: Any, data: Any, at: Any) -> Any:
    del typing_context
    if at != nb.i8:
        return None

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.gep(first, [args[1]])
        return builder.load(builder.bitcast(place, ir.PointerType(ir.IntType(64))), align=1)

    return types.uint64(data, at), emit


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    """Address of 64 bytes of an array, at any alignment."""
    first = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(first, [at]), ir.PointerType(_BYTES))


def _splat(builder: Any, byte: Any) -> Any:
    """The same byte 64 times."""
    one = builder.insert_element(ir.Constant(_BYTES, ir.Undefined), byte, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, ir.Constant(_BYTES, ir.Undefined), places)


trailing_zeros: Any = intrinsic(_trailing_zeros)
"""trailing_zeros(bits): how many 0 bits stand below the lowest 1 bit of a uint64; 64 for 0."""

bytes_between: Any = intrinsic(_bytes_between)
"""bytes_between(data, at, first, last): bit i is first <= data[at + i] <= last, for 64 bytes.

data: a contiguous array of uint8; at: int64; first, last: uint8.
"""

lower_block: Any = intrinsic(_lower_block)
"""lower_block(data, at, out, out_at): out[out_at:out_at + 64] = data[at:at + 64], A to Z lower.

data, out: contiguous arrays of uint8; at, out_at: int64.
"""

load_64: Any = intrinsic(_load_64)
"""load_64(data, at): eight bytes from data[at] on as one number, the first one lowest."""
