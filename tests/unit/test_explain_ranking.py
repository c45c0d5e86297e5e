"""Laws of the explanation of a page that a model ranked, over a market that served it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mercer.app import own_market
from mercer.cli import app
from mercer.cli_explain import _compared
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.ranking.page_models import PageModels
from mercer.engines.embedded.ranking.prepare import log_values
from mercer.features.plan import Plan
from mercer.retrieve.request import SearchRequest
from mercer.schema.page import Page
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.serve.explain.ranking_why import Comparison, FeatureGap, PageRanking
from support.ranker_kit import plan_of_market, promote_ranker, ranker
from support.small_market import small_market

CONFIG = "[search]\nbudget_ms = 60000\n[rank]\nbudget_ms = 60000\nswap_share = 0\ncandidates = 12\n"
WEIGHTS = {"price_log": -1.0, "title_bm25": 0.3, "quality_prior": 2.0}


@pytest.fixture(scope="module")
def plain_page(served_market: tuple[Path, EmbeddedMarket, Plan]) -> Page:
    """One that was served before any model was promoted."""
    return page_of(served_market)


@pytest.fixture(scope="module")
def served_market(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, EmbeddedMarket, Plan]]:
    """A market of 400 listings of which a model scores the best twelve."""
    path = tmp_path_factory.mktemp("explained") / "market"
    with small_market(path, n_listings=400, seed=1, config=CONFIG) as market:
        yield path, market, plan_of_market(MarketFolder(path))


@pytest.fixture(scope="module")
def page(served_market: tuple[Path, EmbeddedMarket, Plan], plain_page: Page) -> Page:
    """One that the model ranked; the plain one came before it."""
    path, market, plan = served_market
    named = {name: WEIGHTS.get(name, 0.0) for name in plan.names}
    promote_ranker(path, ranker(plan, named))
    market.follow_models()
    return page_of(served_market)


def page_of(served_market: tuple[Path, EmbeddedMarket, Plan]) -> Page:
    path, market, _ = served_market
    response = market.search(SearchRequest(q="ring", per_page=6))
    found = PageLog(MarketFolder(path).log).find(response.page_id)
    assert found is not None
    return found


def test_base_and_contributions_are_the_logged_score(
    served_market: tuple[Path, EmbeddedMarket, Plan], page: Page
) -> None:
    """Of each hit, up to the float32 of the record; values and scores are those of the record."""
    _, market, plan = served_market
    why = market.explain(page.page_id)
    assert why.ranking is not None
    assert why.ranking.faults == ()
    assert why.ranking.n_ranked == 12
    assert why.ranking.base is not None
    values = page.shown_features.reshape(-1, len(plan.names))
    for i, hit in enumerate(why.hits):
        total = why.ranking.base + sum(one.contribution or 0.0 for one in hit.features)
        np.testing.assert_allclose(total, hit.score, rtol=2**-23)
        first, trees = hit.stages
        assert (first.name, trees.name) == ("first_pass", "trees")
        assert np.float32(trees.score) == np.float32(hit.score)
        assert trees.place == i + 1
        assert first.place is not None
        assert 1 <= first.place <= 12
        told = {one.name: one.value for one in hit.features}
        want = {
            name: None if np.isnan(value) else float(value)
            for name, value in zip(plan.names, values[i], strict=True)
        }
        assert told == want
        sizes = [abs(one.contribution or 0.0) for one in hit.features]
        assert sizes == sorted(sizes, reverse=True)


def test_a_comparison_is_antisymmetric_and_sums_to_the_gap(
    served_market: tuple[Path, EmbeddedMarket, Plan], page: Page
) -> None:
    """What speaks for the one speaks against the other, by as much; together it is the whole gap."""
    model = PageModels(MarketFolder(served_market[0]).models).of_page(page)
    assert model is not None
    ranking = PageRanking(page, model)
    for i in range(len(page.shown)):
        for j in range(i):
            there, back = ranking.compared(i, j), ranking.compared(j, i)
            assert there.gap is not None
            assert back.gap == -there.gap
            gaps = {one.name: one.gap or 0.0 for one in there.features}
            assert {one.name: -(one.gap or 0.0) for one in back.features} == gaps
            np.testing.assert_allclose(sum(gaps.values()), there.gap, rtol=1e-5, atol=1e-5)


def test_a_listing_on_the_page_is_compared_with_those_above(
    served_market: tuple[Path, EmbeddedMarket, Plan], page: Page
) -> None:
    """The one a place above, and the first; the first with nobody."""
    market, shown = served_market[1], page.shown
    for i, want in ((0, []), (1, [0]), (4, [3, 0])):
        found = market.explain(page.page_id, shown[i].listing_id).listing
        assert found is not None
        others = [one.listing_id for one in found.comparisons]
        assert others == [shown[j].listing_id for j in want]


def test_what_two_listings_have_alike_is_not_listed() -> None:
    """Where no model scored both, the table has the features that differ, and is left out without any;
    where one did, also a feature of equal value whose contribution differs."""

    def gap(name: str, value: float, other: float, gap: float | None) -> FeatureGap:
        return FeatureGap(name=name, words="", value=value, other_value=other, gap=gap)

    def listed(*features: FeatureGap) -> list[str] | None:
        one = Comparison(listing_id="b", position=1, sentence="", gap=None, features=features)
        table = _compared(one)
        return None if table is None else list(table.columns[0].cells)

    alike = [gap(f"query_{i}", 1.0, 1.0, None) for i in range(20)]
    assert listed(*alike) is None
    assert listed(*alike, gap("price", 1.0, 2.0, None)) == ["price"]
    assert listed(gap("price", 1.0, 2.0, 0.0), gap("rating", 3.0, 3.0, -0.5)) == ["rating"]


def test_a_listing_that_the_model_did_not_score_has_its_place_and_margin(
    served_market: tuple[Path, EmbeddedMarket, Plan], page: Page
) -> None:
    """Number 13 of the first pass, below the last of the twelve; number 7 of the model is told by it."""
    _, market, _ = served_market
    ids = {}
    for number in (2, 3):
        more = SearchRequest(q="ring", per_page=6, page=number)
        ids[number] = [hit.listing_id for hit in market.search(more).hits]
    further = market.explain(page.page_id, ids[2][0]).listing
    beyond = market.explain(page.page_id, ids[3][0]).listing
    assert further is not None
    assert beyond is not None
    assert "Its score is" in further.sentence
    assert further.score == pytest.approx(page.stage_scores("trees")[6])
    assert "not among the best 12 of the first pass" in beyond.sentence
    assert beyond.numbers["first_pass_place"] == 13
    first = page.stage_scores("first_pass")
    assert beyond.numbers["margin"] == pytest.approx(float(first[:12].min() - first[12]))
    assert [one.score is None for one in beyond.stages] == [False, True]


def test_a_page_without_a_model_is_explained_by_the_first_pass(
    served_market: tuple[Path, EmbeddedMarket, Plan], plain_page: Page, page: Page
) -> None:
    """Also after one was promoted: which parts of the score those above a listing have more of."""
    assert page.models != plain_page.models
    why = served_market[1].explain(plain_page.page_id, plain_page.shown[1].listing_id)
    assert why.ranking is None
    assert why.listing is not None
    assert why.listing.stages == ()
    (above,) = why.listing.comparisons
    other, own = plain_page.shown[:2]
    assert (above.listing_id, above.position) == (other.listing_id, 1)
    assert above.gap == pytest.approx(other.score - own.score)
    assert sum(one.gap or 0.0 for one in above.features) == pytest.approx(above.gap, abs=1e-5)
    assert f"{above.gap:.4f} more of the first pass, most of all by" in above.sentence
    assert not any(hit.stages or hit.features for hit in why.hits)


def test_where_features_are_logged_and_no_model_serves_the_first_pass_is_compared(
    tmp_path: Path,
) -> None:
    """Values of features, and comparisons by parts; where another stage orders the page there are none."""
    path = tmp_path / "market"
    with small_market(path, n_listings=60, seed=1, config=CONFIG):
        folder = MarketFolder(path)
        log_values(folder, folder.config().rates, plan_of_market(folder))
    with own_market(path) as market:
        found = market.search(SearchRequest(q="ring", per_page=6))
        listing = market.explain(found.page_id, found.hits[1].listing_id).listing
        similar = market.similar(found.hits[0].listing_id)
        alike = market.explain(similar.page_id, similar.hits[1].listing_id).listing
    assert listing is not None
    assert "more of the first pass" in listing.comparisons[0].sentence
    assert listing.stages[0].name == "first_pass"
    assert alike is not None
    assert alike.comparisons == ()


def test_what_is_gone_is_said_and_the_rest_is_told(
    served_market: tuple[Path, EmbeddedMarket, Plan], page: Page, tmp_path: Path
) -> None:
    """Without the model: values, no contributions. Without the set too: scores alone."""
    models = tmp_path / "models"
    shutil.copytree(MarketFolder(served_market[0]).models, models)
    (model_id,) = ModelFolder(models, "ranker").ids()
    shutil.rmtree(models / "ranker" / model_id)
    found = PageModels(models).of_page(page)
    assert found is not None
    ranking = PageRanking(page, found)
    assert model_id in ranking.why().faults[0]
    assert {one.contribution for one in ranking.features(0)} == {None}
    assert ranking.compared(1, 0).gap is not None
    shutil.rmtree(FeatureSetFolder(models).path)
    found = PageModels(models).of_page(page)
    assert found is not None
    ranking = PageRanking(page, found)
    assert any("cannot be named" in one for one in ranking.why().faults)
    assert ranking.features(0) == ()
    assert len(ranking.stages(page.shown[0].row_id)) == 2


def test_the_command_shows_features_and_comparisons(
    served_market: tuple[Path, EmbeddedMarket, Plan], page: Page
) -> None:
    """The table names those that contributed most, JSON has all."""
    path, _, plan = served_market
    words = ["explain", page.page_id, page.shown[2].listing_id, "--market", str(path)]
    table = CliRunner().invoke(app, words)
    assert table.exit_code == 0, table.output
    assert "price_log" in table.output
    assert "behind by" in table.output
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert len(found["hits"][0]["features"]) == len(plan.names)
    assert [one["position"] for one in found["listing"]["comparisons"]] == [2, 1]
