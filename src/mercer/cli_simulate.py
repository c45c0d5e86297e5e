"""`mercer simulate`: a synthetic market as files with the truth about them, and people who visit one."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, final

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from typer.core import TyperGroup

from mercer.cli_words import PLAIN_EVERY_S, AsJson, MarketDir, say, told
from mercer.schema.errors import ConfigError
from mercer.schema.listing import LISTING

if TYPE_CHECKING:
    from mercer.traffic.report import Report

FILES = ("listings.parquet", "sellers.parquet", "queries.jsonl", "judgments.parquet")


class _TrafficByOption(TyperGroup):
    """`mercer simulate --traffic ...` is `mercer simulate traffic ...`."""

    @staticmethod
    def resolved(words: list[str]) -> list[str]:
        """The words with the option turned into the command."""
        if words and words[0].startswith("-") and "--traffic" in words:
            return ["traffic", *(word for word in words if word != "--traffic")]
        return words

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.resolved(args))


app = typer.Typer(
    no_args_is_help=True,
    cls=_TrafficByOption,
    help="A synthetic market whose true preferences are known; --traffic is the command traffic.",
)


@app.callback()
def _group() -> None:
    """A synthetic market whose true preferences are known; --traffic is the command traffic."""


@app.command("catalogue")
def catalogue_command(
    out: Annotated[Path, typer.Option(help="A folder; it is made where it is not there.")],
    listings: Annotated[int, typer.Option(help="How many.")] = 20_000,
    queries: Annotated[int, typer.Option(help="How many, all kinds in turn.")] = 300,
    seed: Annotated[int, typer.Option(help="The same one gives the same bytes.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write listings, sellers, queries with their meaning, and the true grade of listings.

    Grades go from 0 to 3; for each query all listings above 0 are judged, and up to 20 of grade 0.

    Examples:

        mercer simulate catalogue --listings 20000 --out synthetic
        mercer ingest --market shop synthetic/listings.parquet
        mercer evaluate search --market shop --judgments synthetic/judgments.parquet --gains exp
    """
    with told("simulate catalogue"):
        if there := [name for name in FILES if (out / name).exists() and not force]:
            raise ConfigError(
                f"{out} has {', '.join(there)} already; name another folder, or add --force"
            )
        sizes = _write(out, n_listings=listings, n_queries=queries, seed=seed)
    text = "\n".join(f"{out / name}: {n:,} rows" for name, n in sizes.items())
    say({"out": str(out), "seed": seed, "rows": sizes}, text, as_json=as_json)


def _write(out: Path, *, n_listings: int, n_queries: int, seed: int) -> dict[str, int]:
    """Write FILES; rows by file name."""
    from mercer.demo import NOW_MS
    from mercer.simulate import generate_catalogue, generate_queries, judgments

    world = generate_catalogue(n_listings=n_listings, seed=seed, now_ms=NOW_MS)
    queries = generate_queries(world, n=n_queries, seed=seed)
    judged = judgments(world, queries, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(out / FILES[0], LISTING, compression="zstd") as writer:
        for batch in world.batches():
            writer.write_table(pa.Table.from_batches([batch]))
    pq.write_table(world.sellers, out / FILES[1], compression="zstd")
    lines = [json.dumps(asdict(query)) + "\n" for query in queries]
    (out / FILES[2]).write_text("".join(lines), "utf-8")
    pq.write_table(judged, out / FILES[3], compression="zstd")
    counts = (n_listings, len(world.sellers), len(queries), len(judged))
    return dict(zip(FILES, counts, strict=True))


@app.command("traffic")
def traffic_command(
    market: MarketDir = Path(),
    searches: Annotated[
        int | None, typer.Option(help="Stop after so many searches, of people and machines.")
    ] = None,
    sessions: Annotated[int | None, typer.Option(help="Stop after so many visits.")] = None,
    days: Annotated[
        float, typer.Option(help="Of simulated time, over which the visits are spread.")
    ] = 7.0,
    seed: Annotated[int, typer.Option(help="The same one brings the same visitors.")] = 1,
    url: Annotated[
        str, typer.Option(help="Of a server that serves this market; else it is opened here.")
    ] = "",
    api_key: Annotated[
        str, typer.Option(envvar="MERCER_API_KEY", help="Of the server: search, events, catalogue.")
    ] = "",
    connections: Annotated[
        int, typer.Option(help="To the server at once; with 1 the order of requests is fixed.")
    ] = 1,
    server_pid: Annotated[
        int | None, typer.Option(help="A process whose memory is watched meanwhile.")
    ] = None,
    probe_share: Annotated[
        float, typer.Option(help="Of searches whose match set is sampled for the random order.")
    ] = 0.1,
    photos: Annotated[
        Path | None, typer.Option(help="A folder for buyers' photos of what they reviewed.")
    ] = None,
    visits: Annotated[
        Path | None, typer.Option(help="A Parquet file that says who each visitor really was.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let simulated people and machines visit a synthetic market, and measure what they were shown.

    People search, read from the top, click, keep, buy and review by their true utility; sellers bring
    listings and change prices; stock sells out; bots crawl, scrape and click. The report puts the
    true utility of the served pages next to random order and to the best possible order.

    Examples:

        mercer simulate traffic --market demo-market --searches 2000 --seed 1
        mercer simulate --traffic --searches 2000 --seed 1 --market demo-market --json
        mercer simulate traffic --market demo-market --url http://127.0.0.1:8100 --sessions 1000
    """
    from mercer.traffic.driver import Amount
    from mercer.traffic.run import TrafficParams, Watchers, run_traffic

    if searches is None and sessions is None:
        searches = 1_000
    params = TrafficParams(
        amount=Amount(searches=searches, sessions=sessions, days=days),
        seed=seed,
        connections=connections,
        probe_share=probe_share,
    )
    with told("simulate traffic"), _Visits(searches, sessions) as progress:
        watchers = Watchers(on_progress=progress, photos=photos, visits=visits)
        summary = run_traffic(
            market, params, url=url, api_key=api_key, server_pid=server_pid, watchers=watchers
        )
    if as_json:
        say(summary, "", as_json=True)
    else:
        _show_traffic(summary)


@final
class _Visits:
    """Progress on stderr: a bar on a terminal, else a line now and then."""

    def __init__(self, searches: int | None, sessions: int | None) -> None:
        self._is_by_search = searches is not None
        total = searches if searches is not None else sessions
        self._next = time.monotonic() + PLAIN_EVERY_S
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("searches" if self._is_by_search else "visits"),
                BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                console=Console(stderr=True),
            )  # fmt: skip
            self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> "_Visits":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, report: "Report") -> None:
        n_sessions = sum(report.sessions.values())
        if self._bar:
            done = report.n_searches if self._is_by_search else n_sessions
            self._bar.update(self._task, completed=done)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_EVERY_S
            sys.stderr.write(
                f"mercer simulate: {report.n_searches:,} searches in {n_sessions:,} visits\n"
            )


def _show_traffic(told_of: dict[str, Any]) -> None:
    console = Console()
    console.print(
        f"{told_of['searches']:,} searches in {told_of['sessions']:,} visits over "
        f"{told_of['days']:g} simulated days; {told_of['seconds']:g} s"
    )
    utility = told_of["utility"]
    table = Table("order", "mean true utility", "95 % interval", "searches")
    for name, title in (
        ("served", "as served"), ("random_page", "the page shuffled"),
        ("random_matches", "random matches"), ("oracle", "oracle"),
    ):  # fmt: skip
        one = utility[name]
        if one["mean"] is not None:
            table.add_row(
                title, f"{one['mean']:.4f}", f"{one['low']:.4f} to {one['high']:.4f}",
                f"{one['n']:,}",
            )  # fmt: skip
    console.print(table)
    for name in ("sessions_by_role", "events", "verdicts", "refused"):
        counts = ", ".join(f"{key} {n:,}" for key, n in told_of[name].items()) or "none"
        console.print(f"{name.replace('_', ' ')}: {counts}")
    for name in ("click_rate", "conversion", "zero_result_rate"):
        value = told_of[name]
        console.print(f"{name.replace('_', ' ')}: {'-' if value is None else f'{value:.2%}'}")
    console.print(
        f"purchases {told_of['purchases']:,} for {told_of['revenue_micros'] / 1e6:,.2f} USD, refunds "
        f"{told_of['refunds']:,}, errors of the server {told_of['errors_5xx']:,}"
    )
    rates = told_of["click_rate_by_position"][:10]
    shown = ", ".join("-" if rate is None else f"{rate:.1%}" for rate in rates)
    console.print(f"click rate at positions 1 to 10: {shown}")
