"""Counts by key that merge exactly: how often each id was seen, and the sum of something beside it."""

import numpy as np

from mercer.features.column import F64s, I64s, U64s
from mercer.features.transform import Arrays

LABEL_SCALE = (
    1 << 20
)  # sums of labels are whole numbers of 2^-20, so that their order cannot matter
_MAX_LABEL = float(1 << 20)


def no_counts() -> Arrays:
    """Of no rows: keys rising (m,) uint64, counts (m,) int64, sums (m,) int64."""
    return {
        "keys": np.zeros(0, np.uint64),
        "counts": np.zeros(0, np.int64),
        "sums": np.zeros(0, np.int64),
    }


def counted(state: Arrays, keys: U64s, labels: F64s | None = None) -> Arrays:
    """With more rows; a key of 0 (missing) or a label that is no number is left out.

    Args:
        keys: (n,).
        labels: (n,) in [-2^20, 2^20], what is beyond is cut; None: only counts.
    """
    kept = keys != 0
    weights = np.zeros(keys.size, np.int64)
    if labels is not None:
        kept &= ~np.isnan(labels)
        cut = np.clip(np.where(kept, labels, 0.0), -_MAX_LABEL, _MAX_LABEL)
        weights = np.rint(cut * LABEL_SCALE).astype(np.int64)
    return _summed(keys[kept], np.ones(int(kept.sum()), np.int64), weights[kept], state)


def merged_counts(a: Arrays, b: Arrays) -> Arrays:
    """Of the rows of both."""
    return _summed(b["keys"], b["counts"], b["sums"], a)


def _summed(keys: U64s, counts: I64s, sums: I64s, state: Arrays) -> Arrays:
    every = np.concatenate([state["keys"], keys])
    unique, place = np.unique(every, return_inverse=True)
    out_counts, out_sums = np.zeros(unique.size, np.int64), np.zeros(unique.size, np.int64)
    np.add.at(out_counts, place, np.concatenate([state["counts"], counts]))
    np.add.at(out_sums, place, np.concatenate([state["sums"], sums]))
    return {"keys": unique, "counts": out_counts, "sums": out_sums}
