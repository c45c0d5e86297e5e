"""Mercer: search, ads and discovery for two-sided marketplaces."""

from pathlib import Path

from mercer.kernel_cache import drop_stale_kernels

__version__ = "0.1.0"

if (Path(__file__).parents[2] / ".git").exists():  # a checkout, in which files change one by one
    drop_stale_kernels(Path(__file__).parent)
