"""The load of `mercer bench http`: open loop, faults counted, changes followed; and the highest rate."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mercer.bench.http import HttpBench, _highest, _ms
from mercer.bench.http_client import Pool, get
from mercer.bench.http_load import Shared, Window, unique_word
from mercer.schema.errors import ConfigError
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.market import ItemResult
from mercer.serve.run import listen, server_of
from mercer.serve.settings import ServeSettings
from support.plain_market import PlainMarket, listing

ITEMS = [{"listing_id": f"m{i}", "title": f"White mug {i}"} for i in range(4)]


class Shop(PlainMarket):
    """Every change is newer, and what is sold out is gone."""

    def _put(self, item: Any) -> ItemResult:
        result = super()._put({**item, "updated_ms": time.time_ns()})
        if item.get("quantity") == 0:
            del self.listings[item["listing_id"]]
        return result


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server in a thread, over a market in memory."""
    market = Shop([listing(one["listing_id"], one["title"]) for one in ITEMS])
    options = ServeSettings()
    with listen("127.0.0.1", 0) as listener:
        app = create_app(market, settings=options, log=Log(lambda line: None))
        server = server_of(app, options)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(10)


def run_window(port: int, searches: list[bytes], **job: Any) -> Any:
    async def run() -> Any:
        pool = Pool(port, max_open=32)
        await pool.open(4)
        whole = {
            "rate": 60.0, "changes": 0.0, "seconds": 0.8, "seed": 1, "first_search": 0,
            "first_change": 0, "track_each": 1,
        }  # fmt: skip
        seen = await Window(Shared(port, searches, ITEMS), {**whole, **job}, pool).run()
        pool.close()
        return seen

    return asyncio.run(run())


def test_every_search_that_was_meant_to_be_sent_is_timed(port: int) -> None:
    """As many as a Poisson stream of that rate has, none of them failing."""
    seen = run_window(port, [get("/v1/search?q=mug"), get("/v1/search?q=lamp")])
    assert 20 <= len(seen.search_ms) <= 90
    assert not seen.faults
    assert seen.unfinished == 0
    assert min(seen.search_ms) > 0


def test_what_fails_is_counted(port: int) -> None:
    """A status that is not 200, and a server that is not there."""
    seen = run_window(port, [get("/v1/search?q=mug&page=0")])
    assert set(seen.faults) == {"search: status 400"}
    with listen("127.0.0.1", 0) as nobody:
        free = nobody.getsockname()[1]
    assert set(run_window(free, [get("/v1/search?q=mug")]).faults) == {"search: status 0"}


def test_changes_are_found_and_sold_listings_gone(port: int) -> None:
    """Each followed change comes to its end."""
    seen = run_window(port, [get("/v1/search?q=mug")], changes=5.0, rate=5.0)
    assert not seen.faults
    assert len(seen.found_ms) == len(seen.gone_ms) == len(seen.put_ms) > 0


def test_no_word_comes_twice() -> None:
    """Words of letters only, another for each number."""
    made = {unique_word(n) for n in range(5_000)}
    assert len(made) == 5_000
    assert all(word.isalpha() and word.islower() for word in made)


class Fake:
    """A load that holds up to some rate."""

    def __init__(self, most: float) -> None:
        self.most, self.asked = most, []

    def window(self, *, rate: float, seconds: float, changes: float) -> dict[str, Any]:
        self.asked.append(rate)
        ms = 50.0 if rate <= self.most else 500.0
        return {"rate": rate, "search_ms": [ms] * 100, "faults": {}, "unfinished": 0}


@pytest.mark.parametrize("most", [20.0, 60.0, 100.0, 333.0])
def test_the_highest_rate_is_closed_in(most: float) -> None:
    """The best good window lies within a few percent below what holds, and none above counts."""
    load, bench = Fake(most), HttpBench(listings=1, rate=60.0)
    probes = _highest(bench, load, lambda text: None)  # type: ignore[arg-type]  # the part that is used
    good = [one["rate"] for one in probes if _ms(one["search_ms"], 99) <= 100]
    assert max(good, default=0.0) <= most
    assert max(good, default=0.0) >= 0.85 * most or most < 30.0
    assert len(load.asked) < 12


def test_numbers_out_of_range_are_told() -> None:
    """All of them at once."""
    from mercer.bench.http import _check

    with pytest.raises(ConfigError, match="workers must be 1 or more, got 0; rate must be"):
        _check(HttpBench(listings=10, workers=0, rate=0.0))
