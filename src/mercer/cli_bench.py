"""`mercer bench search`, `index` and `fuzz`: figures that can be repeated, with where they were measured."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_search import Steps
from mercer.cli_words import AsJson, say, told
from mercer.retrieve.request import Mode

FUZZ_INPUTS, FUZZ_LISTINGS = 20_000, 2_000
N_EVENTS = 500_000
HTTP_LISTINGS = 20_000
SEARCH_LISTINGS, INDEX_LISTINGS = 30_000, 50_000  # a bench ends within a minute, market and all

app = typer.Typer(no_args_is_help=True, help="Measure how fast it is.")

Listings = Annotated[int, typer.Option(help="Of the synthetic market.")]
Seed = Annotated[int, typer.Option(help="Of the market and of the queries.")]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Where markets are kept between runs; by default below the temporary folder."
    ),
]
Trees = Annotated[
    int,
    typer.Option(
        min=0, help="Of the ranker that serves, over the default features; 0: the first pass alone."
    ),
]
Rebuild = Annotated[bool, typer.Option("--rebuild", help="Make the market or file anew.")]


@app.command("search")
def search_command(
    listings: Listings = SEARCH_LISTINGS,
    queries: Annotated[
        int | None,
        typer.Option(
            help="Distinct ones; by default 10,000 from a million listings on, else 2,000."
        ),
    ] = None,
    mode: Annotated[str, typer.Option(help="lexical, semantic or hybrid.")] = "hybrid",
    threads: Annotated[int, typer.Option(help="That search at the same time.")] = 1,
    trees: Trees = 0,
    seed: Seed = 1,
    cache: Cache = None,
    rebuild: Rebuild = False,
    as_json: AsJson = False,
) -> None:
    """Time each query of a mix of head, torso, tail, misspelt and faceted ones, with facets.

    A process of its own opens the market, warms up and searches in it; rss_mib is its peak.

    Examples:

        mercer bench search
        mercer bench search --listings 1000000 --json >> results.jsonl
        mercer bench search --mode lexical --threads 2
        mercer bench search --listings 1000000 --trees 300
    """
    if mode not in get_args(Mode):
        allowed = ", ".join(get_args(Mode))
        raise typer.BadParameter(f"{mode!r}; allowed: {allowed}", param_hint="mode")
    from mercer.bench.search import SearchBench, bench_search

    bench = SearchBench(
        listings=listings, queries=queries, seed=seed, mode=cast(Mode, mode), threads=threads,
        trees=trees,
    )  # fmt: skip
    with told("bench search"), Steps("bench search") as steps:
        line = bench_search(bench, cache=cache_folder(cache), rebuild=rebuild, progress=steps)
    if as_json:
        say(line, "", as_json=True)
    else:
        _show_search(line, Console())


@app.command("index")
def index_command(
    listings: Listings = INDEX_LISTINGS,
    seed: Seed = 1,
    cache: Cache = None,
    rebuild: Rebuild = False,
    as_json: AsJson = False,
) -> None:
    """Time the way from a Parquet file to listings that are found, stage by stage.

    Once by words alone, once through log and tables with vectors to the first search.
    Making the Parquet file is not counted.

    Examples:

        mercer bench index
        mercer bench index --listings 1000000 --json >> results.jsonl
    """
    from mercer.bench.index import IndexBench, bench_index

    with told("bench index"):
        line = bench_index(
            IndexBench(listings=listings, seed=seed), cache=cache_folder(cache), rebuild=rebuild
        )
    if as_json:
        say(line, "", as_json=True)
    else:
        _show_index(line, Console())


@app.command("events")
def events_command(
    events: Annotated[int, typer.Option(help="That are written in the measurement.")] = N_EVENTS,
    batch: Annotated[int, typer.Option(help="Events of one call.")] = 500,
    writers: Annotated[
        int, typer.Option(help="Threads that write, each waiting until its batch is durable.")
    ] = 4,
    part: Annotated[
        list[str] | None, typer.Option(help="Measure only this part; may be given several times.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the events.")] = 1,
    cache: Annotated[
        Path | None,
        typer.Option(help="A folder on the disk to measure; by default below the temporary one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure what it costs to keep events and pages: durable events per second, and the waits.

    Each part runs in a process of its own and writes to a folder that is removed again.

    Examples:

        mercer bench events
        mercer bench events --events 2000000 --writers 8 --json >> results.jsonl
        mercer bench events --part log --cache /var/lib/mercer
    """
    from mercer.bench.events import PARTS, EventsBench, bench_events

    parts = tuple(part) if part else tuple(PARTS)
    bench = EventsBench(events=events, batch=batch, writers=writers, seed=seed, parts=parts)
    with told("bench events"):
        line = bench_events(bench, cache=cache_folder(cache))
    if as_json:
        say(line, "", as_json=True)
    else:
        _show_events(line, Console())


@app.command("http")
def http_command(
    listings: Listings = HTTP_LISTINGS,
    workers: Annotated[int, typer.Option(help="Of `mercer serve`.")] = 2,
    rate: Annotated[float, typer.Option(help="Searches a second, at Poisson times.")] = 60.0,
    changes: Annotated[float, typer.Option(help="Changed listings a second.")] = 20.0,
    seconds: Annotated[float, typer.Option(help="Of the window at that rate.")] = 60.0,
    probe_seconds: Annotated[
        float,
        typer.Option(help="Of each window that looks for the highest rate; 0 leaves it out."),
    ] = 20.0,
    queries: Annotated[int, typer.Option(help="Distinct ones.")] = 10_000,
    trees: Trees = 0,
    seed: Seed = 1,
    cache: Cache = None,
    rebuild: Rebuild = False,
    as_json: AsJson = False,
) -> None:
    """Time searches over HTTP from their intended start, while listings change and consumers run.

    Then look for the highest rate at which the 99th percentile stays at 100 ms.
    The server is `mercer serve`, the load comes from a process beside it.

    Examples:

        mercer bench http
        mercer bench http --listings 1000000 --json >> results.jsonl
        mercer bench http --workers 1 --rate 30 --seconds 20 --probe-seconds 0
        mercer bench http --listings 1000000 --trees 300
    """
    from mercer.bench.http import HttpBench, bench_http

    bench = HttpBench(
        listings=listings, workers=workers, rate=rate, changes=changes, seconds=seconds,
        probe_seconds=probe_seconds, queries=queries, trees=trees, seed=seed,
    )  # fmt: skip
    with told("bench http"), Steps("bench http") as steps:
        line = bench_http(
            bench, cache=cache_folder(cache), rebuild=rebuild, progress=steps,
            say=lambda text: typer.echo(f"mercer bench http: {text}", err=True),
        )  # fmt: skip
    if as_json:
        say(line, "", as_json=True)
    else:
        _show_http(line, Console())


def _show_http(line: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("searches/s", "p50 ms", "p99 ms", "max ms", "changes", "put p50 ms", "faults"):
        table.add_column(heading, justify="right")
    for of in line["windows"]:
        table.add_row(
            f"{of['rate']:g}", f"{of['p50_ms']:.1f}", f"{of['p99_ms']:.1f}", f"{of['max_ms']:.0f}",
            f"{of['changes']:,}", f"{of['put_p50_ms']:.0f}",
            f"{sum(of['faults'].values()) + of['unfinished']:,}",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"{line['listings']:,} listings, {line['workers']} worker(s): a change is found after "
        f"{line['changed_found_ms']:.0f} ms, a sold listing gone after {line['sold_gone_ms']:.0f} ms "
        f"(99 of 100, {line['tracked']:,} followed); highest rate with p99 at 100 ms: "
        f"{line['highest_rate']:g}/s",
        highlight=False,
        soft_wrap=True,
    )
    console.print(where_measured(line), highlight=False, soft_wrap=True)


@app.command("fuzz")
def fuzz_command(
    inputs: Annotated[
        int,
        typer.Option(help="A query, a filter, a listing or an event of a batch is one input."),
    ] = FUZZ_INPUTS,
    listings: Listings = FUZZ_LISTINGS,
    seed: Seed = 1,
    cache: Cache = None,
    rebuild: Rebuild = False,
    as_json: AsJson = False,
) -> None:
    """Send fuzzed queries, filters, listings, events, URLs and headers; find what breaks.

    Every answer is checked: no 5xx but the documented 503s, no crash, whole problem documents, a
    verdict for each item. A fault is shown with the smallest request that still has it.

    Examples:

        mercer bench fuzz
        mercer bench fuzz --inputs 1000000 --seed 7 --json >> results.jsonl
    """
    from mercer.bench.fuzz import FuzzBench, bench_fuzz

    with told("bench fuzz"):
        bench = FuzzBench(inputs=inputs, listings=listings, seed=seed)
        line = bench_fuzz(
            bench, cache=cache_folder(cache), rebuild=rebuild, progress=lambda step, n: None
        )
    if as_json:
        say(line, "", as_json=True)
    else:
        _show_fuzz(line, Console())
    if line["faults"]:
        raise typer.Exit(1)


@app.command("crash")
def crash_command(
    kills: Annotated[int, typer.Option(help="Processes that get SIGKILL under load.")] = 40,
    faults: Annotated[int, typer.Option(help="Spells of a failing disk, two seconds each.")] = 4,
    listings: Listings = 1_500,
    workers: Annotated[int, typer.Option(help="As of mercer serve.")] = 2,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Kill the processes of a market under load and let its disk fail; count what was lost.

    Clients search, send events and change listings all the time. In the end everything that was
    acknowledged has to be there once, and all views have to be those of an undisturbed run. The
    failing disk needs a C compiler (`cc`); without one that part is left out, and `faulty_s` is 0.

    Examples:

        mercer bench crash
        mercer bench crash --kills 200 --faults 10 --json >> results.jsonl
    """
    from mercer.bench.crash import CrashBench, bench_crash

    bench = CrashBench(kills=kills, faults=faults, listings=listings, workers=workers, seed=seed)
    with told("bench crash"):
        line = bench_crash(bench, progress=_told_every(10))
    if as_json:
        say(line, "", as_json=True)
    else:
        _show_crash(line, Console())
    if not line["is_kept"]:
        raise typer.Exit(1)


def _told_every(n: int) -> Callable[[str, int], None]:
    """A `Progress` that says every n-th step on stderr."""

    def progress(step: str, done: int) -> None:
        if done % n == 0:
            sys.stderr.write(f"mercer bench crash: {step} {done}\n")

    return progress


def _show_crash(line: dict[str, Any], console: Console) -> None:
    kept = line["acknowledged"]
    by_role = ", ".join(f"{role} {n}" for role, n in line["kills_by_role"].items())
    for text in (
        f"{line['kills']:,} kills ({by_role}), {line['faulty_s']:g} s of a failing disk, "
        f"{line['retries']:,} requests sent again",
        f"acknowledged: {kept['events']:,} events, {kept['pages']:,} pages, "
        f"{kept['listings']:,} listings, {kept['deleted']:,} deletions",
        "every promise was kept" if line["is_kept"] else f"BROKEN: {', '.join(line['broken'])}",
        *line["faults"],
        where_measured(line),
    ):
        console.print(text, highlight=False, soft_wrap=True, markup=False)


def cache_folder(given: Path | None) -> Path:
    """Where benches keep their markets and files."""
    return given if given is not None else Path(tempfile.gettempdir()) / "mercer-bench"


def _show_search(line: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for heading in ("queries", "p50 ms", "p99 ms", "found, median"):
        table.add_column(heading, justify="right")
    rows = [("all", {**line, "n": line["queries"]}), *line["kinds"].items()]
    for name, of in rows:
        table.add_row(
            name, f"{of['n']:,}", f"{of['p50_ms']:.2f}", f"{of['p99_ms']:.2f}",
            f"{of['found']['p50']:,}",
        )  # fmt: skip
    for name, of in line["stages"].items():
        table.add_row(f"  {name}", "", f"{of['p50_ms']:.2f}", f"{of['p99_ms']:.2f}", "")
    console.print(table)
    console.print(
        f"{line['listings']:,} listings, {line['mode']}, {line['threads']} thread(s): "
        f"{line['queries_per_s']:,} queries/s, peak memory {line['rss_mib']:,.0f} MiB, "
        f"{line['degraded']:,} answers without a part",
        highlight=False,
        soft_wrap=True,
    )
    console.print(where_measured(line), highlight=False, soft_wrap=True)


def _show_events(line: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    asked = {"bench", "events", "batch", "writers", "seed", "parts", "load_1m"}
    for name, value in line.items():
        if name not in asked and isinstance(value, int | float):
            table.add_row(name, f"{value:,}")
    console.print(table)
    console.print(where_measured(line), highlight=False, soft_wrap=True)


def _show_index(line: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("seconds of")
    for heading in ("by words", "all"):
        table.add_column(heading, justify="right")
    text, whole = line["text_stages_s"], line["searchable_stages_s"]
    for name in whole:
        cell = f"{text[name]:.2f}" if name in text else ""
        table.add_row(name, cell, f"{whole[name]:.2f}")
    table.add_row("together", f"{line['text_s']:.2f}", f"{line['searchable_s']:.2f}")
    console.print(table)
    console.print(
        f"{line['listings']:,} listings: {line['text_listings_per_s']:,} a second by words; "
        f"{line['searchable_listings_per_s']:,} a second from Parquet to found, with {line['dim']} "
        f"dimensions; index {line['bytes']['index'] / 2**20:,.0f} MiB, peak memory "
        f"{line['rss_mib']:,.0f} MiB",
        highlight=False,
        soft_wrap=True,
    )
    console.print(where_measured(line), highlight=False, soft_wrap=True)


def _show_fuzz(line: dict[str, Any], console: Console) -> None:
    table = Table("inputs", "kind", "answers", box=None, pad_edge=False)
    for kind, of in line["kinds"].items():
        statuses = ", ".join(f"{status}: {n:,}" for status, n in of["statuses"].items())
        table.add_row(f"{of['inputs']:,}", kind, statuses)
    console.print(table)
    for name, fault in line["faults"].items():
        console.print(f"\nfault: {name}, {fault['count']:,} times", style="bold", markup=False)
        for key in ("request", "sent", "answer", "stack"):
            if fault.get(key):
                console.print(f"{key}: {fault[key]}", markup=False, highlight=False, soft_wrap=True)
    memory = line["memory_mib"]
    console.print(
        f"\n{line['inputs']:,} inputs in {line['requests']:,} requests, {line['seconds']:,} s; "
        f"{len(line['faults'])} kinds of faults; documented 503s: "
        f"{sum(line['unavailable'].values()):,}; memory {memory['warm']:,.0f} MiB warm, "
        f"{memory['end']:,.0f} MiB at the end",
        highlight=False,
        soft_wrap=True,
    )
    console.print(where_measured(line), highlight=False, soft_wrap=True)


def where_measured(line: dict[str, Any]) -> str:
    """Machine, commit and seed of a result, in one line."""
    machine, versions = line["machine"], line["versions"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mib'] / 1024:.0f} GiB; "
        f"commit {line['commit'] or 'unknown'}, Python {versions['python']}; seed {line['seed']}"
    )
