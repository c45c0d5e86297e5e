"""The log of a market in files: catalogue, events, pages, and what keeps it in order."""
