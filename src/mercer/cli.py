"""`mercer`: the words that a person types. Each command is thin; what it does lies elsewhere."""

from typing import final

import typer

from mercer import __version__
from mercer.cli_later import LateGroup, Later

_BENCHES = ("features", "scoring", "counters", "ranking", "retrieval", "cascade")


@final
class _Commands(LateGroup):
    """All commands, in the order in which help lists them."""

    late = (
        Later("init", "catalogue",
              says="Make a folder a market, with a commented mercer.toml."),
        Later("ingest", "catalogue",
              says="Take listings, sellers or events in; bad rows are set aside with their reason."),
        Later("validate", "catalogue",
              says="Say what `ingest` would set aside, and why; nothing is written."),
        Later("rebuild", "catalogue",
              says="Drop the catalogue's tables and make them again from the log."),
        Later("index", "search",
              says="Build the index of everything that is for sale, and let it serve."),
        Later("search", "search",
              says="Search from the command line, with what was understood and how long each stage "
              "took."),
        Later("serve", "search",
              says="Serve the API and the pages of a market until stopped."),
        Later("explain", "explain",
              says="Explain a page that was served: what was understood, why each hit matched, what "
              "it scored."),
        Later("credits", "credits",
              says="Say by what purchases are credited, how much was taken back, and how many clicks "
              "are billable."),
        Later("evaluate", "evaluate",
              says="Measure quality against judgments."),
        Later("train", "train", "train_retrieval",
              says="Train the models of a market."),
        Later("models", "models",
              says="List the models of a market with their metrics, and which one serves."),
        Later("promote", "models",
              says="Let a model serve, if it is no worse than the one that does on what was held out "
              "of both."),
        Later("rollback", "models",
              says="Let the model serve again that served before the last promotion, or none."),
        Later("parity", "parity",
              says="Compute the features of served pages again from the log, and compare every value "
              "bit for bit."),
        Later("features", "features", "features_run",
              says="Feature sets: what they mean, runs over files, what is switched off."),
        Later("demo", "demo",
              says="Make a synthetic craft market, index it, and serve it until stopped."),
        Later("simulate", "simulate",
              says="A synthetic market whose true preferences are known; --traffic is the command "
              "traffic."),
        Later("log", "log",
              says="Look into the log, check it, export it, shorten it."),
        Later("erase", "erase",
              says="Remove a visitor's events and pages from the log, and what was derived from them."),
        Later("counters", "counters",
              says="Look at the counters that features read."),
        Later("bench", "bench", *(f"bench_{one}" for one in _BENCHES),
              says="Measure how fast it is."),
        Later("adopt", "adopt",
              says="Take in a ranker that was not trained here, so that it can be compared, promoted, "
              "rolled back."),
        Later("keys", "keys",
              says="API keys of a market."),
    )  # fmt: skip


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Search, ads and discovery for two-sided marketplaces.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"mercer {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Search, ads and discovery for two-sided marketplaces."""


def main() -> None:
    """The console script."""
    app()
