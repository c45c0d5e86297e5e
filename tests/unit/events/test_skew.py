"""What time it was: order kept, never the future, right clocks left alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mercer.events.skew import NO_TIME, TOLERANCE_MS, corrected_ms

NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
times = st.lists(st.integers(0, 2 * NOW_MS), min_size=1, max_size=20)


def corrected(given_ms: list[int], *, sent_ms: int | None) -> list[int]:
    found = corrected_ms(np.array(given_ms, np.int64), sent_ms=sent_ms, received_ms=NOW_MS)
    return [int(t) for t in found]


@given(given_ms=times, sent_ms=st.none() | st.integers(0, 2 * NOW_MS))
def test_order_is_kept_and_nothing_is_from_the_future(
    given_ms: list[int], sent_ms: int | None
) -> None:
    """Whatever the clock says, an earlier event stays no later, and all lie in 0..now."""
    found = corrected(sorted(given_ms), sent_ms=sent_ms)
    assert found == sorted(found)
    assert found[0] >= 0
    assert found[-1] <= NOW_MS


@given(
    ago_ms=st.lists(st.integers(0, 30 * 24 * HOUR_MS), min_size=1),
    wrong_ms=st.integers(-1_000 * HOUR_MS, 1_000 * HOUR_MS),
    way_ms=st.integers(0, 2_000),
)
def test_a_wrong_clock_is_set_right(ago_ms: list[int], wrong_ms: int, way_ms: int) -> None:
    """However wrong the clock, a batch that says when it was sent is right to within the tolerance."""
    true_ms = [NOW_MS - way_ms - ago for ago in ago_ms]
    found = corrected([t + wrong_ms for t in true_ms], sent_ms=NOW_MS - way_ms + wrong_ms)
    assert max(abs(f - t) for f, t in zip(found, true_ms, strict=True)) <= TOLERANCE_MS + way_ms


def test_a_right_clock_is_left_alone() -> None:
    """A way of up to five seconds is no fault of the clock; beyond it all times move alike."""
    ago = [NOW_MS - 60_000, NOW_MS - 50_000]
    assert corrected(ago, sent_ms=NOW_MS - TOLERANCE_MS) == ago
    moved = corrected(ago, sent_ms=NOW_MS - TOLERANCE_MS - 1)
    assert moved == [t + TOLERANCE_MS + 1 for t in ago]


def test_without_a_word_about_the_clock() -> None:
    """Without `sent_ms` the past stands, the future becomes now, and no time is now."""
    assert corrected([5, NOW_MS + 9, NO_TIME], sent_ms=None) == [5, NOW_MS, NOW_MS]
