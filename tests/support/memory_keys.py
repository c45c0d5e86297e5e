"""Keys in memory: the protocol that the gate asks."""

from collections.abc import Iterable

from mercer.schema.api_key import ID_BYTES, SECRET_BYTES, ApiKey, new_key


class MemoryKeys:
    """Implements the Keys protocol over a dict; counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}
        self.n_asked = 0

    def make(
        self,
        *scopes: str,
        rate_per_s: float | None = None,
        expires_ms: int | None = None,
        revoked_ms: int | None = None,
    ) -> str:
        """A new key; its text."""
        seed = len(self.keys) + 1
        random_bytes = bytes([seed]) * (ID_BYTES + SECRET_BYTES)
        key, text = new_key(
            random_bytes, name=f"k{seed}", scopes=scopes, now_ms=1, rate_per_s=rate_per_s,
            expires_ms=expires_ms,
        )  # fmt: skip
        self.keys[key.key_id] = key
        if revoked_ms is not None:
            self.revoke(text, now_ms=revoked_ms)
        return text

    def revoke(self, text: str, *, now_ms: int = 2) -> None:
        """As `mercer keys revoke` does."""
        key_id = text.split("_")[1]
        old = self.keys[key_id]
        self.keys[key_id] = ApiKey(
            key_id=key_id,
            name=old.name,
            scopes=old.scopes,
            secret_sha256=old.secret_sha256,
            created_ms=old.created_ms,
            rate_per_s=old.rate_per_s,
            expires_ms=old.expires_ms,
            revoked_ms=now_ms,
        )

    def find(self, key_id: str) -> ApiKey | None:
        self.n_asked += 1
        return self.keys.get(key_id)

    def is_empty(self) -> bool:
        return not self.keys


def bearer(text: str) -> dict[str, str]:
    """The header that carries a key."""
    return {"authorization": f"Bearer {text}"}


def cookies_of(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """All Set-Cookie headers of an answer."""
    return [value.decode() for name, value in headers if name == b"set-cookie"]
