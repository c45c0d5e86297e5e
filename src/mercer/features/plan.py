"""A feature set, compiled: the same kernels over batches, over an index, and over a request."""

import hashlib
from collections.abc import Mapping, Set
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mercer.features.boundary import BoundaryColumns, boundary_columns
from mercer.features.boundary_shape import column_names
from mercer.features.column import I64s
from mercer.features.counter_reader import CounterReader
from mercer.features.declare import FeatureSet
from mercer.features.fitted import stage_of
from mercer.features.flat import run_flat
from mercer.features.graph import Graph, build_graph
from mercer.features.layout import Layout, lay_out
from mercer.features.matrix import FeatureMatrix
from mercer.features.registry import registry
from mercer.features.request import Candidates, RequestPath, request_path, run_request
from mercer.features.state import FittedState, require_state
from mercer.schema.errors import FeatureError

NOTHING_FITTED = FittedState()


@dataclass(frozen=True, slots=True)
class Plan:
    """Compiled features. Law: `run`, `run_request` and any slice give the same bits for a row."""

    feature_set: FeatureSet
    state: FittedState
    graph: Graph
    layout: Layout
    path: RequestPath
    hash: str  # of the declaration and of what was fitted: equal plans, equal values

    @property
    def names(self) -> tuple[str, ...]:
        """Of the dense columns."""
        return self.layout.names

    @property
    def hashed_names(self) -> tuple[str, ...]:
        """Of the hashed columns."""
        return self.layout.hashed_names

    @property
    def reads(self) -> tuple[str, ...]:
        """The input columns."""
        return self.graph.columns

    @property
    def reads_counters(self) -> bool:
        """Whether a CounterReader has to be given."""
        return self.layout.reads_counters

    def run(
        self,
        batch: pa.RecordBatch | pa.Table,
        *,
        now_ms: I64s | int,
        counters: CounterReader | None = None,
        pool: Executor | None = None,
    ) -> FeatureMatrix:
        """Features of n rows.

        Args:
            batch: a column for each of `reads` but "context.now_ms", by its dotted name, and where
                the set has list features "group", the request that a row was a candidate of.
            now_ms: (n,) when the row's page was asked for, or one moment for all.
            counters: read by counter features.
            pool: threads that share the rows; the bits do not depend on them.
        Raises:
            FeatureError: a column is missing or of a type that does not fit.
        """
        return run_flat(self.layout, batch, now_ms=now_ms, counters=counters, pool=pool)

    def run_batch(
        self,
        batch: pa.RecordBatch,
        *,
        now_ms: I64s | int,
        counters: CounterReader | None = None,
        pool: Executor | None = None,
    ) -> pa.RecordBatch:
        """`run` from record batch to record batch: the seam for Ray, Spark and other runners."""
        return self.run(batch, now_ms=now_ms, counters=counters, pool=pool).to_arrow()

    def listing_columns(self, batch: pa.RecordBatch) -> BoundaryColumns:
        """What requests need of n listings, computed once and gathered by row later.

        Args:
            batch: a column for each of `reads` that begins with "listing.".
        """
        return boundary_columns(self.layout, batch, "listing")

    @property
    def listing_column_names(self) -> tuple[str, ...]:
        """What lies where in `listing_columns`, for whoever keeps them in a file."""
        return column_names(self.layout, "listing")

    def seller_columns(self, batch: pa.RecordBatch) -> BoundaryColumns:
        """What requests need of n sellers; `batch` has the columns that begin with "seller."."""
        return boundary_columns(self.layout, batch, "seller")

    def run_request(
        self,
        request: Mapping[str, Any],
        candidates: Candidates,
        *,
        now_ms: int,
        counters: CounterReader | None = None,
    ) -> FeatureMatrix:
        """Features of the candidates of one request.

        Args:
            request: the columns of the request by their dotted names, as plain Python values: a
                number, a text, a list of texts, a vector; None where missing.
            candidates: rows of the boundary columns, and the columns of each candidate.
            now_ms: when the page was asked for.
        """
        return run_request(self.path, request, candidates, now_ms=now_ms, counters=counters)


def set_hash(feature_set: FeatureSet) -> str:
    """Of the declaration; docs do not count."""
    return hashlib.sha256(feature_set.canonical().encode()).hexdigest()


def compile_plan(
    feature_set: FeatureSet,
    state: FittedState = NOTHING_FITTED,
    *,
    off: Set[str] = frozenset(),
) -> Plan:
    """Compile a set with what was fitted.

    Args:
        off: features that give their missing value, whatever their inputs are; the hash stays.
    Raises:
        FeatureError: the set cannot be compiled, or the state is not its own.
    """
    graph, declared = build_graph(feature_set, registry()), set_hash(feature_set)
    needed = {feature: _transform_of(feature_set, feature) for feature in stage_of(graph)}
    require_state(state, declared, needed)
    unknown = sorted(off - {feature.name for feature in feature_set.features})
    if unknown:
        raise FeatureError(
            f"switched off: {unknown[0]!r} is no feature of {feature_set.name!r}; "
            f"its features: {', '.join(f.name for f in feature_set.features)}"
        )
    layout = lay_out(feature_set, graph, state.arrays, off)
    # Once, not where it is asked for: what was fitted on a large market takes milliseconds to hash.
    both = hashlib.sha256(f"{declared} {state.content_hash()}".encode()).hexdigest()
    return Plan(feature_set, state, graph, layout, request_path(layout), both)


def _transform_of(feature_set: FeatureSet, name: str) -> str:
    return next(feature.transform for feature in feature_set.features if feature.name == name)


__all__ = ["NOTHING_FITTED", "Candidates", "Plan", "compile_plan", "set_hash"]
