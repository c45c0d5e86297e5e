"""From declared features to nodes in an order in which each comes after what it reads.

A node is a column, a conversion (a text that is read as an id is hashed), a feature, or what fills
the gaps of a feature. Equal columns and conversions are one node.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mercer.features.column import Kind
from mercer.features.columns import OWNERS, REQUEST_OWNERS, kind_of, owner_of
from mercer.features.declare import Feature, FeatureSet
from mercer.features.param import checked_params
from mercer.features.transform import STATE_OF, CounterOp, ListKernel, Transform
from mercer.schema.errors import FeatureError

Home = Literal["request", "listing", "seller", "pair"]

# How a kind is read as another one where a transform asks for that.
CONVERSIONS: Mapping[tuple[Kind, Kind], str] = {
    ("text", "id"): "hash",
    ("texts", "ids"): "hash_all",
    ("text", "folded"): "fold_text",
    ("text", "words"): "tokenise",
    ("texts", "words"): "tokenise",
    ("folded", "words"): "tokenise",
    ("vector", "code"): "vector_code",
}
FILL = "fill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step of a plan."""

    name: str  # of the column or the feature; unique
    kind: Kind
    owners: frozenset[str]  # whose columns it depends on
    is_list: bool  # depends on the other candidates of the request
    transform: Transform | None = None  # None: an input column
    inputs: tuple[int, ...] = ()  # places of the nodes that it reads
    params: Mapping[str, Any] = field(default_factory=dict)
    feature: str = ""  # the feature whose fitted state it reads; "": none

    @property
    def is_fitted(self) -> bool:
        """Whether it has fitted state of its own."""
        fit = self.transform.fit if self.transform is not None else None
        return fit is not None and self.feature == self.name

    @property
    def home(self) -> Home:
        """Where it can be computed once: per request, per listing, per seller, or per candidate."""
        if self.is_list:
            return "pair"
        if self.owners <= set(REQUEST_OWNERS):
            return "request"
        owner: Home
        for owner in ("listing", "seller"):
            if self.owners == {owner}:
                return owner
        return "pair"


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of a set, each after those that it reads."""

    nodes: tuple[Node, ...]
    of_feature: Mapping[str, int]  # name of a feature -> the node that has its value

    @property
    def columns(self) -> tuple[str, ...]:
        """The input columns that are read."""
        return tuple(node.name for node in self.nodes if node.transform is None)

    def behind(self, place: int) -> list[Node]:
        """All nodes that a node depends on, nearest first, without those that fill gaps."""
        found: dict[int, None] = {}
        waiting = list(self.nodes[place].inputs)
        while waiting:
            i = waiting.pop(0)
            if i not in found:
                found[i] = None
                waiting.extend(self.nodes[i].inputs)
        return [self.nodes[i] for i in found if not self.nodes[i].name.startswith(FILL + "(")]


def build_graph(feature_set: FeatureSet, transforms: Mapping[str, Transform]) -> Graph:
    """Check a set and put it in order.

    Raises:
        FeatureError: a name twice, a cycle, an unknown transform or column, a kind that does not
            fit, a parameter out of range, an entity that may not read what the feature reads.
    """
    return _Builder(feature_set, transforms).build()


class _Builder:
    def __init__(self, feature_set: FeatureSet, transforms: Mapping[str, Transform]) -> None:
        self._set, self._transforms = feature_set, transforms
        self._nodes: list[Node] = []
        self._of_key: dict[Any, int] = {}
        self._of_feature: dict[str, int] = {}
        self._declared = {feature.name: feature for feature in feature_set.features}
        self._path: list[str] = []

    def build(self) -> Graph:
        names = [feature.name for feature in self._set.features]
        for name in names:
            if names.count(name) > 1:
                raise FeatureError(f"feature {name!r}: declared {names.count(name)} times")
        for column in self._set.columns:
            if owner_of(column) not in OWNERS:
                raise FeatureError(
                    f"column {column!r}: must begin with one of {', '.join(OWNERS)} and a dot"
                )
        for name in names:
            self._feature(name)
        if not any(feature.is_output for feature in self._set.features):
            raise FeatureError(f"feature set {self._set.name!r}: has no feature, only nodes")
        return Graph(tuple(self._nodes), dict(self._of_feature))

    def _feature(self, name: str) -> int:
        """The node that has the feature's value."""
        if name in self._of_feature:
            return self._of_feature[name]
        if name in self._path:
            circle = " -> ".join([*self._path[self._path.index(name) :], name])
            raise FeatureError(f"feature {name!r}: reads itself: {circle}; break the circle")
        self._path.append(name)
        feature = self._declared[name]
        at = f"feature {name!r}"
        transform = self._transform(feature, at)
        params = checked_params(transform.params, feature.params, at=at)
        if transform.check is not None and (fault := transform.check(params)):
            raise FeatureError(f"{at}: {fault}")
        if transform.n_inputs is not None and transform.n_inputs(params) != len(feature.inputs):
            raise FeatureError(
                f"{at}: has {len(feature.inputs)} inputs; with these parameters {transform.name} "
                f"takes {transform.n_inputs(params)}"
            )
        given = [self._source(one, at) for one in feature.inputs]
        inputs = self._fitting(transform, given, feature, at)
        owner = self._state_owner(transform, params, at) or name
        node = self._add(transform, inputs, params, name=name, feature=owner)
        self._check_entity(feature, self._nodes[node], at)
        node = self._filled(feature, node, at)
        if feature.is_output and self._nodes[node].kind not in ("number", "id"):
            raise FeatureError(
                f"{at}: gives {self._nodes[node].kind}, a feature must be a number or an id; "
                "declare it as a [[node]] and let another feature read it"
            )
        self._path.pop()
        self._of_feature[name] = node
        return node

    def _transform(self, feature: Feature, at: str) -> Transform:
        transform = self._transforms.get(feature.transform)
        if transform is None:
            raise FeatureError(
                f"{at}: unknown transform {feature.transform!r}; "
                f"known: {', '.join(self._transforms)}"
            )
        return transform

    def _state_owner(self, transform: Transform, params: Mapping[str, Any], at: str) -> str:
        """The other feature that was fitted for this one; "": none."""
        owner = str(params.get(STATE_OF, ""))
        if not owner:
            return ""
        fitted = {
            name: self._transforms[feature.transform].fit
            for name, feature in self._declared.items()
            if feature.transform in self._transforms and not feature.params.get(STATE_OF)
        }
        if fitted.get(owner) is None or fitted[owner] is not transform.fit:
            fitting = [name for name, fit in fitted.items() if fit is transform.fit]
            raise FeatureError(
                f"{at}: parameter {STATE_OF!r} is {owner!r}, must be a feature of this set that is "
                f"fitted alike: {', '.join(fitting) or 'there is none'}"
            )
        self._feature(owner)
        return owner

    def _source(self, name: str, at: str) -> int:
        if name in self._declared:
            return self._feature(name)
        kind = kind_of(name, self._set.columns, at=at)
        if owner_of(name) == "label":
            raise FeatureError(f"{at}: {name!r} is known only afterwards, a feature cannot read it")
        return self._once(
            ("column", name),
            Node(name=name, kind=kind, owners=frozenset({owner_of(name)}), is_list=False),
        )

    def _once(self, key: Any, node: Node) -> int:
        if key not in self._of_key:
            self._of_key[key] = len(self._nodes)
            self._nodes.append(node)
        return self._of_key[key]

    def _fitting(
        self, transform: Transform, given: Sequence[int], feature: Feature, at: str
    ) -> tuple[int, ...]:
        """The inputs in the kinds that the transform takes, converted where that is possible."""
        kinds = [self._nodes[one].kind for one in given]
        for wanted in transform.inputs:
            if len(wanted) == len(kinds) and all(
                have == want or (have, want) in CONVERSIONS
                for have, want in zip(kinds, wanted, strict=True)
            ):
                return tuple(
                    self._converted(one, want) for one, want in zip(given, wanted, strict=True)
                )
        got = ", ".join(
            f"{name} ({kind})" for name, kind in zip(feature.inputs, kinds, strict=True)
        )
        allowed = " or ".join("(" + ", ".join(kinds) + ")" for kinds in transform.inputs)
        raise FeatureError(
            f"{at}: {transform.name} cannot read {got or 'nothing'}; it takes {allowed}"
        )

    def _converted(self, node: int, wanted: Kind) -> int:
        have = self._nodes[node]
        if have.kind == wanted:
            return node
        transform = self._transforms[CONVERSIONS[have.kind, wanted]]
        params = checked_params(transform.params, {}, at=transform.name)
        return self._add(transform, (node,), params, name=f"{transform.name}({have.name})")

    def _add(
        self,
        transform: Transform,
        inputs: tuple[int, ...],
        params: Mapping[str, Any],
        *,
        name: str,
        feature: str = "",
    ) -> int:
        read = [self._nodes[one] for one in inputs]
        return self._once(
            (name,),
            Node(
                name=name,
                kind=transform.output,
                owners=frozenset().union(*(node.owners for node in read), _own(transform)),
                is_list=isinstance(transform.run, ListKernel) or any(n.is_list for n in read),
                transform=transform,
                inputs=inputs,
                params=params,
                feature=feature,
            ),
        )

    def _filled(self, feature: Feature, node: int, at: str) -> int:
        if math.isnan(feature.missing):
            return node
        if self._nodes[node].kind != "number":
            raise FeatureError(
                f"{at}: missing is {feature.missing!r}, but it gives {self._nodes[node].kind}, "
                "not a number; leave missing out"
            )
        transform = self._transforms[FILL]
        params = checked_params(transform.params, {"value": feature.missing}, at=at)
        return self._add(transform, (node,), params, name=f"{FILL}({feature.name})")

    def _check_entity(self, feature: Feature, node: Node, at: str) -> None:
        own = (feature.entity, "context")  # the time of the request may be read by all
        allowed = {"pair": OWNERS, "context": REQUEST_OWNERS}.get(feature.entity, own)
        foreign = sorted(node.owners - set(allowed))
        if foreign:
            raise FeatureError(
                f"{at}: entity is {feature.entity!r}, but it reads {', '.join(foreign)}; "
                "declare it as 'pair' (or 'context' where all it reads is of the request)"
            )


def _own(transform: Transform) -> frozenset[str]:
    """What a transform depends on beside its inputs: other candidates, the moment of the request."""
    if isinstance(transform.run, ListKernel):
        return frozenset({"candidate"})
    return frozenset({"context"} if isinstance(transform.run, CounterOp) else ())
