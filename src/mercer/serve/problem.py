"""Every error that leaves the server, as an RFC 9457 problem document.

A document says what was got, what is allowed and what to do: `type` (a link into the server's own
reference page), `title`, `status`, `detail`, `request_id`, and `errors[]` with one entry per fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from mercer.schema.errors import (
    FilterError,
    InputError,
    MarketBusyError,
    MarketError,
    NotFoundError,
    SchemaError,
    StorageError,
    UnavailableError,
)

MEDIA_TYPE = "application/problem+json"
SHOWN_CHARS = 120  # of a wrong value that is quoted back
MAX_FAULTS = 100  # in one document; the detail counts the rest


@dataclass(frozen=True, slots=True)
class Kind:
    """One class of error: its status, its title and what a caller can do about it."""

    status: int
    title: str
    advice: str


KINDS: Mapping[str, Kind] = {
    "bad-request": Kind(400, "The request is not valid", "Correct the fields named in `errors`."),
    "bad-filter": Kind(
        400,
        "The filter cannot be read",
        "Correct the filter at the place that `at` (0-based character) and `caret` show.",
    ),
    "unauthorized": Kind(
        401,
        "A key is needed",
        "Send `Authorization: Bearer mercer_<id>_<secret>`; `mercer keys create` makes one.",
    ),
    "forbidden": Kind(
        403, "This key may not do this", "Use a key with the scope that `detail` names."
    ),
    "foreign-origin": Kind(
        403, "Another site sent this", "Send it from a page of this server, or with a key."
    ),
    "not-found": Kind(404, "Nothing is here", "Check the path and the id."),
    "method-not-allowed": Kind(
        405, "This path does not take this method", "Use a method from the `Allow` header."
    ),
    "slow-body": Kind(
        408, "The body came too slowly", "Send the body at once, or in smaller parts."
    ),
    "too-large": Kind(413, "The request is too large", "Send less, or send it in several parts."),
    "url-too-long": Kind(414, "The URL is too long", "Use POST and put the search in the body."),
    "unsupported-media-type": Kind(
        415, "The body is not JSON", "Send JSON with the header `Content-Type: application/json`."
    ),
    "wrong-host": Kind(
        421,
        "This host name is not served here",
        "Reach the server by a name that it serves; `mercer serve --allow-host NAME` adds one.",
    ),
    "too-many": Kind(
        429, "Too many requests", "Wait as long as `Retry-After` says, or ask for a higher rate."
    ),
    "too-many-headers": Kind(
        431, "The head of the request is too large", "Send fewer or shorter headers and cookies."
    ),
    "internal": Kind(
        500,
        "The server failed",
        "Not your fault. Give the operator the `request_id`; the log has the rest.",
    ),
    "not-ready": Kind(503, "The market is not ready", "Index the market, then try again."),
    "storage": Kind(
        503,
        "The disk or the database fails",
        "Send it again after `Retry-After` seconds, that is harmless; tell the operator.",
    ),
    "busy": Kind(503, "The server has too much to do", "Try again after `Retry-After` seconds."),
    "timeout": Kind(503, "The answer took too long", "Try again, or ask for less."),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what was got, what is allowed."""

    at: str  # "body.per_page", "query.page", "listings"
    detail: str
    got: str = ""  # quoted and cut; "" where nothing was given


class Problem(Exception):  # noqa: N818  # the word of RFC 9457
    """An error on its way out. `kind` is a key of KINDS; `extra` are further members."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind, self.detail, self.faults = kind, detail, tuple(faults)
        self.headers, self.extra = dict(headers or {}), dict(extra or {})
        super().__init__(detail)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    def document(self, request_id: str) -> dict[str, Any]:
        """The members of the problem document, in the order in which people read them."""
        kind = KINDS[self.kind]
        return {
            "type": f"/docs#problem-{self.kind}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "advice": kind.advice,
            **self.extra,
            "errors": [msgspec.to_builtins(fault) for fault in self.faults],
            "request_id": request_id,
        }

    def response(self, request_id: str) -> Response:
        """The document as a response."""
        body = msgspec.json.encode(self.document(request_id))
        return Response(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)


def quoted(value: object) -> str:
    """A wrong value as it is shown back: its JSON-like form, cut to SHOWN_CHARS."""
    if isinstance(value, str):  # cut first: repr of a 10 MB text is 10 MB of work
        text = repr(value[: SHOWN_CHARS + 1])
    elif isinstance(value, (list, tuple, dict)):
        return f"{'object' if isinstance(value, dict) else 'array'} of {len(value)}"
    elif isinstance(value, int) and value.bit_length() > 400:
        return "an integer of more than 100 digits"  # str() of it can be refused by Python
    else:
        text = repr(value)
    # A lone surrogate cannot be encoded as UTF-8, so repr's escapes are kept for it.
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"


def from_pydantic(errors: Sequence[Mapping[str, Any]], *, root: str = "") -> Problem:
    """All faults that pydantic found, as one problem.

    Args:
        errors: `ValidationError.errors()`.
        root: put before the place where pydantic does not know it ("body").
    """
    faults = []
    for error in errors[:MAX_FAULTS]:
        place = [root] if root else []
        place += [str(part) for part in error["loc"]]
        message = str(error["msg"])
        if error["type"] == "extra_forbidden":
            message = "no such field; the allowed ones are in the reference at /docs"
        got = "" if error["type"] in ("missing", "json_invalid") else quoted(error.get("input"))
        at = ".".join(place)[:200].encode("utf-8", "backslashreplace").decode()
        faults.append(Fault(at or "request", message, got))
    detail = "; ".join(
        f"{f.at}: {f.detail}" + (f", got {f.got}" if f.got else "") for f in faults[:5]
    )
    if len(errors) > 5:
        detail += f"; and {len(errors) - 5} more, see `errors`"
    return Problem("bad-request", detail, faults=faults)


def from_market(error: MarketError) -> Problem:
    """What the market refused; an error that is not the caller's becomes `internal`."""
    text = str(error)
    match error:
        case FilterError():
            caret = text.partition("\n")[2]
            fault = Fault("filter", error.reason, quoted(error.source[error.at :]))
            extra = {"at": error.at, "caret": caret}
            return Problem("bad-filter", text.partition("\n")[0], faults=[fault], extra=extra)
        case SchemaError():
            return Problem("bad-request", text, faults=[Fault(error.at, f) for f in error.faults])
        case InputError():
            return Problem("bad-request", text, faults=[Fault("request", text)])
        case NotFoundError():
            return Problem("not-found", text)
        case StorageError():
            detail = "it could not be stored and was not acknowledged; the log says what failed"
            return Problem("storage", detail, headers={"Retry-After": "5"})
        case MarketBusyError() | UnavailableError():
            return Problem("busy", text, headers={"Retry-After": "1"})
        case _:
            return unexpected()


def unexpected() -> Problem:
    """What is said about a fault of our own: nothing but where to look."""
    return Problem("internal", "an unexpected fault; the log has it under this request_id")
