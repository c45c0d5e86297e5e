"""From the log of a market to a trained encoder: pages, what was done on them, listings as they stood."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.training_behaviour import Behaviour
from mercer.events.bot_filter import BotRule
from mercer.events.log import START
from mercer.learn.tower_file import HELD, Training, encoded
from mercer.learn.tower_fit import Fitted, OnEpoch, TowerParams, fit_towers
from mercer.learn.tower_loss import Floats, Space
from mercer.learn.tower_recall import HeldSearches, found_at, recall_report
from mercer.learn.tower_wants import Asked, Done, Shown, Spans, WantParams, wants_of
from mercer.retrieve.tower import REACH, Bias, TowerEncoder, packed_words
from mercer.retrieve.tower_signals import listing_signals
from mercer.schema.errors import InputError
from mercer.schema.listing import LISTING
from mercer.text.encoder import CatalogueEncoder, Encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalJob:
    """What to learn, and how."""

    wants: WantParams = field(default_factory=WantParams)
    towers: TowerParams = field(default_factory=TowerParams)
    bots: BotRule | None = field(default_factory=BotRule)  # None: nobody is left out
    seed: int = 0


def listings_as_of(log: EmbeddedLog, at_ms: int) -> pa.Table:
    """LISTING rows of all ids that ever were: the newest version until then, else the first one.

    So that a sale that is to be predicted is not counted among the sales by which it is predicted.
    """
    batches: list[pa.RecordBatch] = []
    best: dict[str, tuple[tuple[bool, int], int, int]] = {}  # id -> how good, batch, row
    for entry in log.read(after=START, kinds={"listings"}):
        rows = entry.change.rows
        times = np.asarray(rows.column("updated_ms")).tolist()
        for row, (one, at) in enumerate(
            zip(rows.column("listing_id").to_pylist(), times, strict=True)
        ):
            good = (at <= at_ms, at if at <= at_ms else -at)
            if one not in best or good >= best[one][0]:
                best[one] = (good, len(batches), row)
        batches.append(rows)
    if not best:
        raise InputError("the log has no listing")
    order = sorted((batch, row) for _, batch, row in best.values())
    starts = np.cumsum([0, *(len(one) for one in batches)])
    where = np.array([starts[batch] + row for batch, row in order], np.int64)
    table = pa.Table.from_batches([one.select(LISTING.names) for one in batches], LISTING)
    return table.take(pa.array(where)).combine_chunks()


@dataclass(frozen=True, slots=True)
class Learned:
    """An encoder and how it came to be, not yet a file."""

    encoder: TowerEncoder
    fitted: Fitted
    report: dict[str, Any]
    window: dict[str, Any]
    held: pa.Table  # HELD
    listings: pa.Table  # as they stood when the window began


def learned(
    base: CatalogueEncoder,
    log: EmbeddedLog,
    behaviour: Behaviour,
    job: RetrievalJob,
    *,
    currency: str,
    on_epoch: OnEpoch = lambda done, loss: None,
) -> Learned:
    """Train the towers on what the log says, and judge them on the span that was held out.

    Args:
        base: the day-one encoder from which it begins.
        currency: in which prices are compared.
    Raises:
        InputError: nothing was wanted in a span.
    """
    asked, spans = behaviour.asked, Spans.of(behaviour.asked, job.wants)
    first_ms, last_ms = int(asked.served_ms[0]), int(asked.served_ms[-1])
    listings = listings_as_of(log, first_ms)
    row_of = {one: row for row, one in enumerate(listings.column("listing_id").to_pylist())}
    at = np.array([row_of.get(one, -1) for one in behaviour.listing_ids], np.int64)
    done, shown = _known(behaviour.done, at), _known_shown(behaviour.shown, at)
    vocabulary = sorted({word for words in asked.words for word in words})
    code_of = {word: code for code, word in enumerate(vocabulary)}
    bias = _bias(listings, currency)
    space = _space(base, vocabulary, listings, bias)
    spans_ms = {"fit": (first_ms, spans.stop_ms), "stop": (spans.stop_ms, spans.held_ms)}
    wants = {
        name: wants_of(
            asked, done, shown if name == "fit" else None, code_of, job.wants, from_ms=a, to_ms=b
        )
        for name, (a, b) in spans_ms.items()
    }
    if empty := [name for name, one in wants.items() if not one.words]:
        raise InputError(
            f"nothing was chosen in the span {', '.join(empty)}; wait for more searches"
        )
    fitted = fit_towers(
        space, wants["fit"], wants["stop"], job.towers, seed=job.seed, on_epoch=on_epoch
    )
    trained = {word for words in wants["fit"].words for word in words.tolist()}
    encoder = assembled(base, vocabulary, sorted(trained), fitted, bias, space)
    held = _held(asked, done, listings, job.wants, from_ms=spans.held_ms)
    report: dict[str, Any] = {
        "pages": len(asked.words),
        "choices": len(done.kind),
        "purchases": sum(kind == "purchase" for kind in done.kind),
        "queries": len(wants["fit"].words),
        "words": len(trained),
        "listings": len(listings),
        "epochs": fitted.epochs,
        "stop_losses": [round(loss, 6) for loss in fitted.losses],
        "recall": judged_recall(base, encoder, log, held, held_ms=spans.held_ms),
    }
    window = {
        "from_ms": first_ms,
        "to_ms": last_ms,
        "held_ms": spans.held_ms,
        "position": behaviour.position,
    }
    return Learned(encoder, fitted, report, window, held, listings)


def judged_recall(
    before: Encoder, after: Encoder, log: EmbeddedLog, held: pa.Table, *, held_ms: int
) -> dict[str, Any]:
    """Recall of two encoders on held-out searches, over listings as they stood when those began."""
    found, searches = both_found(before, after, log, held, held_ms=held_ms)
    return recall_report(*found, searches)


def both_found(
    before: Encoder, after: Encoder, log: EmbeddedLog, held: pa.Table, *, held_ms: int
) -> tuple[tuple[Any, Any], HeldSearches]:
    """What each of two encoders finds of held-out choices, and those whose listing is known."""
    listings = listings_as_of(log, held_ms)
    row_of = {one: row for row, one in enumerate(listings.column("listing_id").to_pylist())}
    known = [row for row, one in enumerate(held.column("listing_id").to_pylist()) if one in row_of]
    held = held.take(pa.array(known, pa.int64()))
    searches = HeldSearches(
        [tuple(words) for words in held.column("words").to_pylist()],
        np.array([row_of[one] for one in held.column("listing_id").to_pylist()], np.int64),
        np.asarray(held.column("is_purchase")),
        np.asarray(held.column("gain"), np.float64),
    )
    a, b = (found_at(one, encoded(one, listings), searches) for one in (before, after))
    return (a, b), searches


def _known(done: Done, at: Any) -> Done:
    """With rows of the catalogue in place of those of the listings that were chosen."""
    rows = at[done.listing]
    keep = np.flatnonzero(rows >= 0)
    return Done(done.page[keep], rows[keep], [done.kind[i] for i in keep.tolist()])


def _known_shown(shown: Shown, at: Any) -> Shown:
    rows = at[shown.listing]
    return Shown(shown.page[rows >= 0], rows[rows >= 0])


def _bias(listings: pa.Table, currency: str) -> Bias:
    """Signals in standard deviations of these listings, their weights still to be found."""
    signals = listing_signals(listings, currency=currency)
    known = ~np.isnan(signals)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, signals, 0.0).sum(axis=0) / n
    spread = np.sqrt((np.where(known, signals - mean, 0.0) ** 2).sum(axis=0) / n)
    scale = np.where(spread > 0, spread, 1.0)
    return Bias(mean, scale, np.zeros(signals.shape[1]), 1.0, currency)


def _space(
    base: CatalogueEncoder, vocabulary: Sequence[str], listings: pa.Table, bias: Bias
) -> Space:
    words = base.word_vectors(vocabulary).astype(np.float64)
    length = float(np.sqrt((words**2).sum(axis=1)).mean())
    return Space(words, encoded(base, listings), bias.standardised(listings), max(length, 1e-12))


def assembled(
    base: CatalogueEncoder,
    vocabulary: Sequence[str],
    trained: Sequence[int],
    fitted: Fitted,
    bias: Bias,
    space: Space,
) -> TowerEncoder:
    """The encoder of trained weights.

    Args:
        trained: codes of the words that were in a training query; others keep their vectors.
    """
    weights, codes = fitted.weights, np.array(trained, np.int64)
    total: Floats = np.abs(space.signals @ weights.signal)
    limit = float(total.max(initial=0.0)) or 1.0
    arrays = {
        "name": np.array(["towers"]),
        "words": packed_words([vocabulary[code] for code in trained]),
        "gain": np.exp(weights.log_gain[codes]).astype(np.float32),
        "shift": (space.word_length * weights.shift[codes]).astype(np.float32),
        "sharpness": np.exp(weights.log_sharpness),
        "reach": weights.reach * (limit / REACH),
        "signal_mean": bias.mean,
        "signal_scale": bias.scale,
        "signal_weight": weights.signal,
        "limit": np.array([limit]),
        "currency": np.array([bias.currency]),
    }
    return TowerEncoder(base, arrays)


def _held(
    asked: Asked, done: Done, listings: pa.Table, params: WantParams, *, from_ms: int
) -> pa.Table:
    """HELD rows of what was done from then on; what was both clicked and bought is one purchase."""
    ids = listings.column("listing_id")
    best: dict[tuple[int, int], str] = {}
    for page, listing, kind in zip(
        done.page.tolist(), done.listing.tolist(), done.kind, strict=True
    ):
        gain = params.gains.get(kind, 0.0)
        if asked.served_ms[page] >= from_ms and gain > 0:
            old = best.get((page, listing))
            if (
                kind == "purchase"
                or old is None
                or (gain > params.gains[old] and old != "purchase")
            ):
                best[page, listing] = kind
    rows = [
        {
            "words": list(asked.words[page]),
            "listing_id": ids[listing].as_py(),
            "is_purchase": kind == "purchase",
            "gain": float(params.gains[kind]),
        }
        for (page, listing), kind in best.items()
    ]
    return pa.Table.from_pylist(rows, schema=HELD)


def training_of(
    made: Learned, job: RetrievalJob, *, name: str, created_ms: int, parents: tuple[str, ...]
) -> Training:
    """What becomes a model file."""
    params = {"towers": asdict(job.towers), "wants": {**asdict(job.wants)}}
    return Training(
        encoder=made.encoder,
        name=name,
        created_ms=created_ms,
        window=made.window,
        report=made.report,
        params=json.loads(json.dumps(params)),
        seed=job.seed,
        held=made.held,
        listings=made.listings,
        parents=parents,
    )
