"""`mercer explain` over a market that served pages."""

import json

import pytest
from typer.testing import CliRunner

from mercer.app import own_market
from mercer.cli import app
from mercer.retrieve.request import SearchRequest
from support.market_kit import items, make_market, small_encoder


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A market, and the response of a search that it served."""
    folder = tmp_path_factory.mktemp("shop")
    make_market(folder, items(30))
    with small_encoder(), own_market(folder) as market:
        response = market.search(SearchRequest(q="red mug under 30", per_page=5))
    return folder, response


def run(*words: str):
    return CliRunner().invoke(app, ["explain", *words])


def test_a_page_as_a_table(served):
    """Every hit, what was understood, and the versions."""
    folder, response = served
    done = run(response.page_id, "--market", str(folder))
    assert done.exit_code == 0, done.output
    assert all(hit.listing_id in done.output for hit in response.hits)
    assert "price up to 30" in done.output
    assert response.generation in done.output


def test_every_listing_has_a_reason(served):
    """As one JSON object on stdout."""
    folder, response = served
    shown = {hit.listing_id for hit in response.hits}
    for at in range(31):
        done = run(response.page_id, f"l{at}", "--market", str(folder), "--json")
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)["listing"]
        assert found["sentence"].endswith(".")
        assert (found["reason"] == "shown") == (f"l{at}" in shown)
        assert (found["reason"] == "unknown") == (at == 30)


def test_an_unknown_page_says_what_to_do(served):
    """Exit status 2: the words are wrong."""
    folder, _ = served
    done = run("0198c7a0-5b7c-7d31-9f6e-000000000000", "--market", str(folder))
    assert done.exit_code == 2
    assert "keep_days" in done.output
