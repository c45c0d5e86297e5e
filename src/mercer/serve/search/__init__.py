"""A search from the request to the written page."""
