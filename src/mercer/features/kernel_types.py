"""Argument types of the feature kernels, and the one signature of all row kernels.

A row kernel runs all nodes of its transform at once. Numbers and ids lie in two register files, one
register per node: numbers[register, row] and ids[register, row]. Of node j:

- inputs[j, i]: register of its i-th input, in the file of that input's kind;
- outs[j]: register of its output, in the file of the output's kind;
- params[j]: its parameters as numbers (`Transform.encoded`);
- table_keys[table_starts[j]:table_starts[j + 1]] and table_values of the same places: what was fitted.
"""

import numba as nb

from mercer.text.kernel_types import F8_TABLE, F8S, I8S, read_only

U8S = read_only(nb.u8)
I8_TABLE = read_only(nb.i8, ndim=2)

ROW_KERNEL = nb.void(
    nb.f8[:, ::1],  # numbers
    nb.u8[:, ::1],  # ids
    nb.i8,  # n: rows in use, at most as many as the registers are wide
    I8_TABLE,  # inputs (k, arity)
    I8S,  # outs (k,)
    F8_TABLE,  # params (k, n_params)
    I8S,  # table_starts (k + 1,)
    U8S,  # table_keys
    F8S,  # table_values
)

# Of node j of a list kernel: row sorted_at[j] of `rising` has the values of its input that are not
# missing, list by list, rising, and the same row of `order` says which candidates they belong to.
# Where list g begins, offsets[g], its values begin too; there are present[sorted_at[j], g] of them.
LIST_KERNEL = nb.void(
    nb.f8[:, ::1],  # numbers
    I8S,  # offsets (n_groups + 1,) of the candidates of each request
    I8S,  # outs (k,)
    F8_TABLE,  # params (k, n_params)
    I8S,  # sorted_at (k,)
    F8_TABLE,  # rising (n_sorted, n)
    I8_TABLE,  # order (n_sorted, n)
    I8_TABLE,  # present (n_sorted, n_groups)
    nb.f8[:, :, ::1],  # stats (k, n_groups, n_stats), to be written
)
