"""Facts that are likely of a listing: the kernel over the tables of `likely_tables`, and its twin."""

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.column import F64s, I64s, U64s
from mercer.features.kernel_types import U8S
from mercer.features.lookup import has_key, place_of
from mercer.features.text.likely_tables import Level, Likely
from mercer.text.kernel_types import F8S, I4S, I8S

LEVEL = nb.types.Tuple((U8S, I8S, I4S, F8S, I8S, I4S, F8S))  # type: ignore[no-untyped-call]
FACTS = nb.types.Tuple((U8S, I4S, F8S, U8S))  # type: ignore[no-untyped-call]


def facts_of(found: Likely) -> tuple[Any, ...]:
    """The facts as the kernel takes them."""
    return found.facts, found.attribute_of, found.overall, found.attributes


def level_of(level: Level) -> tuple[Any, ...]:
    """A level as the kernel takes it."""
    return (
        level.owners, level.first_fact, level.facts, level.values,
        level.first_attribute, level.attributes, level.known,
    )  # fmt: skip


@nb.njit(
    nb.types.UniTuple(nb.i8, 4)(LEVEL, nb.u8),  # type: ignore[no-untyped-call]
    cache=True,
    nogil=True,
)
def _spans(level: Any, owner: Any) -> Any:
    """Where the facts and the attributes of an owner begin and end; nothing where it is missing."""
    at = place_of(level[0], 0, level[0].size, owner) if owner != np.uint64(0) else -1
    if at < 0:
        return 0, 0, 0, 0
    return level[1][at], level[1][at + 1], level[4][at], level[4][at + 1]


@nb.njit(nb.i8(nb.u8[::1], nb.f8[::1], nb.i8, nb.i8, nb.i8, nb.u8, nb.f8), cache=True, nogil=True)
def _put(out: U64s, shares: F64s, begin: Any, n: Any, most: int, fact: Any, share: float) -> Any:
    """Put a fact among the n best, the highest share first, then the smaller id; how many there are."""
    at = n
    while at > 0 and (
        share > shares[at - 1] or (share == shares[at - 1] and fact < out[begin + at - 1])
    ):
        at -= 1
    if at >= most:
        return n
    for i in range(min(n, most - 1), at, -1):
        out[begin + i], shares[i] = out[begin + i - 1], shares[i - 1]
    out[begin + at], shares[at] = fact, share
    return min(n + 1, most)


@nb.njit(
    nb.void(
        I8S, I8S, U8S, U8S, U8S, FACTS, LEVEL, LEVEL, nb.f8, nb.f8, nb.f8, nb.i8,
        nb.i8[::1], nb.u8[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def likely_facts(
    known_starts: I64s, known_stops: I64s, known: U64s, category: U64s, seller: U64s,
    told: Any, categories: Any, sellers: Any,
    category_weight: float, seller_weight: float, min_share: float, most: int,
    offsets: I64s, out: U64s,
) -> None:  # fmt: skip
    """The likely facts of each row, of attributes that are not known of it.

    Facts of the category and of the seller both rise, so one walk over the two meets each fact once.

    Args:
        known_starts, known_stops, known: ids of the attributes that are known of each row.
        category, seller: (n,) ids; 0: missing.
        told, categories, sellers: `facts_of` and `level_of`.
        offsets, out: (n + 1,) and n * most; to be written.
    """
    facts, attribute_of, overall, attribute_ids = told
    shares, at = np.empty(most, np.float64), np.int64(0)
    for row in range(category.size):
        i, i_end, k, k_end = _spans(categories, category[row])
        j, j_end, m, m_end = _spans(sellers, seller[row])
        attribute, n, n_category, n_seller, is_known = -1, np.int64(0), 0.0, 0.0, False
        while i < i_end or j < j_end:
            in_category = i < i_end and (j == j_end or categories[2][i] <= sellers[2][j])
            in_seller = j < j_end and (i == i_end or sellers[2][j] <= categories[2][i])
            fact = categories[2][i] if in_category else sellers[2][j]
            if attribute_of[fact] != attribute:
                attribute = attribute_of[fact]
                key = attribute_ids[attribute]
                is_known = has_key(known, known_starts[row], known_stops[row], key)
                while k < k_end and categories[5][k] < attribute:
                    k += 1
                while m < m_end and sellers[5][m] < attribute:
                    m += 1
                is_there = k < k_end and categories[5][k] == attribute
                n_category = categories[6][k] if is_there else 0.0
                is_there = m < m_end and sellers[5][m] == attribute
                n_seller = sellers[6][m] if is_there else 0.0
            i += in_category
            j += in_seller
            if is_known:
                continue
            share = category_weight * overall[fact] / (n_category + category_weight)
            if in_category:
                share = categories[3][i - 1]
            count = sellers[3][j - 1] if in_seller else 0.0
            share = (count + seller_weight * share) / (n_seller + seller_weight)
            if share >= min_share:
                n = _put(out, shares, at, n, most, facts[fact], share)
        at += n
        offsets[row + 1] = at


def _plain(level: Level, owner: int) -> tuple[dict[int, float], dict[int, float]]:
    """Of an owner: fact -> value, attribute -> listings of which it is known."""
    place = level.owners.tolist().index(owner) if owner in level.owners.tolist() else -1
    if owner == 0 or place < 0:
        return {}, {}
    a, b = level.first_fact[place : place + 2].tolist()
    c, d = level.first_attribute[place : place + 2].tolist()
    return (
        dict(zip(level.facts[a:b].tolist(), level.values[a:b].tolist(), strict=True)),
        dict(zip(level.attributes[c:d].tolist(), level.known[c:d].tolist(), strict=True)),
    )


def likely_plain(
    known: Sequence[int], category: int, seller: int, found: Likely, *,
    category_weight: float, seller_weight: float, min_share: float, most: int,
) -> list[int]:  # fmt: skip
    """The twin of `likely_facts`, for one row."""
    shares, n_category = _plain(found.categories, category)
    counts, n_seller = _plain(found.sellers, seller)
    best = []
    for fact in {*shares, *counts}:
        attribute = int(found.attribute_of[fact])
        rare = category_weight * float(found.overall[fact])
        of_category = shares.get(fact, rare / (n_category.get(attribute, 0.0) + category_weight))
        share = (counts.get(fact, 0.0) + seller_weight * of_category) / (
            n_seller.get(attribute, 0.0) + seller_weight
        )
        if int(found.attributes[attribute]) not in known and share >= min_share:
            best.append((-share, int(found.facts[fact])))
    return [fact for _, fact in sorted(best)[:most]]
