"""`mercer`: the words that a person types. Each command is thin; what it does lies elsewhere."""

import typer

from mercer import __version__
from mercer.cli_adopt import app as adopt_app
from mercer.cli_bench import app as bench_app
from mercer.cli_bench_cascade import app as bench_cascade_app
from mercer.cli_bench_counters import app as bench_counters_app
from mercer.cli_bench_features import app as bench_features_app
from mercer.cli_bench_ranking import app as bench_ranking_app
from mercer.cli_bench_retrieval import app as bench_retrieval_app
from mercer.cli_bench_scoring import app as bench_scoring_app
from mercer.cli_catalogue import app as catalogue_app
from mercer.cli_counters import app as counters_app
from mercer.cli_credits import app as credits_app
from mercer.cli_demo import app as demo_app
from mercer.cli_erase import app as erase_app
from mercer.cli_evaluate import app as evaluate_app
from mercer.cli_explain import app as explain_app
from mercer.cli_features import app as features_app
from mercer.cli_features_run import add_to as add_features_run
from mercer.cli_keys import app as keys_app
from mercer.cli_log import app as log_app
from mercer.cli_models import app as models_app
from mercer.cli_parity import app as parity_app
from mercer.cli_search import app as search_app
from mercer.cli_simulate import app as simulate_app
from mercer.cli_train import app as train_app
from mercer.cli_train_retrieval import app as train_retrieval_app

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Search, ads and discovery for two-sided marketplaces.",
)
app.add_typer(catalogue_app)  # init, ingest, validate, rebuild
app.add_typer(search_app)  # index, search, serve
app.add_typer(explain_app)  # explain
app.add_typer(credits_app)  # credits
app.add_typer(evaluate_app, name="evaluate")
train_app.add_typer(train_retrieval_app)
app.add_typer(train_app, name="train")
app.add_typer(models_app)  # models, promote, rollback
app.add_typer(parity_app)  # parity
add_features_run(features_app)
app.add_typer(features_app, name="features")  # list, explain, lint, fit, run, backfill, off
app.add_typer(demo_app)  # demo
app.add_typer(simulate_app, name="simulate")
app.add_typer(log_app, name="log")
app.add_typer(erase_app)  # erase
app.add_typer(counters_app, name="counters")
bench_app.add_typer(bench_features_app)  # bench features
bench_app.add_typer(bench_scoring_app)  # bench scoring
bench_app.add_typer(bench_counters_app)  # bench counters
bench_app.add_typer(bench_ranking_app)  # bench ranking
bench_app.add_typer(bench_retrieval_app)  # bench retrieval
bench_app.add_typer(bench_cascade_app)  # bench cascade
app.add_typer(bench_app, name="bench")
app.add_typer(adopt_app)  # adopt
app.add_typer(keys_app, name="keys")


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
