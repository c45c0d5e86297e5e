"""`mercer train ranker`: from labelled rows to a model file with its report."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from mercer.cli_features import SetFile
from mercer.cli_words import AsJson, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.training_log import LogWindow
from mercer.engines.embedded.training_market import REPLAYED, MarketJob
from mercer.evaluate.gains import GAINS_HELP, GainSpec
from mercer.events.bot_filter import BotRule
from mercer.features.plan import Plan
from mercer.learn.click_bias import Bias, BiasParams
from mercer.learn.lesson import Lesson
from mercer.learn.report import split_numbers
from mercer.learn.split import SplitParams, split
from mercer.rank.training_log import LabelParams
from mercer.schema.errors import ConfigError

ROLE = "ranker"
N_SHOWN = 10  # features whose importance is printed
READ_EVERY = 20_000  # rows between lines
PLAIN_EVERY = 100  # rounds between lines where stderr is no terminal

app = typer.Typer(no_args_is_help=True, help="Train the models of a market.")


@app.callback()
def _group() -> None:
    """Train the models of a market."""  # keeps `ranker` a word of its own while it is alone


@app.command("ranker")
def ranker_command(
    market: Annotated[
        Path | None,
        typer.Option("--market", envvar="MERCER_MARKET", help="The market that the model is for."),
    ] = None,
    letor: Annotated[
        list[Path] | None,
        typer.Option(
            "--letor",
            help="In place of the log: SVM-rank or LETOR text, or Parquet with qid, label, f1, ...",
        ),
    ] = None,
    judgments: Annotated[
        Path | None,
        typer.Option(help="In place of the log: what people said about listings of this market."),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="That names the columns of --judgments.")
    ] = None,
    candidates: Annotated[
        int, typer.Option(help="Of a judged query, that are learned from.")
    ] = 200,
    gains: Annotated[
        str, typer.Option(help=f"What a grade of a file is worth; {GAINS_HELP}.")
    ] = "exp",
    event_gains: Annotated[
        str, typer.Option(help="What a click, favourite, cart and purchase of the log is worth.")
    ] = "click=1,favourite=2,cart=4,purchase=10",
    days: Annotated[
        float, typer.Option(min=0.0, help="Of the log, before its newest page.")
    ] = 90.0,
    max_pages: Annotated[
        int, typer.Option(min=1, help="Of more pages a sample of so many is learned from.")
    ] = 200_000,
    label_hours: Annotated[
        float, typer.Option(help="A click, favourite or cart so long after its page counts.")
    ] = 24.0,
    purchase_days: Annotated[
        float, typer.Option(help="A purchase so long after the page it is credited to counts.")
    ] = 7.0,
    mature_hours: Annotated[
        float, typer.Option(help="Pages younger than this are left out: their clicks still come.")
    ] = 1.0,
    standings: Annotated[
        str, typer.Option(help="Whose events are believed: signed, none, expired.")
    ] = "signed",
    keep_bots: Annotated[
        bool, typer.Option("--keep-bots", help="Also learn from visitors that look like machines.")
    ] = False,
    bias: Annotated[
        str,
        typer.Option(
            help="How the favour of places is taken out of clicks: model (regression-EM), swaps, "
            "moved (listings that stood at several places), or none."
        ),
    ] = "model",
    places: Annotated[
        int,
        typer.Option(min=2, help="Whose chance of a look is estimated; deeper ones have the last."),
    ] = 24,
    max_weight: Annotated[
        float, typer.Option(min=1.0, help="No click counts more than so many at the first place.")
    ] = 20.0,
    feature_set: Annotated[
        str | None, typer.Option(help="Hash of the logged features; that of the newest page.")
    ] = None,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Learn from values of the declared features that are computed anew, as of each page.",
        ),
    ] = False,
    set_file: SetFile = None,
    out: Annotated[
        Path | None, typer.Option(help="Where models are kept; the market's models/ by default.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the model is called; else as the rung that was kept.")
    ] = None,
    k: Annotated[int, typer.Option(min=1, help="Of the nDCG@k that judges.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the training.")] = 0,
    split_seed: Annotated[
        int,
        typer.Option(min=0, help="Of the frozen split; models with another cannot be compared."),
    ] = 0,
    threads: Annotated[
        int, typer.Option(min=1, help="That train; any number gives the same model.")
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be learned from, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Learn an order: logistic regression on lists, then LambdaMART, on one frozen split.

    Judged queries that are few are first learned by trees beside the order without a model.

    Without --letor it learns from the market's log: the feature values that were used, and what buyers
    did then. The rung that is best on lists it had not learned from is measured on those that were held
    out, learns once more from all of them, and is kept as a model file with its report; nothing serves it
    before `mercer promote`. With --replay the values are those of features.toml or --set: features that
    are new, and that no page was ranked on yet, are computed from the log as of each page.

    Examples:

        mercer train ranker --market shop --dry-run
        mercer train ranker --market shop --replay --set candidates.toml
        mercer train ranker --market shop --bias swaps --event-gains click=1,purchase=5
        mercer train ranker --market shop --judgments judged.jsonl --gains E=1,S=.1,C=.01,I=0
        mercer train ranker --letor train.txt --letor vali.txt --out models
        mercer train ranker --letor rank.parquet --gains linear --market shop
    """
    with told("train ranker"):
        models = _models_folder(market, out)
        params = SplitParams(seed=split_seed)
        if replay and (letor or judgments or feature_set):
            raise ConfigError(
                "--replay computes the declared features for the pages of the log; --letor, --judgments "
                "and --feature-set name values that are there; give one of them"
            )
        if set_file is not None and not replay:
            raise ConfigError("--set declares what --replay computes; give both")
        if letor and judgments:
            raise ConfigError("--letor and --judgments are two sources; name one of them")
        if letor:
            learned = _from_files(letor, gains)
        elif judgments:
            learned = _from_judgments(market or Path(), judgments, map_file, gains, candidates)
        else:
            job = MarketJob(
                feature_set=feature_set,
                replayed=_declared(market or Path(), set_file) if replay else None,
                window=LogWindow(
                    days=days, max_pages=max_pages, bots=None if keep_bots else BotRule()
                ),
                labels=LabelParams(
                    gains=_event_gains(event_gains),
                    label_hours=label_hours,
                    purchase_days=purchase_days,
                    mature_hours=mature_hours,
                    standings=frozenset(one.strip() for one in standings.split(",")),
                ),
                bias=BiasParams(way=cast(Bias, bias), n_places=places, max_weight=max_weight),
                k=k,
            )
            learned = _from_log(market or Path(), job)
        if dry_run:
            plan = _plan(learned, params)
            say(plan, _plan_text(plan), as_json=as_json)
            return
        result = _trained(learned, models, params, name=name, k=k, seed=seed, threads=threads)
    if as_json:
        say(result, "", as_json=True)
    else:
        _show(result, Console(highlight=False, soft_wrap=True))


def _models_folder(market: Path | None, out: Path | None) -> Path:
    if out is not None:
        return out
    folder = MarketFolder(market or Path())
    folder.config()  # no market: a sentence
    return folder.models


def _event_gains(text: str) -> dict[str, float]:
    try:
        pairs = [one.partition("=") for one in text.split(",")]
        return {kind.strip(): float(number) for kind, _, number in pairs}
    except ValueError:
        raise ConfigError(
            f"--event-gains {text!r}: allowed are pairs such as click=1,favourite=2,cart=4,purchase=10"
        ) from None


def _from_files(letor: list[Path], gains: str) -> Lesson:
    from mercer.engines.embedded.training_files import read_letor_files

    spec = GainSpec.parse(gains)
    return Lesson(
        data=read_letor_files(letor, gain_of=lambda grade: spec.apply(grade).gain), source="letor"
    )


def _from_judgments(
    market: Path, judgments: Path, map_file: Path | None, gains: str, candidates: int
) -> Lesson:
    from mercer.app import open_market
    from mercer.engines.embedded.feature_sets import FeatureSetFolder, files_of
    from mercer.engines.embedded.training_ranker import JUDGMENTS
    from mercer.serve.judged import judged_lists, truth_of

    truth = truth_of(judgments, gains, map_file=map_file)
    sets = FeatureSetFolder(MarketFolder(market).models)
    with closing(open_market(market)) as opened:
        made = judged_lists(opened, truth, sets.plan, candidates=candidates)
    numbers = {
        "read": {
            "queries": made.data.n_queries,
            "queries_left_out": made.truth.n_left_out + made.n_empty,
            "judged": made.n_judged,
        }
    }
    files = files_of(sets.plan(made.data.columns.set_hash))
    return Lesson(data=made.data, source=JUDGMENTS, numbers=numbers, files=files)


def _declared(market: Path, set_file: Path | None) -> Plan:
    """The declared features, fitted on the catalogue as it stands."""
    from mercer.engines.embedded.feature_market import declared_set, fitted_plan

    folder = MarketFolder(market)
    config = folder.config()
    feature_set, _ = declared_set(market, set_file)
    return fitted_plan(feature_set, folder, config)


def _from_log(market: Path, job: MarketJob) -> Lesson:
    from mercer.app_learner import follow_log
    from mercer.engines.embedded.log.market_log import EmbeddedLog
    from mercer.engines.embedded.training_market import market_set

    folder = MarketFolder(market)
    config = folder.config()
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        follow_log(folder, config, log)
        made = market_set(folder, config, log, job, on_read=_plain_read)
    numbers: dict[str, Any] = {"read": made.counts, "bias": job.bias.way}
    if made.examination is not None:
        curve = [round(float(one), 4) for one in made.examination.chance]
        numbers["examination"] = {"by": job.bias.way, "chance": curve}
    return Lesson(
        data=made.data, source="log", window=made.window, numbers=numbers, files=made.files
    )


def _plain_read(what: str, n: int) -> None:
    if what == REPLAYED or n % READ_EVERY < 128:
        sys.stderr.write(f"mercer train ranker: {n:,} {what} read\n")


def _plan(learned: Lesson, params: SplitParams) -> dict[str, Any]:
    data = learned.data
    parts = split(data, params)
    return {
        "lists": data.n_queries,
        "lists_with_gain": int(data.has_gain.sum()),
        "rows": data.n_rows,
        "features": len(data.columns.names),
        "feature_set": data.columns.set_hash,
        "split": split_numbers(parts),
        **learned.numbers,
        "written": False,
    }


def _plan_text(plan: dict[str, Any]) -> str:
    parts = plan["split"]
    return (
        f"{plan['lists']:,} lists ({plan['lists_with_gain']:,} with a gain), {plan['rows']:,} rows, "
        f"{plan['features']} features\nwould learn from {parts['learn']:,} lists, "
        f"{parts['stopping']:,} of which say how long in {parts['folds']} fold(s), and be judged by "
        f"{parts['by_query']:,} held-out queries and {parts['by_time']:,} later pages\n"
        "nothing was trained or written (--dry-run)"
    )


def _trained(
    learned: Lesson,
    models: Path,
    params: SplitParams,
    *,
    name: str | None,
    k: int,
    seed: int,
    threads: int,
) -> dict[str, Any]:
    """Train, pack, write; what `--json` prints."""
    from mercer.engines.embedded.models import ModelFolder
    from mercer.engines.embedded.training_ranker import train_ranker

    folder = ModelFolder(models, ROLE)
    with _rounds() as on_step:
        model, report = train_ranker(
            learned, folder, params, name=name, k=k, seed=seed, threads=threads, on_step=on_step
        )  # fmt: skip
    return {"model": model, "path": str(folder.path / model), **learned.numbers, **report}


@contextmanager
def _rounds() -> Iterator[Any]:
    """Tells on stderr which rung is at which round."""
    if not sys.stderr.isatty():
        yield _plain_round
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def on_step(rung: str, done: int, most: int, ndcg: float) -> None:
            if rung not in tasks:
                tasks[rung] = bar.add_task(rung, total=most)
            bar.update(tasks[rung], completed=done, description=f"{rung} nDCG {ndcg:.4f}")

        yield on_step


def _plain_round(rung: str, done: int, most: int, ndcg: float) -> None:
    if done % PLAIN_EVERY == 0 or done == most:
        sys.stderr.write(f"mercer train ranker: {rung} {done} of {most}, best nDCG {ndcg:.4f}\n")


def _show(result: dict[str, Any], console: Console) -> None:
    from mercer.learn.report import cells_of, lead_sentence

    data, k = result["data"], result["k"]
    console.print(
        f"{data['lists']:,} lists, {data['rows']:,} rows, {data['features']} features; "
        f"nDCG@{k} on what was held out"
    )
    table = Table(box=None, pad_edge=False)
    for heading in ("rung", "held-out queries", "95 %", "later days", "95 %"):
        table.add_column(heading, justify="left" if heading == "rung" else "right")
    for rung in result["rungs"]:
        mark = " *" if rung["name"] == result["best"] else ""
        cells = (*cells_of(rung.get("by_query")), *cells_of(rung.get("by_time")))
        table.add_row(rung["name"] + mark, *cells)
    console.print(table)
    for lead in result["leads"]:
        console.print(lead_sentence(lead, best=result["best"]), markup=False)
    top = ", ".join(
        f"{one['feature']} {one['share']:.0%}" for one in result["importance"][:N_SHOWN]
    )
    if top:
        console.print(f"importance ({result['importance_unit']}): {top}", markup=False)
    console.print(f"model {result['model']}, report in {result['path']}/report.html", markup=False)
    console.print(
        "measured without what was held out; what serves learned again from all "
        f"{data['lists_with_gain']:,} lists with a gain"
    )
    console.print(f"it serves after: mercer promote {result['model']}", markup=False)
