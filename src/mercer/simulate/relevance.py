"""How well every listing really answers a query: by what it is, not by what its text says."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.schema.errors import InputError
from mercer.simulate.catalogue import World
from mercer.simulate.query import SimQuery
from mercer.simulate.truth import COLUMN, VOCABULARIES, Truth, taste_of_styles
from mercer.simulate.words.likelihood import MATERIAL_CLASS, ROOT_WEIGHT
from mercer.simulate.words.taxonomy import Leaf, taxonomy

Relevances = NDArray[np.float32]
Factors = NDArray[Any]  # (n,) numbers in [0, 1] or booleans

# What is left of a listing's relevance when an attribute that was asked for has another value.
OTHERWISE: Final = {
    "color": 0.3, "material": 0.3, "occasion": 0.45, "recipient": 0.4, "size": 0.35, "shape": 0.4, "era": 0.4,
    "closure": 0.35, "pattern": 0.45, "finish": 0.5, "theme": 0.06,
}  # fmt: skip
APPEAL_SHARE: Final = 0.25  # of relevance that craft and beauty decide
GRADE_FROM: Final = (0.2, 0.45, 0.72)  # least relevance of grades 1, 2, 3

JUDGMENTS: Final = pa.schema(
    [
        pa.field("query_id", pa.string(), nullable=False),
        pa.field("query", pa.string(), nullable=False),  # as typed
        pa.field("listing_id", pa.string(), nullable=False),
        pa.field("grade", pa.int8(), nullable=False),  # 0..3
    ]
)

_NEAR_COLORS: Final = (
    "white beige", "gray silver", "navy blue", "blue teal", "green teal", "red burgundy", "pink rose_gold",
    "gold yellow", "gold rose_gold", "copper rose_gold", "brown copper", "orange red", "purple pink",
    "black navy",
    "brown beige", "clear white",
)  # fmt: skip
_NEAR_RECIPIENTS: Final = (
    "mom women", "mom grandma", "wife women", "wife girlfriend", "sister women", "girlfriend women",
    "dad men",
    "husband men", "husband boyfriend", "boyfriend men", "kids girls", "kids boys", "kids toddler",
    "baby toddler",
    "unisex women", "unisex men", "best_friend sister", "bride women", "unisex kids",
)  # fmt: skip


def relevance(world: World, query: SimQuery) -> Relevances:
    """(n_listings,) true relevance in [0, 1] of every listing.

    A listing that is sold out, hidden, outside a limit, or has what was refused is 0. Otherwise the
    attributes asked for multiply: 1 where the listing has the value, less where it nearly has it.
    Craft and beauty decide the last quarter; a style is judged by taste as well as by name.

    Raises:
        InputError: the query names an attribute or a value that does not exist.
    """
    t = world.truth
    score = (1.0 - APPEAL_SHARE) + APPEAL_SHARE * (0.6 * t.craft + 0.4 * t.beauty)
    # Who names no thing at all means the one attribute named: a near miss counts for less.
    names_a_thing = any(name in ("category", "theme") for name, _ in query.wanted)
    for name, value in query.wanted:
        fit = fit_of(t, name, value)
        score *= fit if names_a_thing else fit * fit
    for name, value in query.unwanted:
        score *= ~has_value(t, name, value)
    score *= (t.quantity > 0) & ~t.is_hidden
    if query.price_min_micros is not None:
        score *= t.price_micros >= query.price_min_micros
    if query.price_max_micros is not None:
        score *= t.price_micros <= query.price_max_micros
    return score.astype(np.float32)


def grades(relevances: Relevances) -> NDArray[np.int8]:
    """Grades 0..3 of relevances in [0, 1], element by element."""
    return np.searchsorted(GRADE_FROM, relevances, side="right").astype(np.int8)


def judgments(
    world: World, queries: Sequence[SimQuery], *, n_zero: int = 20, seed: int = 0
) -> pa.Table:
    """A table of JUDGMENTS: all listings of grade > 0 of each query, and up to n_zero of grade 0."""
    rng = np.random.default_rng([seed, world.seed, 1_000_033])
    columns: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]] = []
    for number, query in enumerate(queries):
        grade = grades(relevance(world, query))
        good, bad = np.flatnonzero(grade > 0), np.flatnonzero(grade == 0)
        some = np.sort(rng.choice(bad, size=min(n_zero, len(bad)), replace=False))
        rows = np.concatenate([good, some])
        columns.append((np.full(len(rows), number), rows, grade[rows]))
    which, rows, grade = (
        (np.concatenate(c) for c in zip(*columns, strict=True))
        if columns
        else (np.zeros(0, int),) * 3
    )
    ids = pa.array([q.query_id for q in queries], pa.string())
    texts = pa.array([q.text for q in queries], pa.string())
    listing = pa.array([listing_id(int(r)) for r in rows], pa.string())
    return pa.table(
        [
            ids.take(pa.array(which)),
            texts.take(pa.array(which)),
            listing,
            pa.array(grade, pa.int8()),
        ],
        schema=JUDGMENTS,
    )


def listing_id(number: int) -> str:
    """The outside id of a listing number; the same as in the catalogue."""
    return f"L{number:08d}"


def fit_of(t: Truth, name: str, value: str) -> Factors:
    """(n,) factor in [0, 1] for one wanted value. Raises InputError where there is no such value."""
    if name == "category":
        of_leaf: Factors = _category_table()[_leaf_number(value)]
        return of_leaf[t.category]
    if name == "root":
        return np.where(_root_of_leaf()[t.category] == _root_number(value), 1.0, 0.1)
    if name in ("width_cm", "height_cm"):
        return _in_limit(t, name, value)
    if name == "style":
        return _style_fit(t, _number(name, value))
    wanted = _number(name, value)
    fit: Factors = _near_table(name)[wanted][t.values[:, COLUMN[name]]]
    if name == "color":
        fit = np.maximum(fit, np.where(t.second_color == wanted, np.float32(0.85), np.float32(0)))
    return fit


def has_value(t: Truth, name: str, value: str) -> NDArray[np.bool_]:
    """(n,) whether the listing really has the value."""
    has: NDArray[np.bool_]
    if name == "category":
        has = t.category == _leaf_number(value)
    elif name == "root":
        has = _root_of_leaf()[t.category] == _root_number(value)
    else:
        number = _number(name, value)
        has = t.values[:, COLUMN[name]] == number
        if name == "color":
            has = has | (t.second_color == number)
    return has


def _style_fit(t: Truth, style: int) -> NDArray[Any]:
    alike = np.maximum(t.taste @ taste_of_styles()[style], 0.0)  # (n,)
    return np.where(t.values[:, COLUMN["style"]] == style, np.float32(1), 0.3 + 0.4 * alike)


def _in_limit(t: Truth, name: str, value: str) -> Factors:
    length = t.width_cm if name == "width_cm" else t.height_cm
    sign, number = value[:2], value[2:]
    if sign not in ("<=", ">=") or not number.replace(".", "", 1).isdigit():
        raise InputError(f"{name} must be wanted as <=NUMBER or >=NUMBER, got {value!r}")
    within: Factors = length <= float(number) if sign == "<=" else length >= float(number)
    return within


def _number(name: str, value: str) -> int:
    if name not in COLUMN:
        raise InputError(f"no attribute {name!r}; there are {', '.join(COLUMN)}")
    try:
        return VOCABULARIES[COLUMN[name]].index(value)
    except ValueError:
        raise InputError(f"{name} {value!r} does not exist in the synthetic catalogue") from None


@cache
def _leaf_numbers() -> dict[str, int]:
    return {leaf.name: i for i, leaf in enumerate(taxonomy())}


def _leaf_number(name: str) -> int:
    try:
        return _leaf_numbers()[name]
    except KeyError:
        raise InputError(f"no leaf category {name!r} in the synthetic taxonomy") from None


def _root_number(name: str) -> int:
    roots = list(ROOT_WEIGHT)
    if name not in roots:
        raise InputError(f"no root category {name!r}; there are {', '.join(roots)}")
    return roots.index(name)


@cache
def _root_of_leaf() -> NDArray[np.int64]:
    roots = list(ROOT_WEIGHT)
    return np.array([roots.index(leaf.root) for leaf in taxonomy()])


def _alike(a: Leaf, b: Leaf) -> float:
    """How far a thing of one leaf answers who wants one of another."""
    if a is b:
        return 1.0
    if set(a.nouns) & set(b.nouns):
        return 0.7
    same_word = {n.split()[-1] for n in a.nouns} & {n.split()[-1] for n in b.nouns}
    if same_word and a.root == b.root:
        return 0.5
    if same_word or (a.picture == b.picture and a.root == b.root):
        return 0.25
    return 0.08 if a.root == b.root else 0.0


@cache
def _category_table() -> Relevances:
    """(n_leaves, n_leaves) factor of a wanted leaf (row) for a listing's leaf (column)."""
    leaves = taxonomy()
    return np.array([[_alike(a, b) for b in leaves] for a in leaves], np.float32)


@cache
def _near_table(name: str) -> Relevances:
    """(n_values, n_values + 1) factor of a wanted value for a listing's; the last column is none."""
    values = VOCABULARIES[COLUMN[name]].values
    table = np.full((len(values), len(values) + 1), OTHERWISE[name], np.float32)
    near: Sequence[str] = {"color": _NEAR_COLORS, "recipient": _NEAR_RECIPIENTS}.get(name, ())
    for pair in near:
        a, b = (values.index(p.replace("_", " ")) for p in pair.split())
        table[a, b] = table[b, a] = 0.65
    if name == "material":
        for i, a_name in enumerate(values):
            same = [MATERIAL_CLASS[b] == MATERIAL_CLASS[a_name] for b in values]
            table[i, :-1] = np.where(same, np.float32(0.6), table[i, :-1])
    np.fill_diagonal(table[:, :-1], 1.0)
    return table
