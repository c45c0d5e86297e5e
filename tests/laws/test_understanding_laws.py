"""Laws of query understanding over random text."""

import json
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercer.retrieve.lexicon import TableLexicon
from mercer.retrieve.query import UnderstandOptions
from mercer.retrieve.query_lexer import clean, tokens_of
from mercer.retrieve.query_words import CUES, NEGATIONS, POST_CUES, UNITS
from mercer.retrieve.request import MAX_QUERY_CHARS
from mercer.retrieve.understand import understand
from mercer.text.analyze import words

LEXICON = TableLexicon.from_columns(
    ["mug", "white", "nike", "leather", "handle", "pillow", "air", "pods", "airpods"],
    np.full(9, 10),
    ["color", "category", "brand", "material", "feature"],
    ["White", "Mugs", "Nike", "Leather", "Handle"],
    np.array([9, 8, 7, 6, 5]),
    correct=lambda ws, _: ["leather" if w == "lether" else None for w in ws],
)
PIECES = [
    *(" ".join(c) for c in (*CUES, *POST_CUES, *NEGATIONS)), *list(UNITS)[:20], "between", "and", "from",
    "to", "20", "$20", "5'10\"", "100x200cm", "1/2", "1,000", "9" * 20, '"', "-", "-white", "white",
    "mugs", "nike", "leather", "lether", "handle", "no.", "free", "x", "size", "brand:", "air", "pods",
    "pil", "low", "é", "\x00", "\u2066", "٣", "½", "²", "漢字", "ﬁ", "İ", "ß", ",", "(", "…", "w/o",
    "w/", "&", "+", "%",
]  # fmt: skip
QUERIES = st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join) | st.lists(
    st.sampled_from(PIECES), max_size=14
).map("".join)  # fmt: skip
PLAIN = st.lists(
    st.sampled_from(["mug", "white", "nike", "pillow", "tea", "vintage"]), min_size=1, max_size=6
)


@settings(max_examples=250, deadline=None)
@given(QUERIES, st.sampled_from(["USD", "GBP"]))
def test_any_text_is_understood(q, currency):
    """No text raises; what comes out is JSON, its words are normalised, its limits are possible."""
    parsed = understand(q, lexicon=LEXICON, options=UnderstandOptions(currency=currency))
    again = json.loads(json.dumps(parsed.to_dict()))
    assert again == parsed.to_dict()
    assert len(parsed.text) <= MAX_QUERY_CHARS
    assert "\x00" not in parsed.text
    for term in parsed.terms:
        assert words(term.word) == [term.word]
    assert all(parsed.excluded_terms)
    for limit in (parsed.price_min_micros, parsed.price_max_micros):
        assert limit is None or 0 <= limit <= 10**15
    for size in parsed.sizes:
        assert size.min is not None or size.max is not None
    assert understand(q, lexicon=LEXICON, options=UnderstandOptions(currency=currency)) == parsed


@example("किताब लाल")
@example("0\u093a0")
@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=10).map(" ".join))
def test_tokens_have_the_words_of_the_text(q):
    """The lexer gives the words that the index has, in order, whatever stands between them.

    It knows more of three signs: "w/o" and "w/" are words of their own, primes behind a number are
    feet; such texts are left out here.
    """
    text, _ = clean(q)
    if "/" in text or any(c in text for c in "'\u2018\u2019\u02bc\uff07`\u2032"):
        return
    tokens, _ = tokens_of(text)
    assert [w for t in tokens for w in t.words] == words(text)


@settings(max_examples=60)
@given(PLAIN)
def test_plain_words_stay(listed):
    """A query of plain words is its words, in order, nothing corrected, excluded or limited."""
    parsed = understand(" ".join(listed), lexicon=LEXICON)
    assert [t.word for t in parsed.terms] == listed
    assert (parsed.did_you_mean, parsed.excluded_terms, parsed.unwanted) == (None, (), ())
    assert (parsed.price_min_micros, parsed.price_max_micros, parsed.sizes) == (None, None, ())


@settings(max_examples=60)
@given(
    PLAIN,
    st.integers(1, 9_999),
    st.sampled_from(["under {}", "up to ${}", "{} usd or less", "< {}"]),
)
def test_a_price_changes_nothing_else(listed, amount, form):
    """A price limit behind a query adds the limit; all else stays as it was."""
    plain = understand(" ".join(listed) + " ", lexicon=LEXICON)
    limited = understand(" ".join(listed) + " " + form.format(amount), lexicon=LEXICON)
    assert limited.price_max_micros == amount * 1_000_000
    assert limited.price_min_micros is None
    assert (limited.terms, limited.wanted) == (plain.terms, plain.wanted)


@settings(max_examples=60)
@given(
    PLAIN,
    st.sampled_from(
        ["without leather", "no leather", "-leather", "w/o leather", "but not leather"]
    ),
)
def test_a_negation_changes_nothing_else(listed, negation):
    """What is not wanted goes behind any query without a change to the rest, and is no term."""
    plain = understand(" ".join(["tea", *listed]) + " ", lexicon=LEXICON)
    negated = understand(" ".join(["tea", *listed, negation]), lexicon=LEXICON)
    assert [w.value for w in negated.unwanted] == ["Leather"]
    assert (negated.terms, negated.wanted) == (plain.terms, plain.wanted)


@pytest.mark.parametrize(
    "piece",
    [
        "a ",
        "no mug ",
        "under 2 ",
        "1 x ",
        "é",
        "漢 ",
        '"',
        '"a ',
        "free ",
        "5'",
        "-",
        "(",
        "9",
        "and ",
    ],
)
def test_time_is_bounded(piece):
    """A hundred thousand characters of anything take some milliseconds (the bound allows a slow day)."""
    understand(piece, lexicon=LEXICON)
    start = time.thread_time()
    parsed = understand(piece * (100_000 // len(piece)), lexicon=LEXICON)
    assert time.thread_time() - start < 0.25
    assert parsed.was_cut
