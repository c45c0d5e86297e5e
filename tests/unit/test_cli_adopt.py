"""A ranker of another team is adopted, compared, promoted and rolled back like one of ours."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mercer.cli import app
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.scorer.kinds import attempt_of
from mercer.engines.embedded.scorer.time_budget import BudgetedScorer
from mercer.learn.ladder import climb
from mercer.learn.logistic import Logistic
from mercer.learn.packing import Origin, packed
from mercer.learn.report import report_of
from mercer.learn.split import SplitParams
from mercer.rank.scorer import PromptScorer
from support.onnx_model import weighted_sum
from support.rankings import made_lists

TRUTH = (1.5, -1.0, 0.0, 0.0, 0.0)  # as `made_lists` grades


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    """Models of which one was trained here."""
    data = made_lists(n_queries=80)
    made = climb(data, [Logistic()], split_params=SplitParams(seed=0), seed=0)
    folder = ModelFolder(tmp_path / "models", "ranker")
    folder.write(
        packed(
            made,
            report_of(made, seed=0),
            Origin(role="ranker", name="ours", created_ms=1, source="letor"),
        )
    )
    return folder


def said(folder: ModelFolder, *words: object, status: int = 0) -> dict:
    """What a command prints, or its words on stderr under `error`."""
    command = [*map(str, words), "--models", str(folder.path.parent), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if status == 0 else {"error": result.output}


def test_an_onnx_file_is_adopted_and_serves(folder: ModelFolder, tmp_path: Path) -> None:
    """It has the columns and lists of the model it is compared with, passes the gate, and is loaded."""
    (ours,) = folder.ids()
    file = tmp_path / "net.onnx"
    file.write_bytes(weighted_sum(TRUTH, fills_gaps=True))
    words = ("adopt", file, "--like", ours, "--name", "net", "--budget-ms", 500)
    assert said(folder, *words, "--dry-run")["dry_run"]
    assert folder.ids() == [ours]
    adopted = said(folder, *words)
    assert adopted["metrics"]["by_query"]["ndcg"] > 0.9
    model = folder.load(adopted["model"])
    assert model.columns == folder.load(ours).columns
    assert said(folder, "promote", ours)["promoted"]
    # Ours may have learnt the few lists a little better than the truth has them.
    promoted = said(folder, "promote", adopted["model"], "--tolerance", 0.01)
    assert promoted["promoted"]
    assert folder.history().current == adopted["model"]
    assert said(folder, "rollback")["model"] == ours


def test_ours_run_where_they_are_asked_others_on_a_thread(
    folder: ModelFolder, tmp_path: Path
) -> None:
    """Only a foreign model needs a budget; both score the same golden rows."""
    (ours,) = folder.ids()
    file = tmp_path / "net.onnx"
    file.write_bytes(weighted_sum(TRUTH, fills_gaps=True))
    adopted = said(folder, "adopt", file, "--like", ours, "--name", "net", "--budget-ms", 60000)
    rows = np.ones((3, 5), np.float32)
    for model, kind in ((ours, PromptScorer), (adopted["model"], BudgetedScorer)):
        attempt = attempt_of(folder.load(model))
        assert isinstance(attempt, kind)
        assert isinstance(attempt.attempt(rows), np.ndarray)


def test_a_model_that_leaves_gaps_is_refused(folder: ModelFolder, tmp_path: Path) -> None:
    """A NaN for a row with missing values is found when it is adopted, not when it serves."""
    file = tmp_path / "net.onnx"
    file.write_bytes(weighted_sum(TRUTH))
    words = ("adopt", file, "--like", folder.ids()[0], "--name", "net")
    assert "scores that are not finite" in said(folder, *words, status=1)["error"]


def test_words_that_fit_nothing_get_a_sentence(folder: ModelFolder, tmp_path: Path) -> None:
    """No such file, no such entry point, no such model, weights where there are some already."""
    (ours,) = folder.ids()
    named = ("--name", "net")
    for words, status, sentence in (
        ((tmp_path / "none.onnx", "--like", ours), 1, "cannot be read: No such file"),
        (("nobody", "--like", ours), 1, "no installed package declares 'nobody'"),
        (("nobody", "--like", "other"), 2, "there is no model 'other'"),
        (("net.onnx", "--like", ours, "--weights", tmp_path / "w"), 1, "leave --weights out"),
    ):
        assert sentence in said(folder, "adopt", *words, *named, status=status)["error"]
