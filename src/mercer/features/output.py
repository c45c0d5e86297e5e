"""From registers to the matrix."""

from mercer.features.column import F32s, U64s
from mercer.features.layout import Layout
from mercer.features.matrix import write_dense, write_hashed
from mercer.features.program import Program
from mercer.features.space import Space


def write_outputs(
    layout: Layout, program: Program, space: Space, dense: F32s, hashed: U64s
) -> None:
    """Write the outputs of n rows; what is switched off is its missing value.

    Args:
        program: has all outputs in its registers.
        dense: (n, n_features), C order.
        hashed: (n, n_hashed), C order.
    """
    write_dense(space.numbers, program.registers_of(layout.outputs.tolist()), dense)
    if layout.off.size:
        dense[:, layout.off] = layout.off_values
    if hashed.shape[1]:
        write_hashed(space.ids, program.registers_of(layout.hashed_outputs.tolist()), hashed)
        hashed[:, layout.off_hashed] = 0
