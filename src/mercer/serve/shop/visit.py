"""One visit to a page: who comes, what they keep, and which form of the page they want."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from mercer.serve.access.gate import check_same_origin
from mercer.serve.problem import Problem, quoted
from mercer.serve.shop.basket import (
    CART_COOKIE,
    FAVOURITES_COOKIE,
    MAX_POSITION,
    Line,
    Source,
    read_cart,
    read_favourites,
)
from mercer.serve.shop.visitor import Visitor, read_visitor

MAX_FORM_FIELDS = 50


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page needs to know of its request."""

    visitor: Visitor
    cart: tuple[Line, ...] = ()
    favourites: tuple[str, ...] = ()
    is_part: bool = False  # only what changes is wanted, not the whole document
    is_scripted: bool = False  # the visitor's browser reports its clicks itself
    is_secure: bool = False

    @property
    def n_cart(self) -> int:
        """Pieces in the cart."""
        return sum(line.quantity for line in self.cart)


def read_visit(request: Request) -> Visit:
    """The visit behind a request."""
    return Visit(
        visitor=read_visitor(request.cookies),
        cart=read_cart(request.cookies.get(CART_COOKIE, "")),
        favourites=read_favourites(request.cookies.get(FAVOURITES_COOKIE, "")),
        is_part=request.headers.get("hx-request") == "true",
        is_scripted=request.query_params.get("by") == "script",
        is_secure=request.url.scheme == "https",
    )


def read_source(values: Mapping[str, str]) -> Source:
    """The page that a link or a form names as the place where a listing was picked."""
    page_id = values.get("page", "")
    if not page_id or len(page_id) > 64:
        return Source()
    text = values.get("position", "")
    position = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    return Source(page_id, min(position, MAX_POSITION), values.get("token", "")[:200])


async def read_form(request: Request, *, max_bytes: int) -> Mapping[str, str]:
    """The fields of a form that one of our pages sent; of a doubled field the last.

    Raises:
        Problem: `foreign-origin`, `bad-request`, `unsupported-media-type`, `too-large`.
    """
    check_same_origin(request.method, request.headers)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise Problem("unsupported-media-type", f"a form was expected, got {quoted(media_type)}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            detail = f"the form has more than {max_bytes} bytes, the most that is allowed"
            raise Problem("too-large", detail, headers={"Connection": "close"})
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise Problem("bad-request", f"a form has at most {MAX_FORM_FIELDS} fields") from None
    return dict(pairs)


def way_back(request: Request, *, otherwise: str) -> str:
    """The page of ours that the visitor came from, for an answer without a script."""
    parts = urlsplit(request.headers.get("referer", ""))
    if parts.netloc != request.headers.get("host", "") or not parts.path.startswith("/"):
        return otherwise
    if parts.path.startswith("//"):
        return otherwise
    return parts.path + (f"?{parts.query}" if parts.query else "")
