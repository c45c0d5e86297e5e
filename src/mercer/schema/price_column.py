"""Prices of many listings in the one currency that they are compared in."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mercer.schema.money import Rates

I64s = npt.NDArray[np.int64]

NO_PRICE = -1
"""Where a listing has no price, or one in a currency without a rate."""


def reporting_price(listings: pa.Table | pa.RecordBatch, rates: Rates) -> I64s:
    """(n,) price in micros of the reporting currency; NO_PRICE where unknown or not convertible."""
    price = np.asarray(pc.fill_null(listings.column("price_micros"), NO_PRICE)).astype(np.int64)
    currency = listings.column("currency")
    out = np.full(len(price), NO_PRICE, np.int64)
    for code in pc.unique(currency).to_pylist():
        rate = rates.rate(rates.reporting if code is None else code)
        if rate is None:
            continue
        same = (
            pc.is_null(currency) if code is None else pc.fill_null(pc.equal(currency, code), False)
        )
        mine = np.asarray(same) & (price >= 0)
        out[mine] = price[mine] if rate == 1.0 else np.rint(price[mine] * rate).astype(np.int64)
    return out
