"""A synthetic marketplace whose true preferences are known. Imports only schema and metrics."""
