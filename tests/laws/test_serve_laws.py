"""The HTTP surface keeps what its own OpenAPI document promises, whatever is sent."""

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.settings import ServeSettings
from support.plain_market import PlainMarket, listing

MARKET = PlainMarket(
    [
        listing("m1", "White ceramic mug", attributes={"color": ["white"]}),
        listing("m2", "Blue mug", price_micros=None, currency=None, rating=None),
    ]
)
# Nothing is refused for its length alone: each parameter has its own bound, and its own answer.
APP = create_app(
    MARKET,
    settings=ServeSettings(max_url_bytes=1 << 23, max_body_bytes=1 << 23),
    log=Log(lambda line: None),
)
SCHEMA = schemathesis.openapi.from_dict(APP.openapi())
SCHEMA.app = APP
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


@SCHEMA.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_its_document(case: schemathesis.Case) -> None:
    """No 5xx; only documented statuses, media types and shapes; wrong data is refused."""
    # A batch is judged item by item: a wrong item is answered 200 with its own verdict.
    batches = ("put_listings", "post_events")
    is_batch = case.operation.definition.raw["operationId"] in batches
    checks = CHECKS if is_batch else [*CHECKS, negative_data_rejection]
    case.call_and_validate(base_url="http://localhost", checks=checks)
