"""Judged catalogues: what is learned from, what is compared, in the words of the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mercer.app import open_market
from mercer.cli import app
from mercer.engines.embedded.lambdamart import LambdaMartParams
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.ranking.prepare import log_values
from mercer.evaluate.search import Truth
from mercer.retrieve.request import SearchRequest
from mercer.serve.judged import judged_lists, truth_of
from support.ranker_kit import plan_of_market
from support.small_market import small_market

RUN = CliRunner()
QUERIES = ("ring", "blue mug", "gift", "wooden table", "vintage", "bowl", "scarf", "lamp", "wool",
           "silver earrings", "candle", "print")  # fmt: skip
N_LISTINGS = 400


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market whose values are logged."""
    folder = MarketFolder(tmp_path_factory.mktemp("boards") / "shop")
    with small_market(folder.path, n_listings=N_LISTINGS, seed=5):
        pass
    log_values(folder, folder.config().rates, plan_of_market(folder))
    return folder.path


@pytest.fixture(scope="module")
def judgments(market: Path) -> Path:
    """Of each query every third of what it finds is right; the cheapest of them most of all."""
    file, opened = market.parent / "judged.jsonl", open_market(market)
    lines = []
    for q in QUERIES:
        hits = opened.search(SearchRequest(q=q, per_page=60, budget_ms=60_000)).hits
        hits = sorted(hits, key=lambda hit: hit.document["price_micros"] or 0)
        for i, hit in enumerate(hits):
            grade = 3 if i < len(hits) // 4 else int(i % 3 == 0)
            lines.append({"query": q, "listing_id": hit.listing_id, "grade": grade})
    lines.append({"query": "zzzqqq", "listing_id": "none", "grade": 3})
    file.write_text("\n".join(map(json.dumps, lines)))
    opened.close()
    return file


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mercer.engines.embedded.training_ranker.LambdaMartParams",
        lambda **words: LambdaMartParams(n_trees=8, min_rows_in_leaf=5, **words),
    )


def test_lists_are_what_a_search_finds(market: Path, judgments: Path) -> None:
    """Each list has the first results of its search in their order, with the values of the features
    that are logged, and the gain of what was judged; a query that finds nothing is left out."""
    truth = truth_of(judgments, "linear")
    sets_plan = plan_of_market(MarketFolder(market))
    opened = open_market(market)
    made = judged_lists(opened, truth, lambda hash_: sets_plan, candidates=30)
    assert (made.n_empty, made.data.query) == (1, QUERIES)
    assert made.data.columns.set_hash == sets_plan.hash
    for i, q in enumerate(QUERIES):
        rows = slice(made.data.offsets[i], made.data.offsets[i + 1])
        hits = opened.search(SearchRequest(q=q, per_page=30, budget_ms=60_000)).hits
        gains = truth.gains_of(i)
        assert sorted(made.data.gain[rows]) == sorted(gains.get(h.listing_id, 0.0) for h in hits)
        assert (made.data.base[rows][:-1] >= made.data.base[rows][1:]).all()
        price = made.data.features[rows, sets_plan.names.index("fp_first_pass")]
        assert price == pytest.approx(made.data.base[rows], abs=1e-5)
    opened.close()
    assert isinstance(made.truth, Truth)
    assert made.ndcg(made.data.gain, k=10).mean() >= made.ndcg(made.data.base, k=10).mean()


def test_the_line_pools_boards(market: Path, judgments: Path) -> None:
    """Queries of all boards count once in the pooled test; retrieval is the order without a model."""
    at = ("--market", market, "--judgments", judgments)
    words = (
        "bench",
        "ranking",
        *at,
        *at,
        "--gains",
        "linear",
        "--folds",
        2,
        "--repeats",
        1,
        "--json",
    )
    out = RUN.invoke(app, [*map(str, words), "--candidates", "30"])
    line = json.loads(out.stdout)
    assert out.exit_code == (0 if line["is_no_worse"] else 1)
    assert line["pooled"]["queries"] == 2 * len(QUERIES)
    board = line["boards"]["shop"]
    assert set(board["ndcg"]) == {
        "retrieval",
        "ladder",
        "anchored",
        "logistic",
        "listwise",
        "lambdamart",
    }
    lead = board["ndcg"]["ladder"]["mean"] - board["ndcg"]["retrieval"]["mean"]
    assert board["lead"] == pytest.approx(lead)


def test_a_ranker_is_trained_from_judgments_and_serves(market: Path, judgments: Path) -> None:
    """`mercer train ranker --judgments` gives a model of the logged features, which can be promoted."""
    at = ("--market", str(market))
    out = RUN.invoke(
        app,
        ["train", "ranker", *at, "--judgments", str(judgments), "--gains", "linear", "--json"],
    )
    assert out.exit_code == 0, out.output
    made = json.loads(out.stdout)
    assert made["read"]["queries"] == len(QUERIES)
    names = [one["name"] for one in made["rungs"]]
    assert names == ["as_served", "anchored", "logistic", "listwise", "lambdamart"]
    promoted = RUN.invoke(app, ["promote", made["model"], *at, "--force", "--json"])
    assert promoted.exit_code == 0, promoted.output
    opened = open_market(market)
    assert opened.health().ranking.model == made["model"]
    opened.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name either --letor or --market"),
        (("--market", "x"), "1 --market need as many --judgments, got 0"),
        (("--market", "x", "--judgments", "none.jsonl"), "there is no such file"),
    ],
)
def test_wrong_words(words: tuple[str, ...], said: str) -> None:
    """Each gets a sentence and exit status 2."""
    out = RUN.invoke(app, ["bench", "ranking", *words])
    assert (out.exit_code, said in out.stderr) == (2, True), out.stderr


def test_without_values_it_says_what_to_do(tmp_path: Path) -> None:
    """A market that computes no features is told to log them."""
    with small_market(tmp_path / "bare", n_listings=50, seed=1) as made:
        hit = made.search(SearchRequest(q="", per_page=1)).hits[0]
        word = hit.document["title"].split()[0]
    (tmp_path / "j.csv").write_text(f"query,listing_id,grade\n{word},{hit.listing_id},1\n")
    at = ("--market", str(tmp_path / "bare"), "--judgments", str(tmp_path / "j.csv"))
    out = RUN.invoke(app, ["bench", "ranking", *at])
    assert out.exit_code in (1, 2)
    assert "mercer features log" in out.stderr
