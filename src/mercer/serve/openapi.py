"""The OpenAPI document: what FastAPI cannot know by itself, and an example for everything."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from mercer.schema.fields import LISTING_RULES
from mercer.serve import event_schema
from mercer.serve.field_schema import field_schema
from mercer.serve.problem import KINDS, MEDIA_TYPE, Fault, Problem
from mercer.serve.wire import ProblemShape, RankParams, SearchParams

_REF = "#/components/schemas/{model}"

LISTING_EXAMPLE: Mapping[str, Any] = {
    "listing_id": "mug-17",
    "seller_id": "atelier-nord",
    "title": "White ceramic mug, hand thrown",
    "tags": ["stoneware", "gift"],
    "category_path": ["Kitchen", "Mugs"],
    "attributes": {"color": ["white"], "material": ["ceramic"]},
    "price_micros": 18_500_000,
    "currency": "EUR",
    "quantity": 3,
    "images": ["https://img.example/mug-17.jpg"],
    "updated_ms": 1_767_225_600_000,
}
HIT_EXAMPLE: Mapping[str, Any] = {
    "position": 1,
    "listing_id": "mug-17",
    "score": 12.4,
    "document": {
        key: LISTING_EXAMPLE[key]
        for key in ("title", "seller_id", "category_path", "price_micros", "currency", "images")
    },
    "matched": ["white", "ceramic", "mug"],
    "sources": ["lexical", "semantic"],
}
RANK_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "listings": {
        "summary": "Two listings for a query",
        "value": {"q": "white ceramic mug", "listing_ids": ["mug-17", "mug-18"]},
    },
}
SEARCH_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "words": {"summary": "Just words", "value": {"q": "white ceramic mug under 20"}},
    "facets": {
        "summary": "With a filter and facets",
        "value": {
            "q": "mug",
            "filter": 'color = "white" AND price <= 20',
            "facets": ["category", "color"],
            "sort": "price_asc",
            "per_page": 24,
        },
    },
}
SEARCH_ANSWER: Mapping[str, Any] = {
    "page_id": "0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e",
    "hits": [HIT_EXAMPLE],
    "found": 1,
    "page": 1,
    "per_page": 24,
    "cursor": "c1.7f3a",
    "facet_counts": {"color": [{"value": "white", "count": 1, "is_selected": False}]},
    "price_stats": {
        "count": 1,
        "min_micros": 18_500_000,
        "max_micros": 18_500_000,
        "mean_micros": 18_500_000,
    },
    "understood": {"terms": ["white", "ceramic", "mug"]},
    "did_you_mean": None,
    "degraded": [],
    "search_time_ms": 3.1,
    "generation": "g-000004",
    "timings_us": {"understand": 210, "lexical": 900},
}
SUGGEST_ANSWER: Mapping[str, Any] = {
    "q": "cer",
    "suggestions": [{"text": "ceramic mug", "kind": "query", "n_listings": 412}],
}
SIMILAR_ANSWER: Mapping[str, Any] = {"listing_id": "mug-18", "hits": [HIT_EXAMPLE]}
BATCH_ANSWER: Mapping[str, Any] = {
    "accepted": 1,
    "duplicate": 0,
    "rejected": 1,
    "results": [
        {"index": 0, "listing_id": "mug-17", "verdict": "accepted", "reason": ""},
        {
            "index": 1,
            "listing_id": "mug-18",
            "verdict": "rejected",
            "reason": "price_micros is -5; 0 or more is allowed",
        },
    ],
}
ITEM_ANSWER: Mapping[str, Any] = {
    "index": 0,
    "listing_id": "mug-17",
    "verdict": "accepted",
    "reason": "",
}
HEALTH_ANSWER: Mapping[str, Any] = {
    "is_ready": True,
    "generation": "g-000004",
    "n_listings": 20_000,
    "n_delta": 12,
    "degraded": [],
    "processes": {"owner": "up", "learner": "up"},
    "counters": {
        "position": "catalogue:17,events:229,pages-0:4711",
        "lag_events": 0,
        "n_keys": 61_204,
        "n_evicted": 0,
        "n_events": 90_412,
        "newest_ms": 1_790_000_000_000,
        "n_pages": 4_711,
    },
    "ranking": {
        "model": "lambdamart-3f2a9c41b7de",
        "feature_set": "9b1c5f0e7d2a4c68b1f3a59d7e60c248",
        "features_off": [],
    },
}


def answer(description: str, example: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The documentation of a 200."""
    content = {"application/json": {"example": dict(example)}}
    return {200: {"description": description, "content": content}}


def text_answer(description: str) -> dict[int | str, dict[str, Any]]:
    """The documentation of a 200 that is plain text."""
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {200: {"description": description, "content": content}}


_EVERYWHERE = (
    "unauthorized",
    "forbidden",
    "wrong-host",
    "url-too-long",
    "too-many",
    "too-many-headers",
    "internal",
)


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The documentation of the errors of a route; kinds of one status share an entry."""
    responses: dict[int | str, dict[str, Any]] = {}
    if "unsupported-media-type" in kinds:  # it has a body
        kinds = (*kinds, "slow-body")
    for name in (*kinds, *_EVERYWHERE):
        kind = KINDS[name]
        detail = "body.per_page: Input should be less than or equal to 250, got 1000"
        faults = [Fault("body.per_page", "Input should be less than or equal to 250", "1000")]
        shown = Problem(name, detail if kind.status == 400 else kind.advice)
        if name == "bad-request":
            shown = Problem(name, detail, faults=faults)
        if name == "bad-filter":
            shown = Problem(
                name,
                'filter, character 9: expected a value, got ")"',
                faults=[Fault("filter", 'expected a value, got ")"', "')'")],
                extra={"at": 8, "caret": "  price < )\n          ^"},
            )
        example = {"summary": name, "value": shown.document("0198c7a0-5b7c-7d31-9f6e-6f0f2a3c4d5e")}
        entry = responses.setdefault(
            kind.status,
            {
                "description": kind.title,
                "content": {
                    MEDIA_TYPE: {
                        "schema": {"$ref": _REF.format(model="Problem")},
                        "examples": {},
                    }
                },
            },
        )
        entry["content"][MEDIA_TYPE]["examples"][name] = example
    return responses


def json_body(model: str, examples: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its JSON body itself."""
    media = {"schema": {"$ref": _REF.format(model=model)}, "examples": dict(examples)}
    return {"requestBody": {"required": True, "content": {"application/json": media}}}


def _listing_schema() -> dict[str, Any]:
    """A listing in a PUT, from the rules that `ingest` judges by."""
    properties: dict[str, Any] = {rule.name: field_schema(rule) for rule in LISTING_RULES}
    properties["price_micros"]["description"] = (
        "Millionths of the currency unit: 12.50 EUR is 12500000. Or `price`, in units."
    )
    properties["attributes"] = {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
        "description": "name -> values",
    }
    required = [rule.name for rule in LISTING_RULES if rule.is_required]
    return {"type": "object", "properties": properties, "required": required}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, with the shapes that only bodies and errors use."""
    spec = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas: dict[str, Any] = spec.setdefault("components", {}).setdefault("schemas", {})
    for methods in spec["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)  # a wrong parameter is a 400 here
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    bodies: list[Any] = [(SearchParams, "validation"), (RankParams, "validation")]
    _, own = models_json_schema(bodies, ref_template=_REF)
    schemas.update(own["$defs"])
    schemas["Listing"] = _listing_schema()
    schemas["PutListings"] = {
        "type": "object",
        "description": "Listings to insert or replace, each judged alone.",
        "properties": {
            "listings": {"type": "array", "items": {"$ref": _REF.format(model="Listing")}}
        },
        "required": ["listings"],
        "additionalProperties": False,
    }
    schemas["PostEvents"] = event_schema.batch_schema(ref=_REF.format(model="Event"))
    schemas["Event"] = event_schema.event_schema()
    shape = TypeAdapter(ProblemShape).json_schema(ref_template=_REF, mode="serialization")
    schemas.update(shape.pop("$defs"))
    schemas["Problem"] = shape
    return spec
