"""From registers to the matrix."""

from dataclasses import dataclass

import numpy as np

from mercer.features.column import F32s, F64s, I64s, U64s
from mercer.features.layout import Layout
from mercer.features.matrix import write_dense, write_hashed
from mercer.features.program import Program
from mercer.features.space import Space

NO_CONSTANTS = np.zeros(0, np.float64)


@dataclass(frozen=True, slots=True)
class OutputRegisters:
    """Where a program has the outputs of its layout."""

    dense: I64s  # (n_features,) below 0: of the constants of `write_outputs`
    hashed: I64s  # (n_hashed,)

    @classmethod
    def of(cls, layout: Layout, program: Program) -> "OutputRegisters":
        """Of a program that has them all."""
        return cls(
            program.registers_of(layout.outputs.tolist()),
            program.registers_of(layout.hashed_outputs.tolist()),
        )


def write_outputs(
    layout: Layout, registers: OutputRegisters, space: Space, dense: F32s, hashed: U64s,
    constants: F64s = NO_CONSTANTS,
) -> None:  # fmt: skip
    """Write the outputs of n rows; what is switched off is its missing value.

    Args:
        dense: (n, n_features), C order.
        hashed: (n, n_hashed), C order.
        constants: what is the same of all rows, where it is not in the registers.
    """
    write_dense(space.numbers, registers.dense, constants, dense)
    if layout.off.size:
        dense[:, layout.off] = layout.off_values
    if hashed.shape[1]:
        write_hashed(space.ids, registers.hashed, hashed)
        hashed[:, layout.off_hashed] = 0
