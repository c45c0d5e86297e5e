"""What an API key is: who may do what, how it is written down, and when it no longer counts.

The text that a client sends is `mercer_<id>_<secret>`. Only the SHA-256 of the secret is kept: the
secret is 32 random bytes, so that nothing slower than one hash is needed to protect it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from mercer.schema.errors import ConfigError

Scope = Literal["search", "events", "catalogue", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

ID_BYTES, SECRET_BYTES = 8, 32
MAX_NAME_CHARS = 100
MAX_RATE_PER_S = 100_000.0

_TEXT = re.compile(r"mercer_([a-z2-7]{13})_([A-Za-z0-9_-]{43})")
_ID = re.compile(r"[a-z2-7]{13}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key as it is stored."""

    key_id: str
    name: str  # what its owner calls it
    scopes: frozenset[Scope]
    secret_sha256: bytes
    created_ms: int
    rate_per_s: float | None = None  # requests; None: the server's default
    expires_ms: int | None = None  # None: never
    revoked_ms: int | None = None

    def state(self, *, now_ms: int) -> Literal["live", "expired", "revoked"]:
        """Whether it counts now."""
        if self.revoked_ms is not None:
            return "revoked"
        is_over = self.expires_ms is not None and now_ms >= self.expires_ms
        return "expired" if is_over else "live"

    def is_of(self, secret: bytes) -> bool:
        """Whether this is its secret; the time that takes says nothing about how much is right."""
        return hmac.compare_digest(hashlib.sha256(secret).digest(), self.secret_sha256)

    def may(self, scope: Scope) -> bool:
        """Whether it opens what needs this scope; admin opens everything."""
        return scope in self.scopes or "admin" in self.scopes


def new_key(
    random_bytes: bytes,
    *,
    name: str,
    scopes: Iterable[str],
    now_ms: int,
    rate_per_s: float | None = None,
    expires_ms: int | None = None,
) -> tuple[ApiKey, str]:
    """A key and its text, which is shown once and never stored.

    Args:
        random_bytes: ID_BYTES + SECRET_BYTES of them, from a source that nobody can guess.
    Raises:
        ConfigError: a scope that does not exist or none at all, a name or a rate out of bounds.
    """
    wanted = frozenset(scopes)
    if not wanted or wanted - set(SCOPES):
        got = ", ".join(sorted(wanted - set(SCOPES))) or "none"
        raise ConfigError(f"scopes: got {got}; allowed are {', '.join(SCOPES)}")
    if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable():
        raise ConfigError(f"name: 1 to {MAX_NAME_CHARS} printable characters, got {name[:120]!r}")
    if rate_per_s is not None and not 0 < rate_per_s <= MAX_RATE_PER_S:
        raise ConfigError(f"rate: above 0 and at most {MAX_RATE_PER_S:,.0f}/s, got {rate_per_s:g}")
    id_bytes, secret = random_bytes[:ID_BYTES], random_bytes[ID_BYTES:]
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"{ID_BYTES + SECRET_BYTES} bytes are needed, got {len(random_bytes)}")
    key_id = base64.b32encode(id_bytes).decode().rstrip("=").lower()
    text = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    key = ApiKey(
        key_id=key_id,
        name=name,
        scopes=frozenset(scope for scope in SCOPES if scope in wanted),
        secret_sha256=hashlib.sha256(secret).digest(),
        created_ms=now_ms,
        rate_per_s=rate_per_s,
        expires_ms=expires_ms,
    )
    return key, f"mercer_{key_id}_{text}"


def read_key_text(text: str) -> tuple[str, bytes] | None:
    """The id and the secret in a key's text; None where it is no such text."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    return match[1], base64.urlsafe_b64decode(match[2] + "=")


def is_key_id(text: str) -> bool:
    """Whether a text could be the id of a key."""
    return _ID.fullmatch(text) is not None
