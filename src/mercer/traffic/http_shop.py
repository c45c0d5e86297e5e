"""A market behind its HTTP interface: one kept-alive connection for each thread."""

import http.client
import threading
from collections.abc import Mapping, Sequence
from typing import Any, final
from urllib.parse import quote, urlsplit

import msgspec

from mercer.schema.errors import ConfigError
from mercer.simulate.people.step import Event, Search, Similar
from mercer.traffic.clock import RealClock
from mercer.traffic.shop import Page, Refused, Shop

TIMEOUT_S = 60.0
UNREACHABLE = 599  # counted like an answer of the server that failed


@final
class HttpShop:
    """Searches, events and changes over HTTP/1.1."""

    def __init__(self, url: str, *, api_key: str = "") -> None:
        """Raises ConfigError where the URL is not of the form http://HOST[:PORT]."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ConfigError(f"--url: {url!r} is no address; http://HOST:PORT is")
        self.clock = RealClock()
        self._is_secure, self._host = parts.scheme == "https", parts.hostname
        self._port, self._path = parts.port, parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json", "User-Agent": "mercer-simulate"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._of_thread = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    def check_ready(self) -> None:
        """Raises ConfigError where no server answers that has something to search."""
        try:
            self._call("GET", "/ready", None)
        except Refused as refused:
            raise ConfigError(
                f"--url: {self._host} answers no searches ({refused}); start it with mercer serve"
            ) from None

    def search(self, search: Search) -> Page:
        """One page of results."""
        body = {
            "q": search.q,
            "filter": search.filter,
            "sort": search.sort,
            "page": search.page,
            "per_page": search.per_page,
            **({"cursor": search.cursor} if search.cursor else {}),
            **{name: value for name, value in search.who.as_fields().items() if value},
        }
        got = self._call("POST", "/v1/search", body)
        return Page(got["page_id"], got["hits"], got["found"], got["cursor"])

    def similar(self, step: Similar) -> Page:
        """Listings like one."""
        got = self._call("GET", f"/v1/listings/{quote(step.listing_id, safe='')}/similar", None)
        return Page(got["page_id"], got["hits"], len(got["hits"]))

    def tell(self, events: Sequence[Event], *, sent_ms: int) -> Sequence[tuple[str, str]]:
        """Send events."""
        got = self._call("POST", "/v1/events", {"sent_ms": sent_ms, "events": list(events)})
        return [(r["verdict"], r["reason"]) for r in got["results"]]

    def put(self, listings: Sequence[Mapping[str, Any]]) -> Sequence[tuple[str, str]]:
        """Change listings."""
        got = self._call("PUT", "/v1/listings", {"listings": list(listings)})
        return [(r["verdict"], r["reason"]) for r in got["results"]]

    def close(self) -> None:
        """Close every connection."""
        for connection in self._opened:
            connection.close()

    def _call(self, method: str, path: str, body: object) -> Any:
        """The answer's JSON; raises Refused for any other status than 2xx."""
        raw = None if body is None else msgspec.json.encode(body)
        try:
            status, answer, retry_after = self._sent(method, self._path + path, raw)
        except (OSError, http.client.HTTPException) as fault:
            raise Refused(UNREACHABLE, f"{self._host}: {fault}") from None
        if not 200 <= status < 300:
            wait_s = float(retry_after) if retry_after.isdigit() else 1.0
            detail = answer[:300].decode("utf-8", "replace")
            raise Refused(status, detail, retry_after_s=wait_s)
        return msgspec.json.decode(answer)

    def _sent(self, method: str, path: str, raw: bytes | None) -> tuple[int, bytes, str]:
        """Status, body and Retry-After of one exchange.

        A connection that the server closed meanwhile is opened again, once.
        """
        for attempt in (0, 1):
            connection, is_fresh = self._connection()
            try:
                connection.request(method, path, raw, self._headers)
                response = connection.getresponse()
                return response.status, response.read(), response.getheader("Retry-After", "")
            except (ConnectionError, http.client.BadStatusLine):
                connection.close()
                if is_fresh or attempt:
                    raise
        raise AssertionError("the second attempt returns or raises")

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """This thread's connection, and whether it was just opened."""
        kept: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if kept is None:
            make = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
            kept = make(self._host, self._port, timeout=TIMEOUT_S)
            self._of_thread.connection = kept
            self._opened.append(kept)
        is_fresh = kept.sock is None
        if is_fresh:
            kept.connect()  # sets TCP_NODELAY
        return kept, is_fresh


_conforms: type[Shop] = HttpShop
