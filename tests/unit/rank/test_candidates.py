"""The order of candidates of several segments."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mercer.rank.candidates import _in_order, cosines
from mercer.rank.first_pass import _wishes
from mercer.retrieve.facet_reference import NO_REFERENCES
from mercer.retrieve.match import SemanticHits
from mercer.retrieve.query import AttributeWish


def _segment(rng: np.random.Generator, n: int) -> Any:
    """Rows by falling quality, then row id, as a segment has them."""
    prior = rng.integers(0, 4, n).astype(np.float32) / 4
    row_id = rng.permutation(10 * n)[:n].astype(np.int64)
    order = np.lexsort((row_id, -prior))
    return SimpleNamespace(prior=prior[order], row_id=row_id[order])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("n_scores", [1, 7, 10_000])
def test_equals_come_by_quality_then_row_id(n_scores: int, kind: Any) -> None:
    """Whatever segments they stand in, and however many are equal; scores from the highest."""
    rng = np.random.default_rng(n_scores)
    for sizes in ([40], [40, 1], [300, 25, 60]):
        segments = [_segment(rng, 2 * n) for n in sizes]
        rows = [np.sort(rng.permutation(2 * n)[:n]).astype(np.int64) for n in sizes]
        scores = [rng.integers(-n_scores, n_scores, n).astype(kind) for n in sizes]
        parts = [np.full(n, i, np.int32) for i, n in enumerate(sizes)]
        head = _in_order(segments, parts, rows, scores, [np.zeros(n, np.uint8) for n in sizes])
        prior = np.concatenate([s.prior[r] for s, r in zip(segments, rows, strict=True)])
        row_id = np.concatenate([s.row_id[r] for s, r in zip(segments, rows, strict=True)])
        want = np.lexsort((row_id, -prior, -np.concatenate(scores)))
        assert head.part.tolist() == np.concatenate(parts)[want].tolist()
        assert head.row.tolist() == np.concatenate(rows)[want].tolist()


def test_a_wish_for_a_field_that_no_row_has() -> None:
    """It counts for nothing, and no label is looked at: a segment may have no compact copy of them."""
    labels = SimpleNamespace(
        span=lambda field: range(0), find=lambda field, folded: [], offsets=np.zeros(1, np.int64)
    )
    segment: Any = SimpleNamespace(labels=labels)
    wanted: Any = SimpleNamespace(wishes=(AttributeWish("attributes.colour", "blue", "blue"),))
    far = np.array([2**31], np.uint32)
    assert _wishes(far, segment, wanted, NO_REFERENCES).tolist() == [0]


def test_hits_keep_their_cosine() -> None:
    """The rest is asked of the vectors; a hit that is no candidate is passed over."""
    hits = SemanticHits(np.array([8, 2, 9]), np.array([0.8, 0.2, 0.9], np.float32))
    asked: list[int] = []

    def scores(query: Any, rows: Any) -> Any:
        asked.extend(rows.tolist())
        return rows.astype(np.float32)

    segment: Any = SimpleNamespace(vectors=SimpleNamespace(scores=scores))
    found, is_hit = cosines(np.ones(2, np.float32), segment, np.array([2, 3, 8], np.uint32), hits)
    assert found.tolist() == [np.float32(0.2), 3.0, np.float32(0.8)]
    assert is_hit.tolist() == [True, False, True]
    assert asked == [3]
