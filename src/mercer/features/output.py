"""From registers to the matrix."""

from dataclasses import dataclass

from mercer.features.column import F32s, I64s, U64s
from mercer.features.layout import Layout
from mercer.features.matrix import write_dense, write_hashed
from mercer.features.program import Program
from mercer.features.space import Space


@dataclass(frozen=True, slots=True)
class OutputRegisters:
    """Where a program has the outputs of its layout."""

    dense: I64s  # (n_features,)
    hashed: I64s  # (n_hashed,)

    @classmethod
    def of(cls, layout: Layout, program: Program) -> "OutputRegisters":
        """Of a program that has them all."""
        return cls(
            program.registers_of(layout.outputs.tolist()),
            program.registers_of(layout.hashed_outputs.tolist()),
        )


def write_outputs(
    layout: Layout, registers: OutputRegisters, space: Space, dense: F32s, hashed: U64s
) -> None:
    """Write the outputs of n rows; what is switched off is its missing value.

    Args:
        dense: (n, n_features), C order.
        hashed: (n, n_hashed), C order.
    """
    write_dense(space.numbers, registers.dense, dense)
    if layout.off.size:
        dense[:, layout.off] = layout.off_values
    if hashed.shape[1]:
        write_hashed(space.ids, registers.hashed, hashed)
        hashed[:, layout.off_hashed] = 0
