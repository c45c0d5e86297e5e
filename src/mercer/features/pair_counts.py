"""Counts of pairs that merge exactly: how many rows of each owner have each thing."""

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np

from mercer.features.column import I64s, Ragged, U64s
from mercer.features.hash import combined
from mercer.features.kernel_types import U8S
from mercer.features.lookup import has_key
from mercer.features.ragged_rows import lengths_of
from mercer.features.transform import Arrays
from mercer.text.kernel_types import I8S


@nb.njit(nb.void(U8S, U8S, nb.u8[::1]), cache=True, nogil=True)
def pair_keys(owners: U64s, things: U64s, out: U64s) -> None:
    """What pairs are ordered by: `combined`, which an owner of 0 has too."""
    for i in range(out.size):
        out[i] = combined(owners[i], things[i])


@nb.njit(nb.i8(I8S, I8S, U8S, nb.i8[::1], nb.u8[::1]), cache=True, nogil=True)
def list_distinct(starts: I64s, stops: I64s, values: U64s, rows: I64s, things: U64s) -> Any:
    """The different values of each row but 0, with their rows; how many there are."""
    at = np.int64(0)
    for row in range(starts.size):
        for i in range(starts[row], stops[row]):
            if values[i] != np.uint64(0) and not has_key(values, starts[row], i, values[i]):
                rows[at], things[at] = row, values[i]
                at += 1
    return at


def distinct_things(lists: Ragged) -> tuple[I64s, U64s]:
    """Rows and values: each different value of a row once, without 0."""
    room = int(lengths_of(lists).sum())
    rows, things = np.empty(room, np.int64), np.empty(room, np.uint64)
    n = list_distinct(lists.starts, lists.stops, lists.values, rows, things)
    return rows[:n], things[:n]


def keys_of(owners: U64s, things: U64s) -> U64s:
    """(n,) see `pair_keys`."""
    keys = np.empty(owners.size, np.uint64)
    pair_keys(owners, things, keys)
    return keys


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Pairs in the order of their keys, each once."""

    keys: U64s  # (m,) rising
    owners: U64s  # (m,)
    things: U64s  # (m,)
    counts: I64s  # (m,)

    @classmethod
    def of(cls, owners: U64s, things: U64s) -> "PairCounts":
        """How often each pair is there."""
        keys, first, counts = np.unique(
            keys_of(owners, things), return_index=True, return_counts=True
        )
        return cls(keys, owners[first], things[first], counts.astype(np.int64))

    def merge(self, other: "PairCounts") -> "PairCounts":
        """Of the rows of both; linear, since both are sorted."""
        keys = np.concatenate([self.keys, other.keys])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: keys.size])
        at = order[first]
        counts = np.concatenate([self.counts, other.counts])[order]
        return PairCounts(
            keys[first],
            np.concatenate([self.owners, other.owners])[at],
            np.concatenate([self.things, other.things])[at],
            np.add.reduceat(counts, first) if first.size else counts,
        )

    def to_arrays(self, name: str) -> Arrays:
        """By names that begin with `name`."""
        return {
            f"{name}_keys": self.keys,
            f"{name}_owners": self.owners,
            f"{name}_things": self.things,
            f"{name}_counts": self.counts,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, name: str) -> "PairCounts":
        """As `to_arrays` gave them."""
        return cls(*(arrays[f"{name}_{part}"] for part in ("keys", "owners", "things", "counts")))
