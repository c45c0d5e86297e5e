"""`mercer models`, `promote` and `rollback`: what there is, and what serves."""

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import MarketError

ROWS_TOLD = 16_384 * 16  # listings between two lines of progress

app = typer.Typer(no_args_is_help=True)

RECALLS = ("trained", "day_one")  # of an encoder's metrics
ENCODER = "retrieval"  # its models are encoders, and serve by a generation of the index
Role = Annotated[str, typer.Option("--role", help="Which stage the model serves.")]
Models = Annotated[
    Path | None, typer.Option("--models", help="Where models are kept, if not in the market.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, change nothing.")]


def model_folder(market: Path, models: Path | None, role: str) -> Any:
    """The folder of a role's models, in the market or where `--models` says."""
    from mercer.engines.embedded.models import ModelFolder

    if models is None:
        folder = MarketFolder(market)
        folder.config()  # no market: a sentence
        models = folder.models
    return ModelFolder(models, role)


@app.command("models")
def models_command(
    market: MarketDir = Path(),
    role: Role = "ranker",
    models: Models = None,
    history: Annotated[
        bool, typer.Option("--history", help="Also say what served when, and why.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Load every model and score its golden rows.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the models of a market with their metrics, and which one serves.

    Examples:

        mercer models --market shop
        mercer models --market shop --history --check --json
    """
    with told("models"):
        folder = model_folder(market, models, role)
        past = folder.history()
        ids = folder.ids()
        if past.current is not None and past.current not in ids:
            ids = [*ids, past.current]  # it is to serve, and is not there: told as a fault
        rows = [_row(folder, model, current=past.current, check=check) for model in ids]
        changes = [
            {
                "at_ms": one.at_ms,
                "action": one.action,
                "model": one.model,
                "previous": one.previous,
                "forced": one.is_forced,
                "why": one.why,
            }
            for one in past.changes
        ]
    result = {"role": role, "current": past.current, "models": rows}
    if history:
        result["history"] = changes
    if as_json:
        say(result, "", as_json=True)
    else:
        _show(result, Console(highlight=False, soft_wrap=True))
    if any(row.get("fault") for row in rows):
        raise typer.Exit(1)


def _row(folder: Any, model: str, *, current: str | None, check: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"model": model, "current": model == current}
    try:
        manifest = _checked(folder, model) if check else folder.manifest(model)
    except MarketError as fault:
        return out | {"fault": str(fault)}
    return out | {
        "kind": manifest.kind,
        "created_ms": manifest.created_ms,
        "source": manifest.source,
        "feature_set": manifest.feature_set,
        "features": len(manifest.features),
        "metrics": dict(manifest.metrics),
        "parents": list(manifest.parents),
    }


def _checked(folder: Any, model: str) -> Any:
    """The manifest of a model that gives what it gave when it was made."""
    if folder.role == ENCODER:
        from mercer.engines.embedded.retrieval_models import load_towers

        return load_towers(folder, model).manifest
    return folder.load(model).manifest


def _show(result: dict[str, Any], console: Console) -> None:
    if not result["models"]:
        console.print(f"No {result['role']} yet; train one with: mercer train {result['role']}")
    else:
        table = Table(box=None, pad_edge=False)
        measured = ("recall@100", "day one") if result["role"] == ENCODER else ("nDCG", "95 %")
        for heading in ("", "model", "made", "kind", "features", *measured):
            is_number = heading in ("features", measured[0])
            table.add_column(heading, justify="right" if is_number else "left")
        # An id is there to be copied: it is never cut, however narrow the terminal.
        table.columns[1].min_width = max(len(row["model"]) for row in result["models"])
        for row in result["models"]:
            mark = "*" if row["current"] else ""
            if "fault" in row:
                table.add_row(mark, row["model"], "", "damaged")
                continue
            table.add_row(mark, row["model"], _day(row["created_ms"]), *_cells(row))
        console.print(table)
    for row in result["models"]:
        if "fault" in row:
            console.print(row["fault"], markup=False)
    nothing = (
        "the day-one encoder" if result["role"] == ENCODER else "no model; that stage is left out"
    )
    serving = result["current"] or nothing
    console.print(f"serving: {serving}", markup=False)
    for one in result.get("history", ()):
        forced = ", forced" if one["forced"] else ""
        console.print(
            f"{_day(one['at_ms'])} {one['action']}{forced}: {one['previous'] or 'none'} -> "
            f"{one['model'] or 'none'}; {one['why']}",
            markup=False,
        )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    held = row["metrics"].get("by_query") or {}
    if found := row["metrics"].get("all"):  # an encoder: of all choices that were held out
        recalls = ("" if (one := found.get(way)) is None else f"{one:.4f}" for way in RECALLS)
        return (row["kind"], str(row["features"]), *recalls)
    if held.get("ndcg") is None:
        return (row["kind"], str(row["features"]), "", "")
    interval = f"{held['low']:.4f} .. {held['high']:.4f}"
    return (row["kind"], str(row["features"]), f"{held['ndcg']:.4f}", interval)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1e3, UTC).strftime("%Y-%m-%d %H:%M")


def _readied(market: Path, models: Path | None, role: str) -> Any:
    """What makes the columns that a ranker reads, with progress; a folder of models needs none."""
    from mercer.engines.embedded.model_promotion import switch_at_once

    if models is not None or role != "ranker":
        return switch_at_once
    from mercer.app import readied

    folder = MarketFolder(market)
    return readied(folder, folder.config(), on_rows=_told_rows)


def _fits(market: Path, models: Path | None, role: str) -> Any:
    """What refuses a ranker whose features the market cannot serve."""
    from mercer.engines.embedded.models import fits_anywhere

    if models is not None or role != "ranker":
        return fits_anywhere
    from mercer.engines.embedded.ranking.prepare import check_fits

    return partial(check_fits, MarketFolder(market).models)


def _told_rows(n: int) -> None:
    if n % ROWS_TOLD == 0:
        typer.echo(f"columns of {n:,} listings", err=True)


@app.command("promote")
def promote_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An id that `models` lists.")],
    market: MarketDir = Path(),
    role: Role = "ranker",
    models: Models = None,
    tolerance: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="How much lower its nDCG (or recall) may be and still be no worse, beside what chance "
            "explains.",
        ),
    ] = 0.0,
    force: Annotated[
        bool, typer.Option("--force", help="Although the gate says no; the history says so.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a model serve, if it is no worse than the one that does on what was held out of both.

    Servers take it up within two seconds, without a restart; an encoder (--role retrieval) as soon as a
    generation of the index is built with it, which this command does.
    A model that is damaged, scores differently than when it was made, or wants features that this
    market cannot serve is refused, also with --force; what serves stays. One of another feature set
    than the served one cannot be compared with it and is refused with both hashes; with --force it
    serves with its own set.

    Examples:

        mercer promote lambdamart-3f2a9c41b7de --market shop --dry-run
        mercer promote lambdamart-3f2a9c41b7de --market shop
        mercer promote towers-91ab00cd3e52 --role retrieval --market shop
    """
    with told("promote"):
        from mercer.engines.embedded.model_promotion import promote

        folder = model_folder(market, models, role)
        options: dict[str, Any] = {
            "at_ms": time.time_ns() // 1_000_000,
            "tolerance": tolerance,
            "force": force,
            "is_dry_run": dry_run,
        }
        if role == ENCODER:
            from mercer.cli_train_retrieval import promoted_encoder

            made = promoted_encoder(market, folder, model, options)
        else:
            options |= {
                "fits": _fits(market, models, role),
                "readied": _readied(market, models, role),
            }
            made = promote(folder, model, **options)
    result = {
        "model": made.model,
        "previous": made.previous,
        "promoted": made.is_done,
        "forced": made.is_forced,
        "gate": made.verdict.to_dict(),
    }
    did = (
        "serves now"
        if made.is_done
        else "would serve"
        if made.verdict.passed
        else "would be refused"
    )
    if made.is_forced:
        did += ", forced"
    say(result, f"{made.model} {did}; {made.verdict.sentence}", as_json=as_json)


@app.command("rollback")
def rollback_command(
    market: MarketDir = Path(),
    role: Role = "ranker",
    models: Models = None,
    why: Annotated[str, typer.Option(help="For the history.")] = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let the model serve again that served before the last promotion, or none.

    Examples:

        mercer rollback --market shop --dry-run
        mercer rollback --market shop --why "complaints about shoes"
    """
    with told("rollback"):
        from mercer.engines.embedded.model_promotion import roll_back

        folder = model_folder(market, models, role)
        left = folder.history().current
        at_ms = time.time_ns() // 1_000_000
        if role == ENCODER:
            from mercer.cli_train_retrieval import rolled_back_encoder

            past = rolled_back_encoder(market, folder, at_ms=at_ms, why=why, dry_run=dry_run)
        else:
            readied = _readied(market, models, role)
            past = roll_back(folder, at_ms=at_ms, why=why, is_dry_run=dry_run, readied=readied)
    result = {"model": past.current, "previous": left, "rolled_back": not dry_run}
    verb = "would serve" if dry_run else "serves"
    nothing = "the day-one encoder" if role == ENCODER else "no model (that stage is left out)"
    now = past.current or nothing
    say(result, f"{now} {verb} in place of {left}", as_json=as_json)
