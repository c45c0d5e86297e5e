"""`mercer evaluate search`: how good the search of a market is, and whether one mode is better."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from mercer.cli_words import MarketDir
from mercer.engines.embedded.evaluation_files import (
    file_kind,
    read_judgment_columns,
    read_judgments,
    read_run,
    write_table,
)
from mercer.evaluate.gains import GAINS_HELP, GainSpec
from mercer.evaluate.runs import Run
from mercer.evaluate.search import (
    MEASURES,
    NDCG,
    RECALL_DEPTH,
    Comparison,
    SearchReport,
    Truth,
    compare,
    score_run,
)
from mercer.metrics.sampling import Interval
from mercer.retrieve.request import Mode, SearchRequest
from mercer.schema.errors import (
    ConfigError,
    InputError,
    MappingError,
    MarketError,
    NotFoundError,
)
from mercer.serve.market import Market

BUDGET_MS = 60_000.0  # quality is measured with every part of the search, however long it takes
N_WORST = 5  # queries listed in the human output
SIGNIFICANT = 0.05
MODES: tuple[str, ...] = get_args(Mode)
WRONG_WORDS = (
    ConfigError,
    MappingError,
    NotFoundError,
)  # exit status 2: a word names what is not so
OpenMarket = Callable[[Path], Market]

app = typer.Typer(no_args_is_help=True, help="Measure quality against judgments.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The words of the command, checked."""

    judgments: Path
    gains: GainSpec
    market: Path = Path()
    map_file: Path | None = None
    mode: Mode = "hybrid"
    versus: Mode | Path | None = None
    save: Path | None = None
    per_query: Path | None = None
    limit: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the command found, before it is printed."""

    job: Job
    generation: str  # of the index that answered
    n_degraded: int  # answers that said that a part of the search was dropped
    report: SearchReport
    other: SearchReport | None = None  # of `job.versus`
    comparison: Comparison | None = None

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        versus: dict[str, Any] = {}
        if self.other and self.comparison:
            versus["versus"] = {
                "name": str(self.job.versus),
                **self.other.to_dict(),
                "paired": self.comparison.to_dict(),
            }
        return {
            "mode": self.job.mode,
            "generation": self.generation,
            "seed": self.job.seed,
            "queries_degraded": self.n_degraded,
            **self.report.to_dict(),
            **versus,
        }


@app.callback()
def _group() -> None:
    """Measure quality against judgments."""  # keeps `search` a word of its own while it is alone


@app.command("search")
def search_command(
    judgments: Annotated[Path, typer.Option(help="Parquet, CSV, TSV or JSON lines.")],
    gains: Annotated[str, typer.Option(help=f"What a grade is worth; {GAINS_HELP}.")],
    market: MarketDir = Path(),
    map_file: Annotated[
        Path | None,
        typer.Option("--map", help="A map file: its judgments section names the columns."),
    ] = None,
    mode: Annotated[str, typer.Option(help="lexical, semantic or hybrid.")] = "hybrid",
    versus: Annotated[
        str | None, typer.Option(help="Another mode, or a saved run, to compare with.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Save the ranked lists to this file.")] = None,
    per_query: Annotated[
        Path | None, typer.Option(help="Write the numbers of each query to this file.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many judged queries.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals and the paired test.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """nDCG@10, recall@100 of the top grade, MRR and zero-result rate, with 95 % intervals."""
    job = Job(
        judgments=judgments,
        gains=_gains(gains),
        market=market,
        map_file=map_file,
        mode=_mode(mode),
        versus=_versus(versus),
        save=_output(save, "--save"),
        per_query=_output(per_query, "--per-query"),
        limit=limit,
        seed=seed,
    )
    from mercer.app import open_market  # the engines load once the words are known to be right

    try:
        outcome = evaluate_search(job, open_market=open_market)
    except MarketError as error:
        sys.stderr.write(f"mercer evaluate search: {error}\n")
        raise typer.Exit(2 if isinstance(error, WRONG_WORDS) else 1) from None
    if as_json:
        sys.stdout.write(json.dumps(outcome.to_dict(), allow_nan=False) + "\n")
    else:
        show(outcome, Console())


def evaluate_search(job: Job, *, open_market: OpenMarket) -> Outcome:
    """Ask the market every judged query, report, compare, and save what the job names.

    Raises:
        MarketError: a file, the market or the judgments are not what they should be.
    """
    columns = read_judgment_columns(job.map_file) if job.map_file else None
    truth = Truth.of(read_judgments(job.judgments, columns), job.gains, limit=job.limit)
    saved = read_run(job.versus) if isinstance(job.versus, Path) else None
    market = open_market(job.market)
    run, n_degraded = ask(market, truth, job.mode)
    if isinstance(job.versus, str):
        saved, n_more = ask(market, truth, job.versus)
        n_degraded += n_more
    reports, pairs = np.random.default_rng(job.seed).spawn(2)
    report = score_run(truth, run, rng=reports)
    other = score_run(truth, saved, rng=reports) if saved else None
    comparison = compare(report, other, rng=pairs) if other else None
    if job.save:
        write_table(run.to_table(), job.save)
    if job.per_query:
        write_table(report.per_query, job.per_query)
    return Outcome(job, market.health().generation, n_degraded, report, other, comparison)


def ask(market: Market, truth: Truth, mode: Mode) -> tuple[Run, int]:
    """The market's first 100 for every query, and how many answers dropped a part of the search."""
    queries, listing_ids, scores, n_degraded = truth.distinct_queries, [], [], 0
    with Progress(
        TextColumn(f"{mode} search"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        for text in progress.track(queries):
            request = SearchRequest(q=text, per_page=RECALL_DEPTH, mode=mode, budget_ms=BUDGET_MS)
            try:
                response = market.search(request)
            except InputError as error:
                raise InputError(f"query {text[:80]!r}: {error}") from error
            listing_ids.append([hit.listing_id for hit in response.hits])
            scores.append([hit.score for hit in response.hits])
            n_degraded += bool(response.degraded)
    return Run.from_lists(queries, listing_ids, scores), n_degraded


def show(outcome: Outcome, console: Console) -> None:
    """Print a table of the measures, the paired test in a sentence, and the worst queries."""
    report, job = outcome.report, outcome.job
    console.print(
        f"{report.queries} queries measured, {report.queries_left_out} left out (no relevant listing "
        f"judged); gains {report.gains}, top grade {', '.join(report.top_grades)}",
        highlight=False,
        markup=False,
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("measure")
    for heading in (job.mode, "95 %", *((str(job.versus), "95 %") if outcome.other else ())):
        table.add_column(Text(heading), justify="right")
    for measure in MEASURES:
        cells = _cells(report.values[measure.key])
        if outcome.other:
            cells += _cells(outcome.other.values[measure.key])
        table.add_row(measure.key, *cells)
    console.print(table)
    if outcome.comparison:
        title = f"Paired sign-flip test, {job.mode} minus {job.versus}:"
        for line in (title, *sentences(outcome.comparison, job)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if outcome.n_degraded:
        console.print(f"{outcome.n_degraded} answers dropped a part of the search (degraded)")
    worst = Table(title=f"Lowest {NDCG.key}", box=None, pad_edge=False, title_justify="left")
    for name in ("query", NDCG.key, "first relevant at", "results", "relevant"):
        worst.add_column(name, justify="left" if name == "query" else "right")
    for row in report.worst(N_WORST).to_pylist():
        first = f"{1 / row['reciprocal_rank']:.0f}" if row["reciprocal_rank"] else "none"
        numbers = (f"{row[NDCG.column]:.3f}", first, str(row["n_results"]), str(row["n_relevant"]))
        worst.add_row(Text(row["query"]), *numbers)
    console.print(worst)


def sentences(comparison: Comparison, job: Job) -> list[str]:
    """One sentence per measure that says whether the two differ and how sure that is."""
    said = []
    for measure in MEASURES[:-1]:  # how much was judged is no quality of a run
        test = comparison.tests[measure.key]
        if test.n == 0:
            continue
        change = test.difference
        if test.p_two_sided >= SIGNIFICANT:
            verdict = "no difference can be told"
        else:
            is_better = (change.mean > 0) == measure.higher_is_better
            verdict = f"{job.mode} is {'better' if is_better else 'worse'} than {job.versus}"
        said.append(
            f"{measure.key}: {change.mean:+.4f} [{change.low:+.4f}, {change.high:+.4f}], "
            f"p = {test.p_two_sided:.4f} over {test.n} queries: {verdict}"
        )
    return said


def _cells(value: Interval) -> list[str]:
    if value.n == 0:
        return ["undefined", ""]
    return [f"{value.mean:.4f}", f"{value.low:.4f} .. {value.high:.4f}"]


def _gains(text: str) -> GainSpec:
    try:
        return GainSpec.parse(text)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--gains") from None


def _mode(text: str) -> Mode:
    if text not in MODES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(MODES)}", param_hint="--mode")
    return cast(Mode, text)


def _versus(text: str | None) -> Mode | Path | None:
    if text is None or text in MODES:
        return cast(Mode | None, text)
    if not Path(text).is_file():
        raise typer.BadParameter(
            f"{text!r} is neither a mode ({', '.join(MODES)}) nor a file that exists",
            param_hint="--versus",
        )
    return Path(text)


def _output(path: Path | None, option: str) -> Path | None:
    """Refuse a file that could not be written before the work is done, not after."""
    if path is None:
        return None
    try:
        file_kind(path)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    if path.name.endswith(".gz"):
        raise typer.BadParameter(f"{path}: is written uncompressed only", param_hint=option)
    if not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"{path.parent}: there is no such folder", param_hint=option)
    return path
