"""Sealed cookies: ours come back as they were, everything else is gone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.serve.access.seal import Seal, SealedCookies

SEAL = Seal(b"k" * 32)
COOKIES = SealedCookies(SEAL, ["mercer_visitor"])
VALUE = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-_.", min_size=1, max_size=60)


@given(VALUE, VALUE)
def test_a_seal_opens_for_its_own_purpose_and_key_only(purpose: str, value: str) -> None:
    """What was sealed opens; for another purpose, another key or another value it does not."""
    sealed = SEAL.seal(purpose, value)
    assert SEAL.open(purpose, sealed) == value
    assert SEAL.open(purpose + "x", sealed) is None
    assert Seal(b"K" * 32).open(purpose, sealed) is None
    assert SEAL.open(purpose, "x" + sealed) is None
    assert SEAL.open(purpose, sealed[:-1]) is None


@given(st.text(max_size=60))
def test_nothing_else_opens(text: str) -> None:
    """No text that we did not seal is ours, and none makes it fail."""
    assert SEAL.open("p", text) is None
    assert SEAL.open("p", text + "." + "A" * 22) is None


def test_cookies_are_sealed_on_their_way_out_and_opened_on_their_way_in() -> None:
    """A handler sees the plain value; the browser keeps the sealed one with its attributes."""
    sent = COOKIES.sealed(b"mercer_visitor=abc; HttpOnly; Path=/; SameSite=lax")
    assert sent.startswith(b"mercer_visitor=abc.")
    assert sent.endswith(b"; HttpOnly; Path=/; SameSite=lax")
    pair = sent.partition(b";")[0]
    assert COOKIES.opened(b"theme=dark; " + pair) == (
        b"theme=dark; mercer_visitor=abc",
        {"mercer_visitor": "abc"},
    )


@pytest.mark.parametrize(
    "name", ["mercer_visitor=abc", "mercer_visitor=abc.AAAA", "mercer_visitor="]
)
def test_a_cookie_that_is_not_ours_never_arrives(name: str) -> None:
    """A forged visitor is no visitor; other cookies pass."""
    assert COOKIES.opened(f"a=1; {name}; b=2".encode()) == (b"a=1; b=2", {})


def test_other_cookies_and_removals_are_left_alone() -> None:
    """A cookie that is removed (empty) and those of other names are sent as they are."""
    for header in (b'mercer_visitor=""; Max-Age=0', b"mercer_visitor=; Max-Age=0", b"theme=dark"):
        assert COOKIES.sealed(header) == header


def test_the_key_has_its_length() -> None:
    """A short key is a fault of ours, told at the start."""
    with pytest.raises(ValueError, match="32"):
        Seal(b"short")
