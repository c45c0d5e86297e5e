"""Search on real judged catalogues, through the commands, is as good as it says it is."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.realdata
Measured = Callable[[str, str, str], dict[str, Any]]
ESCI = ("esci_us", "E=1,S=.1,C=.01,I=0")
ICECAT = ("icecat_chorus", "exp")


def test_esci_hybrid(measured: Measured) -> None:
    """All 94 queries over the whole catalogue: nDCG@10 >= .65, recall@100 of "exact" >= .93."""
    report = measured(*ESCI, "hybrid")
    assert (report["queries"], report["queries_left_out"]) == (94, 0)
    assert report["ndcg_at_10"] >= 0.65
    assert report["recall_at_100"] >= 0.93
    assert report["zero_result_rate"] == 0


def test_esci_semantic_alone(measured: Measured) -> None:
    """An encoder fitted on nothing but the catalogue finds .93 of the exact products in 100."""
    assert measured(*ESCI, "semantic")["recall_at_100"] >= 0.93


def test_icecat_hybrid(measured: Measured) -> None:
    """79 queries have an answer: nDCG@10 with gains 2^g - 1 is >= .67."""
    report = measured(*ICECAT, "hybrid")
    assert (report["queries"], report["queries_left_out"]) == (79, 8)
    assert report["ndcg_at_10"] >= 0.67


@pytest.mark.parametrize("corpus", [ESCI, ICECAT], ids=["esci", "icecat"])
def test_hybrid_is_not_below_lexical(corpus: tuple[str, str], measured: Measured) -> None:
    """What the semantic part adds never costs nDCG@10 on the whole."""
    hybrid, lexical = (measured(*corpus, mode) for mode in ("hybrid", "lexical"))
    assert hybrid["ndcg_at_10"] >= lexical["ndcg_at_10"]
