"""Which address a request comes from, when a proxy stands between."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any, final

from starlette.datastructures import Headers
from starlette.types import Scope

from mercer.schema.errors import ConfigError

_MAX_HOPS = 20  # of X-Forwarded-For; more is nobody's honest chain


@final
class Proxies:
    """The proxies whose word about the client is taken.

    Args:
        trusted: addresses or networks such as "127.0.0.1" or "10.0.0.0/8".
    Raises:
        ConfigError: one of them is neither.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks = [_network(one) for one in trusted]

    def client(self, scope: Scope, headers: Headers) -> tuple[str, bool]:
        """The client's address, and whether it spoke TLS to the outermost proxy.

        Read from the right: each trusted hop vouches for the one before it, and the first that is not
        trusted is the client, whatever it wrote to the left of itself.
        """
        peer: Any = scope.get("client")
        address = str(peer[0]) if peer else ""
        is_tls = scope.get("scheme") == "https"
        if not self._networks or not self._trusts(address):
            return address, is_tls
        proto = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        is_tls = proto == "https" if proto else is_tls
        hops = [hop.strip() for hop in ",".join(headers.getlist("x-forwarded-for")).split(",")]
        for hop in reversed(hops[-_MAX_HOPS:]):
            if not _is_address(hop):
                break
            address = hop
            if not self._trusts(hop):
                break
        return address, is_tls

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def _network(text: str) -> Any:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ConfigError(
            f"--trust-proxy {text!r}: an address such as 127.0.0.1 or a network such as 10.0.0.0/8"
        ) from None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
