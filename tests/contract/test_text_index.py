"""The laws of `retrieve.text_index.TextIndex`, over tantivy and the reference."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mercer.engines.embedded.index.text_tantivy import TantivyBuilder, TantivyIndex
from mercer.retrieve.text_index import TextGroup, TextIndex
from mercer.text.analyze import Tokeniser, stem
from mercer.text.listing_text import TEXT_FIELDS
from support.plain_text_index import PlainTextIndex

Row = dict[str, str]  # text by field; a field that is missing is empty
Make = Callable[[list[Row]], TextIndex]


def groups(*words: str) -> list[TextGroup]:
    return [TextGroup(((stem(word),),)) for word in words]


@pytest.fixture(params=["tantivy", "plain"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """An index over rows, built in two batches whose listings are in another order than the rows."""

    def plain(rows: list[Row]) -> TextIndex:
        split = [tuple([stem(w) for w in r.get(f, "").split()] for f in TEXT_FIELDS) for r in rows]
        return PlainTextIndex(split)

    def tantivy(rows: list[Row]) -> TextIndex:
        order = np.random.default_rng(0).permutation(len(rows))  # listing of each row
        by_listing: list[Row] = [{}] * len(rows)
        for row, listing in enumerate(order.tolist()):
            by_listing[listing] = rows[row]
        builder, tokeniser = TantivyBuilder(tmp_path / "text", n_threads=1), Tokeniser()
        half = len(rows) // 2
        for batch in (by_listing[:half], by_listing[half:]):
            known = len(tokeniser)
            tokens = {f: tokeniser.run([row.get(f, "") for row in batch]) for f in TEXT_FIELDS}
            builder.add(tokens, tokeniser.vocabulary(start=known))
        builder.finish(order)
        return TantivyIndex(tmp_path / "text")

    return plain if request.param == "plain" else tantivy


def random_rows(seed: int, n: int) -> list[Row]:
    rng = random.Random(seed)
    words = ["mugs", "lamp", "red", "blue", "蓝色", "1.5", "wool"]
    return [
        {f: " ".join(rng.choices(words, k=rng.randint(0, 4))) for f in TEXT_FIELDS}
        for _ in range(n)
    ]


def n_groups(row: Row, asked: list[TextGroup]) -> int:
    have = {stem(w) for f in TEXT_FIELDS for w in row[f].split()}
    return sum(any(set(way) <= have for way in g.alternatives) for g in asked if g.is_required)


ASKED: list[tuple[list[TextGroup], int]] = [
    (groups("lamp"), 1),
    (groups("mugs", "red"), 2),
    (groups("mugs", "red"), 1),
    (groups("mugs", "red", "wool"), 2),
    (groups("absent"), 1),
    (groups("absent", "red"), 1),
    ([TextGroup(((stem("mugs"),), (stem("red"), stem("wool"))))], 1),
    ([TextGroup(((stem("mugs"),), (stem("蓝色"),))), *groups("blue")], 2),
    ([*groups("blue"), TextGroup(((stem("lamp"),),), is_required=False)], 1),
]


def test_exactly_the_rows_with_enough_groups(make: Make) -> None:
    """Laws 1 and 2: with k above their number all of them come, each once, and no others."""
    rows = random_rows(1, 60)
    index = make(rows)
    for asked, least in ASKED:
        found = index.top(asked, min_groups=least, k=1_000).tolist()
        assert len(found) == len(set(found))
        assert set(found) == {i for i, r in enumerate(rows) if n_groups(r, asked) >= least}, asked


def test_fewer_are_the_best_of_all(make: Make) -> None:
    """Law 2: the first k of k + 1 are those of k, but for rows of equal score."""
    index = make(random_rows(2, 60))
    for asked, least in ASKED:
        everything = index.top(asked, min_groups=least, k=1_000)
        for k in (1, 3, 10):
            found = index.top(asked, min_groups=least, k=k)
            assert len(found) == min(k, len(everything))
            assert found.dtype == np.int64
            assert set(found.tolist()) <= set(everything.tolist())


def filler(n: int) -> list[Row]:
    return [{"title": "plain thing", "labels": "x", "category": "y", "description": "z"}] * n


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"title": "rare thing"}, {"title": "common thing"}),
        ({"title": "common thing"}, {"title": "some thing", "labels": "common"}),
        ({"title": "some thing", "labels": "common"}, {"title": "some thing", "description": "common"}),
        ({"title": "common rare"}, {"title": "common thing"}),
    ],
)  # fmt: skip
def test_rarer_and_heavier_is_never_behind(make: Make, better: Row, worse: Row) -> None:
    """Law 3: a rarer word, a heavier field, or one word more of the query decides."""
    rows = [*filler(40), worse, *[{"title": "common thing"}] * 8, better, *filler(10)]
    found = make(rows).top(groups("rare", "common"), min_groups=1, k=1_000).tolist()
    assert found.index(49) < found.index(40)


def test_searching_again_gives_the_same(make: Make) -> None:
    """Nothing is learnt from a search."""
    index = make(random_rows(3, 40))
    first: list[Any] = [index.top(a, min_groups=n, k=7).tolist() for a, n in ASKED]
    assert first == [index.top(a, min_groups=n, k=7).tolist() for a, n in ASKED]
