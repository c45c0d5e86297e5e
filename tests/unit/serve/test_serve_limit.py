"""Rate limits: token buckets, their headers, whom an address stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.serve.access.limit import Buckets, Quota, caller_of_address

TEN = Quota("key", 10.0, 20)


@given(
    rate=st.floats(0.1, 1e4),
    burst=st.integers(1, 1_000),
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_never_more_than_the_burst_and_the_rate(rate: float, burst: int, gaps: list[float]) -> None:
    """In any time a caller gets at most its burst and what the rate adds."""
    buckets, quota, now_s, allowed = Buckets(), Quota("q", rate, burst), 100.0, 0
    for gap in gaps:
        now_s += gap
        allowed += buckets.take("me", quota, now_s=now_s).is_allowed
        assert allowed <= burst + rate * (now_s - 100.0 - gaps[0]) + 1e-6


def test_a_refusal_says_when_to_come_again() -> None:
    """After `Retry-After` seconds the next request is allowed, and a refusal costs nothing."""
    buckets, quota = Buckets(), Quota("key", 0.5, 2)
    assert [buckets.take("a", quota, now_s=0.0).is_allowed for _ in range(3)] == [True, True, False]
    refused = buckets.take("a", quota, now_s=0.0)
    assert refused.headers() == {
        "RateLimit-Policy": '"key";q=2;w=4',
        "RateLimit": '"key";r=0;t=4',
        "Retry-After": "2",
    }
    assert buckets.take("a", quota, now_s=float(refused.retry_s)).is_allowed


def test_callers_do_not_share() -> None:
    """One who asks too much takes nothing from the others."""
    buckets = Buckets()
    for _ in range(30):
        buckets.take("greedy", TEN, now_s=0.0)
    assert buckets.take("quiet", TEN, now_s=0.0).left == 19


def test_memory_is_bounded() -> None:
    """A million addresses take no more than the bound, and the busy ones stay."""
    buckets = Buckets(max_callers=100)
    for i in range(1_000):
        buckets.take("busy", Quota("q", 0.001, 5), now_s=0.0)
        buckets.take(f"one-off {i}", TEN, now_s=0.0)
    assert len(buckets) == 100
    assert not buckets.take("busy", Quota("q", 0.001, 5), now_s=0.0).is_allowed


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2%eth0", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_whom_an_address_stands_for(address: str, caller: str) -> None:
    """An IPv6 household is one caller; what is no address is one too."""
    assert caller_of_address(address) == caller
