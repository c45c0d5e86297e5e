"""The part `http` of `mercer bench events`: it sends good events, and counts what was accepted."""

import asyncio
import io
import json
import time

import numpy as np
import pytest

from mercer.bench.events_http import _port, event_bodies, measure
from mercer.events.collect import Arrival, CollectRules, collect
from mercer.events.token import KeyRing
from mercer.schema.errors import MarketError


def test_every_event_is_good_and_signed() -> None:
    """All are accepted with a signed token, and no id comes twice."""
    ring, now_ms = KeyRing({1: bytes(32)}, 1), time.time_ns() // 1_000_000
    bodies = event_bodies(np.random.default_rng(1), ring, n=130, batch=50, now_ms=now_ms)
    sent = [json.loads(body)["events"] for body in bodies]
    assert [len(events) for events in sent] == [50, 50, 30]
    items = [event for events in sent for event in events]
    judged = collect(
        items,
        arrival=Arrival(received_ms=now_ms, sent_ms=now_ms, source="api"),
        rules=CollectRules(currency="USD", keep_ms=10**9, token_ttl_ms=10**8),
        ring=ring,
    )
    assert judged.rejections == ()
    assert set(judged.rows.column("standing").to_pylist()) == {"signed"}
    assert len(judged.rows.column("event_id").unique()) == 130


def test_what_was_accepted_is_counted() -> None:
    """Verdicts count, not what was sent; another status is counted as refused."""

    async def run() -> None:
        closed = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while head := await reader.readline():
                while (line := await reader.readline()) != b"\r\n":
                    head += line.lower()
                length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                status = b"200" if await reader.readexactly(length) == b"good" else b"503"
                reply = b" x\r\nContent-Length: 14\r\n\r\n" + b'{"accepted":3}'
                writer.write(b"HTTP/1.1 " + status + reply)
            writer.close()
            await writer.wait_closed()
            closed.set()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        found = await measure(port, [b"good", b"bad", b"good"], connections=1)
        await closed.wait()
        server.close()
        assert (found.accepted, found.refused, len(found.waits_ms)) == (6, 1, 3)

    asyncio.run(run())


def test_a_server_that_does_not_start_is_told() -> None:
    """What it said last is in the message."""
    said = io.StringIO("starting\nMercer serves m at http://127.0.0.1:8123; open\n")
    assert _port(said) == 8123
    with pytest.raises(MarketError, match="no index"):
        _port(io.StringIO("no index\n"))
