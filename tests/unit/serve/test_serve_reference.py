"""The written reference names everything that the server has, and nothing else."""

import re
from pathlib import Path

from mercer.serve.http import create_app
from mercer.serve.meter import Meter
from mercer.serve.problem import KINDS
from mercer.serve.settings import ServeSettings
from mercer.serve.wire import SearchParams
from support.plain_market import PlainMarket

TEXT = (Path(__file__).parents[3] / "docs/reference/http.md").read_text("utf-8")


def _first_cells(heading: str) -> list[str]:
    """The first code of every first cell of the table under a heading."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_every_operation_is_in_the_reference() -> None:
    """The table of paths and the OpenAPI document name the same operations."""
    spec = create_app(PlainMarket()).openapi()
    served = {f"{method.upper()} {path}" for path, ms in spec["paths"].items() for method in ms}
    written = set(re.findall(r"^\| `([A-Z]+ [^`]+)`", TEXT, re.MULTILINE))
    pages = {"GET /", "GET /listing/{listing_id}", "GET /favourites", "GET /cart"}
    pages |= {"GET /images/{reference}", "GET /docs", "GET /console"}
    assert served == written - pages
    assert pages <= written


def test_every_member_problem_and_metric_is_in_the_reference() -> None:
    """A new parameter, kind of problem or number is documented, or this fails."""
    members = [name for name in _first_cells("Searching") if name != "member"]
    assert sorted(members) == sorted(SearchParams.model_fields)
    assert _first_cells("Problems")[1:] == [*KINDS]
    families = {family.name for family in Meter(PlainMarket().health).registry.collect()}
    written = {name.removesuffix("_total") for name in _first_cells("Numbers")}
    assert written == {name for name in families if name.startswith("mercer_")}


def test_statuses_and_bounds_in_the_reference_are_the_real_ones() -> None:
    """The numbers of the table are those of the code."""
    for name, kind in KINDS.items():
        assert f"| `{name}` | {kind.status} |" in TEXT
    limits = ServeSettings()
    assert limits.max_batch_items == 1_000
    assert limits.max_depth == 10_000
    assert (limits.max_body_bytes, limits.max_batch_bytes) == (1 << 20, 16 << 20)
