"""`mercer features fit`, `run` and `backfill`: feature sets over files and past pages of any number."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mercer.cli_features import SetFile
from mercer.cli_words import PLAIN_EVERY_S, AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import ConfigError, CorruptError, InputError
from mercer.schema.time import DAY_MS

if TYPE_CHECKING:
    from mercer.features.declare import FeatureSet
    from mercer.features.plan import Plan

app = typer.Typer()

Parquets = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Parquet, a column for each input.")
]
Now = Annotated[
    int | None,
    typer.Option(help="When it was, in ms since 1970, where the files have no column now_ms."),
]


@contextmanager
def rows_done(
    what: str, total: int | None, *, unit: str = "rows"
) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a line every few seconds elsewhere; always on stderr."""
    if not sys.stderr.isatty():
        last = time.monotonic()

        def tell(done: int) -> None:
            nonlocal last
            if time.monotonic() - last >= PLAIN_EVERY_S:
                last = time.monotonic()
                of = "" if total is None else f" of {total:,}"
                sys.stderr.write(f"{what}: {done:,}{of} {unit}\n")

        yield tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = (*columns, TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@app.command("fit")
def fit_command(
    out: Annotated[Path, typer.Option("--out", help="Where the fitted state goes.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Parquet; none: the catalogue of the market."),
    ] = None,
    market: MarketDir = Path(),
    set_file: SetFile = None,
    as_json: AsJson = False,
) -> None:
    """Fit a feature set: word counts, quantiles, rates, whatever its transforms learn from rows.

    Without files it is fitted on the listings of the market, which is enough for the default set.
    The state belongs to this declaration; another one refuses it.

    Examples:

        mercer features fit --out features.state --market shop
        mercer features fit january.parquet february.parquet --set features.toml --out features.state
    """
    from mercer.engines.embedded.durable import write_durably
    from mercer.engines.embedded.feature_files import batches_of, count_rows
    from mercer.engines.embedded.feature_market import declared_set, fitted_plan
    from mercer.features.fit import fit
    from mercer.features.plan import compile_plan

    with told("features fit"):
        _check_out(out)
        feature_set, source = declared_set(market, set_file)
        if files:
            total, done = count_rows(files), 0
            with rows_done("fit", total) as on_rows:

                def rows() -> Iterator:  # type: ignore[type-arg]
                    nonlocal done
                    for batch in batches_of(files):
                        yield batch
                        done += batch.num_rows
                        on_rows(min(done, total))

                plan = compile_plan(feature_set, fit(feature_set, rows))
        else:
            folder = MarketFolder(market)
            with rows_done("fit", None) as on_rows:
                plan = fitted_plan(feature_set, folder, folder.config(), on_rows=on_rows)
        data = plan.state.to_bytes()
        write_durably(out, data)
    result = {
        "set": feature_set.name, "source": source, "hash": plan.hash, "out": str(out),
        "bytes": len(data), "fitted": sorted(plan.state.arrays),
    }  # fmt: skip
    text = f"{out}: {len(plan.state.arrays)} fitted features, {len(data):,} bytes, set {plan.hash}"
    say(result, text, as_json=as_json)


@app.command("run")
def run_command(
    files: Parquets,
    out: Annotated[Path, typer.Option("--out", help="Where the features go, as Parquet.")],
    state: Annotated[
        Path | None, typer.Option("--state", help="What `mercer features fit` gave.")
    ] = None,
    market: MarketDir = Path(),
    set_file: SetFile = None,
    now_ms: Now = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="That share the rows.")] = 2,
    no_counters: Annotated[
        bool, typer.Option("--no-counters", help="Counts are missing; else they are refused.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compute the features of a set for every row of Parquet files, in bounded memory.

    A row has the columns of its request and of its listing (`mercer features explain` names them), and
    where features compare candidates, `group`: the request, its rows standing together.
    Other columns are kept beside the features. The output is whole or absent.

    Examples:

        mercer features run pairs.parquet --out values.parquet --state features.state
        mercer features run pairs.parquet --set features.toml --now-ms 1790000000000 --out values.parquet
    """
    from mercer.engines.embedded.feature_files import RunJob, count_rows, run_files
    from mercer.engines.embedded.feature_market import declared_set
    from mercer.features.counter_reader import NoCounters

    began = time.perf_counter()
    with told("features run"):
        _check_out(out)
        feature_set, _ = declared_set(market, set_file)
        plan = _plan(feature_set, state)
        if plan.reads_counters and not no_counters:
            raise InputError(
                f"{feature_set.name!r} reads counters, which files do not have; `mercer features "
                "backfill` computes them from the log, --no-counters leaves them missing"
            )
        job = RunJob(files=files, out=out, now_ms=now_ms, n_threads=threads)
        with rows_done("run", count_rows(files)) as on_rows:
            n = run_files(plan, job, counters=NoCounters(feature_set), on_rows=on_rows)
    took_s = time.perf_counter() - began
    result = {
        "rows": n, "features": len(plan.names), "hashed": len(plan.hashed_names), "out": str(out),
        "hash": plan.hash, "took_s": round(took_s, 3),
    }  # fmt: skip
    n_columns = len(plan.names) + len(plan.hashed_names)
    say(result, f"{out}: {n:,} rows of {n_columns} features in {took_s:.1f} s", as_json=as_json)


@app.command("backfill")
def backfill_command(
    out: Annotated[Path, typer.Option("--out", help="Where the features go, as Parquet.")],
    from_day: Annotated[
        str | None, typer.Option("--from", help="First day, YYYY-MM-DD (UTC).")
    ] = None,
    to_day: Annotated[
        str | None, typer.Option("--to", help="Last day, YYYY-MM-DD (UTC); else today.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="So many days, where --from is not given.")] = 7,
    state: Annotated[
        Path | None, typer.Option("--state", help="What `mercer features fit` gave.")
    ] = None,
    has_all: Annotated[
        bool, typer.Option("--candidates", help="Also candidates that were not shown.")
    ] = False,
    market: MarketDir = Path(),
    set_file: SetFile = None,
    as_json: AsJson = False,
) -> None:
    """Compute the features of pages of past days, as they would have been had the set been there.

    Listings, sellers and counters are those that each page saw; what the log has lost since, to a
    compaction or an erasure, is left out and counted. A row is a listing that was shown.
    Without --state the set is fitted on the catalogue as it stands.

    Examples:

        mercer features backfill --days 30 --out past.parquet --market shop
        mercer features backfill --from 2026-01-01 --to 2026-01-31 --state new.state --out past.parquet
    """
    from contextlib import closing

    from mercer.engines.embedded.backfill import BackfillJob, backfill
    from mercer.engines.embedded.counters.params import params_of
    from mercer.engines.embedded.feature_market import declared_set, fitted_plan
    from mercer.engines.embedded.log.market_log import EmbeddedLog

    with told("features backfill"):
        folder = MarketFolder(market)
        config = folder.config()
        _check_out(out)
        to_ms = _day_ms(to_day, "--to") + DAY_MS if to_day else time.time_ns() // 1_000_000
        from_ms = _day_ms(from_day, "--from") if from_day else to_ms - days * DAY_MS
        if from_ms >= to_ms:
            raise ConfigError(f"--from {from_day} is after --to {to_day or 'today'}")
        feature_set, _ = declared_set(market, set_file)
        plan = _plan(feature_set, state) if state else fitted_plan(feature_set, folder, config)
        job = BackfillJob(
            out=out, from_ms=from_ms, to_ms=to_ms, has_all=has_all,
            counters_folder=folder.views / "counters",
        )  # fmt: skip
        with (
            closing(EmbeddedLog(folder.log, is_owner=False)) as log,
            rows_done("backfill", None, unit="pages") as done,
        ):
            report = backfill(
                plan, log, params_of(config), job, on_pages=lambda pages, total: done(pages)
            )
    result = {
        "pages": report.pages, "rows": report.rows, "lost": report.lost, "out": str(out),
        "hash": plan.hash, "from_ms": from_ms, "to_ms": to_ms,
    }  # fmt: skip
    text = f"{out}: {report.rows:,} rows of {report.pages:,} pages"
    if report.lost:
        text += f"; {report.lost:,} candidates are not in the log any more"
    say(result, text, as_json=as_json)


def _day_ms(text: str, option: str) -> int:
    try:
        return round(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1e3)
    except ValueError:
        raise ConfigError(f"{option} is {text!r}, must be a day as YYYY-MM-DD") from None


def _plan(feature_set: "FeatureSet", state: Path | None) -> "Plan":
    """The set with the fitted state of a file."""
    from mercer.features.fitted import stage_of
    from mercer.features.graph import build_graph
    from mercer.features.plan import NOTHING_FITTED, compile_plan
    from mercer.features.registry import registry
    from mercer.features.state import FittedState

    if state is None:
        if fitted := list(stage_of(build_graph(feature_set, registry()))):
            raise InputError(
                f"{feature_set.name!r} has to be fitted first ({', '.join(fitted[:3])}, ...): "
                "`mercer features fit --out FILE`, then --state FILE"
            )
        return compile_plan(feature_set, NOTHING_FITTED)
    try:
        return compile_plan(feature_set, FittedState.from_bytes(state.read_bytes()))
    except FileNotFoundError:
        raise InputError(f"{state}: no such file; `mercer features fit` writes it") from None
    except CorruptError as fault:
        raise CorruptError(f"{state}: {fault}") from None


def _check_out(out: Path) -> None:
    """What takes long is not begun where its result could not be written."""
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}; make it first")
    if out.is_dir():
        raise InputError(f"--out {out}: is a folder; name a file in it")
