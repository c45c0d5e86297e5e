"""Orders of memory that numba has no word for."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _fence(typing_context: Any) -> Any:
    del typing_context

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del sig, args
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


def _in_order(typing_context: Any) -> Any:
    del typing_context

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del sig, args
        nothing = ir.FunctionType(ir.VoidType(), [])
        builder.call(ir.InlineAsm(nothing, "", "~{memory}", side_effect=True), [])
        return context.get_dummy_value()

    return types.void(), generate


fence: Any = intrinsic(_fence)
"""fence(): what stands before is done before what stands behind, as every process sees it."""

in_order: Any = intrinsic(_in_order)
"""in_order(): the same for the compiler only; enough for what a killed thread leaves behind."""
