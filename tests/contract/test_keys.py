"""The laws of API keys in tables, over SQLite and a real PostgreSQL."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mercer.engines.embedded import keys as key_tables
from mercer.engines.embedded.keys import SqlKeys
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.schema.api_key import ID_BYTES, SECRET_BYTES, ApiKey, new_key
from mercer.schema.errors import NotFoundError
from mercer.serve.access.access import Keys

_conforms: type[Keys] = SqlKeys


@pytest.fixture
def keys(url: str) -> Iterator[SqlKeys]:
    opened = SqlKeys(url)
    with opened._write.begin() as db:
        db.execute(sa.delete(key_tables._KEY))
    yield opened
    opened.close()


def _key(seed: int, *scopes: str, **more: float) -> ApiKey:
    random_bytes = bytes([seed]) * (ID_BYTES + SECRET_BYTES)
    return new_key(random_bytes, name=f"k{seed}", scopes=scopes, now_ms=seed, **more)[0]  # type: ignore[arg-type]  # numbers of the test


def test_what_was_stored_comes_back(keys: SqlKeys) -> None:
    """Every field survives, in the order in which keys were made."""
    assert keys.is_empty()
    assert keys.all() == []
    first = _key(1, "events", "search", rate_per_s=2.5, expires_ms=99)
    second = _key(2, "admin")
    keys.add(second)
    keys.add(first)
    assert keys.all() == [first, second]
    assert keys.find(first.key_id) == first
    assert keys.find("nobody") is None
    assert not keys.is_empty()


def test_a_revoked_key_stays_and_keeps_its_first_time(keys: SqlKeys) -> None:
    """Revoking twice is revoking once, and a market that had a key is never again one without any."""
    key = _key(1, "admin")
    keys.add(key)
    assert keys.revoke(key.key_id, now_ms=50).revoked_ms == 50
    assert keys.revoke(key.key_id, now_ms=60).revoked_ms == 50
    found = keys.find(key.key_id)
    assert found is not None
    assert found.state(now_ms=1) == "revoked"
    assert not keys.is_empty()
    with pytest.raises(NotFoundError, match="keys list"):
        keys.revoke("nobody", now_ms=1)


def test_another_process_sees_it_at_once(keys: SqlKeys, url: str) -> None:
    """What one opener commits, the next call of another one finds."""
    other = SqlKeys(url)
    assert other.is_empty()
    key = _key(3, "search")
    keys.add(key)
    assert other.find(key.key_id) == key
    keys.revoke(key.key_id, now_ms=9)
    again = other.find(key.key_id)
    assert again is not None
    assert again.revoked_ms == 9
    other.close()


def test_a_rebuilt_catalogue_leaves_them_alone(keys: SqlKeys, url: str) -> None:
    """`mercer rebuild` drops what it can make again from the log; keys it could not."""
    key = _key(4, "search")
    keys.add(key)
    catalogue = SqlCatalogue(url)
    catalogue.clear()
    catalogue.close()
    assert keys.find(key.key_id) == key


def test_a_revocation_outlives_a_kill(tmp_path: Path) -> None:
    """A process that dies right after the call has revoked the key."""
    url = f"sqlite:///{tmp_path / 'tables.db'}"
    key = _key(5, "admin")
    opened = SqlKeys(url)
    opened.add(key)
    program = (
        "import os, sys; from mercer.engines.embedded.keys import SqlKeys; "
        "SqlKeys(sys.argv[1]).revoke(sys.argv[2], now_ms=7); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, url, key.key_id], check=False)
    assert done.returncode == -9
    found = opened.find(key.key_id)
    assert found is not None
    assert found.revoked_ms == 7
    opened.close()
