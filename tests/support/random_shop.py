"""A shop of random listings: a live index and the same catalogue as a dict, for laws of the search."""

import random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mercer.engines.embedded.index.generation import is_for_sale
from mercer.engines.embedded.index.live_index import LiveIndex
from mercer.retrieve.match import MatchParams
from support.index_kit import RATES, changed_rows, generation_of
from support.search_twin import Twin

CURRENCIES = {"USD": 1.0, "EUR": 1.25}
WORDS = ["red", "blue", "mug", "cup", "lamp", "wool", "silver", "rings", "moon", "oak", "without"]
FACETS = ("category", "tags", "color", "size", "seller", "currency")
N_IDS = 30


def random_item(rng: random.Random) -> dict[str, Any]:
    """A listing of few different words and numbers, so that priors, prices and times tie."""
    attributes: dict[str, Any] = {}
    if rng.random() < 0.7:
        attributes["color"] = rng.choices(["red", "Red", "blue"], k=rng.randint(1, 2))
    if rng.random() < 0.5:
        attributes["size"] = rng.choice(["10", "10.0", "12"])
    paths = [[], ["Home"], ["Home", "Mugs"], ["Home", "Lamps"], ["Art", "Mugs"]]
    found = {
        "title": " ".join(rng.choices(WORDS, k=rng.randint(1, 5))),
        "description": " ".join(rng.choices(WORDS, k=rng.choice([0, 0, 3, 80]))),
        "tags": rng.sample(["gift", "moon", "Retro", "retro"], k=rng.randint(0, 2)),
        "category_path": rng.choice(paths),
        "attributes": attributes,
        "seller_id": rng.choice(["", "s1", "s2", "s3"]),
        "price": rng.choice([None, 0, 5, 8, 10, 25]),
        "currency": rng.choice(["USD", "USD", "EUR", "CHF"]),
        "quantity": rng.choice([1, 1, 1, 1, 3, 0]),
        "is_hidden": rng.random() < 0.1,
        "created_ms": rng.choice([10**12, 2 * 10**12]),
        "rating": rng.choice([None, 2.5, 5.0]),
        "rating_count": rng.choice([0, 10]),
        "sold_count": rng.choice([0, 30]),
    }
    return {name: value for name, value in found.items() if value is not None}


def random_change(rng: random.Random) -> list[tuple[int, dict[str, Any] | None]]:
    """Some listings with their new content, None for those that are deleted."""
    ids = rng.sample(range(N_IDS), k=rng.randint(1, 6))
    return [(at, random_item(rng) if rng.random() < 0.75 else None) for at in ids]


QUERY = st.one_of(
    st.lists(st.sampled_from([*WORDS, "xyzzy"]), min_size=1, max_size=4).map(" ".join),
    st.sampled_from(
        ["", "mu", "ri", "red mug -wool", 'lamp -"blue cup"', "mug without moon", '"red mug" lamp',
         "mug under 9", "lamp over 6 eur", "wool not red", "mugs", "-red -mug", "retro gift", "xyzzy",
         "home", "ring -red"]
    ),
)  # fmt: skip
FILTER = st.sampled_from(
    ["", "", 'color = "red"', 'color = "RED" AND price <= 10', "NOT size = 10", "price: 5..10",
     'category = "Mugs"', 'category = "Home > Mugs" OR tags = "retro"', "EXISTS price AND rating >= 3",
     'seller IN ["s1", "s2"] AND color = "blue"', "size > 10", 'NOT EXISTS seller', 'currency = "EUR"',
     'color = "red" AND size = 10 AND category = "Home"', "quantity > 1 OR sold_count < 5"]
)  # fmt: skip


def item(at: int, content: dict[str, Any]) -> dict[str, Any]:
    return {"listing_id": f"l{at}", **content}


class Shop:
    """A live index, and the same catalogue as a dict."""

    def __init__(self, first: list[dict[str, Any]], changes: list[Any]) -> None:
        rows = changed_rows([item(at, c) for at, c in enumerate(first)], range(len(first)))
        self.live: dict[int, dict[str, Any]] = {}
        self.versions: dict[int, int] = {}  # of every listing that ever was
        self._note(rows)
        self.index = LiveIndex(generation_of(rows.filter(is_for_sale(rows))), RATES)
        for version, batch in enumerate(changes, 2):
            if batch:
                self.apply(batch, version)

    def apply(self, batch: Any, version: int) -> None:
        gone = {"title": "", "is_deleted": True}
        items = [item(at, gone if c is None else c) for at, c in batch]
        items = [i | ({"title": "gone"} if i.get("is_deleted") else {}) for i in items]
        rows = changed_rows(items, [at for at, _ in batch], version=version)
        self._note(rows)
        self.index.apply(rows)

    def _note(self, rows: Any) -> None:
        for row in rows.to_pylist():
            is_on = not (row["is_deleted"] or row["is_hidden"]) and row["quantity"] > 0
            self.live.pop(row["row_id"], None)
            self.versions[row["row_id"]] = row["version"]
            if is_on:
                self.live[row["row_id"]] = row

    def twin(self, params: MatchParams) -> Twin:
        standing = [
            r for s in self.index.snapshot().segments for r in s.documents.table.to_pylist()
        ]
        return Twin(self.live, standing, CURRENCIES, params.enough, params.min_share)

    def cosines(self, query: Any) -> dict[int, float]:
        """Of every living listing, from its text alone: by brute force, one at a time."""
        snapshot, out = self.index.snapshot(), {}
        for part in snapshot.parts:
            for row in range(part.segment.n):
                row_id = int(part.segment.row_id[row])
                if part.alive[row >> 6] >> np.uint64(row & 63) & np.uint64(1):
                    out[row_id] = float(
                        part.segment.vectors.row_vectors(np.array([row]))[0] @ query
                    )
        return out


def random_shop(seed: int, n_listings: int, n_changes: int) -> Shop:
    rng = random.Random(seed)
    first = [random_item(rng) for _ in range(n_listings)]
    return Shop(first, [random_change(rng) for _ in range(n_changes)])


SHOPS = st.builds(random_shop, st.integers(0, 10**9), st.integers(1, N_IDS), st.integers(0, 6))
