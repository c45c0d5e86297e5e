"""Cookies that only this market can make: HMAC-SHA256 under a key of its own.

The shop sets and reads plain cookies; `SealedCookies` seals them on their way out and opens them on
their way in, so that no handler can forget to check. A cookie that is not ours never arrives.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import final

KEY_BYTES = 32
MAX_COOKIE_BYTES = 65_536  # of the whole header; the edge has refused more
_MAC_BYTES = 16
_MAC_CHARS = 22


@final
class Seal:
    """Seals texts for a purpose; a text sealed for one never opens for another."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key has {len(key)} bytes, {KEY_BYTES} are needed")
        self._key = key

    def seal(self, purpose: str, value: str) -> str:
        """`value.mac`."""
        return f"{value}.{self._mac(purpose, value)}"

    def open(self, purpose: str, sealed: str) -> str | None:
        """The value, or None where the seal is not ours."""
        value, dot, mac = sealed.rpartition(".")
        if not dot or len(mac) != _MAC_CHARS or not sealed.isascii():
            return None
        return value if hmac.compare_digest(mac, self._mac(purpose, value)) else None

    def _mac(self, purpose: str, value: str) -> str:
        message = f"{purpose}\x00{value}".encode()
        digest = hmac.digest(self._key, message, hashlib.sha256)[:_MAC_BYTES]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@final
class SealedCookies:
    """Opens and seals the cookies of these names; all others pass as they are."""

    def __init__(self, seal: Seal, names: Iterable[str]) -> None:
        self._seal, self._names = seal, frozenset(names)

    def opened(self, header: bytes) -> tuple[bytes, dict[str, str]]:
        """The Cookie header with the seals taken off, and what our cookies say; broken ones are gone."""
        kept, found = [], {}
        for part in header[:MAX_COOKIE_BYTES].decode("latin-1").split(";"):
            name, _, sealed = part.strip().partition("=")
            if name not in self._names:
                kept.append(part.strip())
                continue
            value = self._seal.open(name, sealed.strip('"'))
            if value is not None and name not in found:
                found[name] = value
                kept.append(f"{name}={value}")
        return "; ".join(kept).encode("latin-1"), found

    def sealed(self, header: bytes) -> bytes:
        """A Set-Cookie header whose value is sealed, where the cookie is one of ours and not empty."""
        text = header.decode("latin-1")
        pair, semicolon, attributes = text.partition(";")
        name, _, value = pair.partition("=")
        plain = value.strip('"')
        if name.strip() not in self._names or not plain:
            return header
        sealed = self._seal.seal(name.strip(), plain)
        return f"{name}={sealed}{semicolon}{attributes}".encode("latin-1")
