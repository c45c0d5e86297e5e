"""Random input for any transform of the registry, and one feature made of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from mercer.features.column import Column, F32s, Kind, Ragged, Texts, U64s
from mercer.features.counter_params import ENTITIES, PAIRS
from mercer.features.counter_step import HOUR_MS
from mercer.features.declare import Feature, FeatureSet
from mercer.features.hash import hash_text
from mercer.features.param import REQUIRED, Param
from mercer.features.transform import STATE_OF, ListKernel, Transform
from mercer.text.analyze import words

Rows = list[dict[str, Any]]
WIDTH = 4  # of vectors
NOW_MS = 1_764_000_000_000

NUMBERS = st.one_of(
    st.none(),
    st.sampled_from(
        [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e300, -1e300, float("inf"), float("-inf"), 5e-324]
    ),
    st.floats(allow_nan=False),
    st.integers(0, 2**41).map(float),
    st.integers(NOW_MS - 10**11, NOW_MS).map(float),
)
_WORDS = [
    "mug",
    "mugs",
    "blue",
    "Café",
    "handmade",
    "1/2",
    "women's",
    "été",
    "日本",
    "🎁",
    "ß",
    "İ",
]
FACTS = ["color=blue", "of=blue", "color=blue mugs", "=x", "a==", "cm=12"]
TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "\x00", "🎁🎁", "e\u0301", "\u200d", "A" * 300]),
    st.sampled_from(FACTS),
    st.lists(st.sampled_from(_WORDS), max_size=8).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
WORD_NUMBERS = st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1))
IDS = st.one_of(st.integers(0, 5), st.integers(0, 2**64 - 1))
FACT_IDS = st.sampled_from([hash_text(one) for one in [*FACTS, "color", "of", "cm"]])
VALUES: Mapping[Kind, st.SearchStrategy[Any]] = {
    "number": NUMBERS,
    "text": TEXTS,
    "texts": st.one_of(st.none(), st.lists(TEXTS, max_size=5)),
    "id": IDS,
    "ids": st.one_of(st.none(), st.lists(IDS | FACT_IDS, max_size=6)),
    "folded": TEXTS.map(lambda text: None if text is None else " ".join(words(text))),
    "words": st.one_of(st.none(), st.lists(WORD_NUMBERS, max_size=6)),
    "code": st.lists(st.sampled_from([0, 1, -127, 127, 64]), min_size=WIDTH, max_size=WIDTH),
    "vector": st.one_of(
        st.none(),
        st.lists(st.sampled_from([0.0, 1.0, -0.5, 0.25]), min_size=WIDTH, max_size=WIDTH),
    ),
}
ARROW: Mapping[Kind, pa.DataType] = {
    "number": pa.float64(),
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "id": pa.uint64(),
    "ids": pa.list_(pa.uint64()),
    "folded": pa.string(),
    "words": pa.list_(pa.uint32()),
    "code": pa.list_(pa.int8(), WIDTH),
    "vector": pa.list_(pa.float32(), WIDTH),
}
CONSUMERS: Mapping[Kind, tuple[str, Mapping[str, Any]]] = {
    "text": ("hash", {}),
    "ids": ("hash_list", {}),
    "folded": ("size", {}),
    "words": ("size", {}),
    "vector": ("vector_item", {"place": 0}),
    "code": ("embedding_cosine", {}),
}
"""What shows an output that is no feature; "embedding_cosine" of a code with itself."""
LABEL = "label.y"


def params_of(transform: Transform, n_inputs: int) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters that the transform allows with so many inputs."""
    drawn = st.fixed_dictionaries({p.name: _param(p) for p in transform.params})
    check, n_of = transform.check, transform.n_inputs
    if n_of is not None:
        drawn = drawn.filter(lambda params: n_of(params) == n_inputs)
    if check is not None:
        drawn = drawn.filter(lambda params: check(params) is None)
    return drawn


def _param(param: Param) -> st.SearchStrategy[Any]:
    if param.name == "whose":
        return st.sampled_from([*ENTITIES, *PAIRS, "visitor.attributes.color"])
    if param.name == "half_life_h":
        return st.sampled_from([one / HOUR_MS for one in PlainCounters.half_lives_ms])
    low, high = max(param.low, -1e6), min(param.high, 1e6)
    values: Mapping[str, st.SearchStrategy[Any]] = {
        "number": st.floats(low, high, allow_subnormal=False),
        "integer": st.integers(int(low), int(min(high, low + 64))),
        "flag": st.booleans(),
        "text": st.just({"label": LABEL, STATE_OF: ""}.get(param.name, "x")),
        "numbers": st.lists(st.floats(low, high), min_size=1, max_size=5).map(
            lambda v: tuple(sorted(v))
        ),
        "choice": st.sampled_from(param.choices or ("",)),
    }
    if param.default is REQUIRED:
        return values[param.kind]
    return st.one_of(st.just(param.default), values[param.kind])


def owners_of(transform: Transform, kinds: Sequence[Kind]) -> st.SearchStrategy[tuple[str, ...]]:
    """Whose column each input is; lists of texts do not leave the entity that they are of."""
    places = ["query", "listing", "candidate"]
    if "texts" in kinds:
        return st.sampled_from(places[:2]).map(lambda place: (place,) * len(kinds))
    return st.tuples(*[st.sampled_from(places) for _ in kinds])


def one_feature(
    transform: Transform, kinds: Sequence[Kind], owners: Sequence[str], params: Mapping[str, Any]
) -> FeatureSet:
    """A set with one output that shows all of what the transform gives."""
    names = tuple(f"{owner}.in{i}" for i, owner in enumerate(owners))
    is_shown = transform.output in ("number", "id")
    feature = Feature(
        name="f", entity="pair", transform=transform.name, inputs=names, params=params,
        is_output=is_shown,
    )  # fmt: skip
    shown = () if is_shown else (
        _shown(transform),
    )  # fmt: skip
    columns = dict(zip(names, kinds, strict=True))
    return FeatureSet(name="one", features=(feature, *shown), columns=columns)


def _shown(transform: Transform) -> Feature:
    name, params = CONSUMERS[transform.output]
    inputs = ("f", "f") if transform.output == "code" else ("f",)
    return Feature(name="shown", entity="pair", transform=name, inputs=inputs, params=params)


def batch_of(rows: Rows, columns: Mapping[str, Kind]) -> pa.RecordBatch:
    """Rows as columns, with the group of each row and a label."""
    arrays = {
        name: pa.array([row[name] for row in rows], ARROW[kind]) for name, kind in columns.items()
    }
    arrays["group"] = pa.array([row["group"] for row in rows], pa.int64())
    arrays[LABEL] = pa.array([row["label"] for row in rows], pa.float64())
    return pa.record_batch(arrays)


def rows_of(columns: Mapping[str, Kind]) -> st.SearchStrategy[Rows]:
    """Up to twelve rows; those of one group share the columns of the request."""
    row = {name: VALUES[kind] for name, kind in columns.items()}
    return st.lists(
        st.fixed_dictionaries(
            row | {"group": st.integers(0, 2), "label": st.sampled_from([0.0, 1.0])}
        ),
        max_size=12,
    ).map(lambda rows: _share_requests(rows, columns))


def _share_requests(rows: Rows, columns: Mapping[str, Kind]) -> Rows:
    first: dict[int, dict[str, Any]] = {}
    for row in rows:
        mine = first.setdefault(row["group"], row)
        row.update({name: mine[name] for name in columns if name.startswith("query.")})
    return rows


def plain(column: Column) -> list[Any]:
    """A column as plain Python values, as twins know them."""
    if isinstance(column, Texts):
        strings = plain(column.strings)
        return [
            None if stop < start else strings[start:stop]
            for start, stop in zip(column.starts.tolist(), column.stops.tolist(), strict=True)
        ]
    if isinstance(column, Ragged):
        spans = zip(column.starts.tolist(), column.stops.tolist(), strict=True)
        values = column.values
        if values.dtype == np.uint8:
            return [None if b < a else values[a:b].tobytes().decode() for a, b in spans]
        return [None if b < a else values[a:b].tolist() for a, b in spans]
    return column.tolist()


class PlainCounters:
    """Counts that follow from key and moment alone."""

    position = "here"
    half_lives_ms = (HOUR_MS, 24 * HOUR_MS)

    def lookup(self, keys: U64s, now_ms: int) -> F32s:
        """(n, 2), 0 for every third key."""
        count = ((keys % np.uint64(1_000)) * (keys % np.uint64(3) > 0)).astype(np.float32)
        return np.column_stack([count, count + np.float32(now_ms % 7)]).astype(np.float32)


def is_list(transform: Transform) -> bool:
    """Whether the other candidates count."""
    return isinstance(transform.run, ListKernel)


def edge_rows(columns: Mapping[str, Kind]) -> Rows:
    """The rows that break things: nothing at all, NaN, emoji, and a text of a megabyte."""
    long = "mug 🎁 " * 120_000
    edges: Mapping[Kind, list[Any]] = {
        "number": [None, float("nan"), float("inf"), -0.0, 1e300],
        "text": [None, "", "🎁", long, "e\u0301 \u200d"],
        "folded": [None, "", "mug", "mug " * 250_000, "e"],
        "texts": [None, [], [None, ""], [long, "🎁"], ["a"] * 1_000],
        "id": [0, 1, 2**64 - 1, 7, 8],
        "ids": [None, [], [0], [2**64 - 1] * 1_000, [1, 2]],
        "words": [None, [], [0], [2**32 - 1] * 1_000, [1, 2]],
        "vector": [None, [0.0] * WIDTH, [1.0] * WIDTH, [-0.0] * WIDTH, [1e-30] * WIDTH],
        "code": [None, [0] * WIDTH, [127] * WIDTH, [-127] * WIDTH, [1] * WIDTH],
    }
    return [
        {name: edges[kind][(i + place) % 5] for place, (name, kind) in enumerate(columns.items())}
        | {"group": i % 2, "label": float(i % 2)}
        for i in range(5)
    ]


def edge_case(transform: Transform, kinds: Sequence[Kind]) -> tuple[FeatureSet, pa.RecordBatch]:
    """One feature of a transform with plain parameters, and the rows that break things."""
    owners = [("query", "listing", "candidate")[i % 3] for i in range(len(kinds))]
    feature_set = one_feature(transform, kinds, owners, _plain_params(transform, len(kinds)))
    rows = _share_requests(edge_rows(feature_set.columns), feature_set.columns)
    return feature_set, batch_of(rows, feature_set.columns)


def _plain_params(transform: Transform, n_inputs: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "whose": "query_listing" if n_inputs == 2 else "listing",
        "half_life_h": 24.0,
        "label": LABEL,
    }
    plain = {"number": 1.0, "integer": 1, "flag": True, "numbers": (0.0, 1.0)}
    return {
        p.name: values.get(p.name, p.choices[0] if p.choices else plain.get(p.kind, ""))
        for p in transform.params
        if p.default is REQUIRED
    }
