"""A shop over a real market, a real Chromium, and a way to visit that complains about every fault."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mercer.app import EmbeddedMarket
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.market import EventResult
from mercer.serve.run import listen, server_of
from mercer.serve.settings import ServeSettings
from mercer.simulate.picture.draw import draw_reference
from support.small_market import small_market

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
SCREENS = {"desktop": (1360, 900), "tablet": (800, 1100), "phone": (390, 844), "small": (320, 640)}


class Heard:
    """Passes events on to the market, and keeps what was accepted."""

    def __init__(self, market: EmbeddedMarket) -> None:
        self._put = market.put_events
        self.events: list[dict[str, Any]] = []

    def put_events(self, items: Sequence[Any], **more: Any) -> Sequence[EventResult]:
        results = self._put(items, **more)
        for item, result in zip(items, results, strict=True):
            assert result.verdict != "rejected", (item, result)
            if result.verdict == "accepted":
                self.events.append(dict(item) | {"source": more.get("source", "api")})
        return results

    def of(self, kind: str, *, n: int, within_s: float = 8.0) -> list[dict[str, Any]]:
        """The events of a kind once there are `n`, or what there is when the time is up."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            found = [event for event in self.events if event["kind"] == kind]
            if len(found) >= n:
                break
            time.sleep(0.02)
        return found


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Heard]]:
    """A shop of 600 simulated listings with drawn pictures, over a real market."""
    folder: Path = tmp_path_factory.mktemp("market") / "shop"
    options = ServeSettings()
    with small_market(folder, n_listings=600, seed=3) as market:
        heard = Heard(market)
        market.put_events = heard.put_events  # type: ignore[method-assign]  # to hear what arrives
        app = create_app(
            market,
            settings=options,
            draw=lambda ref, size: draw_reference(ref, size_px=size),
            log=Log(lambda line: None),
        )
        with listen("127.0.0.1", 0) as listener:
            server = server_of(app, options)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            while not server.started:
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def url(shop: tuple[str, Heard]) -> str:
    """Where the shop is."""
    return shop[0]


@pytest.fixture
def heard(shop: tuple[str, Heard]) -> Heard:
    """What the market hears from here on."""
    shop[1].events.clear()
    return shop[1]


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Callable[..., Page]]:
    """`visit("/?q=", screen="phone", ...)`; afterwards: nothing was fetched from elsewhere, no error.

    `errors` are parts of messages that the console may have, where a test makes one happen.
    """
    complaints: list[str] = []
    contexts = []

    def go(
        path: str, *, screen: str = "desktop", errors: tuple[str, ...] = (), **options: Any
    ) -> Page:
        width, height = SCREENS[screen]
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8_000)

        def complain(text: str) -> None:
            if not any(known in text for known in errors):
                complaints.append(text)

        page.on("console", lambda m: complain(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complain(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith((url, "data:")) else complain(r.url),
        )
        page.goto(url + path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []
