"""What a ranker learns from: rows of features with a gain each, query by query.

A query here is one list whose rows compete: a judged query, or one served page. Everything is columns;
rows of query i are `offsets[i] : offsets[i + 1]`, as in `metrics.ragged`.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from mercer.features.plan import Plan
from mercer.metrics.ragged import Floats, Ints
from mercer.schema.errors import InputError

F32s = npt.NDArray[np.float32]

NAN_IS_MISSING = "nan"  # a missing value reaches the model as NaN, which it treats as missing
ZERO_IS_ABSENT = "zero"  # a value that is not there is 0, as in sparse files

_CATEGORY: Final = frozenset(("listing.category", "listing.category_path", "listing.leaf_category"))


def _is_of_kind(behind: Set[str]) -> bool:
    """Whether what is read of a listing is its category, at most beside its title."""
    read = {name for name in behind if name.startswith("listing.")}
    return not read.isdisjoint(_CATEGORY) and read <= _CATEGORY | {"listing.title"}


@dataclass(frozen=True, slots=True)
class FeatureColumns:
    """The columns of a matrix of features, and what says that two matrices have the same ones."""

    names: tuple[str, ...]  # (n_features,)
    set_hash: str  # of the feature set and its fitted state; of a file, of the names
    missing: tuple[str, ...]  # (n_features,) what each column does with a missing value
    # Names of those that say what a listing is, whoever asks for whatever; none where that is unknown.
    of_listing: frozenset[str] = field(default=frozenset(), compare=False)
    # Names of those that say whether it is the kind of thing that is wanted: its category beside what
    # the query or the visitor asked for.
    of_kind: frozenset[str] = field(default=frozenset(), compare=False)

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            doubled = sorted({name for name in self.names if self.names.count(name) > 1})
            raise InputError(f"features: {doubled} are there twice; a name may occur once")
        if len(self.missing) != len(self.names):
            raise InputError(
                f"features: {len(self.missing)} missing policies for {len(self.names)} columns"
            )

    @classmethod
    def of_plan(cls, plan: Plan) -> "FeatureColumns":
        """The dense columns of a compiled feature set."""
        policy = {f.name: f.missing for f in plan.feature_set.features}
        missing = tuple(
            NAN_IS_MISSING if np.isnan(policy[name]) else f"{policy[name]:g}" for name in plan.names
        )
        nodes, owners = plan.graph.nodes, {"listing", "seller", "context"}
        of_listing, of_kind = set(), set()
        for name in plan.names:
            place = plan.graph.of_feature[name]
            if nodes[place].is_list:
                continue
            if nodes[place].owners <= owners:
                of_listing.add(name)
            elif _is_of_kind({one.name for one in plan.graph.behind(place)}):
                of_kind.add(name)
        return cls(plan.names, plan.hash, missing, frozenset(of_listing), frozenset(of_kind))

    @classmethod
    def of_file(cls, names: Sequence[str], *, missing: str = ZERO_IS_ABSENT) -> "FeatureColumns":
        """Columns that no feature set declares; the hash is that of their names and policy."""
        text = "\n".join((missing, *names))
        drawn = blake2b(text.encode(), digest_size=16, person=b"columns").hexdigest()
        return cls(tuple(names), f"columns-{drawn}", (missing,) * len(names))


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Rows to learn from, grouped by query.

    `weight` says how much the list of a query counts: 1 for judged queries; where gains are weighted
    by inverse propensities it is the ideal DCG, so that the mean of nDCG becomes one of DCG
    (`rank.propensity_weight`).
    """

    columns: FeatureColumns
    features: F32s  # (n, n_features) C order, NaN where missing
    gain: Floats  # (n,) >= 0, finite
    offsets: Ints  # (n_queries + 1,)
    query: tuple[str, ...]  # (n_queries,) text or id; what a split by query keeps together
    served_ms: Ints  # (n_queries,) when the page was served; 0 where that is unknown
    weight: Floats  # (n_queries,) >= 0
    # (n,) score of the order without a model, higher is earlier; NaN where unknown
    base: Floats
    position: Ints  # (n,) its place on its page, from 1; 0 where it was on none
    # Name -> (n_queries,) labels by which the report is broken down.
    segments: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, n_queries = len(self.features), len(self.offsets) - 1
        shapes = {
            "features": (self.features.shape, (n, len(self.columns.names))),
            "gain": (self.gain.shape, (n,)),
            "base": (self.base.shape, (n,)),
            "position": (self.position.shape, (n,)),
            "query": ((len(self.query),), (n_queries,)),
            "served_ms": (self.served_ms.shape, (n_queries,)),
            "weight": (self.weight.shape, (n_queries,)),
            **{f"segment {name}": ((len(v),), (n_queries,)) for name, v in self.segments.items()},
        }
        faults = [
            f"{k} is {got}, must be {want}" for k, (got, want) in shapes.items() if got != want
        ]
        if not faults and (self.offsets[0] != 0 or self.offsets[-1] != n):
            faults.append(f"offsets run from {self.offsets[0]} to {self.offsets[-1]}, not 0 to {n}")
        if not (np.isfinite(self.gain).all() and (self.gain >= 0).all()):
            faults.append("a gain is negative or not finite")
        if faults:
            raise ValueError("training set: " + "; ".join(faults))

    @property
    def n_queries(self) -> int:
        """How many lists."""
        return len(self.query)

    @property
    def n_rows(self) -> int:
        """How many rows in all lists."""
        return len(self.features)

    @property
    def owner(self) -> Ints:
        """(n,) the query of each row."""
        return np.repeat(np.arange(self.n_queries), np.diff(self.offsets))

    @property
    def has_gain(self) -> npt.NDArray[np.bool_]:
        """(n_queries,) whether any row has a gain; only such a list teaches or measures an order."""
        out: npt.NDArray[np.bool_] = np.bincount(self.owner, self.gain, self.n_queries) > 0
        return out

    def take(self, queries: npt.NDArray[np.integer]) -> "TrainingSet":
        """The lists of some queries, in that order."""
        length = np.diff(self.offsets)[queries]
        offsets = np.zeros(len(queries) + 1, np.int64)
        np.cumsum(length, out=offsets[1:])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], length)
        rows = np.repeat(self.offsets[:-1][queries], length) + within
        return replace(
            self,
            features=self.features[rows],
            gain=self.gain[rows],
            base=self.base[rows],
            position=self.position[rows],
            offsets=offsets,
            query=tuple(self.query[i] for i in queries),
            served_ms=self.served_ms[queries],
            weight=self.weight[queries],
            segments={k: tuple(v[i] for i in queries) for k, v in self.segments.items()},
        )


def grouped(
    *,
    columns: FeatureColumns,
    features: F32s,
    gain: Floats,
    query_code: Ints,
    query: Sequence[str],
    base: Floats | None = None,
    position: Ints | None = None,
    served_ms: Ints | None = None,
) -> TrainingSet:
    """A training set of rows in any order; the rows of a query keep theirs.

    Args:
        features: (n, n_features).
        gain: (n,) >= 0.
        query_code: (n,) index into `query`; each query must have a row.
        query: (n_queries,) text or id.
        base: (n,) score of the order without a model; None: unknown.
        position: (n,) from 1; None: the rows were on no page.
        served_ms: (n_queries,); None: unknown.
    """
    n, n_queries = len(gain), len(query)
    order = np.argsort(query_code, kind="stable")
    counts = np.bincount(query_code, minlength=n_queries)
    if n_queries and counts.min() == 0:
        raise InputError(f"training set: query {query[int(counts.argmin())]!r} has no rows")
    offsets = np.zeros(n_queries + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    known = np.full(n, np.nan) if base is None else np.asarray(base, np.float64)
    return TrainingSet(
        columns=columns,
        features=np.ascontiguousarray(features[order], np.float32),
        gain=np.asarray(gain, np.float64)[order],
        offsets=offsets,
        query=tuple(query),
        served_ms=np.zeros(n_queries, np.int64) if served_ms is None else served_ms,
        weight=np.ones(n_queries),
        base=known[order],
        position=np.zeros(n, np.int64) if position is None else position[order],
    )


def joined(parts: Sequence[TrainingSet]) -> TrainingSet:
    """The lists of all parts in their order; a query that two parts have stays two lists.

    Segments that not all parts have are dropped.

    Raises:
        InputError: parts of different feature sets, or none.
    """
    if not parts:
        raise InputError("training set: there are no parts to join")
    first = parts[0]
    if other := next((p for p in parts if p.columns != first.columns), None):
        raise InputError(
            f"training set: parts of feature sets {first.columns.set_hash} and "
            f"{other.columns.set_hash} cannot be joined; make both from the same set"
        )
    begins = np.cumsum([0, *(part.n_rows for part in parts)])
    offsets = [p.offsets[:-1] + at for p, at in zip(parts, begins[:-1], strict=True)]
    shared = set.intersection(*(set(part.segments) for part in parts))
    return replace(
        first,
        features=np.concatenate([p.features for p in parts]),
        gain=np.concatenate([p.gain for p in parts]),
        base=np.concatenate([p.base for p in parts]),
        position=np.concatenate([p.position for p in parts]),
        offsets=np.concatenate([*offsets, begins[-1:]]),
        query=tuple(text for p in parts for text in p.query),
        served_ms=np.concatenate([p.served_ms for p in parts]),
        weight=np.concatenate([p.weight for p in parts]),
        segments={k: tuple(v for p in parts for v in p.segments[k]) for k in sorted(shared)},
    )


def widened(data: TrainingSet, columns: FeatureColumns) -> TrainingSet:
    """The same rows under columns that begin with theirs; what is added is 0 everywhere."""
    n_more = len(columns.names) - len(data.columns.names)
    if columns.names[: len(data.columns.names)] != data.columns.names:
        raise InputError("training set: the wider columns do not begin with the narrower ones")
    if n_more == 0:
        return data
    more = np.zeros((data.n_rows, n_more), np.float32)
    return replace(data, columns=columns, features=np.hstack([data.features, more]))
