"""Lists of a request beside each of its candidates."""

import numpy as np

from mercer.features.row_kernel import repeat_spans


def test_each_list_is_repeated_for_itself():
    """Every row of list k has the span of list k, a missing one included."""
    spans = np.array([[0, 3], [5, 5], [2, 1]])
    out = np.full((3, 2, 4), -7)
    repeat_spans(spans, out)
    assert out.tolist() == [[[start] * 4, [stop] * 4] for start, stop in spans.tolist()]
