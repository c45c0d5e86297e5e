"""From a file of grades to a model that serves, in the words of the command line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mercer.cli import app
from mercer.engines.embedded.lambdamart import LambdaMartParams
from support.rankings import made_lists

RUN = CliRunner()


@pytest.fixture
def letor(tmp_path: Path) -> Path:
    """An SVM-rank file of 80 queries."""
    data = made_lists(n_queries=80)
    lines = []
    for query in range(data.n_queries):
        for row in range(data.offsets[query], data.offsets[query + 1]):
            cells = " ".join(
                f"{i + 1}:{value}"
                for i, value in enumerate(np.nan_to_num(data.features[row]).tolist())
            )
            lines.append(f"{int(np.log2(data.gain[row] + 1))} qid:{query} {cells}")
    path = tmp_path / "train.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mercer.engines.embedded.training_ranker.LambdaMartParams",
        lambda **words: LambdaMartParams(n_trees=20, learning_rate=0.1, **words),
    )


def said(*words: object, status: int = 0) -> dict:
    result = RUN.invoke(app, [*map(str, words), "--json"])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if status == 0 else {}


def test_train_promote_and_roll_back(letor: Path, tmp_path: Path) -> None:
    """A model is trained, listed, promoted, rolled back; the listing follows each step."""
    at = ("--models", tmp_path / "models")
    assert said("models", *at)["models"] == []
    made = said("train", "ranker", "--letor", letor, "--out", at[1])
    assert {rung["name"] for rung in made["rungs"]} == {"logistic", "listwise", "lambdamart"}
    assert Path(made["path"], "report.html").read_text().startswith("<!doctype html>")
    listed = said("models", *at, "--check")
    assert [(one["model"], one["current"]) for one in listed["models"]] == [(made["model"], False)]
    assert said("promote", made["model"], *at, "--dry-run")["promoted"] is False
    assert said("models", *at)["current"] is None
    assert said("promote", made["model"], *at)["promoted"] is True
    assert said("models", *at)["current"] == made["model"]
    said("promote", made["model"], *at, status=1)
    assert said("rollback", *at, "--dry-run")["rolled_back"] is False
    assert said("rollback", *at)["model"] is None
    past = said("models", *at, "--history")["history"]
    assert [one["action"] for one in past] == ["promote", "rollback"]


def test_a_market_serves_no_columns_that_it_cannot_make(letor: Path, tmp_path: Path) -> None:
    """A model of a file's columns is trained for a market but not promoted there: nothing makes them."""
    market = tmp_path / "shop"
    RUN.invoke(app, ["init", str(market)])
    made = said("train", "ranker", "--letor", letor, "--market", market)
    out = RUN.invoke(app, ["promote", made["model"], "--market", str(market)])
    assert out.exit_code == 2
    assert "there is no feature set 'columns-" in out.stderr
    assert said("models", "--market", market)["current"] is None


def test_a_dry_run_writes_nothing(letor: Path, tmp_path: Path) -> None:
    """A dry run says what would be learned from."""
    plan = said("train", "ranker", "--letor", letor, "--out", tmp_path / "models", "--dry-run")
    assert plan["lists"] == 80
    assert plan["split"]["learn"] + plan["split"]["by_query"] <= 80
    assert not (tmp_path / "models").exists()


def test_people_read_tables(letor: Path, tmp_path: Path) -> None:
    """Without --json there are tables, and the next step in words."""
    models = str(tmp_path / "models")
    out = RUN.invoke(app, ["train", "ranker", "--letor", str(letor), "--out", models])
    kept = re.search(r"^(\w+) \*", out.stdout, re.MULTILINE)
    assert kept is not None
    assert f"it serves after: mercer promote {kept[1]}-" in out.stdout  # called what it is
    assert "serving: no model" in RUN.invoke(app, ["models", "--models", models]).stdout
    empty = RUN.invoke(app, ["models", "--models", str(tmp_path / "none")])
    assert "No ranker yet" in empty.stdout


def test_a_damaged_model_is_listed_as_such(letor: Path, tmp_path: Path) -> None:
    """`models` names the damage and exits with 1."""
    made = said("train", "ranker", "--letor", letor, "--out", tmp_path)
    file = Path(made["path"], "model")
    file.write_bytes(file.read_bytes()[:-10])
    out = RUN.invoke(app, ["models", "--models", str(tmp_path), "--check"])
    assert out.exit_code == 1
    assert "model has" in out.stdout


def test_a_model_that_is_gone_is_listed_as_such(letor: Path, tmp_path: Path) -> None:
    """Where the model that is to serve is not there any more, `models` says so and exits with 1."""
    made = said("train", "ranker", "--letor", letor, "--out", tmp_path)
    said("promote", made["model"], "--models", tmp_path)
    Path(made["path"], "manifest.json").unlink()
    out = RUN.invoke(app, ["models", "--models", str(tmp_path)])
    assert out.exit_code == 1
    assert f"there is no model '{made['model']}'" in out.stdout
    assert "No ranker yet" not in out.stdout


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["train", "ranker", "--letor", "absent.txt", "--out", "m"], 2, "there is no such file"),
        (["train", "ranker", "--letor", "absent.txt"], 2, "is no market"),
        (["train", "ranker", "--out", "m"], 2, "is no market"),
        (["promote", "other", "--models", "m"], 2, "no model 'other'"),
        (["rollback", "--models", "m"], 1, "nothing to roll back"),
        (["models", "--models", "m", "--role", "../x"], 1, "allowed are"),
    ],
)
def test_wrong_words_get_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int, text: str
) -> None:
    """What cannot be done is said on stderr, with the exit status that fits."""
    monkeypatch.chdir(tmp_path)
    out = RUN.invoke(app, words)
    assert out.exit_code == status
    assert text in out.stderr.replace("\n", " ")
