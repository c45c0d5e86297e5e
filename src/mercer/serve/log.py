"""Structured logs: an event and its fields, one JSON object a line.

Query text and ids of people appear at `debug` only.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Literal, final

import msgspec

Level = Literal["debug", "info", "warning", "error"]
_RANK: Mapping[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _to_stderr(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@final
class Log:
    """A logger with bound fields; `bind` returns another, so nothing is shared or changed."""

    def __init__(
        self,
        write: Callable[[str], None] = _to_stderr,
        *,
        level: Level = "info",
        now_ms: Callable[[], int] = _now_ms,
        bound: Mapping[str, Any] | None = None,
    ) -> None:
        self._write, self._level, self._now_ms = write, level, now_ms
        self._bound = dict(bound or {})

    def bind(self, **fields: Any) -> "Log":
        """The same log with further fields on every line."""
        bound = {**self._bound, **fields}
        return Log(self._write, level=self._level, now_ms=self._now_ms, bound=bound)

    def debug(self, event: str, **fields: Any) -> None:
        """What only a developer on this machine may see, query text included."""
        self._emit("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """What happened as it should."""
        self._emit("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """What an operator should look at today."""
        self._emit("warning", event, fields)

    def error(self, event: str, *, error: BaseException | None = None, **fields: Any) -> None:
        """What failed; of an exception its type, message and stack."""
        if error is not None:
            fields["error"] = f"{type(error).__name__}: {error}"[:2_000]
            fields["stack"] = "".join(traceback.format_exception(error))[-8_000:]
        self._emit("error", event, fields)

    def _emit(self, level: Level, event: str, fields: Mapping[str, Any]) -> None:
        if _RANK[level] < _RANK[self._level]:
            return
        line = {"time_ms": self._now_ms(), "level": level, "event": event, **self._bound, **fields}
        try:
            text = msgspec.json.encode(line, enc_hook=str)
        except UnicodeEncodeError:  # a lone surrogate somewhere: a log line must never be an error
            text = msgspec.json.encode({key: ascii(value) for key, value in line.items()})
        self._write(text.decode() + "\n")


@final
class Bridge(logging.Handler):
    """Hands records of the standard library's loggers (uvicorn, asyncio) to our log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """One record as one event; the message is a field, since others' messages are prose."""
        fields = {"logger": record.name, "message": record.getMessage()}
        if record.levelno >= logging.ERROR:
            error = record.exc_info[1] if record.exc_info else None
            self._log.error("library_log", error=error, **fields)
        elif record.levelno >= logging.WARNING:
            self._log.warning("library_log", **fields)
        else:
            self._log.debug("library_log", **fields)
