"""`mercer serve --workers 2` as its processes: killed one by one, nothing acknowledged is lost."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from mercer.bench.events_counted import log_counts
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.serve.process.run_folder import Status, read_status
from support.market_kit import T0, items, make_market

PROGRAM = "from mercer.cli import main; main()"
N_READERS = 2


class Cluster:
    """A served market, and its clients."""

    def __init__(self, folder: Path, *, workers: int = N_READERS) -> None:
        self.folder = folder
        words = ["serve", "--market", str(folder), "--port", "0", "--workers", str(workers)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: self.states() and set(self.states().values()) == {"up"})

    def status(self) -> Status | None:
        return read_status(MarketFolder(self.folder).run)

    def states(self) -> dict[str, str]:
        status = self.status()
        return {n: p.state for n, p in status.processes.items()} if status else {}

    def pid(self, name: str) -> int | None:
        status = self.status()
        return status.processes[name].pid if status else None

    def kill(self, name: str) -> None:
        pid = self.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def is_back(self, name: str, *, other_than: int | None) -> bool:
        return self.states().get(name) == "up" and self.pid(name) != other_than

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request over a new connection, so over whichever reader takes it."""
        status = self.status()
        assert status is not None
        connection = http.client.HTTPConnection(status.url.removeprefix("http://"), timeout=60)
        try:
            raw = None if body is None else json.dumps(body)
            connection.request(method, path, raw, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if path != "/metrics" else text.decode()
        finally:
            connection.close()

    def search(self, **asked: Any) -> Mapping[str, Any]:
        code, answer = self.ask("GET", "/v1/search?" + urlencode({"budget_ms": 9_999, **asked}))
        assert code == 200, answer
        return dict(answer)

    def put(self, *listings: Mapping[str, Any]) -> list[str]:
        code, answer = self.ask("PUT", "/v1/listings", {"listings": list(listings)})
        assert code == 200, answer
        return [one["verdict"] for one in answer["results"]]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def until(holds: Callable[[], object], *, s: float = 90.0) -> None:
    end = time.monotonic() + s
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def ids(answer: Mapping[str, Any]) -> list[str]:
    return [hit["listing_id"] for hit in answer["hits"]]


def readers_of(cluster: Cluster, *, per: int = 6) -> set[str]:
    """Through which readers connections went that were opened at the same time.

    One after the other they may well all go to the same reader: whoever has time takes them.
    """
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda _: cluster.search(per_page=1), range(per))
        return {answer["cursor"].partition(".")[0] for answer in found}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("serving") / "shop"
    make_market(folder, items(120))
    log_counts(folder)
    made = Cluster(folder)
    yield made
    if made.process.poll() is None:
        made.stop()


def test_pages_of_a_cursor_are_one_slate_whichever_reader_answers(cluster: Cluster) -> None:
    """No listing comes twice and none is skipped, though each page may come from another process;
    what was sold meanwhile is on none of them."""
    until(lambda: readers_of(cluster, per=30) == {"0", "1"}, s=20)

    def found() -> list[str]:
        return ids(cluster.search(q="red mug", per_page=120))

    until(lambda: len({frozenset(found()) for _ in range(8)}) == 1, s=20)  # both know the same
    whole = found()
    first = cluster.search(q="red mug", per_page=10)
    sold = whole[35]
    cluster.put({"listing_id": sold, "title": "sold", "quantity": 0, "updated_ms": T0 + 50})

    def page_of(page: int) -> dict[str, Any]:
        return cluster.search(q="red mug", per_page=10, page=page, cursor=first["cursor"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(page_of, range(2, 13)))
    assert {answer["cursor"] for answer in answers} == {first["cursor"]}
    pages = [ids(first), *map(ids, answers)]
    until(lambda: sold not in found(), s=5)
    told = [one for page in pages for one in page]
    assert len(set(told)) == len(told)
    assert set(whole) - {sold} <= set(told) <= set(whole)
    with ThreadPoolExecutor(8) as pool:  # the same again: the order is the slate's, not a reader's
        again = [ids(first), *map(ids, pool.map(page_of, range(2, 13)))]
    kept = [one for page in again for one in page if one != sold]
    assert kept == [one for one in told if one != sold]


def test_sold_means_gone_everywhere_within_a_second(cluster: Cluster) -> None:
    """Through the reader that took the change at once, through the other within a second."""
    for n in range(3):
        item = {"listing_id": f"gone{n}", "title": f"quokka{n} mug", "updated_ms": T0 + 60}
        assert cluster.put(item) == ["accepted"]
        word = {"q": f"quokka{n}", "mode": "lexical"}
        until(lambda word=word: all(ids(cluster.search(**word)) for _ in range(4)), s=5)
        cluster.put({**item, "quantity": 0, "updated_ms": T0 + 61})
        began = time.monotonic()
        shown_s = 0.0
        while time.monotonic() - began < 1.5:
            asked = time.monotonic() - began
            if f"gone{n}" in ids(cluster.search(q=f"quokka{n}", mode="lexical")):
                shown_s = asked
        assert shown_s < 1.0


def clicks(cluster: Cluster, listing_id: str) -> float | None:
    """What the feature says of a listing, as whichever reader answers has it."""
    asked = {"q": "", "listing_ids": [listing_id]}
    code, told = cluster.ask("POST", "/v1/features", asked)
    assert code == 200, told
    ((value,),) = told["values"]
    return None if value is None else float(value)


def test_an_acknowledged_event_is_among_the_features_of_every_reader(cluster: Cluster) -> None:
    """The learner counts it, and whoever is asked reads the count; an event that comes again counts once.

    How soon is measured by `mercer bench events --part counted`.
    """
    assert not clicks(cluster, "l3")
    event = {
        "event_id": "e-l3", "kind": "click", "listing_id": "l3", "visitor_id": "v",
        "session_id": "s", "time_ms": time.time_ns() // 1_000_000,
    }  # fmt: skip
    for verdict in ("accepted", "duplicate"):
        code, answer = cluster.ask("POST", "/v1/events", {"events": [event]})
        assert (code, answer["results"][0]["verdict"]) == (200, verdict)
    until(lambda: all(clicks(cluster, "l3") for _ in range(12)))
    assert 0.9 < (clicks(cluster, "l3") or 0) < 1.01  # counts are in fixed point


def test_metrics_are_those_of_all_readers(cluster: Cluster) -> None:
    """Whoever answers the scrape tells of all, each sample with its process."""
    readers_of(cluster, per=20)
    code, text = cluster.ask("GET", "/metrics")
    assert code == 200
    for reader in ("reader-0", "reader-1"):
        assert f'process="{reader}"' in text
    served = [line for line in text.splitlines() if line.startswith("mercer_http_requests_total")]
    assert any('route="/v1/search"' in line for line in served)


@pytest.mark.parametrize("victim", ["owner", "reader-0", "learner"])
def test_a_killed_process_comes_back_and_nothing_acknowledged_is_lost(
    cluster: Cluster, victim: str
) -> None:
    """Searches and changes go on while a process is killed; every change that was acknowledged is
    found afterwards, and no search fails but those that the killed reader was answering."""
    acknowledged: list[str] = []
    faults: list[str] = []
    is_done = threading.Event()

    def change() -> None:
        n = 0
        while not is_done.is_set():
            item = {
                "listing_id": f"{victim}-{n}",
                "title": f"wombat mug {n}",
                "updated_ms": T0 + 70,
            }
            try:
                code, answer = cluster.ask("PUT", "/v1/listings", {"listings": [item]})
                if code != 503:  # "try again": an owner that is long in coming back
                    assert (code, answer["results"][0]["verdict"]) == (200, "accepted"), answer
                    acknowledged.append(item["listing_id"])
            except (OSError, http.client.HTTPException):
                faults.append("put")  # not acknowledged: it may be there or not
            n += 1

    def look() -> None:
        while not is_done.is_set():
            try:
                cluster.search(q="mug", per_page=5)
            except (OSError, http.client.HTTPException):
                faults.append("search")

    before = cluster.pid(victim)
    threads = [threading.Thread(target=change), threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    until(lambda: acknowledged)
    cluster.kill(victim)
    until(lambda: cluster.is_back(victim, other_than=before))
    n_before = len(acknowledged)
    until(lambda: len(acknowledged) > n_before)
    is_done.set()
    for thread in threads:
        thread.join()
    assert len(faults) <= (3 if victim == "reader-0" else 0)
    missing = set(acknowledged)
    wombats = {"q": "wombat", "per_page": 250, "mode": "lexical"}
    until(lambda: not missing - set(ids(cluster.search(**wombats))), s=5)
    until(
        lambda: "".join(set(cluster.ask("GET", "/health")[1]["processes"].values())) == "up", s=10
    )


def test_a_stopped_market_leaves_nobody_and_can_be_served_again(tmp_path: Path) -> None:
    """One worker: the owner answers, a learner runs beside it; all end with the first."""
    folder = tmp_path / "shop"
    make_market(folder, items(20))
    alone = Cluster(folder, workers=1)
    assert set(alone.states()) == {"owner", "learner"}
    pids = [alone.pid("owner"), alone.pid("learner")]
    assert alone.put({"listing_id": "x", "title": "quokka"}) == ["accepted"]
    assert ids(alone.search(q="quokka", mode="lexical")) == ["x"]
    assert set(alone.ask("GET", "/health")[1]["processes"]) == {"owner", "learner"}
    assert alone.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert alone.status() is None
