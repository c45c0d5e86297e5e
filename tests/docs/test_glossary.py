"""Every word that a user meets has its line in the glossary."""

import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest

from mercer.evaluate.search import MEASURES
from mercer.retrieve.request import FacetValue, Hit, PriceStats, SearchRequest, SearchResponse
from mercer.schema.campaign import CAMPAIGN
from mercer.schema.catalogue import CHANGED_LISTING, Applied
from mercer.schema.erasure import ERASURE
from mercer.schema.event import EVENT
from mercer.schema.listing import Listing
from mercer.schema.page import PAGE
from mercer.schema.rule import RULE
from mercer.schema.seller import SELLER, Seller
from mercer.serve.explain.explain import (
    HitWhy,
    ListingWhy,
    PageWhy,
    PartGap,
    ScorePart,
    Step,
    WordHad,
)
from mercer.serve.explain.ranking_why import (
    Comparison,
    FeatureGap,
    FeaturePart,
    RankingWhy,
    StageScore,
)

TEXT = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("|")]
EXPLAINED = " | ".join(line.split("|")[1] for line in ROWS)  # what stands left of a meaning

WORDS = """
listing seller buyer visitor session query page surface impression click favourite cart purchase
candidate slate score pctr pcvr bid reserve price charge budget pacing propensity exposure drift
calibration snapshot champion challenger prequential position micros cursor judgment grade gain run
"""


@pytest.mark.parametrize(
    "schema",
    [CHANGED_LISTING, SELLER, EVENT, PAGE, CAMPAIGN, RULE, ERASURE],
    ids=["listing", "seller", "event", "page", "campaign", "rule", "erasure"],
)
def test_every_schema_field_is_explained(schema: pa.Schema) -> None:
    """A field that a user can see is explained, with its unit, before it is shipped."""
    assert [name for name in schema.names if f"`{name}`" not in EXPLAINED] == []


@pytest.mark.parametrize(
    "kind",
    [
        Listing,
        Seller,
        Applied,
        SearchRequest,
        SearchResponse,
        Hit,
        FacetValue,
        PriceStats,
        PageWhy,
        HitWhy,
        ListingWhy,
        ScorePart,
        WordHad,
        Step,
        PartGap,
        RankingWhy,
        StageScore,
        FeaturePart,
        FeatureGap,
        Comparison,
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_field_of_a_request_and_an_answer_is_explained(kind: type) -> None:
    """The names that HTTP uses are those of the dataclasses, and each has its line."""
    names = [field.name for field in dataclasses.fields(kind)]
    assert [name for name in names if f"`{name}`" not in EXPLAINED] == []


def test_every_measure_is_explained() -> None:
    """What an evaluation prints is explained."""
    assert [one.key for one in MEASURES if f"`{one.key}`" not in EXPLAINED] == []


def test_the_words_of_the_design_are_explained() -> None:
    """The field's words that names and messages use are there, also those of later parts."""
    words = {word.strip("`,() ") for word in EXPLAINED.replace(",", " ").split()}
    assert [word for word in WORDS.split() if word not in words] == []


def test_each_line_is_one_sentence() -> None:
    """A meaning is one sentence that ends with a full stop."""
    meanings = [
        line.split("|")[2].strip()
        for line in ROWS
        if not line.startswith("|---") and "meaning" not in line.split("|")[2]
    ]
    wrong = [one for one in meanings if not one.endswith(".") or ". " in one]
    assert wrong == []
