"""Shapley values of a forest's scores, leaf by leaf, in polynomial time.

Of a leaf with value v, at the end of a path that asks d different features: let z_f be the share of
training rows that the path keeps where f decides, and o_f whether this row goes along. A set S of
known features is worth v * prod(o_f, f in S) * prod(z_f, f not in S), so only features with o_f = 1
matter inside of S. With A those features, B the others, Z = prod(z_f, f in B), E_k(A) the
coefficient of y^k in prod(z_f + y, f in A) and w_k = k! (d - 1 - k)! / d!:

    f in A adds v * (1 - z_f) * Z * sum_k w_k E_k(A without f)
    f in B adds -v * Z * sum_k w_k E_k(A)

Nothing is divided by a z, so leaves that no training row reached are no trouble.

Source: Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9 (path-dependent TreeSHAP, whose values
these are); the form by leaves and polynomials follows Yang 2021, arXiv:2109.09847, and Yu et al.
2022, arXiv:2209.08192.
"""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.text.kernel_types import F8S, I4S, U1S, U4S, read_only

Array = npt.NDArray[Any]
CODES = read_only(nb.u1, ndim=2)


@nb.njit(
    nb.void(I4S, F8S, read_only(nb.b1), nb.i8, F8S, nb.f8, nb.f8[::1], nb.f8[::1]),
    cache=True,
    nogil=True,
)
def _add_leaf(
    feature: Array, kept: Array, goes: Array, d: int, weight: Array, value: float,
    poly: Array, out: Array,
) -> None:  # fmt: skip
    """Add what one leaf contributes to each of the d features of its path."""
    outside, n = value, 0
    poly[0] = 1.0  # coefficients of prod(z + y) over the features that go along, lowest first
    for f in range(d):
        if not goes[f]:
            outside *= kept[f]
            continue
        poly[n + 1] = poly[n]
        for k in range(n, 0, -1):
            poly[k] = poly[k - 1] + kept[f] * poly[k]
        poly[0] *= kept[f]
        n += 1
    if outside == 0.0:
        return
    total = 0.0
    for k in range(min(n + 1, d)):
        total += weight[k] * poly[k]
    for f in range(d):
        if not goes[f]:
            out[feature[f]] -= outside * total
            continue
        # Divide by (z + y) from the highest coefficient: z <= 1 keeps that stable.
        part, quotient = 0.0, 0.0
        for k in range(n - 1, -1, -1):
            quotient = poly[k + 1] - kept[f] * quotient
            part += weight[k] * quotient
        out[feature[f]] += outside * (1.0 - kept[f]) * part


@nb.njit(
    nb.void(
        CODES, nb.i8, U4S, U1S,
        I4S, I4S, I4S, F8S, I4S, U4S, U1S, F8S,
        nb.i8, nb.f8[:, ::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def add_contributions(
    codes: Array, n: int, column: Array, at_most: Array,
    leaf_start: Array, feature: Array, step_start: Array, kept: Array,
    leaf_of: Array, split: Array, is_left: Array, leaf_value: Array,
    max_features: int, out: Array,
) -> None:  # fmt: skip
    """Add to out[i, f] what feature f contributes to the score of row i, over all leaves.

    Args:
        codes: (n_columns, BLOCK) of n rows.
        column, at_most: (n_splits,) left where the code is <= it.
        leaf_start: (n_paths + 1,) the features that the path to each leaf asks.
        feature, kept: (n_asked,) which, and the share of training rows that it keeps.
        step_start: (n_asked + 1,) the splits that ask it.
        leaf_of: (n_paths,) the number of each path's leaf in leaf_value.
        split, is_left: (n_steps,) and which way the path goes there.
        max_features: on any path.
        out: (n, n_features).
    """
    turns = np.zeros(column.size, np.uint8)
    goes = np.zeros(max_features, np.bool_)
    poly = np.zeros(max_features + 2)
    weight = np.zeros((max_features + 1, max_features + 1))  # weight[d, k] = w_k
    for d in range(1, max_features + 1):
        weight[d, 0] = 1.0 / d
        for k in range(1, d):
            weight[d, k] = weight[d, k - 1] * k / (d - np.float64(k))
    for i in range(n):
        for s in range(column.size):
            turns[s] = codes[column[s], i] <= at_most[s]
        for p in range(leaf_of.size):
            first, d = leaf_start[p], leaf_start[p + 1] - leaf_start[p]
            for f in range(d):
                goes[f] = True
                for step in range(step_start[first + f], step_start[first + f + 1]):
                    goes[f] &= turns[split[step]] == is_left[step]
            _add_leaf(
                feature[first : first + d], kept[first : first + d], goes, d, weight[d],
                leaf_value[leaf_of[p]], poly, out[i],
            )  # fmt: skip
