"""Events as clients send them -> rows of EVENT, and for each one refused its reason.

They are judged by the rules of `schema/fields.py`, like the rows of a file. What only we can know is
not read from the client: whether its token proves anything, when the event came, where it came from.
A field that we do not know is kept in `extra`, also one that has the name of such a column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.events.skew import NO_TIME, corrected_ms
from mercer.events.token import KeyRing, Verified, verify_many
from mercer.schema.event import EVENT, STANDINGS
from mercer.schema.fields import EVENT_RULES, FieldRule
from mercer.schema.judge import Defaults, Judged, Rejection, judge_objects
from mercer.schema.mapping import FieldSource, SourceMap, own_names
from mercer.schema.objects import Column
from mercer.schema.time import DAY_MS, MAX_TIME_MS, iso

_OURS = frozenset(
    {"standing", "is_sponsored", "client_ms", "received_ms", "source", "extra"}
)  # columns of EVENT that no client fills
CLIENT_RULES: tuple[FieldRule, ...] = tuple(r for r in EVENT_RULES if r.name not in _OURS)
TOKEN = "token"
_COLUMNS = [name for rule in CLIENT_RULES for name in (rule.name, *(rule.aliases or {}))]
_KNOWN = frozenset((*_COLUMNS, TOKEN))


def _client_map() -> SourceMap:
    own = own_names().sources("events")
    fields = {rule.name: own[rule.name] for rule in CLIENT_RULES}
    first, *others = fields["time_ms"]
    # A missing time is not a fault here; the mark tells it from one that was given.
    fields["time_ms"] = (FieldSource(columns=first.columns, default=NO_TIME), *others)
    fields["extra"] = (FieldSource(columns=("extra",)),)
    return SourceMap(fields={"events": fields}, is_explicit=False)


_MAP = _client_map()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What all events of one request share."""

    received_ms: int  # our clock
    sent_ms: int | None  # the client's; None if it did not say
    source: str  # "api", "shop"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectRules:
    """What the market says about events that come in."""

    currency: str  # of a price that names none
    keep_ms: int  # an event older than this is history: it goes in with `mercer ingest`
    token_ttl_ms: int


def collect(
    items: Sequence[Any], *, arrival: Arrival, rules: CollectRules, ring: KeyRing
) -> Judged:
    """Judge the events of one request, each for itself.

    Args:
        items: (n,) JSON values with the names of EVENT, `time` and `price` as for files, and `token`.
        arrival: when and whence they came.
        rules: of the market.
        ring: keys that may have signed the tokens.
    Returns:
        Rows of EVENT. A signed token decides `page_id`, `position` and `is_sponsored`, whatever the
        event says; any other leaves the event as it is, without standing.
    """
    judged = judge_objects(
        items,
        kind="events",
        source_map=_MAP,
        # The far end of time: a clock that runs ahead is set right below, not refused.
        defaults=Defaults(now_ms=MAX_TIME_MS, updated_ms=0, currency=rules.currency),
        more={"extra": _extra_column(items)},
    )
    client_ms = judged.rows.column("time_ms").to_numpy()
    time_ms = corrected_ms(client_ms, sent_ms=arrival.sent_ms, received_ms=arrival.received_ms)
    judged, time_ms, client_ms = _without_history(judged, time_ms, client_ms, arrival, rules)
    tokens = [_token_of(items[i]) for i in judged.kept.tolist()]
    verified = verify_many(
        ring,
        tokens,
        judged.rows.column("listing_id").to_pylist(),
        now_ms=arrival.received_ms,
        ttl_ms=rules.token_ttl_ms,
    )
    times = {"time_ms": pa.array(time_ms), "client_ms": _client_column(client_ms)}
    rows = _filled(judged.rows, {**times, **_proven(judged.rows, verified)}, arrival)
    return Judged(rows, judged.kept, judged.rejections)


def _extra_column(items: Sequence[Any]) -> Column:
    """(n,) JSON texts of what each item has besides the names we know; None where nothing."""
    return Column(
        values=[
            None if not isinstance(item, dict) or item.keys() <= _KNOWN else _extra(item)
            for item in items
        ]
    )


def _extra(item: Mapping[str, Any]) -> Any:
    """The text, or, where there can be none, what the judge refuses as one."""
    try:
        return msgspec.json.encode({k: v for k, v in item.items() if k not in _KNOWN}).decode()
    except (RecursionError, TypeError, UnicodeError):
        return {"it": "cannot be written as JSON"}


def _token_of(item: Mapping[str, Any]) -> str | None:
    """The token as text; what is no text proves nothing, like any text that we did not sign."""
    token = item.get(TOKEN)
    if token is None or token == "":
        return None
    return token if isinstance(token, str) else "?"


def _without_history(
    judged: Judged, time_ms: Any, client_ms: Any, arrival: Arrival, rules: CollectRules
) -> tuple[Judged, Any, Any]:
    """Set aside what is older than the log keeps: a clock that was never set, or history."""
    is_old = time_ms < arrival.received_ms - rules.keep_ms
    if not is_old.any():
        return judged, time_ms, client_ms
    words = (
        f"time_ms must lie in the last {rules.keep_ms // DAY_MS} days; older events are history, "
        "which `mercer ingest --kind events` takes in"
    )
    old = [
        Rejection(index, ((words, iso(at)),))
        for index, at in zip(judged.kept[is_old].tolist(), time_ms[is_old].tolist(), strict=True)
    ]
    rows = judged.rows.filter(pa.array(~is_old))
    told = tuple(sorted((*judged.rejections, *old), key=lambda one: one.index))
    return Judged(rows, judged.kept[~is_old], told), time_ms[~is_old], client_ms[~is_old]


def _client_column(client_ms: Any) -> Any:
    return pa.array(client_ms, mask=client_ms == NO_TIME)


def _proven(rows: pa.RecordBatch, verified: Verified) -> dict[str, Any]:
    """The columns on which a signed token has the last word."""
    position = rows.column("position")
    if verified.is_signed.any():
        signed = pa.array(verified.position, mask=~verified.is_signed)
        position = pc.coalesce(signed, position)
    return {
        "page_id": pc.coalesce(verified.page_id, rows.column("page_id")),
        "position": position,
        "is_sponsored": pa.array(verified.is_sponsored),
        "standing": pa.array(STANDINGS).take(pa.array(verified.standing)),
    }


def _filled(rows: pa.RecordBatch, made: Mapping[str, Any], arrival: Arrival) -> pa.RecordBatch:
    """The rows with the columns that we make in their places."""
    n = rows.num_rows
    ours = {
        "received_ms": pa.array(np.full(n, arrival.received_ms, np.int64)),
        "source": pa.repeat(arrival.source, n),
        **made,
    }
    arrays = [ours.get(name, rows.column(name)) for name in EVENT.names]
    return pa.RecordBatch.from_arrays(arrays, schema=EVENT)
