"""`mercer bench retrieval`: what the trained encoder finds of later purchases, beside the day-one encoder."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.app_learner import follow_log
from mercer.bench.machine import provenance
from mercer.bench.retrieval_served import found_by_markets
from mercer.bench.traffic_market import traffic_market
from mercer.engines.embedded.index.encoder_files import EncoderChoice
from mercer.engines.embedded.index.generation import Progress
from mercer.engines.embedded.index.vector_faiss import FaissIndex
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.retrieval_models import day_one_encoder
from mercer.engines.embedded.training_behaviour import Behaviour, read_behaviour
from mercer.engines.embedded.training_retrieval import (
    RetrievalJob,
    learned,
    listings_as_of,
    training_of,
)
from mercer.learn.model_file import ModelFile
from mercer.learn.tower_file import encoded, packed_towers
from mercer.learn.tower_recall import HeldSearches, K, found_at
from mercer.metrics.sampling import paired_test
from mercer.schema.errors import ConfigError, InputError
from mercer.text.encoder import Encoder
from mercer.text.encoder_kernel import F32s

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
VAGUE_WORDS: Final = 2  # a query of at most so many is vague
N_RESAMPLES: Final = 2_000
_FAISS_QUERIES: Final = 64  # on which the index calibrates itself


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalBench:
    """What is compared."""

    cache: Path
    listings: int = 100_000
    searches: int = 20_000  # that are learned from
    judged: int = 10_000  # later ones
    seeds: Sequence[int] = (1, 2, 3)
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """Choices of the judged searches; columns of (n,)."""

    searches: HeldSearches
    is_new: Bools  # nobody asked these words before
    session: NDArray[np.int64]  # chance is drawn by sessions, whose searches are alike


@dataclass(frozen=True, slots=True)
class Found:
    """Whether each choice was found, by index and encoder; columns of (n,)."""

    judged: Judged
    exact: tuple[Bools, Bools]  # day one, learned
    faiss: tuple[Bools, Bools]
    hybrid: tuple[Bools, Bools]  # purchases only, the others are False


OnStep = Callable[[str], None]


def bench_retrieval(
    bench: RetrievalBench, *, progress: Progress, on_step: OnStep, on_search: Callable[[int], None]
) -> dict[str, Any]:
    """One line of results; docs/reference/bench.md says what each key is.

    Raises:
        ConfigError: a number is out of range.
        MarketError: a market cannot be made, or too little was chosen on it.
    """
    _check(bench)
    by_seed: dict[str, Any] = {}
    found: list[Found] = []
    for seed in bench.seeds:
        on_step(f"seed {seed}: the market and its searches")
        path = traffic_market(
            bench.cache, n_listings=bench.listings, searches=bench.searches + bench.judged,
            seed=seed, rebuild=bench.rebuild, progress=progress, on_search=on_search,
        )  # fmt: skip
        one, training = _judged_market(path, bench, seed=seed, progress=progress, on_step=on_step)
        found.append(one)
        by_seed[str(seed)] = training | _recalls([one], seed)
    gains = [one["purchases"]["gain"] for one in by_seed.values()]
    return {
        "bench": "retrieval",
        "listings": bench.listings,
        "searches": bench.searches,
        "judged": bench.judged,
        "seeds": list(bench.seeds),
        "k": K,
        **_recalls(found, 0),
        "gain_median": float(np.median(gains)),
        "is_better": bool(np.median(gains) > 0),
        "by_seed": by_seed,
        **provenance(),
    }


def _check(bench: RetrievalBench) -> None:
    if min(bench.listings, bench.searches, bench.judged) < 1 or min(bench.seeds, default=-1) < 0:
        raise ConfigError(
            "listings, searches and judged must be 1 or more, and seeds some numbers of 0 or more; got "
            f"{bench.listings}, {bench.searches}, {bench.judged}, {list(bench.seeds)}"
        )


def _judged_market(
    path: Path, bench: RetrievalBench, *, seed: int, progress: Progress, on_step: OnStep
) -> tuple[Found, dict[str, Any]]:
    """Train on the first searches of a market, and look for what was chosen on the later ones."""
    folder = MarketFolder(path)
    config = folder.config()
    base = day_one_encoder(folder, EncoderChoice(config.index.encoder))
    job = RetrievalJob(seed=seed)
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        follow_log(folder, config, log)
        depth = job.wants.shown_depth
        whole = read_behaviour(folder, log, bots=job.bots, shown_depth=depth)
        share = bench.searches / (bench.searches + bench.judged)
        served_ms = whole.asked.served_ms
        held_ms = int(served_ms[int(len(served_ms) * share)])
        before = read_behaviour(folder, log, bots=job.bots, shown_depth=depth, before_ms=held_ms)
        made = learned(
            base, log, before, job, currency=config.rates.reporting,
            on_epoch=lambda done, loss: on_step(f"seed {seed}: epoch {done}, loss {loss:.4f}"),
        )  # fmt: skip
        listings = listings_as_of(log, held_ms)
    judged = judged_choices(whole, listings, from_ms=held_ms)
    pairs = []
    for name, encoder in (("day one", base), ("learned", made.encoder)):
        on_step(f"seed {seed}: what the encoder finds, {name}")
        pairs.append(_found(encoder, encoded(encoder, listings), judged.searches))
    exact, faiss = zip(*pairs, strict=True)
    on_step(f"seed {seed}: what markets with either encoder find by words and vectors together")
    training_file = packed_towers(
        training_of(made, job, name="towers", created_ms=held_ms, parents=())
    )
    hybrid = _hybrid(
        (None, training_file), listings, judged.searches, cache=bench.cache, progress=progress
    )
    kinds = ("pages", "choices", "purchases", "queries", "words", "epochs")
    training = {"learned_from": {name: made.report[name] for name in kinds}}
    return Found(judged, exact, faiss, hybrid), training


def judged_choices(behaviour: Behaviour, listings: pa.Table, *, from_ms: int) -> Judged:
    """What was chosen on pages from that moment on, in sessions that began after it.

    A listing that was chosen twice on a page is one choice; it is a purchase if it was bought.

    Raises:
        InputError: nothing was bought.
    """
    asked, done = behaviour.asked, behaviour.done
    row_of = {one: row for row, one in enumerate(listings.column("listing_id").to_pylist())}
    is_later = asked.served_ms >= from_ms
    known = {asked.words[i] for i in np.flatnonzero(~is_later).tolist()}
    ids = behaviour.session_ids
    under_way = {ids[i] for i in np.flatnonzero(~is_later).tolist()}
    kinds: dict[tuple[int, int], bool] = {}
    for page, listing, kind in zip(
        done.page.tolist(), done.listing.tolist(), done.kind, strict=True
    ):
        row = row_of.get(behaviour.listing_ids[listing], -1)
        if row >= 0 and is_later[page] and ids[page] not in under_way:
            kinds[page, row] = kinds.get((page, row), False) or kind == "purchase"
    if not any(kinds.values()):
        raise InputError(
            "nothing was bought on the searches that judge; take more of them (--judged)"
        )
    pages = [page for page, _ in kinds]
    session = {one: i for i, one in enumerate(dict.fromkeys(ids[page] for page in pages))}
    searches = HeldSearches(
        [asked.words[page] for page in pages],
        np.array([row for _, row in kinds], np.int64),
        np.array(list(kinds.values()), np.bool_),
        np.ones(len(kinds)),
    )
    return Judged(
        searches,
        np.array([asked.words[page] not in known for page in pages], np.bool_),
        np.array([session[ids[page]] for page in pages], np.int64),
    )


def _found(encoder: Encoder, vectors: F32s, searches: HeldSearches) -> tuple[Bools, Bools]:
    """(n,) by all scores, and (n,) by FAISS: whether the listing is among the K nearest."""
    queries = list(dict.fromkeys(searches.words))
    asked = {words: encoder.encode_query(" ".join(words), words) for words in queries}
    sample = np.array([asked[words] for words in queries[:_FAISS_QUERIES]])
    index = FaissIndex.build(vectors, queries=sample)
    near = {words: set(index.search(asked[words], k=K).rows.tolist()) for words in queries}
    by_faiss = [
        row in near[words]
        for words, row in zip(searches.words, searches.listing.tolist(), strict=True)
    ]
    return found_at(encoder, vectors, searches), np.array(by_faiss, np.bool_)


def _hybrid(
    models: tuple[ModelFile | None, ModelFile | None],
    listings: pa.Table,
    searches: HeldSearches,
    *,
    cache: Path,
    progress: Progress,
) -> tuple[Bools, Bools]:
    """(n,) by each of two encoders: whether the listing is among the first K of a hybrid search."""
    bought = np.flatnonzero(searches.is_purchase).tolist()
    queries = list(dict.fromkeys(searches.words[i] for i in bought))
    at = {words: i for i, words in enumerate(queries)}
    ids = listings.column("listing_id")
    found = []
    for pages in found_by_markets(models, listings, queries, cache=cache, progress=progress):
        is_found = np.zeros(len(searches), np.bool_)
        for i in bought:
            one = ids[int(searches.listing[i])].as_py()
            is_found[i] = one in pages[at[searches.words[i]]]
        found.append(is_found)
    return found[0], found[1]


def _recalls(found: Sequence[Found], seed: int) -> dict[str, Any]:
    """Recall of choices of each kind, over all markets given."""
    n_words = np.array([len(words) for one in found for words in one.judged.searches.words])
    bought = np.concatenate([one.judged.searches.is_purchase for one in found])
    is_new = np.concatenate([one.judged.is_new for one in found])
    offsets = np.cumsum([0, *(one.judged.session.max(initial=-1) + 1 for one in found)])
    session = np.concatenate(
        [one.judged.session + at for one, at in zip(found, offsets[:-1], strict=True)]
    )
    exact, faiss, hybrid = (
        tuple(np.concatenate([getattr(one, name)[i] for one in found]) for i in (0, 1))
        for name in ("exact", "faiss", "hybrid")
    )
    kept = {
        "purchases": (bought, exact),
        "purchases_new_queries": (bought & is_new, exact),
        "purchases_vague": (bought & (n_words <= VAGUE_WORDS), exact),
        "purchases_faiss": (bought, faiss),
        "purchases_hybrid": (bought, hybrid),
        "choices": (np.ones(len(bought), np.bool_), exact),
        "choices_new_queries": (is_new, exact),
        "choices_vague": (n_words <= VAGUE_WORDS, exact),
        "choices_faiss": (np.ones(len(bought), np.bool_), faiss),
    }
    return {
        name: compared_recall(pair[0][rows], pair[1][rows], session[rows], seed=seed)
        for name, (rows, pair) in kept.items()
    }


def compared_recall(
    day_one: Bools, trained: Bools, session: NDArray[np.int64], *, seed: int
) -> dict[str, Any]:
    """Both recalls, and how much more the trained one is, with the interval over sessions drawn anew.

    `gain` is relative: 0.1 is a tenth more than on day one; None where day one found nothing.
    """
    n = len(session)
    if not n:
        return {"n": 0, "day_one": None, "learned": None, "gain": None, "low": None, "high": None}
    _, group = np.unique(session, return_inverse=True)
    sums = [np.bincount(group, weights=found.astype(np.float64)) for found in (day_one, trained)]
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(sums[0]), size=(N_RESAMPLES, len(sums[0])))
    before, after = (one[drawn].sum(axis=1) for one in sums)
    ratio = after[before > 0] / before[before > 0] - 1
    low, high = np.quantile(ratio, [0.025, 0.975]) if len(ratio) else (np.nan, np.nan)
    test = paired_test(day_one.astype(np.float64), trained.astype(np.float64), rng)
    is_known = bool(day_one.any())
    return {
        "n": n,
        "day_one": float(day_one.mean()),
        "learned": float(trained.mean()),
        "gain": float(trained.mean() / day_one.mean() - 1) if is_known else None,
        "low": float(low) if is_known else None,
        "high": float(high) if is_known else None,
        "p_no_better": float(test.p_greater),
    }
