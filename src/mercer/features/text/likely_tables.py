"""What categories and sellers make likely: the tables that `likely_facts` reads, from its counts."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mercer.features.column import F64s, I64s, U64s
from mercer.features.pair_counts import PairCounts, keys_of
from mercer.features.transform import Arrays

I32s = npt.NDArray[np.int32]

RARE: Final = 0.1  # listings that a fact counts for before any states it
OVERALL_WEIGHT: Final = 5.0  # listings whose facts nobody knows, among all of an attribute
KEPT: Final = 0.25  # of the share that is asked for: facts of an owner that are rarer are not kept


@dataclass(frozen=True, slots=True)
class Level:
    """What is kept of the listings of each owner: of a category, or of a seller."""

    owners: U64s  # (k,) ids, rising
    first_fact: I64s  # (k + 1,) owner i has facts[first_fact[i]:first_fact[i + 1]]
    facts: I32s  # places in `Likely.facts`, rising
    values: F64s  # of a category the share of the fact; of a seller the listings that have it
    first_attribute: I64s  # (k + 1,)
    attributes: I32s  # places in `Likely.attributes`, rising
    known: F64s  # listings of the owner of which the attribute is known


@dataclass(frozen=True, slots=True)
class Likely:
    """Facts by attribute, and who has them."""

    facts: U64s  # (n_facts,) ids, in the order of their attributes
    attribute_of: I32s  # (n_facts,) places in `attributes`, rising
    overall: F64s  # (n_facts,) share among all listings of which the attribute is known
    attributes: U64s  # (n_attributes,) ids
    categories: Level
    sellers: Level


@dataclass(frozen=True, slots=True)
class _Facts:
    """All facts that listings state and that are no measures, in the order of their attributes."""

    ids: U64s
    attribute_of: I32s  # places in `attributes`
    attributes: U64s  # rising
    by_id: I64s  # places in `ids`, so that the ids rise

    @classmethod
    def of(cls, fitted: Arrays) -> "_Facts":
        order = np.lexsort((fitted["fact_keys"], fitted["fact_attributes"]))
        ids = fitted["fact_keys"][order]
        attributes, of = np.unique(fitted["fact_attributes"][order], return_inverse=True)
        return cls(ids, of.astype(np.int32), attributes, np.argsort(ids))

    def places(self, things: U64s) -> I64s:
        """Of each thing its place in `ids`, -1 where it is none."""
        at = _places(self.ids[self.by_id], things)
        return np.where(at >= 0, self.by_id[at], -1) if self.ids.size else at


@dataclass(frozen=True, slots=True)
class _Rows:
    """Counts of facts beside those of their attributes at the same owner; and those of attributes."""

    owners: U64s
    facts: I64s
    n_fact: F64s
    n_attribute: F64s
    attribute_owners: U64s
    attributes: I64s
    n_known: F64s

    @classmethod
    def of(cls, pairs: PairCounts, facts: _Facts) -> "_Rows":
        fact, attribute = facts.places(pairs.things), _places(facts.attributes, pairs.things)
        is_fact, is_attribute = fact >= 0, attribute >= 0
        owners, mine = pairs.owners[is_fact], fact[is_fact]
        ids = facts.attributes[facts.attribute_of[mine]]
        at = _places(pairs.keys, keys_of(owners, ids))
        known = np.where(at >= 0, pairs.counts[at], 0) if pairs.keys.size else at
        return cls(
            owners, mine, pairs.counts[is_fact].astype(np.float64), known.astype(np.float64),
            pairs.owners[is_attribute], attribute[is_attribute],
            pairs.counts[is_attribute].astype(np.float64),
        )  # fmt: skip


def likely_tables(
    fitted: Arrays, *, category_weight: float, min_share: float, max_sellers: int
) -> Likely:
    """The tables of what was counted.

    Args:
        fitted: see `likely_facts.LikelyFit`.
        category_weight: listings of a category that the share among all counts for.
        min_share: that is asked for; facts of an owner with a share below a quarter of it are left out.
        max_sellers: those with most listings are kept; of equal ones the smaller id.
    """
    every = _Facts.of(fitted)
    pairs = PairCounts.from_arrays(fitted, "category")
    rows = _Rows.of(pairs, every)
    n_fact = _summed(rows.facts, rows.n_fact, every.ids.size)
    n_known = _summed(rows.attributes, rows.n_known, every.attributes.size)
    overall = (n_fact + RARE) / (n_known[every.attribute_of] + OVERALL_WEIGHT)
    shares = (rows.n_fact + category_weight * overall[rows.facts]) / (
        rows.n_attribute + category_weight
    )
    category = (rows.owners != 0) & (shares >= KEPT * min_share)
    sold = PairCounts.from_arrays(fitted, "seller")
    sellers = _largest(sold, most=max_sellers)
    theirs = _Rows.of(sold, every)
    seller = _places(sellers, theirs.owners) >= 0
    seller &= theirs.n_fact >= KEPT * min_share * theirs.n_attribute
    kept = np.unique(np.concatenate([rows.facts[category], theirs.facts[seller]]))
    return Likely(
        every.ids[kept], every.attribute_of[kept], overall[kept], every.attributes,
        _level(rows, category, shares, kept, among=np.unique(rows.owners[rows.owners != 0])),
        _level(theirs, seller, theirs.n_fact, kept, among=sellers),
    )  # fmt: skip


def _level(rows: _Rows, is_kept: Any, values: F64s, kept: I64s, *, among: U64s) -> Level:
    facts = np.searchsorted(kept, rows.facts[is_kept]).astype(np.int32)
    first_fact, order = _by_owner(rows.owners[is_kept], facts, among)
    known = _places(among, rows.attribute_owners) >= 0
    attributes = rows.attributes[known].astype(np.int32)
    first_attribute, behind = _by_owner(rows.attribute_owners[known], attributes, among)
    return Level(
        among, first_fact, facts[order], values[is_kept][order],
        first_attribute, attributes[behind], rows.n_known[known][behind],
    )  # fmt: skip


def _by_owner(owners: U64s, things: I32s, among: U64s) -> tuple[I64s, I64s]:
    """Where the things of each of `among` begin, and the order of owners, then things."""
    order = np.lexsort((things, owners))
    first = np.searchsorted(owners[order], among)
    return np.append(first, owners.size).astype(np.int64), order


def _largest(pairs: PairCounts, *, most: int) -> U64s:
    """Owners with most listings, rising; the thing 0 counts listings."""
    is_owner = pairs.things == 0
    owners, counts = pairs.owners[is_owner], pairs.counts[is_owner]
    return np.sort(owners[np.lexsort((owners, -counts))[:most]])


def _places(rising: U64s, keys: U64s) -> I64s:
    """Of each key its place in `rising`, -1 where it is not there."""
    if not rising.size:
        return np.full(keys.size, -1)
    at = np.minimum(np.searchsorted(rising, keys), rising.size - 1)
    return np.where(rising[at] == keys, at, -1)


def _summed(places: I64s, counts: F64s, n: int) -> F64s:
    return np.bincount(places, counts, minlength=n).astype(np.float64)


_LEVEL: Final = (
    "owners", "first_fact", "facts", "values", "first_attribute", "attributes", "known"
)  # fmt: skip
_OWN: Final = ("facts", "attribute_of", "overall", "attributes")


def to_arrays(found: Likely) -> Arrays:
    """As they are saved."""
    levels = {
        f"{name}_{part}": getattr(level, part)
        for name, level in (("category", found.categories), ("seller", found.sellers))
        for part in _LEVEL
    }
    return {**{f"likely_{part}": getattr(found, part) for part in _OWN}, **levels}


def from_arrays(saved: Arrays) -> Likely:
    """As `to_arrays` gave them."""
    levels = [
        Level(*(saved[f"{name}_{part}"] for part in _LEVEL)) for name in ("category", "seller")
    ]
    facts, attribute_of, overall, attributes = (saved[f"likely_{part}"] for part in _OWN)
    return Likely(facts, attribute_of, overall, attributes, *levels)
