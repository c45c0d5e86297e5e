"""Mercer: search, ads and discovery for two-sided marketplaces."""

__version__ = "0.1.0"
