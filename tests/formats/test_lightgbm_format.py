"""Models that older versions of LightGBM wrote are read, and score as those versions did."""

from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from mercer.rank.trees.contribution import Contributions
from mercer.rank.trees.scorer import TreeScorer

WRITTEN = sorted((Path(__file__).parent / "lightgbm").glob("*.txt"), key=lambda path: path.name)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_an_older_model_scores_as_its_version_did(path: Path) -> None:
    """In every bit; and as the version that is installed scores it."""
    text, made = path.read_text("utf-8"), np.load(path.with_name(path.name[:-4] + ".npz"))
    scorer = TreeScorer.of_text(text)
    scores = scorer.score(made["rows"])
    assert scores.tobytes() == made["scores"].tobytes()
    now = lgb.Booster(model_str=text).predict(made["rows"], raw_score=True, num_threads=1)
    assert scores.tobytes() == np.asarray(now).tobytes()
    assert any(tree.is_categorical.any() for tree in scorer.forest.trees)
    contributions = Contributions(scorer.forest)
    total = contributions.of_rows(made["rows"]).sum(axis=1) + contributions.expected
    np.testing.assert_allclose(total, scores, rtol=0, atol=1e-9)


def test_every_version_is_there() -> None:
    """Of each version of the text format, v2 to v4."""
    versions = {path.read_text("utf-8").splitlines()[1] for path in WRITTEN}
    assert versions == {"version=v2", "version=v3", "version=v4"}
