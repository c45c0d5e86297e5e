"""`POST /v1/events`: batches of what visitors did, and the schema they follow."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mercer.serve import event_schema, openapi
from mercer.serve.access.access import Visit
from mercer.serve.body import EVENTS, read_batch, read_body
from mercer.serve.market import EventResult, Market
from mercer.serve.meter import Meter
from mercer.serve.settings import ServeSettings
from mercer.serve.wire import EventAnswer, EventBatchAnswer, encode
from mercer.serve.workers import Workers

_ANSWER = {
    "accepted": 1,
    "duplicate": 0,
    "rejected": 1,
    "results": [
        {
            "index": 0,
            "event_id": "0198c7a0-6f00-7d31-9f6e-6f0f2a3c4d5e",
            "verdict": "accepted",
            "reason": "",
        },
        {
            "index": 1,
            "event_id": "",
            "verdict": "rejected",
            "reason": "event_id is missing: 1 to 200 characters of text is needed",
        },
    ],
}


@final
class EventRoutes:
    """The handlers of events."""

    def __init__(self, market: Market, *, settings: ServeSettings, meter: Meter) -> None:
        self._market, self._settings, self._meter = market, settings, meter
        # Threads of their own: a long batch of listings never keeps an event waiting.
        self.workers = Workers(
            "event",
            n_threads=settings.event_threads,
            max_waiting=settings.max_waiting,
            timeout_s=settings.write_timeout_s,
        )
        self._schema = encode(event_schema.published(max_items=settings.max_event_items))

    async def post_events(self, request: Request) -> Response:
        """Take what visitors did; answered when it is durable.

        Every event gets its own verdict: `accepted`, `duplicate` (an event with this id was accepted
        before) or `rejected` with a reason. Late events and any order are fine, and a good event is
        never refused for a bad neighbour.
        """
        body = await read_body(request, max_bytes=self._settings.max_events_bytes)
        visit = request.state.caller.visit
        answer = await self.workers.run(partial(self._put, body, visit))
        return Response(answer, media_type="application/json")

    def _put(self, body: bytes, visit: Visit | None) -> bytes:
        settings = self._settings
        batch = read_batch(
            body,
            max_items=settings.max_event_items,
            max_item_bytes=settings.max_event_bytes,
            shape=EVENTS,
        )
        items, source = (
            (batch.items, "api") if visit is None else (_own(batch.items, visit), "shop")
        )
        put = partial(self._market.put_events, sent_ms=batch.sent_ms, source=source)
        done = put(items) if items else ()
        results = batch.merge(done, lambda reason: EventResult("", "rejected", reason))
        answer = _answer(results)
        self._meter.events_done(
            {
                "accepted": answer.accepted,
                "duplicate": answer.duplicate,
                "rejected": answer.rejected,
            }
        )
        return encode(answer)

    async def schema(self) -> Response:
        """The JSON Schema of a batch of events."""
        return Response(self._schema, media_type="application/json")


def _own(items: Sequence[Any], visit: Visit) -> Sequence[Any]:
    """The events of a browser that has no key: they are its own, whatever they say, and of no buyer."""
    whose = {"visitor_id": visit.visitor_id, "session_id": visit.session_id, "buyer_id": None}
    return [{**item, **whose} if isinstance(item, dict) else item for item in items]


def _answer(results: Sequence[EventResult]) -> EventBatchAnswer:
    counts = Counter(result.verdict for result in results)
    return EventBatchAnswer(
        accepted=counts["accepted"],
        duplicate=counts["duplicate"],
        rejected=counts["rejected"],
        results=tuple(
            EventAnswer(index, result.event_id, result.verdict, result.reason)
            for index, result in enumerate(results)
        ),
    )


def add_routes(app: FastAPI, routes: EventRoutes) -> None:
    """Hang the handlers into the app."""
    example = {"batch": {"summary": "A click and a purchase", "value": event_schema.EXAMPLE}}
    app.add_api_route(
        "/v1/events",
        routes.post_events,
        methods=["POST"],
        tags=["events"],
        summary="Take what visitors did",
        operation_id="post_events",
        response_model=EventBatchAnswer,
        responses=openapi.answer("A verdict for each event.", _ANSWER)
        | openapi.problems("bad-request", "too-large", "unsupported-media-type", "busy", "timeout"),
        openapi_extra=openapi.json_body("PostEvents", example),
    )
    app.add_api_route(
        event_schema.PATH,
        routes.schema,
        methods=["GET"],
        tags=["events"],
        summary="The JSON Schema of a batch of events",
        operation_id="event_schema",
        response_class=Response,
        responses=openapi.answer("JSON Schema, draft 2020-12.", {"title": "A batch of events"})
        | openapi.problems(),
    )
