"""Pictures: drawn once, kept within bounds, never fetched."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mercer.schema.errors import NotFoundError
from mercer.serve.picture import ByteCache, picture_url
from support.plain_market import PlainMarket

ProblemOf = Callable[..., dict[str, Any]]


class _Pen:
    def __init__(self) -> None:
        self.drawn: list[tuple[str, int]] = []

    def __call__(self, ref: str, size: int) -> bytes:
        self.drawn.append((ref, size))
        if "unknown" in ref:
            raise NotFoundError(f"{ref!r} is no drawn picture")
        return b"\x89PNG" + f"{ref} {size}".encode()


def test_a_picture_is_drawn_once_and_revalidated(client_of: Callable[..., TestClient]) -> None:
    """The second request comes from the cache; an unchanged one costs no bytes."""
    pen = _Pen()
    client = client_of(PlainMarket(), draw=pen)
    first = client.get("/images/sim:b%2F1:0?size=240")
    again = client.get("/images/sim:b%2F1:0?size=240")
    assert pen.drawn == [("sim:b/1:0", 240)]
    assert first.content == again.content
    assert first.headers["content-type"] == "image/png"
    assert "max-age" in first.headers["cache-control"]
    same = client.get(
        "/images/sim:b%2F1:0?size=240", headers={"if-none-match": first.headers["etag"]}
    )
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize(
    "ref", ["http://evil.example/x.png", "file:///etc/passwd", "x", "sim:unknown"]
)
def test_what_cannot_be_drawn_is_not_found(
    client_of: Callable[..., TestClient], problem_of: ProblemOf, ref: str
) -> None:
    """A reference to elsewhere is refused without a look at it."""
    pen = _Pen()
    client = client_of(PlainMarket(), draw=pen)
    problem_of(client.get(f"/images/{ref}"), 404, "not-found")
    assert all(drawn.startswith("sim:") for drawn, _ in pen.drawn)
    problem_of(client_of(PlainMarket()).get("/images/sim:1:0"), 404, "not-found")


def test_sizes_are_a_closed_list(
    client_of: Callable[..., TestClient], problem_of: ProblemOf
) -> None:
    """A size outside the list is a 400 that names the list."""
    client = client_of(PlainMarket(), draw=_Pen())
    for size in ("361", "1000000", "-1", "x", ""):
        problem = problem_of(client.get(f"/images/sim:1:0?size={size}"), 400, "bad-request")
        assert "120, 240, 360" in problem["detail"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40))), st.integers(1, 60))
def test_the_cache_never_holds_more_than_its_bound(puts: list[tuple[int, int]], bound: int) -> None:
    """After every step the sizes add up to what is counted, and to no more than the bound."""
    cache = ByteCache(max_bytes=bound)
    model: dict[int, int] = {}  # insertion order is age
    for key, size in puts:
        cache.put(key, b"x" * size)
        model.pop(key, None)
        if size <= bound:
            model[key] = size
        while sum(model.values()) > bound:
            model.pop(next(iter(model)))
        assert cache.n_bytes == sum(model.values()) <= bound
        assert {k for k in range(6) if cache.get(k) is not None} == set(model)
        model = {
            k: model[k] for k in range(6) if k in model
        }  # `get` made them recent in this order


def test_pictures_of_the_folder_have_the_type_of_their_bytes(
    client_of: Callable[..., TestClient], problem_of: ProblemOf
) -> None:
    """What the name says counts for nothing, and what is no picture is not shown."""
    files = {
        "a.jpg": b"\x89PNG\r\n\x1a\n.",
        "b/c.png": b"\xff\xd8\xff\xe0.",
        "page.png": b"<html><script>alert(1)</script>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'>",
    }

    def stored(name: str) -> bytes:
        if name not in files:
            raise NotFoundError("there is no such picture")
        return files[name]

    client = client_of(PlainMarket(), stored=stored)
    assert client.get("/images/a.jpg").headers["content-type"] == "image/png"
    answer = client.get("/images/b/c.png")
    assert answer.content == files["b/c.png"]
    assert answer.headers["content-type"] == "image/jpeg"
    assert "max-age" in answer.headers["cache-control"]
    for name in ("page.png", "drawing.svg", "none.png", "..%2Fmercer.toml"):
        problem_of(client.get(f"/images/{name}"), 404, "not-found")


@pytest.mark.parametrize(
    ("ref", "url"),
    [
        ("sim:1:0", "/images/sim:1:0?size=360"),
        ("mugs/17.jpg", "/images/mugs/17.jpg"),
        ("Größe 4.png", ""),
        ("https://img.example/a.jpg", ""),
        ("//img.example/a.jpg", ""),
        ("/etc/a.jpg", ""),
        ("../a.jpg", ""),
        ("javascript:a.jpg", ""),
        ("a.svg", ""),
        ("", ""),
    ],
)
def test_only_our_own_pictures_have_an_address(ref: str, url: str) -> None:
    """A reference to another server, or to a place outside the folder, is a tile."""
    assert picture_url(ref, size=360) == url
