"""docs/reference/evaluate.md names every word, key and column that the command has."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import typer

from mercer.cli_evaluate import Job, Outcome, app
from mercer.evaluate.gains import GainSpec
from mercer.evaluate.judgments import Judgments
from mercer.evaluate.runs import RUN
from mercer.evaluate.search import compare, evaluate_run

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "evaluate.md").read_text("utf-8")


def an_outcome() -> Outcome:
    """The smallest outcome that has every part."""
    rows = pa.table({"query": ["q"], "listing_id": ["a"], "grade": [1]})
    spec, rng = GainSpec.parse("exp"), np.random.default_rng(0)
    report = evaluate_run(Judgments.from_table(rows), spec, lambda texts: [["a"]], rng=rng)
    job = Job(judgments=Path("j.csv"), gains=spec, versus="lexical")
    return Outcome(job, "g", 0, report, report, compare(report, report, rng=rng))


def keys_of(told: dict[str, Any]) -> set[str]:
    """Every key at every depth; the intervals are described once for all."""
    below = [keys_of(value) for value in told.values() if isinstance(value, dict)]
    return {key for key in told if not key.endswith("_ci95")}.union(*below)


def test_every_option_is_described() -> None:
    """Each option of `mercer evaluate search` has its line."""
    command: Any = typer.main.get_command(app)
    options = {name for param in command.commands["search"].params for name in param.opts}
    assert {f"`{name}" for name in options if f"`{name}" not in TEXT} == set()


def test_every_key_of_the_json_object_is_described() -> None:
    """Each key that `--json` prints, the nested ones too, is explained."""
    keys = keys_of(an_outcome().to_dict())
    assert {"queries", "versus", "p_better", "mrr"} <= keys
    assert {key for key in keys if f"`{key}`" not in TEXT} == set()


def test_every_column_of_a_file_is_described() -> None:
    """Each column of a run and of the table per query is named."""
    columns = {*RUN.names, *an_outcome().report.per_query.column_names}
    assert {name for name in columns if f"`{name}`" not in TEXT} == set()
