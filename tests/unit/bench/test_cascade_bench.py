import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mercer.bench.cascade_judge import JudgedPage, fused, judged
from mercer.cli import app
from mercer.engines.embedded.lambdamart import LambdaMartParams

RUN = CliRunner()


def page(utility: list[float], scores: list[float], *, patience: float = 0.5) -> JudgedPage:
    """A page whose catalogue holds nothing better than its candidates; scores are its feature too."""
    worth = np.array(utility, np.float32)
    features = np.array(scores, np.float32)[:, None]
    best = -np.sort(-worth)[:24]
    return JudgedPage(worth, best, patience, np.array(scores), features)


def test_the_share_is_0_for_the_first_pass_and_1_for_the_oracle() -> None:
    """A model that keeps the order adds nothing, one that knows the truth adds all there is."""
    truth = [0.1, 0.9, 0.4, 0.6]
    rng = np.random.default_rng(1)
    kept = judged([page(truth, [4, 3, 2, 1])], rng)
    ideal = judged([page(truth, truth)], rng)
    worst = judged([page(truth, [-one for one in truth])], rng)
    assert kept.share == 0.0
    assert ideal.share == ideal.share_whole == 1.0
    assert worst.share < 0
    assert kept.value["oracle"] == ideal.value["cascade"] > kept.value["random"]


def test_retrieval_alone_is_the_base() -> None:
    """Two lists are fused by reciprocal rank; the share counts from their order, not the first pass's."""
    text = np.array([3.0, 2.0, np.nan, 1.0], np.float32)
    meaning = np.array([0.1, 0.9, 0.8, 0.2], np.float32)
    order = fused([text, meaning])
    assert order is not None
    assert order.tolist() == [1, 0, 3, 2]  # 1/62 + 1/61, 1/61 + 1/64, 1/63 + 1/63, 1/62
    assert fused([text, np.zeros(0, np.float32)]) is None
    truth = np.array([0.0, 0.9, 0.4, 0.6], np.float32)
    scores = np.array([1.0, 4.0, 2.0, 3.0])
    one = JudgedPage(truth, -np.sort(-truth), 0.5, np.zeros(0), None, order)
    ranked = JudgedPage(truth, -np.sort(-truth), 0.5, scores, None, order)
    rng = np.random.default_rng(1)
    assert one.values()["retrieval"] == one.value(order) > one.values()["first_pass"]
    assert judged([ranked], rng).share == judged([ranked], rng).share_first_pass == 1.0
    assert judged([one], rng).share < 0 == judged([one], rng).share_first_pass


def test_a_page_is_worth_what_is_looked_at() -> None:
    """Patience halves each place of the 24: (1 x 0.8 + 0.5 x 0.2) over the sum of all looks."""
    one = page([0.8, 0.2], [2, 1])
    looks = sum(0.5**i for i in range(24))
    assert one.values()["first_pass"] == pytest.approx((0.8 + 0.1) / looks)


def test_only_scored_candidates_move() -> None:
    """What the model did not score follows as it was; other models are tried on the kept features."""
    one = JudgedPage(
        np.array([0.0, 0.5, 1.0], np.float32), np.ones(1, np.float32), 0.5, np.array([1.0, 2.0]),
        np.array([[1.0], [2.0]], np.float32),
    )  # fmt: skip
    assert one.values()["cascade"] == one.value(np.array([1, 0, 2]))
    assert one.by(lambda rows: -rows[:, 0].astype(np.float64)) == one.value(np.array([0, 1, 2]))


def test_a_seed_from_market_to_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small market is played, learned from, ranked by what was learned, and gone afterwards."""
    monkeypatch.setattr(
        "mercer.engines.embedded.training_ranker.LambdaMartParams",
        lambda k, n_threads: LambdaMartParams(n_trees=10, min_rows_in_leaf=5, k=k),
    )
    words = ["--listings", "300", "--searches", "240", "--rounds", "1", "--judged", "50"]
    where = ["--seeds", "3", "--cache", str(tmp_path / "c"), "--json"]
    out = RUN.invoke(app, ["bench", "cascade", *words, *where])
    assert out.exit_code == 0, out.stderr
    line = json.loads(out.stdout)
    (seed,) = line["by_seed"]
    assert seed["pages"] > 15
    assert seed["utility"]["random"] <= seed["utility"]["first_pass"] < seed["utility"]["oracle"]
    assert seed["utility"]["oracle"] <= seed["utility"]["whole"]
    assert set(seed["share_by_bias"]) == {"none", "swaps", "model"}
    assert line["share"] == seed["share"]
    assert seed["refused"] or seed["share"] != 0
    assert seed["share_by_bias"]["model"] != 0
    assert list((tmp_path / "c").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "text"),
    [("--seeds x", "--seeds 'x'"), ("--searches 300 --rounds 2", "a round needs 200 searches")],
)
def test_wrong_numbers_are_told(words: str, text: str) -> None:
    """What is allowed is said."""
    out = RUN.invoke(app, ["bench", "cascade", *words.split()])
    assert out.exit_code in (1, 2)
    assert text in out.stderr
