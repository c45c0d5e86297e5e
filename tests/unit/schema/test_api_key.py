"""API keys: what is stored, what is shown, and when one counts."""

import dataclasses
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.schema.api_key import ID_BYTES, SECRET_BYTES, is_key_id, new_key, read_key_text
from mercer.schema.errors import ConfigError

N_BYTES = ID_BYTES + SECRET_BYTES


@given(st.binary(min_size=N_BYTES, max_size=N_BYTES))
def test_a_text_is_read_back(random_bytes: bytes) -> None:
    """The text holds id and secret, and only the secret's hash is kept."""
    key, text = new_key(random_bytes, name="n", scopes=["search"], now_ms=1)
    read = read_key_text(text)
    assert read is not None
    assert read == (key.key_id, random_bytes[ID_BYTES:])
    assert is_key_id(key.key_id)
    assert key.is_of(read[1])
    assert not key.is_of(read[1][:-1] + bytes([read[1][-1] ^ 1]))
    assert key.secret_sha256 == hashlib.sha256(read[1]).digest()
    assert text.split("_", 2)[2] not in repr(key)  # its own letters may hold a "_" as well


@given(st.text(max_size=80))
def test_any_other_text_is_no_key(text: str) -> None:
    """Nothing but the exact form is read."""
    assert read_key_text(text) is None
    assert read_key_text("mercer_" + text) is None


def test_it_counts_until_it_ends() -> None:
    """Expired from that very millisecond on; revoked wins over expired."""
    key, _ = new_key(bytes(N_BYTES), name="n", scopes=["search"], now_ms=1, expires_ms=10)
    assert [key.state(now_ms=at) for at in (9, 10)] == ["live", "expired"]
    revoked = dataclasses.replace(key, revoked_ms=5)
    assert revoked.state(now_ms=20) == "revoked"


def test_admin_opens_everything_and_others_only_theirs() -> None:
    """Scopes are separate doors; admin has all of them."""
    search, _ = new_key(bytes(N_BYTES), name="n", scopes=["search"], now_ms=1)
    admin, _ = new_key(bytes(N_BYTES), name="n", scopes=["admin"], now_ms=1)
    assert search.may("search")
    assert not search.may("catalogue")
    assert not search.may("admin")
    assert all(admin.may(scope) for scope in ("search", "events", "catalogue", "admin"))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"scopes": []}, "allowed are search, events, catalogue, admin"),
        ({"scopes": ["search", "root"]}, "got root"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"rate_per_s": 0.0}, "rate"),
        ({"rate_per_s": float("nan")}, "rate"),
    ],
)
def test_what_makes_no_key_is_said(more: dict[str, object], words: str) -> None:
    """A wrong scope, name or rate is a sentence before anything is stored."""
    given_ = {"name": "n", "scopes": ["search"], "now_ms": 1} | more
    with pytest.raises(ConfigError, match=words):
        new_key(bytes(N_BYTES), **given_)  # type: ignore[arg-type]  # wrong on purpose
