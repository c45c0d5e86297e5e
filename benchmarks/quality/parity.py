"""Whether served pages come out again bit for bit, on a market that does not stand still; one JSON line.

    python benchmarks/quality/parity.py --market DIR [--searches 1000] [--workers 2] [--listings 20000]

DIR is made where it is not there: a synthetic market. It is served by real processes
and visited over HTTP. Values are logged, a ranker is trained and promoted, people search, a fifth of
what they were shown is edited, a feature is switched off and on, another ranker is trained and promoted,
people go on, everything is started again, people go on. Then `mercer parity` replays all pages.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from mercer.app import open_market
from mercer.bench.machine import provenance
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.market_folder import MarketFolder

READY_S = 120
LEARNABLE = (
    250  # searches before the first training, at least: fewer have too few clicks to learn from
)
MIN_PAGES = 1_000  # that have to be compared, where so many are asked for
EDITED = 5  # every fifth listing that a search shows
OFF = "price_log"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", type=Path, required=True)
    parser.add_argument("--searches", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--listings", type=int, default=20_000, help="of a market that is made")
    parser.add_argument("--port", type=int, default=8197)
    args = parser.parse_args()
    begun = time.monotonic()
    if not (args.market / "mercer.toml").exists():
        size = ("--listings", args.listings)
        mercer("demo", "--market", args.market, "--no-serve", *size)
    mercer("features", "log", "--market", args.market)
    part = max(args.searches // 4, 1)
    with served(args) as url:
        visited(args.market, url, max(part, LEARNABLE), seed=1)
        first = promoted(args.market, "first")
        visited(args.market, url, part, seed=2)
        n_edited = edited(args.market, url)
        visited(args.market, url, part // 2, seed=3)
        mercer("features", "off", OFF, "--market", args.market)
        visited(args.market, url, part // 2, seed=4)
        mercer("features", "off", OFF, "--on", "--market", args.market)
        second = promoted(args.market, "second")
        visited(args.market, url, part // 2, seed=5)
    with served(args) as url:
        visited(args.market, url, part // 2, seed=6)
        n_edited += edited(args.market, url)
    report = asked("parity", "--market", args.market)
    line = {
        "benchmark": "parity",
        "models": [first, second],
        "edited": n_edited,
        "took_s": round(time.monotonic() - begun),
        **{key: report[key] for key in ("pages", "values", "mismatches", "not_compared")},
        "by_feature": report["by_feature"],
        **provenance(),
    }
    print(json.dumps(line))
    is_whole = report["pages"] >= min(MIN_PAGES, args.searches // 2)
    return int(bool(report["mismatches"]) or not is_whole)


def asked(*words: object) -> dict[str, Any]:
    """What a command prints with --json; exit status 1 is an answer too."""
    command = [sys.executable, "-c", "from mercer.cli import main; main()", *map(str, words)]
    done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode not in (0, 1) or not done.stdout:  # the command has said why, on stderr
        raise SystemExit(f"mercer {' '.join(map(str, words))}: exit status {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def mercer(*words: object) -> None:
    """Run a command that has to succeed."""
    command = [sys.executable, "-c", "from mercer.cli import main; main()", *map(str, words)]
    subprocess.run(command, stdout=sys.stderr, check=True)


@contextmanager
def served(args: argparse.Namespace) -> Iterator[str]:
    """Serve the market in processes of its own while the block runs."""
    words = ("serve", "--market", args.market, "--workers", args.workers, "--port", args.port)
    command = [sys.executable, "-c", "from mercer.cli import main; main()", *map(str, words)]
    server, url = subprocess.Popen(command, stdout=sys.stderr), f"http://127.0.0.1:{args.port}"
    try:
        wait_until_ready(url)
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def wait_until_ready(url: str) -> None:
    """Until it answers; at most READY_S."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"{url} was not ready within {READY_S} s")


def visited(market: Path, url: str, n: int, *, seed: int) -> None:
    """Let people and machines search so often."""
    mercer(
        *("simulate", "traffic", "--market", market, "--url", url, "--seed", seed),
        *("--searches", n, "--connections", 2),
    )


def promoted(market: Path, name: str) -> str:
    """Train a ranker on what was logged up to now, and let it serve."""
    model: str = asked(
        *("train", "ranker", "--market", market, "--name", name, "--mature-hours", 0)
    )["model"]
    mercer("promote", model, "--market", market, "--force")
    time.sleep(3)  # servers look once a second
    return model


def edited(market: Path, url: str) -> int:
    """Change title, price and rating of a fifth of what the newest pages showed; how many."""
    log = PageLog(MarketFolder(market).log)
    with closing(open_market(market)) as opened:
        pages = [log.find(page.page_id) for page in log.recent(limit=200)]
        ids = (one.listing_id for page in pages if page is not None for one in page.shown)
        shown = list(dict.fromkeys(ids))
        items = [changed(opened.listing(one)) for one in shown[::EDITED]]
    for at in range(0, len(items), 50):
        body = json.dumps({"listings": items[at : at + 50]}).encode()
        request = urllib.request.Request(
            f"{url}/v1/listings", body, {"content-type": "application/json"}, method="PUT"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            verdicts = [one["verdict"] for one in json.load(answer)["results"]]
        if set(verdicts) != {"accepted"}:
            raise SystemExit(f"edits: {verdicts}")
    return len(items)


def changed(listing: Mapping[str, Any]) -> dict[str, Any]:
    """A listing with another title, price and rating."""
    return {
        **{name: value for name, value in listing.items() if value is not None},
        "title": f"{listing['title']} gift",
        "price_micros": (listing["price_micros"] or 0) * 2 + 1_000_000,
        "rating": 1.5,
        "updated_ms": time.time_ns() // 1_000_000,
    }


if __name__ == "__main__":
    raise SystemExit(main())
