"""`POST /v1/rank` and `POST /v1/features`: for programs that bring their own candidates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from fastapi import FastAPI, Request
from pydantic import ValidationError
from starlette.responses import Response

from mercer.features.matrix import FeatureMatrix
from mercer.schema.errors import NotFoundError
from mercer.serve import openapi
from mercer.serve.body import read_body
from mercer.serve.market import ListedResult, Ranking
from mercer.serve.problem import from_pydantic
from mercer.serve.settings import ServeSettings
from mercer.serve.wire import RankParams, encode
from mercer.serve.workers import Workers

ARROW: Final = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True, slots=True)
class RankedListing:
    """One listing and its place."""

    position: int  # 1 for the best
    listing_id: str
    score: float  # of the model, or of the first pass where none ranked
    first_pass: float


@dataclass(frozen=True, slots=True)
class RankAnswer:
    """Listings in the order in which a search would show them."""

    results: tuple[RankedListing, ...]
    missing: tuple[str, ...]  # not for sale, or never there
    model: str  # "" where the first pass had the last word
    feature_set: str
    degraded: tuple[str, ...]
    timings_us: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FeatureAnswer:
    """The values that a model would see, row by row in the order of the ranking."""

    feature_set: str  # hash
    names: tuple[str, ...]
    listing_ids: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]  # null: missing
    id_names: tuple[str, ...]  # of hashed features, for embedding tables
    ids: tuple[
        tuple[str | None, ...], ...
    ]  # decimal digits of 64 bits, which a JSON number has not
    list_stats: Mapping[str, float]
    counters_position: str
    catalogue_version: int
    missing: tuple[str, ...]
    degraded: tuple[str, ...]


RANK_EXAMPLE: Mapping[str, Any] = {
    "results": [{"position": 1, "listing_id": "mug-17", "score": 0.812, "first_pass": 1.4137}],
    "missing": [],
    "model": "lambdamart-3f2a9c41b7de",
    "feature_set": "9b1c5f0e7d2a4c68b1f3a59d7e60c248",
    "degraded": [],
    "timings_us": {"understand": 310, "features": 420, "trees": 60},
}
FEATURE_EXAMPLE: Mapping[str, Any] = {
    "feature_set": "9b1c5f0e7d2a4c68b1f3a59d7e60c248",
    "names": ["price_log", "title_bm25"],
    "listing_ids": ["mug-17"],
    "values": [[16.34, 7.21]],
    "id_names": ["seller"],
    "ids": [["14183469522022578549"]],
    "list_stats": {"price_log_z.mean": 16.1},
    "counters_position": "catalogue:17,events:229",
    "catalogue_version": 812,
    "missing": [],
    "degraded": [],
}


def add_routes(app: FastAPI, market: Ranking, *, workers: Workers, settings: ServeSettings) -> None:
    """Both routes."""

    async def asked(request: Request) -> RankParams:
        body = await read_body(request, max_bytes=settings.max_body_bytes)
        try:
            return RankParams.model_validate_json(body)
        except ValidationError as error:
            raise from_pydantic(error.errors(include_url=False), root="body") from None

    async def rank(request: Request) -> Response:
        """Order up to 1,000 listings as a search for `q` would; the page log has nothing of it."""
        params = await asked(request)
        made = await workers.run(lambda: encode(_ranks(_found(market, params))))
        return Response(made, media_type="application/json")

    async def features(request: Request) -> Response:
        """The feature values of up to 1,000 listings for a query: JSON, or an Arrow stream for
        `Accept: application/vnd.apache.arrow.stream`."""
        params = await asked(request)
        is_arrow = ARROW in request.headers.get("accept", "")
        write = _arrow if is_arrow else _json
        made = await workers.run(lambda: write(_found(market, params)))
        return Response(made, media_type=ARROW if is_arrow else "application/json")

    body = openapi.json_body("RankParams", openapi.RANK_EXAMPLES)
    errors = openapi.problems(
        "bad-request", "not-found", "too-large", "unsupported-media-type", "busy", "timeout"
    )
    for path, handler, summary, model, example in (
        ("/v1/rank", rank, "Rank listings for a query", RankAnswer, RANK_EXAMPLE),
        ("/v1/features", features, "Feature values of listings", FeatureAnswer, FEATURE_EXAMPLE),
    ):
        app.add_api_route(
            path,
            handler,
            methods=["POST"],
            tags=["search"],
            summary=summary,
            operation_id=path.rpartition("/")[2],
            response_model=model,
            responses=openapi.answer(f"{summary}.", example) | errors,
            openapi_extra=body,
        )


def _found(market: Ranking, params: RankParams) -> ListedResult:
    return market.rank(params.to_request(), params.listing_ids)


def _ranks(found: ListedResult) -> RankAnswer:
    one = found.listed
    rows = zip(found.listing_ids, one.score, one.first_pass, strict=True)
    return RankAnswer(
        tuple(RankedListing(at, *row) for at, row in enumerate(rows, 1)),
        found.missing,
        one.model,
        one.feature_set,
        one.degraded,
        one.timings_us,
    )


def _json(found: ListedResult) -> bytes:
    one, matrix = found.listed, _matrix(found)
    return encode(
        FeatureAnswer(
            one.feature_set,
            matrix.names,
            found.listing_ids,
            tuple(map(tuple, matrix.dense.tolist())),
            matrix.hashed_names,
            tuple(
                tuple(str(one) if one else None for one in row) for row in matrix.hashed.tolist()
            ),
            _list_stats(matrix),
            one.counters_position,
            one.catalogue_version,
            found.missing,
            one.degraded,
        )
    )


def _list_stats(matrix: FeatureMatrix) -> dict[str, float]:
    return {name: float(values[0]) for name, values in matrix.list_stats.items()}


def _arrow(found: ListedResult) -> bytes:
    """One batch: "listing_id", then a column for each feature; what else the JSON says is metadata of
    the schema, lists as JSON, because an id may have any character in it."""
    matrix = _matrix(found)
    batch = matrix.to_arrow()
    ids = pa.array(found.listing_ids, pa.string())
    names = ["listing_id", *batch.schema.names]
    made = pa.record_batch([ids, *batch.columns], names=names)
    one = found.listed
    told = {
        "feature_set": one.feature_set,
        "list_stats": encode(_list_stats(matrix)),
        "counters_position": one.counters_position,
        "catalogue_version": str(one.catalogue_version),
        "missing": encode(found.missing),
        "degraded": encode(one.degraded),
    }
    sink = pa.BufferOutputStream()
    schema = made.schema.with_metadata(told)
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(made.cast(schema))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _matrix(found: ListedResult) -> FeatureMatrix:
    matrix = found.listed.features
    if matrix is None:
        why = "; ".join(found.listed.degraded) or (
            "none of the listings is for sale"
            if not found.listing_ids
            else "no model serves and no set is logged; mercer promote or mercer features log"
        )
        raise NotFoundError(f"there are no feature values: {why}")
    return matrix
