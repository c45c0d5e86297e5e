"""`mercer bench counters`: the counters of a market, written and read in their real file."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_bench import Cache, cache_folder
from mercer.cli_words import AsJson, say, told

app = typer.Typer(no_args_is_help=True)


@app.command("counters")
def counters_command(
    keys: Annotated[
        int, typer.Option(help="Counters, all there before it is measured.")
    ] = 10_000_000,
    updates: Annotated[int, typer.Option(help="Of each distribution.")] = 20_000_000,
    lookups: Annotated[int, typer.Option(help="Of each distribution.")] = 20_000_000,
    request: Annotated[int, typer.Option(help="Keys that are looked up at once.")] = 6_000,
    threads: Annotated[int, typer.Option(help="That look up at the same time; one writes.")] = 2,
    seed: Annotated[int, typer.Option(help="Of keys and times.")] = 1,
    cache: Cache = None,
    as_json: AsJson = False,
) -> None:
    """Measure how many counters are updated and looked up in a second, and what room they take.

    The file is the one of a market, mapped, with sections and notes for readers.
    Keys come as in a market (Zipf), and evenly, so that no cache helps.

    Examples:

        mercer bench counters
        mercer bench counters --keys 1000000 --json >> results.jsonl
    """
    from mercer.bench.counters import CountersBench, bench_counters

    bench = CountersBench(
        keys=keys, updates=updates, lookups=lookups, request=request, threads=threads, seed=seed
    )
    with told("bench counters"):
        line = bench_counters(bench, cache=cache_folder(cache))
    if as_json:
        say(line, "", as_json=True)
    else:
        _show(line, Console())
    if not line["bit_equal"]:
        raise typer.Exit(1)


def _show(line: dict[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("keys", "updates/s", "lookups/s, 1 thread", f"{line['threads']} threads"):
        table.add_column(heading, justify="left" if heading == "keys" else "right")
    for name, label in (("", "Zipf"), ("_uniform", "even")):
        cells = (f"updates{name}_per_s", f"lookups{name}_per_s_1_thread", f"lookups{name}_per_s")
        table.add_row(label, *(f"{line[cell] / 1e6:.1f} M" for cell in cells))
    console.print(table)
    beside = line["request_beside_writer_ms"]
    console.print(
        f"{line['n_keys']:,} keys in {line['mib']:,.0f} MiB, {line['n_evicted']:,} had to go; "
        f"{line['events_per_s']:,} events/s"
    )
    console.print(
        f"{line['request']:,} keys beside a writer: p50 {beside['p50']:.2f} ms, "
        f"p99 {beside['p99']:.2f} ms, {line['degraded']} without an answer"
    )
    console.print(
        f"merged in other orders: {'the same bits' if line['bit_equal'] else 'OTHER BITS'}"
    )
