"""What a transform is: its inputs, its parameters, how it runs, and its twin in plain Python."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mercer.features.column import Column, F64s, Kind, Ragged, U64s
from mercer.features.param import Param

Arrays = Mapping[str, npt.NDArray[Any]]
"""What was fitted, by name. Merged, hashed and saved as it is."""

Params = Mapping[str, Any]

STATE_OF = "state_of"
"""A parameter of this name says which other feature was fitted for this one; empty: it is itself."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a row kernel looks up: keys ascending, or no keys and only values."""

    keys: U64s = field(default_factory=lambda: np.zeros(0, np.uint64))
    values: F64s = field(default_factory=lambda: np.zeros(0, np.float64))


@dataclass(frozen=True, slots=True)
class RowKernel:
    """One call for all nodes of the transform: inputs and output are numbers or ids, row by row."""

    kernel: Callable[..., None]  # of kernel_types.ROW_KERNEL
    table: Callable[[Params, Arrays], Table] | None = None  # from parameters and what was fitted


@dataclass(frozen=True, slots=True)
class ColumnOp:
    """A function over whole columns, once per node: texts, ids, vectors in or out.

    `run(inputs, params, prepared, n)` gives the column of n rows; it makes a fixed number of kernel
    calls and treats each row alone. `prepare(params, fitted)` is called once when the plan is made.
    """

    run: Callable[[Sequence[Column], Params, Any, int], Column]
    prepare: Callable[[Params, Arrays], Any] | None = None


@dataclass(frozen=True, slots=True)
class ListKernel:
    """One call for all nodes of the transform, over the candidates of each request.

    The order of the candidates may not matter, bit for bit: sort before you add.
    """

    kernel: Callable[..., None]  # of kernel_types.LIST_KERNEL
    stats: tuple[str, ...]  # names of what it says of each list; logged with the page


@dataclass(frozen=True, slots=True)
class Weights:
    """What a comparison of words knows of them."""

    slots: U64s = field(default_factory=lambda: np.zeros(0, np.uint64))
    """`WeightTable.slots`; empty: all words weigh the same."""
    settings: tuple[float, ...] = ()  # at most shared_words.N_SETTINGS


@dataclass(frozen=True, slots=True)
class SharedWords:
    """Compares two lists of words: whatever is said of the same two lists is one kernel call.

    A third input is a number of the second list; without one `beside` works it out.
    """

    measure: int  # of text.shared_words, such as BM25
    prepare: Callable[[Params, Arrays], Weights] | None = None  # once, when the plan is made
    beside: Callable[[Ragged, Weights], F64s] | None = None  # (n,) of the second list


@dataclass(frozen=True, slots=True)
class CounterOp:
    """Reads decayed counts: the inputs are the ids of the entity that the parameter "whose" names, and
    "half_life_h" says how fast what is counted fades.

    The value is the count, or where `per` is given (count + prior sum) / (per + prior weight). All
    counts of a request are looked up together, each once, however many features read it.
    """

    count: Callable[[Params], str]  # the kind of event that is counted
    per: Callable[[Params], str] | None = None  # the kind that it is counted per
    prior: Callable[[Params], tuple[float, float]] | None = None  # its sum and its weight
    is_sum: bool = False  # the second input is a list, and the counts of its items are added up


class Fit(Protocol):
    """How a transform learns from rows; a statistic that merges.

    Laws: merge is associative and commutative, `empty` is its neutral element, and where `is_exact`
    merge(add(a), add(b)) has the bits of adding the rows of both.
    """

    is_exact: bool
    bound: str  # in words, of a sketch; "exact"

    def empty(self, params: Params) -> Arrays:
        """The statistic of no rows."""
        ...

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """The statistic with n more rows; `labels` (n,) of the parameter "label", where it has one."""
        ...

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Of the rows of both."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """One transform of the registry."""

    name: str
    summary: str  # one sentence, for `mercer features explain` and the reference
    inputs: tuple[tuple[Kind, ...], ...]  # the allowed lists of kinds: a cross takes 2 or 3 ids
    output: Kind
    run: RowKernel | ColumnOp | ListKernel | SharedWords | CounterOp
    twin: Callable[..., Any]
    """Plain Python, for one row: twin(*inputs, params=..., fitted=...) -> value.

    A number is a float (NaN: missing), an id an int (0: missing), a text str or None, ids a list of
    int or None, texts a list of str or None. Of a list transform the inputs are lists, one value per
    candidate, and so is what comes out.
    """
    params: tuple[Param, ...] = ()
    fit: Fit | None = None
    fitted_input: int | tuple[int, ...] | None = None  # what the fit reads of the inputs; None: all
    close: Callable[[Params, Arrays], Arrays] | None = None
    """Makes of a statistic of all rows the smaller one that is saved and read; it merges no more."""
    check: Callable[[Params], str | None] | None = None  # a sentence where parameters do not fit
    n_inputs: Callable[[Params], int] | None = None  # where that follows from the parameters

    def encoded(self, params: Params) -> tuple[float, ...]:
        """What a kernel sees of the parameters, in their order."""
        values = [param.encoded(params[param.name]) for param in self.params]
        return tuple(value for value in values if value is not None)
