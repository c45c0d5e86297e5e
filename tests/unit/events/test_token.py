"""Item tokens: what they prove, and that nothing else is taken for a proof."""

import base64
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.events.token import KeyRing, Verified, sign_many, verify_many
from mercer.schema.event import STANDINGS

DAY_MS = 86_400_000
SERVED_MS = 0x019C2A3B4C5D
PAGE = "019c2a3b-4c5d-7e8f-9a0b-1c2d3e4f5061"
KEY = bytes(range(32))

ids = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)
keys = st.dictionaries(st.integers(0, 255), st.binary(min_size=32, max_size=32), min_size=1)


def ring_of(secrets: dict[int, bytes], current: int | None = None) -> KeyRing:
    return KeyRing(secrets, min(secrets) if current is None else current)


def verify(ring: KeyRing, token: Any, listing_id: str, *, age_ms: int = 1) -> Verified:
    return verify_many(ring, [token], [listing_id], now_ms=SERVED_MS + age_ms, ttl_ms=DAY_MS)


def standing(found: Verified) -> str:
    return STANDINGS[found.standing[0]]


@pytest.mark.parametrize(
    ("key_id", "listing_id", "position", "sponsored", "token"),
    [
        (7, "Tasse-№17", 258, True, "BwGcKjtMXX6PmgscLT5PUGEBAgEnCE-4cQhopI8wj0J2Vai9"),
        (255, "mug-17", 1, False, "_wGcKjtMXX6PmgscLT5PUGEAAQCCyp2jG06qkk5IfmQtZmCS"),
    ],
)
def test_golden(key_id: int, listing_id: str, position: int, sponsored: bool, token: str) -> None:
    """The bytes are those that `openssl dgst -sha256 -mac HMAC` and `base64` made of the written format."""
    ring = ring_of({key_id: KEY})
    assert sign_many(ring, PAGE, [listing_id], [position], [sponsored]) == [token]
    found = verify(ring, token, listing_id)
    assert standing(found) == "signed"
    assert found.page_id.to_pylist() == [PAGE]
    assert (found.position[0], found.is_sponsored[0]) == (position, sponsored)


@given(
    secrets=keys,
    page=st.uuids(version=None),
    shown=st.lists(st.tuples(ids, st.integers(1, 65_535), st.booleans()), max_size=5),
)
def test_what_was_signed_is_signed(secrets: Any, page: Any, shown: Any) -> None:
    """verify(sign(x)) is signed and gives x back, for every listing of a page."""
    ring = ring_of(secrets)
    listing, position, sponsored = zip(*shown, strict=True) if shown else ((), (), ())
    tokens = sign_many(ring, str(page), listing, position, sponsored)
    served_ms = int.from_bytes(page.bytes[:6], "big")
    found = verify_many(ring, tokens, listing, now_ms=served_ms + DAY_MS - 1, ttl_ms=DAY_MS)
    assert [STANDINGS[s] for s in found.standing] == ["signed"] * len(shown)
    assert found.is_signed.all()
    assert found.page_id.to_pylist() == [str(page)] * len(shown)
    assert found.position.tolist() == list(position)
    assert found.is_sponsored.tolist() == list(sponsored)


@given(bit=st.integers(0, 36 * 8 - 1), secret=st.binary(min_size=32, max_size=32))
def test_any_flipped_bit_is_forged(bit: int, secret: bytes) -> None:
    """A token with one bit changed, wherever it is, proves nothing, and says nothing."""
    ring = ring_of({9: secret, 8: KEY}, 9)
    (token,) = sign_many(ring, PAGE, ["mug"], [3], [True])
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[bit // 8] ^= 1 << bit % 8
    found = verify(ring, base64.urlsafe_b64encode(raw).decode(), "mug")
    assert standing(found) == "forged"
    assert found.page_id.to_pylist() == [None]
    assert (found.position[0], found.is_sponsored[0]) == (0, False)


@given(one=ids, other=ids)
def test_another_listing_is_forged(one: str, other: str) -> None:
    """A token is good for the listing it was made for, and for no other."""
    ring = ring_of({1: KEY})
    (token,) = sign_many(ring, PAGE, [one], [1], [False])
    assert standing(verify(ring, token, other)) == ("signed" if one == other else "forged")


def test_unknown_key_is_forged() -> None:
    """A key that is not on the ring, or another secret under the same id, signs nothing."""
    (token,) = sign_many(ring_of({1: KEY}), PAGE, ["mug"], [1], [False])
    assert standing(verify(ring_of({2: KEY}), token, "mug")) == "forged"
    assert standing(verify(ring_of({1: os.urandom(32)}), token, "mug")) == "forged"
    assert standing(verify(ring_of({2: os.urandom(32), 1: KEY}), token, "mug")) == "signed"


@given(age_ms=st.integers(-DAY_MS, 3 * DAY_MS))
def test_age(age_ms: int) -> None:
    """A token counts until its page is as old as the time to live, and is expired from then on."""
    ring = ring_of({1: KEY})
    (token,) = sign_many(ring, PAGE, ["mug"], [5], [True])
    found = verify(ring, token, "mug", age_ms=age_ms)
    assert standing(found) == ("signed" if age_ms < DAY_MS else "expired")
    assert bool(found.is_sponsored[0]) == (age_ms < DAY_MS)


@settings(max_examples=300)
@given(
    tokens=st.lists(
        st.none() | st.text(max_size=60) | st.text("Aa-_09+/=", min_size=48, max_size=48)
    )
)
def test_any_text_is_judged(tokens: list[str | None]) -> None:
    """No token is "none"; any other text is forged, and disturbs no neighbour that is signed."""
    ring = ring_of({1: KEY})
    signed = sign_many(ring, PAGE, ["mug"], [1], [False])
    found = verify_many(
        ring, [*tokens, *signed], ["mug"] * (len(tokens) + 1), now_ms=SERVED_MS, ttl_ms=DAY_MS
    )
    want = ["none" if t is None else "forged" for t in tokens] + ["signed"]
    assert [STANDINGS[s] for s in found.standing] == want


def test_wrong_arguments_are_refused() -> None:
    """A position that does not fit, a page that is no UUID and a short key are the caller's fault."""
    ring = ring_of({1: KEY})
    for page, position in ((PAGE, 0), (PAGE, 65_536), ("p1", 1)):
        with pytest.raises(ValueError):
            sign_many(ring, page, ["mug"], [position], [False])
    for secrets, current in (({1: b"short"}, 1), ({1: KEY}, 2), ({256: KEY}, 256)):
        with pytest.raises(ValueError):
            KeyRing(secrets, current)
    assert KEY.hex() not in repr(ring)
    assert repr(KEY) not in repr(ring)
