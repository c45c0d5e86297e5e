"""Token buckets: how many requests a key or an address may send.

A bucket of `burst` tokens fills at `rate_per_s`; each request takes one. Who is quiet may send a
burst, who is not gets the rate. Memory is bounded: the bucket that was used longest ago goes first,
which gives its owner a full one again.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import final

V6_PREFIX_BITS = 64  # of one household; a single address would be no limit at all


@dataclass(frozen=True, slots=True)
class Quota:
    """How much one caller may ask."""

    name: str  # of the policy, as the headers call it
    rate_per_s: float
    burst: int

    @property
    def window_s(self) -> int:
        """Seconds until an empty bucket is full again."""
        return max(1, math.ceil(self.burst / self.rate_per_s))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands after a request."""

    quota: Quota
    is_allowed: bool
    left: float  # tokens
    retry_s: int  # until the next request is allowed; 0 where this one was

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 names them, and `Retry-After` where it is needed."""
        quota = self.quota
        full_s = math.ceil((quota.burst - self.left) / quota.rate_per_s)
        made = {
            "RateLimit-Policy": f'"{quota.name}";q={quota.burst};w={quota.window_s}',
            "RateLimit": f'"{quota.name}";r={int(self.left)};t={full_s}',
        }
        return made if self.is_allowed else {**made, "Retry-After": str(self.retry_s)}


@final
class Buckets:
    """The buckets of all callers. Not thread-safe: it lives on the event loop.

    Args:
        max_callers: buckets in memory.
    """

    def __init__(self, *, max_callers: int = 100_000) -> None:
        self._max_callers = max_callers
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, caller: str, quota: Quota, *, now_s: float, cost: float = 1.0) -> Standing:
        """Take the price of one request, or say when there will be enough for it.

        Args:
            now_s: a clock that never goes back.
            cost: tokens; a refused request takes none.
        """
        tokens, at_s = self._kept.get(caller, (float(quota.burst), now_s))
        tokens = min(quota.burst, tokens + (now_s - at_s) * quota.rate_per_s)
        is_allowed = tokens >= cost
        if is_allowed:
            tokens -= cost
        self._kept[caller] = (tokens, now_s)
        self._kept.move_to_end(caller)
        if len(self._kept) > self._max_callers:
            self._kept.popitem(last=False)
        wait_s = 0 if is_allowed else max(1, math.ceil((cost - tokens) / quota.rate_per_s))
        return Standing(quota, is_allowed, tokens, wait_s)


def caller_of_address(address: str) -> str:
    """Who an address is for a limit: itself, or the /64 network of an IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        mapped: IPv4Address | None = parsed.ipv4_mapped
        if mapped is not None:
            return str(mapped)
        return f"{IPv6Address(int(parsed) >> V6_PREFIX_BITS << V6_PREFIX_BITS)}/{V6_PREFIX_BITS}"
    return str(parsed)
