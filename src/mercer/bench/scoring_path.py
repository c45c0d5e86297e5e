"""Requests of a synthetic market for `mercer bench scoring`: from the words to features and scores."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.counters.reader import SharedCounters
from mercer.engines.embedded.counters.shared_file import (
    MAX_SECTION,
    Layout,
    SharedFile,
    State,
    create_file,
)
from mercer.features.column import I64s
from mercer.features.counter_decay import DEFAULT_HALF_LIVES
from mercer.features.counter_keys import counter_keys, hash_texts
from mercer.features.counter_table import update
from mercer.features.default import FIRST_PASS, default_feature_set
from mercer.features.fit import fit
from mercer.features.graph import build_graph
from mercer.features.listing_inputs import listing_inputs, seller_inputs
from mercer.features.matrix import FeatureMatrix
from mercer.features.plan import Candidates, Plan, compile_plan
from mercer.features.registry import registry
from mercer.features.request_inputs import request_inputs
from mercer.rank.scorer import F32s
from mercer.schema.money import Rates
from mercer.simulate import generate_catalogue, generate_queries
from mercer.text.analyze import words

NOW_MS: Final = 1_767_225_600_000
N_CLICKS: Final = 200_000  # that the counters have seen
HISTORY_MS: Final = 14 * 86_400_000
UNDERSTOOD: Final = {"wanted": (), "excluded_terms": (), "corrections": ()}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what the first pass left of the matches."""

    request: dict[str, Any]
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class RequestPath:
    """A market as a request's features see it."""

    plan: Plan
    asked: tuple[Asked, ...]
    counters: SharedCounters

    def features(self, asked: Asked) -> FeatureMatrix:
        """Of all candidates of a request."""
        return self.plan.run_request(
            asked.request, asked.candidates, now_ms=NOW_MS, counters=self.counters.view()
        )

    def training_rows(self, *, per_request: int, seed: int) -> F32s:
        """(n, n_features) some candidates of every request, those of one side by side."""
        rng = np.random.default_rng(seed)
        made = [self.features(asked).dense for asked in self.asked]
        return np.concatenate([rows[rng.permutation(len(rows))[:per_request]] for rows in made])


def made_path(
    folder: Path, *, n_listings: int, n_requests: int, n_candidates: int, seed: int
) -> RequestPath:
    """Requests over a synthetic catalogue, by the default feature set fitted on it.

    Args:
        folder: where the counters are kept; it has to stay as long as the path is used.
    """
    world = generate_catalogue(n_listings=n_listings, seed=seed, now_ms=NOW_MS)
    listings = pa.Table.from_batches(world.batches()).combine_chunks().to_batches()[0]
    sellers = world.sellers.to_batches()[0]
    feature_set = default_feature_set()
    reads = build_graph(feature_set, registry()).columns
    inputs = listing_inputs(listings, Rates("USD", "", {}), reads=reads)
    state = fit(feature_set, lambda: iter(()), sources={"listing": lambda: iter([inputs])})
    plan = compile_plan(feature_set, state)
    of_listings = plan.listing_columns(inputs)
    of_sellers = plan.seller_columns(seller_inputs(sellers, reads=reads))
    seller = pc.index_in(listings["seller_id"], sellers["seller_id"]).fill_null(-1)
    seller_row = seller.to_numpy(zero_copy_only=False).astype(np.int64)
    rng = np.random.default_rng(seed)
    asked = []
    for query in generate_queries(world, n=n_requests, seed=seed):
        rows = _candidates(listings["title"], query.text, n_candidates, rng)
        first_pass = {f"candidate.{name}": rng.random(len(rows), np.float32) for name in FIRST_PASS}
        terms = [{"word": word} for word in words(query.text)]
        candidates = Candidates(
            listings=[of_listings], part=np.zeros(len(rows), np.int32), rows=rows,
            columns=first_pass, sellers=of_sellers, seller_rows=seller_row[rows],
        )  # fmt: skip
        request = request_inputs(
            query.text,
            {**UNDERSTOOD, "terms": terms},
            surface="search",
            session_id="s",
            visitor_id="v",
        )
        asked.append(Asked(request, candidates))
    return RequestPath(plan, tuple(asked), _counters(listings, folder, rng))


def _candidates(titles: pa.Array, text: str, n: int, rng: np.random.Generator) -> I64s:
    """(n,) rows in ascending order: listings whose title has a word of the query, then any."""
    longest = max(words(text), key=len, default="")
    has_word = pc.match_substring(titles, longest, ignore_case=True)
    matches = np.flatnonzero(has_word.to_numpy(zero_copy_only=False))
    shuffled = np.concatenate([rng.permutation(matches), rng.permutation(len(titles))])
    _, first = np.unique(shuffled, return_index=True)
    return np.sort(shuffled[np.sort(first)[:n]])


def _counters(listings: pa.RecordBatch, folder: Path, rng: np.random.Generator) -> SharedCounters:
    """Clicks and impressions of two weeks, most of them on few listings, in the file that serves."""
    n = len(listings)
    layout = Layout(half_lives=DEFAULT_HALF_LIVES, max_keys=10 * n, digest=bytes(32))
    create_file(folder / "live.bin", layout, losses=0)
    file = SharedFile(folder / "live.bin", is_writer=True)
    rank = np.minimum(rng.pareto(1.0, N_CLICKS) * 20, n - 1).astype(np.int64)
    times_ms = np.sort(rng.integers(NOW_MS - HISTORY_MS, NOW_MS, N_CLICKS))
    for entity, column in (("listing", "listing_id"), ("seller", "seller_id")):
        ids = hash_texts(listings[column])[rank]
        for kind in ("impression", "click"):
            keys = counter_keys(entity, kind, ids)
            for first in range(0, len(keys), MAX_SECTION):
                part = slice(first, first + MAX_SECTION)
                file.begin()
                update(file.table, keys[part], times_ms[part])
                file.commit(State(position="bench:0", n_changes=file.n_changes))
    return SharedCounters(folder / "live.bin", DEFAULT_HALF_LIVES)
