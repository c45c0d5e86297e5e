"""The threshold above which a semantic hit is a match."""

import numpy as np
import pyarrow as pa
import pytest

from mercer.schema.errors import ConfigError, InputError
from mercer.text.analyze import Tokeniser, Tokens
from mercer.text.encoder import CatalogueEncoder
from mercer.text.encoder_fit import FitParams, fit_encoder
from mercer.text.encoder_kernel import F32s
from mercer.text.encoder_threshold import (
    ThresholdRule,
    calibrate_threshold,
    pseudo_queries,
    pseudo_query_vectors,
)

Made = tuple[CatalogueEncoder, Tokens, list[str], F32s]


@pytest.fixture(scope="module")
def made() -> Made:
    """600 titles on 60 themes of four words each, three of them in every title of the theme."""
    rng, tokeniser = np.random.default_rng(2), Tokeniser()
    theme = [[f"{chr(97 + t % 26)}{t}word{i}" for i in range(4)] for t in range(60)]
    titles = [" ".join(rng.permutation(theme[i % 60])[:3]) + f" item{i}" for i in range(600)]
    tokens = {"title": tokeniser.run(titles)}
    vocabulary = tokeniser.vocabulary()
    encoder = fit_encoder(tokens, vocabulary, params=FitParams(dim=32, gram_table_rows=4096))
    vectors = encoder.encode_listings(pa.table({"t": titles}), tokens, vocabulary)
    return encoder, tokens["title"], vocabulary, vectors


def test_threshold_keeps_both_promises(made: Made) -> None:
    """A typical query admits at most its share of strangers, and no more than needed is lost."""
    encoder, titles, vocabulary, vectors = made
    rule = ThresholdRule(n_queries=200, n_strangers=600)
    threshold = calibrate_threshold(encoder, titles, vocabulary, vectors, rule=rule)
    asked = pseudo_query_vectors(encoder, titles, vocabulary, n_queries=200)
    admitted = (asked @ vectors.T > threshold).mean(axis=1)
    assert np.median(admitted) <= rule.stranger_share + 1e-3
    assert 0 < threshold < 1


def test_stricter_rules_raise_the_threshold(made: Made) -> None:
    """Fewer strangers, or fewer own listings, never lower it."""
    encoder, titles, vocabulary, vectors = made

    def of(**rule: float) -> float:
        return calibrate_threshold(
            encoder, titles, vocabulary, vectors, rule=ThresholdRule(n_queries=100, **rule)
        )

    assert of(stranger_share=0.001) >= of(stranger_share=0.02) >= of(stranger_share=0.3)
    assert of(own_share=0.2, stranger_share=0.9) > of(own_share=0.99, stranger_share=0.9)


def test_same_seed_same_threshold(made: Made) -> None:
    """The draws depend on the seed only."""
    assert calibrate_threshold(*made, seed=3) == calibrate_threshold(*made, seed=3)


def test_pseudo_queries_are_words_of_their_titles(made: Made) -> None:
    """Two to four different words of one title, in its order; each listing asks once."""
    _, titles, vocabulary, _ = made
    rng = np.random.default_rng(0)
    rows, queries = pseudo_queries(titles, vocabulary, rule=ThresholdRule(n_queries=50), rng=rng)
    assert len(rows) == len(set(rows)) == len(queries) == 50
    for row, query in zip(rows, queries, strict=True):
        title = [vocabulary[c] for c in titles.codes[titles.offsets[row] : titles.offsets[row + 1]]]
        assert 2 <= len(query) <= 4
        at = [title.index(word) for word in query]
        assert at == sorted(set(at))


def test_titles_of_one_word_match_nothing_by_meaning(made: Made) -> None:
    """Where no query can be made the threshold is 1."""
    encoder = made[0]
    titles = Tokeniser().run(["lamp", "", "mug"])
    vectors = np.zeros((3, encoder.dim), np.float32)
    assert calibrate_threshold(encoder, titles, ["lamp", "mug"], vectors) == 1.0


def test_vectors_of_other_listings_are_refused(made: Made) -> None:
    """One vector per title."""
    encoder, titles, vocabulary, vectors = made
    with pytest.raises(InputError, match="one per title"):
        calibrate_threshold(encoder, titles, vocabulary, vectors[:-1])


@pytest.mark.parametrize("rule", [{"own_share": 1.0}, {"stranger_share": 0.0}, {"most_words": 1}])
def test_rule_out_of_range_is_a_config_error(rule: dict[str, float]) -> None:
    """Shares lie between 0 and 1, and a query has words."""
    with pytest.raises(ConfigError, match="threshold"):
        ThresholdRule(**rule)
