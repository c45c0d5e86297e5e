"""Which visitors are machines, by what people cannot do: the rule of docs/reference/training.md.

A machine is known by one of: a forged token; more searches within a minute than a person types; clicks
closer together than a hand moves. The rule looks at a set of pages and events, not at their order of
arrival, so a second reading of the log gives the same visitors.

What it does not find: machines that take the time of a person.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRule:
    """Where a person ends; each number is beyond what the visitor may do."""

    pages_per_minute: int = 15
    click_gap_ms: int = 250  # clicks closer together than this are by no hand ...
    quick_clicks: int = 3  # ... and so many of them are a machine


def machines(
    *,
    page_visitor: pa.Array,
    served_ms: Ints,
    event_visitor: pa.Array,
    event_ms: Ints,
    kind: pa.Array,
    standing: pa.Array,
    rule: BotRule | None = None,
) -> pa.Array:
    """The visitors that are machines, in no particular order.

    Args:
        page_visitor: (n_pages,) visitor ids, null where unknown; nobody is judged by a null.
        served_ms: (n_pages,).
        event_visitor, event_ms, kind, standing: (n_events,) columns of EVENT.
        rule: where a person ends.
    """
    limits = rule or BotRule()
    found = [
        event_visitor.filter(pc.equal(standing, "forged")),
        _dense(page_visitor, served_ms, n=limits.pages_per_minute, within_ms=MINUTE_MS),
    ]
    is_click = pc.equal(kind, "click")
    clicks = event_visitor.filter(is_click)
    at = event_ms[np.asarray(is_click)]
    found.append(_quick(clicks, at, gap_ms=limits.click_gap_ms, n=limits.quick_clicks))
    return pc.unique(pa.concat_arrays([one.cast(pa.string()) for one in found]).drop_null())


def _sorted(visitor: pa.Array, at_ms: Ints) -> tuple[pa.Array, Ints, Ints]:
    """(distinct visitors, code of each row, its time), by visitor and time; nulls left out."""
    encoded = visitor.dictionary_encode()
    is_known = np.asarray(encoded.is_valid())
    code = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)[is_known]
    at = at_ms[is_known]
    order = np.lexsort((at, code))
    return encoded.dictionary, code[order], at[order]


def _dense(visitor: pa.Array, at_ms: Ints, *, n: int, within_ms: int) -> pa.Array:
    """Visitors with more than n moments within that time."""
    names, code, at = _sorted(visitor, at_ms)
    is_dense = (code[n:] == code[:-n]) & (at[n:] - at[:-n] < within_ms)
    return names.take(pa.array(np.unique(code[n:][is_dense])))


def _quick(visitor: pa.Array, at_ms: Ints, *, gap_ms: int, n: int) -> pa.Array:
    """Visitors with n moments or more that follow another by less than the gap."""
    names, code, at = _sorted(visitor, at_ms)
    is_quick = (code[1:] == code[:-1]) & (np.diff(at) < gap_ms)
    count = np.bincount(code[1:][is_quick], minlength=len(names))
    return names.take(pa.array(np.flatnonzero(count >= n)))
