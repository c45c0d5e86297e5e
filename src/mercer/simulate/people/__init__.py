"""Who comes to the market: people with tastes and needs, and machines without; see `visit.py`."""
