"""The way into the console with a browser: a form for an admin key, and a cookie for half a day."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from fastapi import FastAPI
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mercer.schema.api_key import ApiKey, read_key_text
from mercer.serve.access.access import Verifier
from mercer.serve.access.gate import CONSOLE_COOKIE, check_same_origin, console_value
from mercer.serve.problem import Problem

AGE_S: Final = 12 * 3600
_MAX_FORM_BYTES = 4_096
_PAGE: Final = Markup("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Console</title>
<link rel="stylesheet" href="/static/login.css">
<main>
<h1>Console</h1>
{message}
<form method="post" action="/console/login">
<label for="key">Admin key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required>
<button>Open</button>
</form>
{leave}
<p><small>A key comes from <code>mercer keys create NAME --scope admin</code>.</small></p>
</main>
</html>
""")
_LEAVE: Final = Markup(
    '<form method="post" action="/console/logout"><button>Close the console here</button></form>'
)
_MESSAGE: Final = Markup('<p role="alert">{}</p>')


def add_routes(
    app: FastAPI, verifier: Verifier, *, now_s: Callable[[], int] = lambda: int(time.time())
) -> None:
    """GET and POST /console/login, POST /console/logout."""

    async def form(request: Request) -> Response:
        return _page("", is_open=CONSOLE_COOKIE in request.cookies)

    async def login(request: Request) -> Response:
        check_same_origin(request.method, request.headers)
        try:
            key = await _key_of(verifier, await _field(request, "key"))
        except Problem as problem:
            return _page(problem.detail, status=401)
        if not key.may("admin"):
            return _page("this key has not the scope admin", status=403)
        answer = RedirectResponse("/console", 303)
        value = console_value(key.key_id, expires_s=now_s() + AGE_S)
        _set_cookie(request, answer, value, age_s=AGE_S)
        return answer

    async def logout(request: Request) -> Response:
        check_same_origin(request.method, request.headers)
        answer = RedirectResponse("/console/login", 303)
        _set_cookie(request, answer, "", age_s=0)
        return answer

    add = partial(
        app.add_api_route, include_in_schema=False, response_class=Response, response_model=None
    )
    add("/console/login", form, methods=["GET", "HEAD"])
    add("/console/login", login, methods=["POST"])
    add("/console/logout", logout, methods=["POST"])


async def _key_of(verifier: Verifier, text: str) -> ApiKey:
    read = read_key_text(text.strip())
    if read is None:
        raise Problem("unauthorized", "a key looks like mercer_<id>_<secret>")
    await asyncio.to_thread(verifier.read, read[0])
    return verifier.live(read[0], secret=read[1])


async def _field(request: Request, name: str) -> str:
    """A field of a small form. Raises Problem."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise Problem("too-large", f"the form has more than {_MAX_FORM_BYTES} bytes")
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=5).get(name, [""])[0]
    except (UnicodeDecodeError, ValueError):
        raise Problem("bad-request", "this is no form of ours") from None


def _set_cookie(request: Request, answer: Response, value: str, *, age_s: int) -> None:
    is_tls = bool(request.scope["state"].get("is_tls"))
    answer.set_cookie(
        CONSOLE_COOKIE,
        value,
        max_age=age_s,
        path="/",
        secure=is_tls,
        httponly=True,
        samesite="strict",
    )


def _page(message: str, *, status: int = 200, is_open: bool = False) -> Response:
    said = _MESSAGE.format(message) if message else ""
    page = _PAGE.format(message=said, leave=_LEAVE if is_open else "")
    return Response(page.encode(), status, media_type="text/html")
