"""Feature sets and models that are wrong: a sentence that names the thing, and what served goes on."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from mercer.app import open_market
from mercer.cli import app
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import POINTER, ModelFolder
from mercer.features.plan import Plan
from mercer.learn.model_file import GOLDEN_SCORES, MODEL, FileSum, ModelFile
from mercer.learn.packing import npy_bytes
from mercer.retrieve.request import SearchRequest
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.serve.http import create_app
from support.ranker_kit import plan_of_market, promote_ranker, ranker
from support.small_market import small_market

# Whatever else the machine does, no stage is left out for want of time, and no page has a swap.
CONFIG = "[search]\nbudget_ms = 60000\n[rank]\nbudget_ms = 60000\nswap_share = 0\n"
Served = tuple[MarketFolder, EmbeddedMarket, Plan]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A market that is served while all of this happens: dear first, before it was cheap first."""
    path = tmp_path_factory.mktemp("bad") / "shop"
    with small_market(path, n_listings=150, seed=1, config=CONFIG) as market:
        folder = MarketFolder(path)
        plan = plan_of_market(folder)
        promote_ranker(path, ranker(plan, {"price_log": -1.0}, name="cheap"))
        market.follow_models()
        promote_ranker(path, ranker(plan, {"price_log": 1.0}, name="dear"))
        market.follow_models()
        yield folder, market, plan


def command(*words: object) -> tuple[int, str]:
    """Exit status, and what was said on stderr."""
    done = CliRunner().invoke(app, [str(one) for one in words])
    assert "Traceback" not in done.output
    return done.exit_code, done.stderr


def prices(market: EmbeddedMarket) -> list[int]:
    return [hit.document["price_micros"] for hit in market.search(SearchRequest(q="ring")).hits]


def stays(market: EmbeddedMarket) -> tuple[str, ...]:
    """What served before serves still; what health has to say over HTTP."""
    market.follow_models()
    found = prices(market)
    assert len(found) > 5
    assert found == sorted(found, reverse=True)
    with TestClient(create_app(market), base_url="http://localhost") as client:
        assert client.get("/ready").status_code == 200
        health = client.get("/health").json()
    assert health["ranking"]["model"].startswith("dear-")
    return tuple(health["degraded"])


def table(name: str, transform: str, column: str) -> str:
    return (
        f'[[feature]]\nname = "{name}"\nentity = "listing"\ntransform = "{transform}"\n'
        f'inputs = ["{column}"]\n'
    )


BAD_SETS = {
    "cycle": (table("a", "log1p", "b") + table("b", "log1p", "a"), ["'a'", "a -> b -> a", "break"]),
    "transform": (table("a", "lgo1p", "listing.rating"), ["'a'", "'lgo1p'", "known:", "log1p"]),
    "column": (
        table("a", "log1p", "listing.raitng"),
        ["'a'", "'listing.raitng'", "listing.rating"],
    ),
    "type": (table("a", "log1p", "listing.title"), ["'a'", "listing.title (text)", "(number)"]),
    "toml": ("[[feature]\n", ["not TOML", "line 2"]),
}


@pytest.mark.parametrize("what", BAD_SETS)
def test_a_bad_feature_set(served: Served, what: str, tmp_path: Path) -> None:
    """Every command that reads it ends with 1 and names feature, column or transform; what served stays."""
    folder, market, _ = served
    text, words = BAD_SETS[what]
    file = folder.path / "features.toml"
    file.write_text('name = "bad"\n' + text)
    sets = FeatureSetFolder(folder.models).hashes()
    try:
        for verb in (
            ["lint"],
            ["list"],
            ["explain", "a"],
            ["log"],
            ["fit", "--out", tmp_path / "s"],
        ):
            code, said = command("features", *verb, "--market", folder.path)
            assert code == 1
            assert all(word in said for word in words), said
        assert stays(market) == ()
    finally:
        file.unlink()
    assert FeatureSetFolder(folder.models).hashes() == sets
    assert FeatureSetFolder(folder.models).logged() is None
    assert not (tmp_path / "s").exists()


def changed(made: ModelFile, **files: bytes) -> ModelFile:
    """The model with other files, whose sums are right."""
    every = {**made.files, **files}
    sums = {name: FileSum.of(data) for name, data in every.items()}
    return ModelFile(replace(made.manifest, files=sums), every)


def other_hash(made: ModelFile) -> ModelFile:
    return ModelFile(replace(made.manifest, feature_set="0" * 64), made.files)


def another_golden(made: ModelFile) -> ModelFile:
    scores = np.load(io.BytesIO(made.files[GOLDEN_SCORES]))
    scores[17] = np.nextafter(scores[17], np.inf)
    return changed(made, **{GOLDEN_SCORES: npy_bytes(scores)})


def without_set(made: ModelFile) -> ModelFile:
    """As of a file of labelled rows: no market has its features."""
    files = {name: data for name, data in made.files.items() if not name.startswith("features")}
    sums = {name: FileSum.of(data) for name, data in files.items()}
    return ModelFile(replace(made.manifest, files=sums, feature_set="1" * 64), files)


BAD_MODELS: dict[str, tuple[Callable[[ModelFile], ModelFile], Callable[[Plan], list[str]]]] = {
    "hash mismatch": (other_hash, lambda plan: ["0" * 64, plan.hash, "train it anew"]),
    "set unknown": (without_set, lambda plan: ["1" * 64, plan.hash[:12]]),
    "golden rows": (another_golden, lambda _: ["1 of 1000 golden rows", "row 17", "train it anew"]),
    "no model in it": (lambda m: changed(m, **{MODEL: b"{}"}), lambda _: ["/model", "linear"]),
    "truncated": (
        lambda m: m,
        lambda _: ["model has", "bytes in place of", "train the model anew"],
    ),
}


@pytest.mark.parametrize("what", BAD_MODELS)
def test_a_bad_model(served: Served, what: str) -> None:
    """Promotion is refused with a sentence, forced or tried out, and the old model stays; a pointer that was
    moved to it all the same changes nothing but what health says."""
    folder, market, plan = served
    change, words = BAD_MODELS[what]
    models = ModelFolder(folder.models, "ranker")
    bad = models.write(change(ranker(plan, {"rating": 1.0}, name="bad")))
    if what == "truncated":
        file = models.path / bad / MODEL
        file.write_bytes(file.read_bytes()[:-10])
    before = models.history()
    for more in ([], ["--force"], ["--force", "--dry-run"]):
        code, said = command("promote", bad, "--market", folder.path, *more)
        assert (code, said.startswith("mercer promote: ")) == (2 if "unknown" in what else 1, True)
        assert all(word in said for word in words(plan)), said
    assert models.history() == before
    assert stays(market) == ()
    models.change(lambda h: h.promoted(bad, at_ms=9, why="by hand"))
    (told,) = stays(market)
    assert all(word in told for word in words(plan)), told
    with closing(open_market(folder.path)) as again:  # a process that starts beside it
        (told,) = stays(again)
        assert all(word in told for word in words(plan)), told
    models.change(lambda h: h.rolled_back(at_ms=9, why="by hand"))
    assert stays(market) == ()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (POINTER, b"{", ["ranker/current", "cannot be read", "remove it"]),
        (POINTER, b"", ["ranker/current", "cannot be read", "remove it"]),
        (
            "{dear}/model",
            b"half",
            ["dear-", "model has 4 bytes in place of", "train the model anew"],
        ),
        ("{dear}/manifest.json", b"{}", ["dear-", "manifest.json", "train the model anew"]),
        ("../features/off.json", b"{", ["off.json", "remove it: all are on"]),
    ],
)
def test_a_file_that_is_damaged_under_a_server(
    served: Served, name: str, data: bytes, words: list[str]
) -> None:
    """A damaged file below models/ changes nothing that is served; health says so until it is whole again."""
    folder, market, _ = served
    models = ModelFolder(folder.models, "ranker")
    file = models.path / name.format(dear=models.history().current)
    whole = file.read_bytes() if file.exists() else None
    try:
        file.write_bytes(data)
        (told,) = stays(market)
        assert all(word in told for word in words), told
        if "off.json" not in name:
            assert command("models", "--check", "--market", folder.path)[0] == 1
    finally:
        file.unlink() if whole is None else file.write_bytes(whole)
    assert stays(market) == ()


def test_a_server_that_starts_beside_a_damaged_model(served: Served) -> None:
    """The model that was promoted before serves, and health names the one that cannot."""
    folder, market, _ = served
    models = ModelFolder(folder.models, "ranker")
    file = models.path / str(models.history().current) / MODEL
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with closing(open_market(folder.path)) as again:
        (told,) = again.health().degraded
        assert "dear-" in told
        assert "cheap-" in told
        assert told.endswith("serves in its place")
        assert prices(again) == sorted(prices(again))
        file.write_bytes(whole)
        again.follow_models()
        assert stays(again) == ()
    assert stays(market) == ()
