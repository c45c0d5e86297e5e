"""From which cosine on a listing counts as a match of a query that shares no word with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mercer.schema.errors import ConfigError, InputError
from mercer.text.analyze import Tokens
from mercer.text.encoder import Encoder
from mercer.text.encoder_kernel import F32s


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRule:
    """What the threshold promises, on queries made of words of the titles."""

    own_share: float = 0.95  # of the queries reach the listing whose title they came from
    stranger_share: float = 0.02  # of random listings is at most admitted by a typical query
    n_queries: int = 512
    n_strangers: int = 4_096
    fewest_words: int = 2  # of a query
    most_words: int = 4

    def __post_init__(self) -> None:
        """Raise ConfigError for values out of range."""
        if not (0 < self.own_share < 1 and 0 < self.stranger_share < 1):
            raise ConfigError(
                "threshold: own_share and stranger_share must lie between 0 and 1, got "
                f"{self.own_share} and {self.stranger_share}"
            )
        if not (1 <= self.fewest_words <= self.most_words and self.n_queries >= 1):
            raise ConfigError(
                "threshold: queries need 1 <= fewest_words <= most_words and n_queries >= 1, got "
                f"{self.fewest_words}..{self.most_words} words and {self.n_queries} queries"
            )


def pseudo_queries(
    titles: Tokens, vocabulary: Sequence[str], *, rule: ThresholdRule, rng: np.random.Generator
) -> tuple[list[int], list[list[str]]]:
    """Queries as a buyer might type them who looks for one listing: some words of its title.

    Args:
        titles: words of the titles of n listings.
        vocabulary: word of each code.
        rule: how many queries of how many words; a listing gives at most one.
        rng: draws the listings and their words, which keep the order of the title.
    Returns:
        The listing (row) of each query, and its words. Titles that are too short give none.
    """
    rows, queries = [], []
    for row in rng.permutation(titles.offsets.size - 1)[: 4 * rule.n_queries].tolist():
        codes = titles.codes[titles.offsets[row] : titles.offsets[row + 1]].tolist()
        distinct = list(dict.fromkeys(codes))
        if len(distinct) < rule.fewest_words:
            continue
        size = min(int(rng.integers(rule.fewest_words, rule.most_words + 1)), len(distinct))
        at = np.sort(rng.choice(len(distinct), size, replace=False)).tolist()
        rows.append(row)
        queries.append([vocabulary[distinct[i]] for i in at])
        if len(rows) == rule.n_queries:
            break
    return rows, queries


def pseudo_query_vectors(
    encoder: Encoder,
    titles: Tokens,
    vocabulary: Sequence[str],
    *,
    n_queries: int = 64,
    seed: int = 0,
) -> F32s:
    """(at most n_queries, dim) vectors of `pseudo_queries`, to tune a vector index with."""
    rule = ThresholdRule(n_queries=n_queries)
    _, queries = pseudo_queries(titles, vocabulary, rule=rule, rng=np.random.default_rng(seed))
    vectors = np.zeros((len(queries), encoder.dim), np.float32)
    for row, words in zip(vectors, queries, strict=True):
        row[:] = encoder.encode_query(" ".join(words), words)
    return vectors


def calibrate_threshold(
    encoder: Encoder,
    titles: Tokens,
    vocabulary: Sequence[str],
    vectors: F32s,
    *,
    rule: ThresholdRule | None = None,
    seed: int = 0,
) -> float:
    """The cosine above which a semantic hit counts as a match.

    Queries are made of two to four random words of a title. The threshold is the larger of

    - the cosine that 95 % of them reach with their own listing (a lower threshold would add
      hardly any listing that was meant);
    - the median, over the queries, of the cosine that 2 % of random listings reach (a lower one
      would let a typical query match what has nothing to do with it).

    Deterministic for a seed. It tells nothing about whole catalogues on one theme, where 2 % of
    the listings may be meant indeed: then the cap on semantic hits decides.

    Args:
        encoder: the one that made the vectors.
        titles: words of the titles of n listings, a sample is enough.
        vocabulary: word of each code.
        vectors: (n, dim) of the same listings.
        rule: shares and numbers, see there.
        seed: of the draws.
    Returns:
        In [0, 1]; 1 where no title has two words, so that nothing is a match by meaning alone.
    """
    rule = rule or ThresholdRule()
    n = titles.offsets.size - 1
    if vectors.shape != (n, encoder.dim):
        raise InputError(
            f"threshold: vectors of shape {vectors.shape}, must be ({n}, {encoder.dim}): one per title"
        )
    rng = np.random.default_rng(seed)
    rows, queries = pseudo_queries(titles, vocabulary, rule=rule, rng=rng)
    if not rows:
        return 1.0
    strangers = vectors[np.sort(rng.permutation(n)[: rule.n_strangers])]
    asked = np.stack([encoder.encode_query(" ".join(words), words) for words in queries])
    own = np.einsum("ij,ij->i", asked, vectors[rows])
    reached = np.quantile(own, 1 - rule.own_share)
    admitted = np.median(np.quantile(asked @ strangers.T, 1 - rule.stranger_share, axis=1))
    return float(np.clip(max(reached, admitted), 0.0, 1.0))
