"""The way in from outside: HTTP API, pages, clocks, processes."""
