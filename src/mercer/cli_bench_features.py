"""`mercer bench features`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_bench import where_measured
from mercer.cli_words import AsJson, say, told

app = typer.Typer()

_MAX_DIFF = 1e-5  # what float32 may leave between two libraries


@app.command("features")
def features_command(
    rows: Annotated[int, typer.Option(help="Of the batch.")] = 200_000,
    listings: Annotated[int, typer.Option(help="That the rows are about.")] = 50_000,
    rival_rows: Annotated[int, typer.Option(help="Of the text part, beside others.")] = 20_000,
    candidates: Annotated[int, typer.Option(help="Of a request.")] = 600,
    requests: Annotated[int, typer.Option(help="After the first one.")] = 200,
    threads: Annotated[int, typer.Option(help="That share the batch.")] = 2,
    titles: Annotated[
        Path | None,
        typer.Option(help="A Parquet file whose column title takes the place of synthetic ones."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of listings and queries.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Compute features: 50 over a batch, 100 over requests, and words beside other libraries.

    scikit-learn, Polars and pandas do the text part of the same rows where they are installed, and
    their numbers have to be ours. The exit status is 1 where batch and request differ in any bit.

    Examples:

        mercer bench features
        mercer bench features --titles products.parquet
        mercer bench features --json >> results.jsonl
    """
    from mercer.bench.features import FeaturesBench, bench_features

    bench = FeaturesBench(
        rows=rows, listings=listings, rival_rows=rival_rows, candidates=candidates,
        requests=requests, threads=threads, seed=seed,
        titles=str(titles) if titles is not None else None,
    )  # fmt: skip
    with told("bench features"):
        line = bench_features(bench)
    if as_json:
        say(line, "", as_json=True)
    else:
        _show(line, Console())
    differences = [line[key] for key in line if key.endswith("_max_diff")]
    if not line["bit_equal"] or any(not value <= _MAX_DIFF for value in differences):
        raise typer.Exit(1)


def _show(line: dict[str, Any], console: Console) -> None:
    request = line["request_600x100_ms"]
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row(f"batch, {line['columns']} columns, rows/s", f"{line['rows_per_s']:,}")
    table.add_row("rows/s of one core's time", f"{line['rows_per_cpu_s']:,}")
    shape = f"{line['candidates']} x {line['request_columns']}"
    table.add_row(f"request, {shape}, ms p50 / p99", f"{request['p50']:.2f} / {request['p99']:.2f}")
    table.add_row("first request after a start, ms", f"{line['first_request_ms']:.1f}")
    for key, name in (("sklearn", "scikit-learn"), ("polars", "Polars"), ("pandas", "pandas")):
        if f"vs_{key}" in line:
            table.add_row(f"text part, times {name}", f"{line[f'vs_{key}']:.1f}")
    console.print(table)
    if line["absent"]:
        console.print(f"not installed, so not measured: {', '.join(line['absent'])}")
    console.print(
        "batch, slices and requests give the same bits"
        if line["bit_equal"]
        else "batch, slices and requests DIFFER",
        highlight=False,
    )
    console.print(where_measured(line), highlight=False, soft_wrap=True)
