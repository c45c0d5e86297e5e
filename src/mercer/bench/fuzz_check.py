"""What must be true of every answer, whatever was asked."""

from typing import Any, Final

import msgspec

from mercer.bench.fuzz_asgi import FuzzAnswer
from mercer.bench.fuzz_request import FuzzRequest
from mercer.bench.fuzz_text import MARK
from mercer.serve.problem import KINDS

UNAVAILABLE: Final = ("busy", "timeout", "not-ready")  # 503s that the documents know
_MEMBERS: Final = ("type", "title", "status", "detail", "advice", "errors", "request_id")
_GUARDS: Final = (b"x-content-type-options", b"content-security-policy", b"x-request-id")
_RAW_MARKUP: Final = (f"<script>{MARK}".encode(), f"<img src=x onerror={MARK}".encode())


def fault_of(request: FuzzRequest, answer: FuzzAnswer) -> str:
    """What is wrong with an answer, in a few words that are the same for the same fault; "" for nothing."""
    if answer.raised is not None:
        return f"raised {type(answer.raised).__name__}"
    if answer.status == 0:
        return "no answer"
    if missing := [name.decode() for name in _GUARDS if name not in answer.headers]:
        return f"without {', '.join(missing)}"
    media_type = answer.headers.get(b"content-type", b"").partition(b";")[0]
    if media_type == b"text/html":
        return _page_fault(answer)
    if answer.status >= 400 and request.method != "HEAD":
        return _problem_fault(answer, media_type)
    if media_type == b"application/json" and request.method != "HEAD":
        return _data_fault(request, answer)
    return "status 5xx" if answer.status >= 500 and not unavailable_kind(answer) else ""


def unavailable_kind(answer: FuzzAnswer) -> str:
    """Which of the documented 503s this is; "" for any other answer."""
    if answer.status != 503:
        return ""
    if not answer.body and b"retry-after" in answer.headers:
        return "busy"  # to HEAD, which says it without a document
    for kind in UNAVAILABLE:
        # In a problem document its type, on a page for people its title.
        said = (f"problem-{kind}", f'data-spoken="{KINDS[kind].title}"')
        if any(one.encode() in answer.body for one in said):
            return kind
    return ""


def _page_fault(answer: FuzzAnswer) -> str:
    if answer.status >= 500 and not unavailable_kind(answer):
        return f"page with status {answer.status}"
    if any(markup in answer.body for markup in _RAW_MARKUP):
        return "a page shows markup of the request as markup"
    try:
        answer.body.decode()
    except UnicodeDecodeError:
        return "a page that is not UTF-8"
    return ""


def _problem_fault(answer: FuzzAnswer, media_type: bytes) -> str:
    if media_type != b"application/problem+json":
        return f"status {answer.status} as {media_type.decode('latin-1') or 'nothing'}"
    document = _decoded(answer)
    if not isinstance(document, dict) or any(name not in document for name in _MEMBERS):
        return f"status {answer.status} with an incomplete problem document"
    if document["status"] != answer.status:
        return "a problem document with another status"
    if b"Traceback" in answer.body or b'.py", line' in answer.body:
        return "a stack in an answer"
    if answer.status >= 500 and not unavailable_kind(answer):
        return f"status {answer.status}"
    return ""


def _data_fault(request: FuzzRequest, answer: FuzzAnswer) -> str:
    value = _decoded(answer)
    if value is None:
        return "an answer that is no JSON"
    if request.n_items is None or answer.status != 200:
        return ""
    results = value.get("results", ())
    n_said = sum(int(value.get(verdict, 0)) for verdict in ("accepted", "duplicate", "rejected"))
    if len(results) != request.n_items or n_said != request.n_items:
        return f"another number of verdicts than of items in {request.kind}"
    if any(one["index"] != i for i, one in enumerate(results)):
        return "verdicts out of order"
    if any(one["verdict"] == "rejected" and not one["reason"] for one in results):
        return "a rejection without a reason"
    return ""


def _decoded(answer: FuzzAnswer) -> Any:
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
