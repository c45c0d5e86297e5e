"""What the log of a market says of searches by people: what was asked, shown and chosen."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.training_log import credited, machines_in
from mercer.events.bot_filter import BotRule
from mercer.events.log import START
from mercer.learn.tower_loss import Ints
from mercer.learn.tower_recall import Words
from mercer.learn.tower_wants import Asked, Done, Shown
from mercer.schema.errors import InputError

_ACTS = ("click", "favourite", "cart")
_NEVER_MS = 2**62
FEWEST = 50  # choices that are worth learning from
OnRead = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the log says of searches by people."""

    asked: Asked
    done: Done
    shown: Shown
    listing_ids: Sequence[str]  # of the rows that `done` and `shown` name
    position: str  # of the log, up to which it was read
    page_ids: Sequence[str]  # of the rows of `asked`
    session_ids: Sequence[str]  # of the same; "" where it is not known


def read_behaviour(
    folder: MarketFolder,
    log: EmbeddedLog,
    *,
    bots: BotRule | None,
    shown_depth: int,
    before_ms: int | None = None,
    on_read: OnRead = lambda what, n: None,
) -> Behaviour:
    """Pages of searches with words, and the signed clicks, favourites, carts and credited purchases.

    Purchases are those that the attribution view has credited so far; the caller brings it up to date.

    Args:
        shown_depth: positions of a page whose listings count as shown.
        before_ms: what was served or done from then on is not read; None: all is.
    Raises:
        InputError: too little was chosen to learn from.
    """
    position = str(log.end(kinds={"pages", "events"}))
    machines = set(machines_in(log, bots).to_pylist()) if bots is not None else set()
    end_ms = _NEVER_MS if before_ms is None else before_ms
    pages = _pages(log, machines, shown_depth, end_ms, on_read)
    acts = _acts(folder, log, pages.ids, end_ms)
    if len(acts) < FEWEST:
        raise InputError(
            f"the log has {len(acts)} clicks, favourites, carts and purchases on {len(pages.ids)} pages "
            f"of searches by people; {FEWEST} are the fewest that anything is learned from. Until then "
            "the day-one encoder serves"
        )
    chosen = pa.array([listing for _, listing, _ in acts], pa.string())
    ids = pc.unique(pa.chunked_array([chosen, pages.shown_ids])).sort()
    done = Done(
        np.array([page for page, _, _ in acts], np.int64),
        _rows(chosen, ids),
        [kind for _, _, kind in acts],
    )
    shown = Shown(pages.shown_on, _rows(pages.shown_ids, ids))
    return Behaviour(pages.asked, done, shown, ids.to_pylist(), position, pages.ids, pages.sessions)


def query_words(understood: str) -> Words:
    """The words by which a search asked the encoder, from the logged `understood`."""
    terms = json.loads(understood).get("terms", ()) if understood else ()
    plain = tuple(term["word"] for term in terms if not term["is_optional"])
    return plain or tuple(term["word"] for term in terms)


@dataclass(frozen=True, slots=True)
class _Pages:
    ids: list[str]  # oldest first
    sessions: list[str]
    asked: Asked
    shown_on: Ints  # (n,) row of `ids`
    shown_ids: pa.Array  # (n,) of the listings that were shown there


def _pages(
    log: EmbeddedLog, machines: set[str], depth: int, end_ms: int, on_read: OnRead
) -> _Pages:
    found: list[tuple[int, str, Words, str, int]] = []  # the last is the order of reading
    shown_on: list[Ints] = [np.zeros(0, np.int64)]
    shown_ids: list[pa.Array] = [pa.array([], pa.string())]
    n = 0
    columns = ("served_ms", "page_id", "visitor_id", "session_id", "understood")
    for entry in log.read(after=START, kinds={"pages"}):
        rows = entry.change.rows
        is_kept = pc.and_(
            pc.equal(rows.column("surface"), "search"), pc.less(rows.column("served_ms"), end_ms)
        )
        rows = rows.filter(is_kept)
        serial = np.full(rows.num_rows, -1, np.int64)
        for row, (at, page, visitor, session, understood) in enumerate(
            zip(*(rows.column(name).to_pylist() for name in columns), strict=True)
        ):
            if visitor not in machines and (words := query_words(understood)):
                serial[row] = len(found)
                found.append((at, page, words, session or "", len(found)))
        on, listings = _shown(rows, serial, depth)
        shown_on.append(on)
        shown_ids.append(listings)
        n += rows.num_rows
        on_read("pages", n)
    found.sort()
    place = np.empty(len(found), np.int64)
    place[[one[-1] for one in found]] = np.arange(len(found))
    return _Pages(
        [one[1] for one in found],
        [one[3] for one in found],
        Asked(np.array([one[0] for one in found], np.int64), [one[2] for one in found]),
        place[np.concatenate(shown_on)],
        pa.chunked_array(shown_ids).combine_chunks(),
    )


def _shown(rows: pa.RecordBatch, serial: Ints, depth: int) -> tuple[Ints, pa.Array]:
    """(n,) page and (n,) listing id of what stood at the top by relevance: not sorted, not paid for."""
    shown = rows.column("shown")
    flat, page = shown.flatten(), serial[np.asarray(pc.list_parent_indices(shown))]
    is_high = np.asarray(pc.struct_field(flat, "position")) <= depth
    is_matched = np.asarray(pc.struct_field(flat, "sources")) > 0
    is_paid = np.asarray(pc.struct_field(flat, "is_sponsored"))
    keep = np.flatnonzero(is_high & is_matched & ~is_paid & (page >= 0))
    return page[keep], pc.struct_field(flat, "listing_id").take(pa.array(keep))


def _acts(
    folder: MarketFolder, log: EmbeddedLog, page_ids: Sequence[str], end_ms: int
) -> list[tuple[int, str, str]]:
    """(page, listing, kind) of what was chosen, each once, sorted."""
    row_of = {one: row for row, one in enumerate(page_ids)}
    acts: set[tuple[int, str, str]] = set()
    for entry in log.read(after=START, kinds={"events"}):
        rows = entry.change.rows
        is_choice = pc.and_(
            pc.is_in(rows.column("kind"), pa.array(_ACTS)),
            pc.equal(rows.column("standing"), "signed"),
        )
        kept = rows.filter(pc.and_(is_choice, pc.less(rows.column("time_ms"), end_ms)))
        names = ("page_id", "listing_id", "kind")
        for page, listing, kind in zip(*(kept.column(n).to_pylist() for n in names), strict=True):
            if page in row_of:
                acts.add((row_of[page], listing, kind))
    for credits in credited(folder, list(page_ids)):
        credits = credits.filter(pc.less(credits.column("time_ms"), end_ms))
        bought = (credits.column(n).to_pylist() for n in ("page_id", "listing_id"))
        for page, listing in zip(*bought, strict=True):
            acts.add((row_of[page], listing, "purchase"))
    return sorted(acts)


def _rows(values: pa.Array, ids: pa.Array) -> Ints:
    return np.asarray(pc.index_in(values, ids)).astype(np.int64)
