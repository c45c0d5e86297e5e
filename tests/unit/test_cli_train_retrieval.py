"""From the log of a market to an encoder that its index is built with, and back."""

import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from typer.testing import CliRunner

from mercer.app import Seat, serving_market
from mercer.cli import app
from mercer.engines.embedded.index.bell import Bell
from mercer.engines.embedded.index.generation import current_generation, read_manifest
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.retrieval_models import load_towers
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.engines.embedded.training_retrieval import listings_as_of
from mercer.events.log import Change
from mercer.learn.model_file import ENCODER_ROLE, MODEL, FileSum, ModelFile
from mercer.learn.tower_file import Training, loaded_towers, packed_towers
from mercer.retrieve.request import SearchRequest
from mercer.retrieve.tower import TowerEncoder
from mercer.schema.errors import CorruptError
from mercer.schema.page import Page
from mercer.serve.embedded_market import EmbeddedMarket
from support.listing_rows import listing_rows
from support.logged import event_rows
from support.market_kit import T0, WORDS, items, make_market, small_encoder

RUN = CliRunner()
N_LISTINGS, N_PAGES = 150, 160
MINUTE_MS = 60_000


def page_id(i: int) -> str:
    return str(UUID(int=(T0 + i * MINUTE_MS) << 80 | 7 << 76 | 2 << 62 | i))


def page_of(i: int, words: tuple[str, ...]) -> Page:
    terms = [{"word": word, "is_optional": False} for word in words]
    return Page(
        page_id=page_id(i), served_ms=T0 + i * MINUTE_MS, surface="search", q=" ".join(words),
        request={}, understood={"terms": terms}, found=9, generation="g", catalogue_version=1,
        visitor_id=f"v{i}", shown=(),
    )  # fmt: skip


def write_log(folder: MarketFolder) -> None:
    """Buyers ask for one thing and take the two that sold most among those named so."""
    rng, listings = np.random.default_rng(0), items(N_LISTINGS)
    pages, events = [], []
    for i in range(N_PAGES):
        word = WORDS[rng.integers(len(WORDS))]
        pages.append(page_of(i, (word,)))
        named = [one for one in listings if word in one["title"].split()]
        for n, one in enumerate(
            sorted(named, key=lambda x: (-x["sold_count"], x["listing_id"]))[:2]
        ):
            who = {"visitor_id": f"v{i}", "listing_id": one["listing_id"], "page_id": page_id(i)}
            at = {"time_ms": T0 + i * MINUTE_MS + 5_000 * (n + 1)}
            events.append(
                {"event_id": f"c{i}-{n}", "kind": "click", "standing": "signed"} | who | at
            )
            if i % 4 == 0 and n == 0:
                paid = {"price_micros": 1, "currency": "USD", "standing": "signed"}
                events.append({"event_id": f"b{i}", "kind": "purchase"} | who | at | paid)
    writer = SlotWriter(folder.log / "pages-0")
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(lambda page: writer.write(page, budget_s=60), pages))
    writer.close()
    with closing(EmbeddedLog(folder.log)) as log:
        log.append([Change("events", event_rows(*events))])


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> MarketFolder:
    folder = MarketFolder(tmp_path_factory.mktemp("market") / "shop")
    make_market(folder.path, items(N_LISTINGS))
    write_log(folder)
    return folder


def said(market: MarketFolder, *words: str, status: int = 0) -> dict:
    with small_encoder():
        result = RUN.invoke(app, [*words, "--market", str(market.path), "--json"])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if status == 0 else {"said": result.stderr}


def served_encoder(market: MarketFolder) -> str:
    name = current_generation(market.index)
    assert name is not None
    return read_manifest(market.index, name).encoder


@contextmanager
def reader(market: MarketFolder) -> Iterator[EmbeddedMarket]:
    """A market as a serving process has it that follows the bell."""
    config = market.config()
    catalogue, bell = SqlCatalogue(market.tables_url(config)), Bell(market.run / "bell")
    with (
        closing(catalogue),
        closing(bell),
        closing(serving_market(market, config, catalogue, Seat(bell=bell))) as opened,
    ):
        yield opened


def test_an_encoder_is_learned_promoted_and_rolled_back(market: MarketFolder) -> None:
    """Promoting builds a generation with the new vectors and its own threshold, that open servers
    adopt; rolling back builds one with the encoder before."""
    plan = said(market, "train", "retrieval", "--dry-run")
    assert plan["choices"]["purchase"] == N_PAGES // 4
    made = said(market, "train", "retrieval")
    assert made["recall"]["all"]["n"] > 20
    folder = ModelFolder(market.models, ENCODER_ROLE)
    weights = load_towers(folder, made["model"]).encoder.to_arrays()["tower_signal_weight"]
    assert weights[0] > 0.1, "buyers went by the number sold"
    with reader(market) as serving:
        before = serving.search(SearchRequest(q="red mug", mode="semantic"))
        done = said(market, "promote", made["model"], "--role", "retrieval")
        assert (done["promoted"], done["previous"]) == (True, None)
        assert served_encoder(market) == made["model"]
        deadline = time.monotonic() + 120
        while serving._parts.follower.index.snapshot().encoder.name != made["model"]:
            assert time.monotonic() < deadline, serving._parts.follower.fault
            time.sleep(0.02)
        after = serving.search(SearchRequest(q="red mug", mode="semantic"))
        assert len(before.hits) > 0
        assert len(after.hits) > 0
        old, new = (read_manifest(market.index, one.generation) for one in (before, after))
        assert (old.dim, new.dim) == (8, 12)
        assert old.threshold != new.threshold
    back = said(market, "rollback", "--role", "retrieval", "--why", "a test")
    assert back["model"] is None
    assert served_encoder(market) == "catalogue"
    listed = said(market, "models", "--role", "retrieval", "--history", "--check")
    words = ["models", "--role", "retrieval", "--market", str(market.path)]
    shown = RUN.invoke(app, words).stdout
    assert "recall@100" in shown
    (row,) = [one for one in listed["models"] if one["model"] == made["model"]]
    assert f"{row['metrics']['all']['trained']:.4f}" in shown
    assert [one["action"] for one in listed["history"]] == ["promote", "rollback"]


def worse(market: MarketFolder) -> str:
    """A model like the one that was trained, that turns every word around."""
    folder = ModelFolder(market.models, ENCODER_ROLE)
    made = folder.read(said(market, "train", "retrieval", "--seed", "3")["model"])
    encoder = load_towers(folder, made.id).encoder
    arrays = encoder.to_arrays()
    arrays["tower_shift"] = (arrays["tower_shift"] - 50.0).astype(np.float32)
    arrays["tower_reach"] = -arrays["tower_reach"]
    kept = loaded_towers(made, at="x")
    with closing(EmbeddedLog(market.log, is_owner=False)) as log:
        listings = listings_as_of(log, T0)
    training = Training(
        encoder=TowerEncoder.from_arrays(arrays), name="worse", created_ms=1,
        window=kept.manifest.window, report={"recall": {}}, params={}, seed=0, held=kept.held,
        listings=listings,
    )  # fmt: skip
    return folder.write(packed_towers(training))


def test_an_encoder_that_finds_less_is_refused(market: MarketFolder) -> None:
    """The gate refuses it with both recalls; what serves stays, and the index too."""
    before = current_generation(market.index)
    answer = said(market, "promote", worse(market), "--role", "retrieval", status=1)
    assert "worse than the day-one encoder" in answer["said"]
    assert current_generation(market.index) == before


def test_a_changed_model_is_refused(market: MarketFolder) -> None:
    """A model that gives other vectors than when it was made is not loaded."""
    folder = ModelFolder(market.models, ENCODER_ROLE)
    made = folder.read(said(market, "train", "retrieval", "--seed", "4")["model"])
    with np.load(io.BytesIO(made.files[MODEL])) as read:
        arrays = dict(read)
    arrays["tower_shift"] = arrays["tower_shift"] + np.float32(0.5)
    turned = io.BytesIO()
    np.savez(turned, **arrays)
    for bad, said_of_it in ((turned.getvalue(), "golden queries"), (b"PK", "cannot be read")):
        files = {**made.files, MODEL: bad}
        sums = {name: FileSum.of(data) for name, data in files.items()}
        with pytest.raises(CorruptError, match=said_of_it):
            loaded_towers(ModelFile(replace(made.manifest, files=sums), files), at="x")


def test_too_little_is_not_learned_from(tmp_path: Path) -> None:
    """A market without clicks gets a sentence that says how many there are and how many it takes."""
    folder = MarketFolder(tmp_path / "shop")
    make_market(folder.path, items(5))
    answer = said(folder, "train", "retrieval", status=1)
    assert "0 clicks" in answer["said"]


def test_listings_are_as_they_stood(tmp_path: Path) -> None:
    """Of each listing the newest version until a moment counts, else its first one."""
    folder = MarketFolder(tmp_path / "shop")
    make_market(folder.path, [])
    with closing(EmbeddedLog(folder.log)) as log:
        for one, at, sold in (("a", 5, 1), ("a", 20, 3), ("a", 9, 2), ("b", 30, 8), ("b", 40, 9)):
            row = {"listing_id": one, "updated_ms": T0 + at, "sold_count": sold}
            log.append([Change("listings", listing_rows(row))])
        sold = {
            at: dict(
                zip(
                    *(table.column(n).to_pylist() for n in ("listing_id", "sold_count")),
                    strict=True,
                )
            )
            for at in (10, 35)
            if (table := listings_as_of(log, T0 + at))
        }
    assert sold == {10: {"a": 2, "b": 8}, 35: {"a": 3, "b": 8}}
