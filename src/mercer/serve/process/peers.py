"""The other readers of a market: pages of slates that they keep, and what they count."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

import msgspec

from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.schema.errors import UnavailableError
from mercer.serve.meter import OWN
from mercer.serve.process.rpc import Handler, RpcClient
from mercer.serve.search.slate import slot_of

PAGE_S = 5.0  # for a page of another reader's slate
COUNT_S = 1.0
ASK_S = 2.0  # for a search that could be made here as well


def socket_of(slot: int) -> str:
    """The name of a reader's socket."""
    return f"reader-{slot}.sock"


def reader_calls(
    search: Callable[[SearchRequest], SearchResponse], metrics: Callable[[], bytes]
) -> Mapping[str, Handler]:
    """What a reader's socket answers."""

    def page(asked: Any, _: bytes) -> tuple[Any, bytes]:
        return search(msgspec.convert(asked, SearchRequest)), b""

    return {"search": page, "metrics": lambda _, __: (None, metrics())}


@final
class Peers:
    """All readers but this one. Thread-safe.

    Args:
        run: the market's run folder.
        slot: of this reader.
        n: readers in all.
    """

    def __init__(self, run: Path, *, slot: int, n: int) -> None:
        self._name = f"reader-{slot}"
        self._clients = {
            other: RpcClient(run / socket_of(other), what=f"reader {other}", timeout_s=PAGE_S)
            for other in range(n)
            if other != slot
        }

    def search(self, request: SearchRequest) -> SearchResponse | None:
        """The page of a slate that another reader keeps, made and written down there.

        None where no other reader keeps it, or that one is gone and its slates with it.
        """
        slot = slot_of(request.cursor) if request.cursor is not None else None
        client = self._clients.get(slot) if slot is not None else None
        if client is None:
            return None
        try:
            value, _ = client.call("search", request)
        except UnavailableError:
            return None
        return msgspec.convert(value, SearchResponse)

    def ask(self, slot: int, name: str, args: object) -> tuple[Any, bytes]:
        """The answer of one of them. Raises UnavailableError, and what the call raised over there."""
        return self._clients[slot].call(name, args, timeout_s=ASK_S)

    def metrics(self) -> dict[str, bytes]:
        """What each of them counts, in the format of Prometheus; those that answer."""
        found = {self._name: OWN}
        for slot, client in self._clients.items():
            try:
                found[f"reader-{slot}"] = client.call("metrics", timeout_s=COUNT_S)[1]
            except UnavailableError:
                continue
        return found

    def close(self) -> None:
        """Hang up."""
        for client in self._clients.values():
            client.close()
