"""What several contracts are tested over."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path, absent: Callable[[str], NoReturn]) -> str:
    """Of tables in SQLite, and in a real PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tables.db'}"
    if found := os.environ.get("MERCER_TEST_POSTGRES_URL"):
        return found
    absent(
        "MERCER_TEST_POSTGRES_URL is not set; scripts/test_servers.sh starts a server and sets it"
    )
