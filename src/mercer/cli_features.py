"""`mercer features list`, `explain`, `lint` and `off`: what is known of each feature."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.schema.errors import NotFoundError

if TYPE_CHECKING:  # these load the kernels, which `mercer --help` need not wait for
    from mercer.engines.embedded.market_folder import MarketFolder
    from mercer.features.lineage import FeatureInfo

app = typer.Typer(
    no_args_is_help=True,
    help="Feature sets: what they mean, runs over files, what is switched off.",
)

SetFile = Annotated[
    Path | None,
    typer.Option(
        "--set",
        help="A declaration in TOML; else features.toml of the market, else the default set.",
    ),
]
PIPE_COLUMNS = 200
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, change nothing.")]


def _off(market: Path) -> frozenset[str]:
    """What is switched off by a command or in mercer.toml; nothing where there is no market."""
    from mercer.engines.embedded.feature_switch import FeatureSwitch
    from mercer.engines.embedded.market_folder import MarketFolder

    folder = MarketFolder(market)
    if not folder.config_file.exists():
        return frozenset()
    switch = FeatureSwitch(folder.models)
    switch.poll()
    return switch.off | frozenset(folder.config().rank.features_off)


@app.command("list")
def list_command(
    market: MarketDir = Path(), set_file: SetFile = None, as_json: AsJson = False
) -> None:
    """List the features of a set: what they are made of, and what stands where they are missing.

    Examples:

        mercer features list --market shop
        mercer features list --set candidates.toml --json
    """
    from mercer.engines.embedded.feature_market import declared_set
    from mercer.features.lineage import feature_infos

    with told("features list"):
        feature_set, source = declared_set(market, set_file)
        infos, off = feature_infos(feature_set), _off(market)
    outputs = [info for info in infos if info.is_output]
    if as_json:
        rows = [_plain(info, off) for info in infos]
        say({"set": feature_set.name, "source": source, "features": rows}, "", as_json=True)
        return
    table = Table("feature", "of", "made by", "missing", "meaning", box=None, pad_edge=False)
    table.columns[0].no_wrap, table.columns[2].overflow = True, "fold"
    for info in outputs:
        name = f"[red]{info.name} (off)[/red]" if info.name in off else info.name
        made = f"{info.transform}({', '.join(info.inputs)})"
        missing = info.missing.removeprefix("stays missing (").removesuffix(")")
        table.add_row(name, info.entity, escape(made), missing, escape(info.doc))
    # A file or a pipe has no edge at which lines would have to be cut.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    console.print(table)
    console.print(
        f"{len(outputs)} features of {escape(feature_set.name)}, {source}; "
        f"{len(infos) - len(outputs)} nodes that only they read"
    )


def _plain(info: "FeatureInfo", off: frozenset[str]) -> dict[str, Any]:
    return {
        "name": info.name,
        "entity": info.entity,
        "is_output": info.is_output,
        "kind": info.kind,
        "doc": info.doc,
        "transform": info.transform,
        "summary": info.summary,
        "params": {key: _json(value) for key, value in info.params.items()},
        "inputs": list(info.inputs),
        "missing": info.missing,
        "where": info.where,
        "reads_columns": dict(info.reads_columns),
        "reads_features": list(info.reads_features),
        "read_by": list(info.read_by),
        "fitted": info.fitted,
        "reads_others": info.reads_others,
        "reads_counters": info.reads_counters,
        "is_off": info.name in off,
    }


def _json(value: Any) -> Any:
    """JSON has no infinity: an open end is null."""
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and abs(value) == float("inf") else value


@app.command("explain")
def explain_command(
    name: Annotated[str, typer.Argument(metavar="FEATURE", help="A feature or node of the set.")],
    market: MarketDir = Path(),
    set_file: SetFile = None,
    as_json: AsJson = False,
) -> None:
    """Explain a feature: meaning, transform, parameters, missing values, and all that it depends on.

    Examples:

        mercer features explain title_bm25 --market shop
        mercer features explain price_log_pct --json
    """
    from mercer.engines.embedded.feature_market import declared_set
    from mercer.features.lineage import feature_infos

    with told("features explain"):
        feature_set, _ = declared_set(market, set_file)
        infos = {info.name: info for info in feature_infos(feature_set)}
        if name not in infos:
            raise NotFoundError(
                f"{name!r} is no feature of {feature_set.name!r}; `mercer features list` has them"
            )
        off = _off(market)
    if as_json:
        say(_plain(infos[name], off), "", as_json=True)
    else:
        _explain(infos[name], off)


def _explain(info: "FeatureInfo", off: frozenset[str]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    state = "  [red]switched off[/red]" if info.name in off else ""
    console.print(f"[bold]{info.name}[/bold]  {escape(info.doc)}{state}")
    made = f"{info.transform}({', '.join(info.inputs)})"
    params = ", ".join(f"{key} = {value}" for key, value in info.params.items() if value != "")
    lines = {
        "made by": f"{made}: {info.summary}",
        "parameters": params,
        "entity": info.entity,
        "computed": info.where,
        "where missing": info.missing,
        "fitted": info.fitted,
        "depends on others": "the other candidates of the request" if info.reads_others else "",
        "counters": "decayed counts, as of the page's position" if info.reads_counters else "",
        "through": ", ".join(info.reads_features),
        "read by": ", ".join(info.read_by),
    }
    for word, text in lines.items():
        if text:
            console.print(f"  {word}: {escape(text)}")
    for column, meaning in info.reads_columns.items():
        console.print(f"  column {escape(column)}{': ' + escape(meaning) if meaning else ''}")


@app.command("lint")
def lint_command(
    market: MarketDir = Path(),
    set_file: SetFile = None,
    strict: Annotated[bool, typer.Option("--strict", help="Oddities fail too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a declaration: it compiles, and nothing in it is odd.

    Exit status 1 where it does not compile; with --strict also where something is odd.

    Examples:

        mercer features lint --set features.toml
        mercer features lint --market shop --strict --json
    """
    from mercer.engines.embedded.feature_market import declared_set
    from mercer.features.lint import lint

    with told("features lint", words=(NotFoundError,)):
        feature_set, source = declared_set(market, set_file)
        findings = lint(feature_set)
    n = len(feature_set.features)
    result = {
        "set": feature_set.name,
        "source": source,
        "features": n,
        "findings": [{"feature": f.feature, "message": f.message} for f in findings],
    }
    text = "\n".join([f"{f.feature}: {f.message}" for f in findings])
    text = text or f"{feature_set.name} ({source}): {n} features and nodes, nothing odd"
    say(result, text, as_json=as_json)
    if strict and findings:
        raise typer.Exit(1)


def _served(folder: "MarketFolder") -> frozenset[str]:
    """The features of the model that ranks, whose set may be another one than what is declared."""
    from mercer.engines.embedded.models import ModelFolder
    from mercer.engines.embedded.training_ranker import ROLE

    models = ModelFolder(folder.models, ROLE)
    model = models.history().current
    return frozenset(() if model is None else models.manifest(model).features)


@app.command("off")
def off_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[FEATURE]...", help="None: say what is off.")
    ] = None,
    on: Annotated[bool, typer.Option("--on", help="Switch them on again.")] = False,
    market: MarketDir = Path(),
    set_file: SetFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Switch features off at serving: each then has its missing value, and no model is trained anew.

    Servers notice within a second. A feature that others read goes on being computed for them.

    Examples:

        mercer features off --market shop
        mercer features off seller_rating rating --dry-run --market shop
        mercer features off rating --on --market shop --json
    """
    from mercer.engines.embedded.feature_market import declared_set
    from mercer.engines.embedded.feature_switch import FeatureSwitch
    from mercer.engines.embedded.market_folder import MarketFolder

    with told("features off"):
        folder = MarketFolder(market)
        always = frozenset(folder.config().rank.features_off)
        switch = FeatureSwitch(folder.models)
        switch.poll()
        before = switch.off
        asked = frozenset(names or ())
        feature_set, _ = declared_set(market, set_file)
        known = {feature.name for feature in feature_set.features if feature.is_output}
        unknown = sorted(asked - known - before - _served(folder))
        if unknown:
            raise NotFoundError(
                f"{unknown[0]!r} is no feature of {feature_set.name!r}; "
                "`mercer features list` has them"
            )
        after = before - asked if on else before | asked
        if not dry_run and after != before:
            switch.set(after)
    result = {
        "dry_run": dry_run,
        "off": sorted(after | always),
        "off_in_config": sorted(always),
        "switched_off": sorted(after - before),
        "switched_on": sorted(before - after),
    }
    would = "would be " if dry_run else "is "
    lines = [f"{name} {would}off" for name in sorted(after - before)]
    lines += [f"{name} {would}on" for name in sorted(before - after)]
    lines += [f"{name} is off" for name in sorted(after & before - always)]
    lines += [f"{name} is off by rank.features_off of mercer.toml" for name in sorted(always)]
    say(result, "\n".join(lines) or "No feature is switched off.", as_json=as_json)


@app.command("log")
def log_command(
    stop: Annotated[bool, typer.Option("--stop", help="Log no values any more.")] = False,
    market: MarketDir = Path(),
    set_file: SetFile = None,
    as_json: AsJson = False,
) -> None:
    """Log the values of a feature set with every page while no model ranks: the first one learns of them.

    The set is fitted on the catalogue, and its columns are made beside the index; servers notice within
    two seconds. Once a model is promoted, the values of its own set are logged. Of the default set the
    values take about 12 kB of a page before they are packed.

    Examples:

        mercer features log --market shop
        mercer features log --stop --market shop --json
    """
    from mercer.engines.embedded.feature_market import declared_set, fitted_plan
    from mercer.engines.embedded.feature_sets import FeatureSetFolder
    from mercer.engines.embedded.market_folder import MarketFolder
    from mercer.engines.embedded.ranking.prepare import log_values

    with told("features log"):
        folder = MarketFolder(market)
        config = folder.config()
        if stop:
            FeatureSetFolder(folder.models).log(None)
            logged, text = None, "No values are logged while no model ranks."
        else:
            feature_set, source = declared_set(market, set_file)
            plan = fitted_plan(feature_set, folder, config)
            log_values(folder, config.rates, plan)
            logged = plan.hash
            text = f"The values of {source} ({len(plan.names)} features, {logged[:12]}) are logged."
    say({"feature_set": logged}, text, as_json=as_json)
