"""The counters of a market: their shared memory, what keeps them up to date, and who reads them."""
