"""The owner, as another process sees it; and the calls that the owner answers."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.events.log import Change
from mercer.schema.errors import MarketError
from mercer.serve.process.owner import Writing, Written
from mercer.serve.process.rpc import Handler, RpcClient

SOCKET = "owner.sock"
WRITE_S = 30.0  # for an acknowledgement
RETRY_S = 15.0  # an owner that is being started again is waited for so long
ASK_S = 0.5

Bools = npt.NDArray[np.bool_]


def to_bytes(rows: pa.RecordBatch) -> bytes:
    """A batch with its schema, as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return bytes(sink.getvalue())


def from_bytes(blob: bytes) -> pa.RecordBatch:
    """The batch of `to_bytes`."""
    with pa.ipc.open_stream(pa.BufferReader(blob)) as reader:
        return reader.read_next_batch()


def owner_calls(owner: Writing) -> Mapping[str, Handler]:
    """What the owner's socket answers."""

    def write(kind: Any, blob: bytes) -> tuple[Any, bytes]:
        done = owner.write(Change(kind, from_bytes(blob)))
        return [done.version, list(done.changed)], b""

    def add_events(_: Any, blob: bytes) -> tuple[Any, bytes]:
        return None, owner.add_events(from_bytes(blob)).astype(np.uint8).tobytes()

    def degraded(_: Any, __: bytes) -> tuple[Any, bytes]:
        return list(owner.degraded()), b""

    return {"write": write, "add_events": add_events, "degraded": degraded}


@final
class RemoteOwner:
    """Writes through the owner's process. Thread-safe.

    A write whose acknowledgement was lost is sent again: its rows carry their own times and ids, so the
    second one changes nothing (its items then read `duplicate`).

    Args:
        run: the market's run folder.
    """

    def __init__(self, run: Path) -> None:
        self._client = RpcClient(run / SOCKET, what="owner of the market", timeout_s=WRITE_S)
        self._degraded: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def write(self, change: Change) -> Written:
        """A change of the catalogue. Raises UnavailableError."""
        value, _ = self._client.call("write", change.kind, to_bytes(change.rows), retry_s=RETRY_S)
        version, changed = value
        return Written(frozenset(changed), version)

    def add_events(self, rows: pa.RecordBatch) -> Bools:
        """Rows of EVENT; (n,) True where the event is new. Raises UnavailableError."""
        _, is_new = self._client.call("add_events", None, to_bytes(rows), retry_s=RETRY_S)
        return np.frombuffer(is_new, np.uint8).astype(np.bool_)

    def degraded(self) -> tuple[str, ...]:
        """What the owner said when it was last asked."""
        with self._lock:
            return self._degraded

    def ask(self) -> None:
        """Ask the owner how it is."""
        try:
            told = tuple(self._client.call("degraded", timeout_s=ASK_S)[0])
        except MarketError as fault:
            told = (f"owner: {fault}; searches go on, writes wait",)
        with self._lock:
            self._degraded = told

    def close(self) -> None:
        """Hang up."""
        self._client.close()


_conforms: type[Writing] = RemoteOwner
