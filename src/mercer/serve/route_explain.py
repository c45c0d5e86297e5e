"""`GET /v1/explain/{page_id}`: why a page looks as it does, and why a listing is not on it."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query
from starlette.responses import Response

from mercer.serve import openapi
from mercer.serve.explain.explain import PageWhy
from mercer.serve.market import Explaining
from mercer.serve.wire import MAX_ID_CHARS
from mercer.serve.workers import Workers

EXAMPLE: Mapping[str, Any] = {
    "page_id": "0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e",
    "surface": "search",
    "q": "white mug under 20",
    "understood": ["white mug", "color: white", "price up to 20"],
    "dropped": [],
    "generation": "g000000000812-0001",
    "basis": "same_index",
    "hits": [
        {
            "position": 1,
            "listing_id": "mug-17",
            "score": 1.4137,
            "sources": ["lexical", "semantic"],
            "words": [{"word": "white", "is_had": True}, {"word": "mug", "is_had": True}],
            "cosine": 0.81,
            "parts": [{"name": "lexical", "words": "the query's words (BM25)", "value": 0.98}],
        }
    ],
    "listing": {
        "listing_id": "mug-18",
        "reason": "ruled_out",
        "sentence": "The query itself rules it out: it costs 24.00 EUR, 4.00 EUR above the limit "
        "of 20.00 EUR.",
        "basis": "same_index",
        "numbers": {
            "limit_micros": 20_000_000,
            "price_micros": 24_000_000,
            "gap_micros": 4_000_000,
        },
    },
}


def add_routes(app: FastAPI, market: Explaining, *, workers: Workers) -> None:
    """The route, for keys with the scope admin."""

    async def explain(
        page_id: Annotated[str, Path(max_length=MAX_ID_CHARS, description="Of a served page.")],
        listing_id: Annotated[
            str | None,
            Query(
                max_length=MAX_ID_CHARS,
                description="A listing, on the page or not: why it is, or is not, there.",
            ),
        ] = None,
    ) -> Response:
        """What was understood, why each hit matched, its score parts, what was dropped."""
        why = await workers.run(partial(market.explain, page_id, listing_id))
        return Response(msgspec.json.encode(why), media_type="application/json")

    app.add_api_route(
        "/v1/explain/{page_id}",
        explain,
        methods=["GET"],
        tags=["operations"],
        summary="Explain a page that was served",
        operation_id="explain",
        response_model=PageWhy,
        responses=openapi.answer("The page explained.", EXAMPLE)
        | openapi.problems("bad-request", "not-found", "busy", "timeout"),
    )
