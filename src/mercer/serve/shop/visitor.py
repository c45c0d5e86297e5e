"""Who is visiting: two cookies that the server sets, and the theme that the visitor chose.

The visitor is kept for a year, the session for 30 minutes after the last page.
Neither says who somebody is; both are random, and sealed on their way out by the gate.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from starlette.responses import Response

from mercer.serve.access.gate import SESSION_COOKIE, VISITOR_COOKIE

THEME_COOKIE = "mercer_theme"
VISITOR_AGE_S = 365 * 24 * 3600
SESSION_AGE_S = 30 * 60

Theme = Literal["", "light", "dark"]  # "": what the device prefers

_ID = re.compile(r"[A-Za-z0-9._-]{16,200}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """The two ids of one visit, and how the pages look to it."""

    visitor_id: str
    session_id: str
    theme: Theme = ""


def read_visitor(
    cookies: Mapping[str, str], *, make_id: Callable[[], str] = lambda: uuid4().hex
) -> Visitor:
    """The visitor of a request; a missing or malformed id is made anew."""
    visitor, session = cookies.get(VISITOR_COOKIE, ""), cookies.get(SESSION_COOKIE, "")
    theme = cookies.get(THEME_COOKIE, "")
    return Visitor(
        visitor if _ID.fullmatch(visitor) else make_id(),
        session if _ID.fullmatch(session) else make_id(),
        "dark" if theme == "dark" else "light" if theme == "light" else "",
    )


def set_cookie(
    response: Response, name: str, value: str, *, age_s: int, is_secure: bool, path: str = "/"
) -> None:
    """A cookie that no script can read and no other site can send; age 0 removes it."""
    response.set_cookie(
        name,
        value,
        max_age=age_s,
        path=path,
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def remember(response: Response, visitor: Visitor, *, is_secure: bool) -> None:
    """Keep both ids; the session's half hour begins again."""
    for name, value, age_s in (
        (VISITOR_COOKIE, visitor.visitor_id, VISITOR_AGE_S),
        (SESSION_COOKIE, visitor.session_id, SESSION_AGE_S),
    ):
        set_cookie(response, name, value, age_s=age_s, is_secure=is_secure)
