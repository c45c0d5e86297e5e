"""What transforms mean, in numbers that were worked out by hand or by another library.

The laws compare a kernel with its twin, but both read the same fitted table, and a formula that is wrong
in both would pass; these values come from outside of the code.
"""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from mercer.features.declare import FeatureSet
from mercer.features.fit import fit
from mercer.features.plan import compile_plan
from support.feature_kit import PlainCounters

NOW_MS = 1_767_200_400_000  # 2025-12-31 17:00 UTC, a Wednesday
DAY_MS = 86_400_000
NAN = math.nan
TYPES = {"number": pa.float64(), "text": pa.string(), "texts": pa.list_(pa.string())}


def worked(
    transform: str, *inputs: tuple[str, list[Any]], nodes: str = "", **params: Any
) -> list[float]:
    """The values of one feature that was fitted on the very rows; all rows are one request."""
    columns = {f"listing.in{i}": values for i, (_, values) in enumerate(inputs)}
    kinds = {name: kind for name, (kind, _) in zip(columns, inputs, strict=True)}
    cut = "words" if nodes else ""
    read = [f"cut{i}" if cut else name for i, name in enumerate(columns)]
    tables = [
        f'[[node]]\nname = "cut{i}"\nentity = "pair"\ntransform = "{nodes}"\ninputs = ["{name}"]\n'
        for i, name in enumerate(columns)
        if cut
    ]
    more = "\n".join(f"{name} = {value!r}".replace("'", '"') for name, value in params.items())
    own = {**kinds, "label.y": "number"}
    declared = "\n".join(f'"{name}" = "{kind}"' for name, kind in own.items())
    names = ", ".join(f'"{name}"' for name in read)
    feature_set = FeatureSet.from_toml(
        f'name = "s"\n[columns]\n{declared}\n{"".join(tables)}[[feature]]\nname = "f"\n'
        f'entity = "pair"\ntransform = "{transform}"\ninputs = [{names}]\n{more}\n'
    )
    n = len(inputs[0][1])
    batch = pa.record_batch(
        {name: pa.array(values, TYPES[kinds[name]]) for name, values in columns.items()}
        | {"group": pa.array([0] * n), "label.y": pa.array((LABELS * n)[:n], pa.float64())}
    )
    plan = compile_plan(feature_set, fit(feature_set, lambda: [batch]))
    found: list[float] = (
        plan.run(batch, now_ms=NOW_MS, counters=PlainCounters()).dense[:, 0].tolist()
    )
    return found


LABELS = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]  # mean 3/8 of eight rows
SELLERS = ("text", ["a", "a", "a", "b", "b", "c", "c", "c"])
#           a: 2 of 3, b: 1 of 2, c: 0 of 3; drawn towards 3/8 by a weight of 2
RATES = {"a": (2 + 0.75) / 5, "b": (1 + 0.75) / 4, "c": (0 + 0.75) / 5}
LISTS = ("texts", [["a", "b"], ["a"], None, ["c"]])  # a 1 of 2, b 1 of 1, c 1 of 1; all 3 of 4
PRIOR = {"label": "label.y", "prior_weight": 2.0}
MOMENTS = ("number", [float(NOW_MS), NOW_MS - 36 * 3_600_000.0, NAN])
SOME = ("number", [3.0, 1.0, NAN, 3.0, 7.0])


@pytest.mark.parametrize(
    ("transform", "inputs", "params", "wanted"),
    [
        ("target_rate", [SELLERS], PRIOR, [RATES[one] for one in SELLERS[1]]),
        ("list_rate", [LISTS], PRIOR, [(2.5 / 4 + 2.5 / 3) / 2, 2.5 / 4, NAN, 2.5 / 3]),
        ("list_rate", [LISTS], {**PRIOR, "of": "max"}, [2.5 / 3, 2.5 / 4, NAN, 2.5 / 3]),
        ("above_mean", [SELLERS, ("number", [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])],
         {"prior_weight": 2.0},
         [y - RATES[one] for one, y in zip(SELLERS[1], LABELS, strict=True)]),
        ("frequency", [SELLERS], {}, [3 / 8] * 3 + [2 / 8] * 2 + [3 / 8] * 3),
        ("vocabulary", [("text", ["x", "y", "y", "z", "z", "z", None])], {},
         [3, 2, 2, 1, 1, 1, NAN]),
        ("vocabulary", [("text", ["x", "y", "y", "z", "z", "z", None])], {"min_count": 2},
         [0, 2, 2, 1, 1, 1, NAN]),
        ("bucketise", [("number", [0.5, 1.0, 9.0, NAN])], {"edges": [1.0, 2.0, 9.0]},
         [0, 1, 3, NAN]),
        ("bucketise_quantile", [("number", [1.0, 2.0, 3.0, 4.0, NAN])], {"n_buckets": 2},
         [0, 1, 1, 1, NAN]),
        ("age", [("number", [float(NOW_MS)] * 3), MOMENTS], {}, [0, 1.5, NAN]),
        ("recency", [("number", [float(NOW_MS)] * 3), MOMENTS], {"half_life_d": 0.75},
         [1, 0.25, NAN]),
        # 17:00 is 17/24 of the day; 1970-01-01, where weeks begin, was a Thursday: 6 days and 17 hours
        ("cycle", [MOMENTS], {"period": "day", "part": "sin"},
         [math.sin(2 * math.pi * 17 / 24), math.sin(2 * math.pi * 5 / 24), NAN]),
        ("cycle", [MOMENTS], {"period": "week", "part": "cos"},
         [math.cos(2 * math.pi * (6 + 17 / 24) / 7), math.cos(2 * math.pi * (5 + 5 / 24) / 7), NAN]),
        ("cycle", [MOMENTS], {"period": "day", "part": "cos", "utc_offset_h": 7.0},
         [1.0, math.cos(math.pi), NAN]),
        ("rank", [SOME], {}, [2, 4, NAN, 2, 1]),
        ("rank", [SOME], {"best": "lowest"}, [2, 1, NAN, 2, 4]),
        ("percentile", [SOME], {}, [0.5, 0.125, NAN, 0.5, 0.875]),
        ("zscore", [("number", [2.0, 4.0, NAN, 6.0])], {},
         [-2 / math.sqrt(8 / 3), 0, NAN, 2 / math.sqrt(8 / 3)]),
        ("log1p", [("number", [0.0, math.e - 1, -0.5, NAN])], {}, [0, 1, NAN, NAN]),
        ("clip", [("number", [-2.0, 0.5, 9.0, NAN])], {"low": 0.0, "high": 1.0}, [0, 0.5, 1, NAN]),
        ("ratio", [("number", [1.0, 1.0, NAN]), ("number", [4.0, 0.0, 1.0])], {}, [0.25, NAN, NAN]),
        ("difference", [("number", [1.0, NAN]), ("number", [4.0, 0.0])], {}, [-3, NAN]),
        ("is_missing", [("number", [1.0, NAN])], {}, [0, 1]),
        ("size", [("texts", [["a", "a"], [], None])], {}, [2, 0, NAN]),
    ],
)  # fmt: skip
def test_values_are_those_of_the_formula(
    transform: str, inputs: list[tuple[str, list[Any]]], params: dict[str, Any], wanted: list[float]
) -> None:
    """Each transform gives what its summary says, to the last digits of a float32."""
    np.testing.assert_allclose(worked(transform, *inputs, **params), wanted, rtol=3e-7, atol=1e-7)


def test_fitted_scales_are_those_of_scikit_learn() -> None:
    """Standardised values and quantiles, of values that are spread over three powers of ten."""
    values = np.random.default_rng(4).lognormal(3.0, 1.0, 400)
    column = values.reshape(-1, 1)
    found = worked("standardise", ("number", values.tolist()))
    np.testing.assert_allclose(found, StandardScaler().fit_transform(column)[:, 0], rtol=1e-5)
    ranked = QuantileTransformer(n_quantiles=101).fit_transform(column)[:, 0]
    found = worked("quantile", ("number", values.tolist()))
    # Our knots are values that occurred, theirs lie between two: less than one of the 100 pieces.
    assert np.abs(np.array(found) - ranked).max() < 0.01


TITLES = ["blue mug", "blue blue cup", "red mug with blue rim", "tea"]
QUERIES = ["blue mug", "mug", "red rim", "kettle"]
WORDS = {"nodes": "tokenise"}


def test_tfidf_is_that_of_scikit_learn() -> None:
    """The cosine of query and title, where the words were counted over the titles."""
    vectors = TfidfVectorizer(token_pattern=r"\w+").fit(TITLES)
    pairs = zip(vectors.transform(QUERIES), vectors.transform(TITLES), strict=True)
    wanted = [float((a @ b.T).toarray()[0, 0]) for a, b in pairs]
    found = worked("tfidf_cosine", ("text", QUERIES), ("text", TITLES), **WORDS)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_bm25_is_that_of_the_paper() -> None:
    """Robertson's formula with the idf that is never below 0, as Lucene has it."""
    lengths = [len(title.split()) for title in TITLES]
    wanted = []
    for query, title in zip(QUERIES, TITLES, strict=True):
        words, score = title.split(), 0.0
        for word in query.split():
            df = sum(word in one.split() for one in TITLES)
            tf = words.count(word)
            norm = 1 - 0.75 + 0.75 * len(words) / (sum(lengths) / len(lengths))
            score += (
                math.log(1 + (len(TITLES) - df + 0.5) / (df + 0.5)) * tf * 2.2 / (tf + 1.2 * norm)
            )
        wanted.append(score)
    found = worked("bm25", ("text", QUERIES), ("text", TITLES), **WORDS)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("transform", "wanted"),
    [
        ("word_coverage", [1, 0, 1, 0]),
        ("word_overlap", [2, 0, 2, 0]),
        ("word_jaccard", [1, 0, 2 / 5, 0]),
        ("word_run", [2, 0, 1, 0]),
    ],
)
def test_words_in_common(transform: str, wanted: list[float]) -> None:
    """Shares, counts and runs of the words of a query in a title."""
    found = worked(transform, ("text", QUERIES), ("text", TITLES), **WORDS)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
