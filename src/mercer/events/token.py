"""Item tokens: proof that we showed this listing at this position of this page.

A token is 36 bytes as 48 characters of base64url, without padding:

    key id 1 | page_id 16 | position 2, big-endian | flags 1 (bit 0: sponsored) | mac 16

The mac is the first 16 bytes of HMAC-SHA256, under the key of that id, over the first 20 bytes and
the listing id in UTF-8. The listing id itself is not in the token: the event names it, and a token
that came with another listing does not verify. A token has no time of its own; it is as old as its
page, whose UUIDv7 begins with the millisecond it was served.

Source: HMAC, RFC 2104; truncation to half of the hash, RFC 2104 section 5.
"""

import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.schema.event import STANDINGS

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
U1s = npt.NDArray[np.uint8]

KEY_BYTES = 32
MAX_KEY_ID = 255
MAX_TOKEN_POSITION = 2**16 - 1
TOKEN_CHARS = 48

_MAC_BYTES, _SIGNED_BYTES = 16, 20
_TOKEN_BYTES = _SIGNED_BYTES + _MAC_BYTES
_PAGE = slice(1, 17)
_SPONSORED = 1
_SIGNED, _NONE, _FORGED, _EXPIRED = map(
    STANDINGS.index, ("signed", "none", "forged", "expired")
)  # codes of `Verified.standing`
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_IN_ALPHABET = np.isin(np.arange(256), np.frombuffer(_ALPHABET, np.uint8))
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DASHES = (8, 13, 18, 23)  # of a UUID as text
_NOT_DASHES = np.setdiff1d(np.arange(36), _DASHES)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The secrets that tokens are signed with; an old key verifies until it is dropped."""

    keys: Mapping[int, bytes]  # id in 0..255 -> KEY_BYTES bytes
    current: int  # the key that signs

    def __post_init__(self) -> None:
        for key_id, key in self.keys.items():
            if not 0 <= key_id <= MAX_KEY_ID or len(key) != KEY_BYTES:
                raise ValueError(
                    f"a key has an id in 0..{MAX_KEY_ID} and {KEY_BYTES} bytes, "
                    f"got id {key_id} and {len(key)} bytes"
                )
        if self.current not in self.keys:
            raise ValueError(f"current is {self.current}, the keys are {sorted(self.keys)}")

    def __repr__(self) -> str:
        return f"KeyRing(ids={sorted(self.keys)}, current={self.current})"  # never the secrets


@dataclass(frozen=True, slots=True)
class Verified:
    """What the tokens of n events prove; page, position and flag only where `standing` is signed."""

    standing: U1s  # (n,) index into STANDINGS
    page_id: Any  # (n,) pa.Array of string, else null
    position: Ints  # (n,) 1 for the top of the page, else 0
    is_sponsored: Bools  # (n,) else False

    @property
    def is_signed(self) -> Bools:
        """(n,) true where the token is ours and fresh."""
        is_signed: Bools = self.standing == _SIGNED
        return is_signed


@dataclass(frozen=True, slots=True)
class _Keyed:
    """HMAC under one key, both pads hashed once (RFC 2104 section 4)."""

    inner: Any
    outer: Any

    @classmethod
    def of(cls, key: bytes) -> "_Keyed":
        block = np.frombuffer(key.ljust(64, b"\0"), np.uint8)
        inner, outer = (hashlib.sha256((block ^ pad).tobytes()) for pad in (0x36, 0x5C))
        return cls(inner, outer)

    def mac(self, message: bytes) -> bytes:
        inner, outer = self.inner.copy(), self.outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()[:_MAC_BYTES]  # type: ignore[no-any-return]  # hashlib objects are untyped here


@lru_cache(maxsize=4)
def _keyed(key: bytes) -> _Keyed:
    """Of the few keys that sign one after the other."""
    return _Keyed.of(key)


def sign_many(
    ring: KeyRing,
    page_id: str,
    listing_ids: Sequence[str],
    positions: Sequence[int],
    sponsored: Sequence[bool],
) -> list[str]:
    """Tokens of the listings of one page.

    Args:
        ring: the current key signs.
        page_id: UUIDv7 of the page; a token is as old as it says.
        listing_ids: (n,) what is shown.
        positions: (n,) 1 for the top of the page, up to MAX_TOKEN_POSITION.
        sponsored: (n,) whether the slot was paid for.
    Returns:
        (n,) texts of TOKEN_CHARS characters.
    Raises:
        ValueError: page_id is no UUID, a position is out of range, or the lengths differ.
    """
    keyed = _keyed(ring.keys[ring.current])
    head = bytes([ring.current]) + UUID(page_id).bytes
    raw = []
    for listing_id, position, flag in zip(listing_ids, positions, sponsored, strict=True):
        if not 1 <= position <= MAX_TOKEN_POSITION:
            raise ValueError(f"position must lie in 1..{MAX_TOKEN_POSITION}, got {position}")
        signed = head + position.to_bytes(2, "big") + (b"\1" if flag else b"\0")
        raw.append(signed + keyed.mac(signed + listing_id.encode()))
    text = binascii.b2a_base64(b"".join(raw), newline=False).translate(_TO_URL).decode()
    return [text[i : i + TOKEN_CHARS] for i in range(0, len(text), TOKEN_CHARS)]


def verify_many(
    ring: KeyRing,
    tokens: Sequence[str | None],
    listing_ids: Sequence[str],
    *,
    now_ms: int,
    ttl_ms: int,
) -> Verified:
    """What the token of each event proves about its listing.

    Args:
        ring: keys that may have signed.
        tokens: (n,) as they came; None where there was none.
        listing_ids: (n,) of the events.
        now_ms: the server's clock.
        ttl_ms: a token counts until its page is so old; at that age it is expired.
    Returns:
        For each: "none" without a token; "signed" where the mac is right and the page young enough;
        "expired" where only the age is wrong; "forged" for everything else, an unknown key included.
        The time that a comparison takes does not depend on how much of a mac is right.
    """
    n = len(tokens)
    standing = np.full(n, _NONE, np.uint8)
    given = [i for i, token in enumerate(tokens) if token is not None]
    standing[given] = _FORGED
    at, raw = _decoded(tokens, given)
    keyed: dict[int, _Keyed | None] = {}  # of the keys that the tokens name
    data = raw.tobytes()
    ours_at = []
    for k, i in enumerate(at):
        row = data[k * _TOKEN_BYTES : (k + 1) * _TOKEN_BYTES]
        if row[0] not in keyed:
            keyed[row[0]] = _Keyed.of(ring.keys[row[0]]) if row[0] in ring.keys else None
        with_key = keyed[row[0]]
        if with_key is not None:
            mac = with_key.mac(row[:_SIGNED_BYTES] + listing_ids[i].encode())
            if hmac.compare_digest(mac, row[_SIGNED_BYTES:]):
                ours_at.append(k)
    ours, mine = raw[ours_at], np.array(at, np.int64)[ours_at]
    is_fresh = now_ms - _served_ms(ours) < ttl_ms
    standing[mine] = np.where(is_fresh, _SIGNED, _EXPIRED)
    return _columns(standing, mine[is_fresh], ours[is_fresh])


def _decoded(tokens: Sequence[str | None], given: list[int]) -> tuple[list[int], U1s]:
    """Places of the tokens that are well formed, and their bytes (k, _TOKEN_BYTES)."""
    at = [i for i in given if len(t := tokens[i] or "") == TOKEN_CHARS and t.isascii()]
    text = "".join(tokens[i] or "" for i in at).encode("ascii")
    chars = np.frombuffer(text, np.uint8).reshape(-1, TOKEN_CHARS)
    fits: Bools = np.all(_IN_ALPHABET[chars], axis=1)
    if not fits.all():
        at = [i for i, ok in zip(at, fits.tolist(), strict=True) if ok]
        text = chars[fits].tobytes()
    # 48 characters are 36 bytes exactly, so the joined text decodes like each of them.
    raw = np.frombuffer(binascii.a2b_base64(text.translate(_FROM_URL)), np.uint8)
    return at, raw.reshape(-1, _TOKEN_BYTES)


def _served_ms(raw: U1s) -> Ints:
    """(k,) the first 48 bits of the page's UUIDv7."""
    wide = np.zeros((len(raw), 8), np.uint8)
    wide[:, 2:] = raw[:, 1:7]
    return wide.view(">i8")[:, 0].astype(np.int64)


def _columns(standing: U1s, at: Ints, raw: U1s) -> Verified:
    """Columns of all n events; `raw` (k, _TOKEN_BYTES) belongs to the signed ones at `at`."""
    n = len(standing)
    position, is_sponsored = np.zeros(n, np.int64), np.zeros(n, np.bool_)
    position[at] = raw[:, 17].astype(np.int64) * 256 + raw[:, 18]
    is_sponsored[at] = (raw[:, 19] & _SPONSORED).astype(np.bool_)
    place = np.full(n, -1, np.int64)
    place[at] = np.arange(len(at))
    pages = _uuid_texts(raw[:, _PAGE]).take(pa.array(place, mask=place < 0))
    return Verified(standing, pages, position, is_sponsored)


def _uuid_texts(raw: U1s) -> Any:
    """(k, 16) bytes as a (k,) string array of UUIDs."""
    text = np.full((len(raw), 36), ord("-"), np.uint8)
    digits = np.stack([raw >> 4, raw & 15], axis=2).reshape(len(raw), 32)
    text[:, _NOT_DASHES] = _HEX[digits]
    return (
        pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(36), len(raw), [None, pa.py_buffer(text.tobytes())]
        )
        .cast(pa.binary())
        .cast(pa.string())
    )
