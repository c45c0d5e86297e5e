"""Numbers of Arrow columns as a plan reads them: any type, any slice, missing as NaN."""

import numpy as np
import pyarrow as pa
import pytest

from mercer.features.arrow_in import column_of


@pytest.mark.parametrize(
    "dtype", [pa.int64(), pa.int32(), pa.uint8(), pa.float64(), pa.float32()], ids=str
)
def test_a_slice_keeps_its_gaps(dtype: pa.DataType) -> None:
    """Wherever it begins in the bits that say what is there."""
    values = [None if i % 3 == 0 else i for i in range(100)]
    array = pa.array(values, dtype)
    for first in range(0, 40, 7):
        got = column_of(array.slice(first, 33), "number", name="x")
        want = [np.nan if v is None else float(v) for v in values[first : first + 33]]
        np.testing.assert_array_equal(got, want)
        assert got.dtype == np.float64


@pytest.mark.parametrize(
    ("array", "want"),
    [
        (pa.array([True, None]), [1.0, np.nan]),
        (pa.array([None, None]), [np.nan, np.nan]),
        (pa.array([None, 5 * 10**9], pa.timestamp("ns")), [np.nan, 5000.0]),
        (pa.array([1.5, None, float("nan")], pa.float32()), [1.5, np.nan, np.nan]),
        (pa.array([], pa.int64()), []),
    ],
    ids=["boolean", "null", "timestamp", "nan", "empty"],
)
def test_what_counts_as_a_number(array: pa.Array, want: list[float]) -> None:
    """Booleans are 0 and 1, moments are milliseconds, what is not there is NaN."""
    np.testing.assert_array_equal(column_of(array, "number", name="x"), want)
