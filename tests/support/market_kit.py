"""Markets on disk that are made in a moment: few listings, and an encoder of few numbers."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from mercer.app_index import index_market
from mercer.engines.embedded.index import encoder_files
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from mercer.events.log import Change
from mercer.text.encoder_fit import FitParams, fit_encoder
from support.listing_rows import listing_rows

WORDS = ("red", "blue", "mug", "lamp", "wool", "silver", "ring", "oak")
T0 = 1_700_000_000_000  # when all of them were written
SMALL = FitParams(dim=8, gram_table_rows=256)


@contextmanager
def small_encoder() -> Iterator[None]:
    """Fitted encoders are 8 numbers wide, and a generation takes some kilobytes."""
    fit = partial(fit_encoder, params=SMALL)
    with mock.patch.object(encoder_files, "fit_encoder", fit):
        yield


def items(n: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Listings of random words."""
    rng = random.Random(seed)
    return [
        {
            "listing_id": f"l{i}",
            "title": " ".join(rng.sample(WORDS, k=3)),
            "description": "made by hand",
            "attributes": {"color": rng.choice(["red", "blue"])},
            "category_path": rng.choice([["Home"], ["Home", "Mugs"]]),
            "seller_id": rng.choice(["s1", "s2"]),
            "price": rng.randint(1, 50),
            "sold_count": rng.randint(0, 50),
            "updated_ms": T0,
        }
        for i in range(n)
    ]


def _calm(market: MarketFolder) -> None:
    """Orders are compared: no page has two places changed, a busy machine drops no part."""
    text = market.config_file.read_text("utf-8")
    for said, calm in (
        ("# budget_ms = 50 ", "budget_ms = 60000 "),
        ("# budget_ms = 20 ", "budget_ms = 60000 "),
        ("# swap_share = 0.015 ", "swap_share = 0 "),
    ):
        assert said in text
        text = text.replace(said, calm)
    market.config_file.write_text(text, "utf-8")


def make_market(folder: Path, listings: Sequence[Mapping[str, Any]]) -> str:
    """A new market with these listings, indexed; the generation's name."""
    market = MarketFolder(folder)
    market.create()
    _calm(market)
    with open_store(market) as store, small_encoder():
        if listings:
            store.writer.write([Change("listings", listing_rows(*map(dict, listings)))])
        return index_market(store, market, progress=lambda step, n: None)[0]
