"""The statistics that transforms are fitted with; each merges (laws of `transform.Fit`)."""

import math
from collections.abc import Sequence

import numpy as np

from mercer.features.column import Column, F64s, ids_of, numbers_of, ragged_of
from mercer.features.exact_sum import add_exactly, merged_sum, no_sum
from mercer.features.histogram import (
    RELATIVE_ERROR,
    counted_values,
    merged_histograms,
    no_histogram,
)
from mercer.features.key_counts import counted, merged_counts, no_counts
from mercer.features.ragged_rows import owner_of_values, present_values
from mercer.features.transform import Arrays, Fit, Params


class MomentsFit:
    """Number of values, their sum and the sum of their squares, without rounding errors of order."""

    is_exact = True
    bound = "exact"

    def empty(self, params: Params) -> Arrays:
        """Of no rows."""
        return {"count": np.zeros(1, np.int64), "sum": no_sum(), "squares": no_sum()}

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """Values whose square is not finite are left out."""
        values = numbers_of(inputs[0])
        kept = values[np.abs(np.nan_to_num(values, nan=np.inf)) <= 1e150]
        return {
            "count": state["count"] + kept.size,
            "sum": add_exactly(state["sum"], kept),
            "squares": add_exactly(state["squares"], kept * kept),
        }

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Of the rows of both."""
        return {
            "count": a["count"] + b["count"],
            "sum": merged_sum(a["sum"], b["sum"]),
            "squares": merged_sum(a["squares"], b["squares"]),
        }


class QuantilesFit:
    """A histogram that gives quantiles. Its counts are exact, its values rounded."""

    is_exact = True
    bound = f"values within {math.ceil(RELATIVE_ERROR * 1e5) / 1e3}% of themselves"  # rounded up

    def empty(self, params: Params) -> Arrays:
        """Of no rows."""
        return no_histogram()

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """Values that are not finite are left out."""
        return counted_values(state, numbers_of(inputs[0]))

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Of the rows of both."""
        return merged_histograms(a, b)


class KeyCountsFit:
    """How often each id was seen, and the sum of the labels beside it."""

    is_exact = True
    bound = "exact"

    def empty(self, params: Params) -> Arrays:
        """Of no rows."""
        return no_counts()

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """Of one id per row."""
        return counted(state, ids_of(inputs[0]), labels)

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Of the rows of both."""
        return merged_counts(a, b)


class ListCountsFit(KeyCountsFit):
    """The same of lists: each value of a list counts, with the label of its row."""

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """Of the ids of n lists."""
        lists = ragged_of(inputs[0])
        owner = owner_of_values(lists)
        return counted(state, present_values(lists), None if labels is None else labels[owner])


_conforms: tuple[type[Fit], ...] = (MomentsFit, QuantilesFit, KeyCountsFit, ListCountsFit)
