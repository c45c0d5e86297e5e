import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mercer.cli import app
from mercer.engines.embedded.lambdamart import LambdaMartParams
from support.rankings import made_lists

RUN = CliRunner()


@pytest.fixture
def letor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small graded file, and few trees."""
    monkeypatch.setattr(
        "mercer.engines.embedded.training_ranker.LambdaMartParams",
        lambda k, n_threads: LambdaMartParams(
            n_trees=10, learning_rate=0.1, min_rows_in_leaf=5, k=k
        ),
    )
    data = made_lists(n_queries=40)
    columns = {f"f{i + 1}": data.features[:, i] for i in range(data.features.shape[1])}
    grade = np.log2(data.gain + 1).round().astype(np.int64)
    pq.write_table(pa.table({"qid": data.owner, "label": grade} | columns), tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_both_sides_judge_the_same_lists(letor: Path) -> None:
    """The line has the nDCG of the ladder, its rungs and the published setting over every list."""
    out = RUN.invoke(
        app, ["bench", "ranking", "--letor", str(letor), "--repeats", "2", "--folds", "3", "--json"]
    )
    line = json.loads(out.stdout)
    assert out.exit_code == (0 if line["is_no_worse"] else 1)
    assert set(line["ndcg"]) == {
        "ladder",
        "logistic",
        "listwise",
        "lambdamart",
        "lightgbm_published",
    }
    data = made_lists(n_queries=40)
    assert line["lists"] == np.count_nonzero(data.has_gain)
    assert len(line["chosen"]) == 2
    lead = line["ndcg"]["ladder"]["mean"] - line["ndcg"]["lightgbm_published"]["mean"]
    assert line["lead"] == pytest.approx(lead)


def test_people_read_a_verdict(letor: Path) -> None:
    """Without --json there is a table and a sentence."""
    out = RUN.invoke(app, ["bench", "ranking", "--letor", str(letor), "--repeats", "1"])
    assert "than the published setting" in out.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [(["--folds", "1"], "folds must be at least 2"), (["--folds", "100"], "too few for 100 folds")],
)
def test_wrong_numbers_are_told(letor: Path, words: list[str], text: str) -> None:
    """Folds that cannot be cut are told."""
    out = RUN.invoke(app, ["bench", "ranking", "--letor", str(letor), *words])
    assert out.exit_code in (1, 2)
    assert text in out.stderr
