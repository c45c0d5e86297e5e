"""Which address a request comes from: what proxies say is believed only from those that we trust."""

import pytest
from starlette.datastructures import Headers

from mercer.schema.errors import ConfigError
from mercer.serve.access.client import Proxies


def _client(trusted: list[str], peer: str, forwarded: str, proto: str = "") -> tuple[str, bool]:
    raw = [(b"x-forwarded-for", forwarded.encode()), (b"x-forwarded-proto", proto.encode())]
    headers = Headers(raw=[(name, value) for name, value in raw if value])
    scope = {"type": "http", "client": (peer, 1) if peer else None, "scheme": "http"}
    return Proxies(trusted).client(scope, headers)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ([], "198.51.100.1", "1.2.3.4", "198.51.100.1"),
        (["10.0.0.0/8"], "198.51.100.1", "1.2.3.4", "198.51.100.1"),
        (["127.0.0.1"], "127.0.0.1", "203.0.113.9", "203.0.113.9"),
        (["127.0.0.1"], "127.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (["127.0.0.1", "10.0.0.0/8"], "127.0.0.1", "6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        (["127.0.0.1"], "127.0.0.1", "", "127.0.0.1"),
        (["127.0.0.1"], "127.0.0.1", "garbage", "127.0.0.1"),
        (["::1"], "::1", "2001:db8::7", "2001:db8::7"),
        (["127.0.0.1"], "", "203.0.113.9", ""),
    ],
)
def test_the_first_hop_that_is_not_trusted_is_the_client(
    trusted: list[str], peer: str, forwarded: str, expected: str
) -> None:
    """Whatever a client writes to the left of itself changes nothing."""
    assert _client(trusted, peer, forwarded)[0] == expected


def test_tls_is_what_the_trusted_proxy_says() -> None:
    """A stranger cannot make a plain request look encrypted."""
    assert _client(["127.0.0.1"], "127.0.0.1", "203.0.113.9", "https")[1] is True
    assert _client([], "198.51.100.1", "203.0.113.9", "https")[1] is False


def test_what_is_no_network_is_refused() -> None:
    """A slip in the option is told at the start."""
    with pytest.raises(ConfigError, match=r"--trust-proxy 'proxy\.local'"):
        Proxies(["proxy.local"])
