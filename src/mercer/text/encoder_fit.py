"""The day-one encoder, fitted on the catalogue itself in closed form.

TF-IDF of stems and character n-grams, then truncated SVD with (partial) whitening: latent semantic
analysis (Deerwester et al. 1990, doi:10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9)
with subword features, so that a misspelt or never seen word still has a meaning.

Everything is bounded: the sample by listings and by words, the stems by how many listings have
them, the n-grams by hashing into a table of fixed size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mercer.schema.errors import ConfigError, InputError
from mercer.text.analyze import Tokens, stem_many
from mercer.text.encoder import CatalogueEncoder
from mercer.text.encoder_kernel import (
    F32s,
    I32s,
    I64s,
    document_counts,
    gram_rows,
    listing_norms,
    word_points,
)
from mercer.text.encoder_svd import truncated_svd
from mercer.text.encoder_words import Sparse, used_codes, weighed_words


def _default_weights() -> Mapping[str, float]:
    return {"title": 2.0, "labels": 1.0, "category": 1.0, "description": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class FitParams:
    """How the encoder is fitted; the defaults are justified in docs/decisions/0003-encoder.md."""

    dim: int = 256
    field_weight: Mapping[str, float] = field(default_factory=_default_weights)
    gram_weight: float = 0.5  # of an n-gram against a stem
    shortest_gram: int = 3  # characters, "<" and ">" around the word included
    longest_gram: int = 5
    min_gram_listings: int = 2  # of the sample
    whitening: float = 0.25  # 0: plain LSA, 1: every direction counts the same
    max_stems: int = 131_072  # the most frequent ones; others mean what their n-grams mean
    gram_table_rows: int = 131_072  # a power of two
    max_listings: int = 50_000  # of the sample
    max_words: int = 3_000_000  # of the sample, all fields together
    iterations: int = 2  # of the subspace

    def __post_init__(self) -> None:
        """Raise ConfigError that lists every value out of range."""
        rows = self.gram_table_rows
        rules = {
            f"dim must lie in 1..4096, got {self.dim}": 1 <= self.dim <= 4096,
            f"field_weight must be > 0 for each field, got {dict(self.field_weight)}": bool(
                self.field_weight
            )
            and all(0 < w < np.inf for w in self.field_weight.values()),
            f"gram_weight must be >= 0, got {self.gram_weight}": 0 <= self.gram_weight < np.inf,
            "n-grams must have 1 <= shortest_gram <= longest_gram <= 16 characters, got "
            f"{self.shortest_gram}..{self.longest_gram}": 1
            <= self.shortest_gram
            <= self.longest_gram
            <= 16,
            f"whitening must lie in 0..1, got {self.whitening}": 0 <= self.whitening <= 1,
            f"gram_table_rows must be a power of two up to 2^24, got {rows}": 1 <= rows <= 2**24
            and rows & (rows - 1) == 0,
            "max_stems, max_listings, max_words, min_gram_listings and iterations must be >= 1": min(
                self.max_stems,
                self.max_listings,
                self.max_words,
                self.min_gram_listings,
                self.iterations,
            )
            >= 1,
        }
        if faults := [fault for fault, holds in rules.items() if not holds]:
            raise ConfigError("encoder: " + "; ".join(faults))


def fit_encoder(
    tokens: Mapping[str, Tokens],
    vocabulary: Sequence[str],
    *,
    params: FitParams | None = None,
    seed: int = 0,
    threads: int = 2,
) -> CatalogueEncoder:
    """Fit the encoder on listings (a sample of them where they are many).

    The same texts in the same order give the same bits on the same machine, whatever codes the
    tokeniser gave the words and however many threads work.

    Args:
        tokens: words of each text field of the same n listings; fields without a weight are left
            out, fields that are missing count as empty.
        vocabulary: word of each code.
        params: sizes and weights.
        seed: of the sample and of the first subspace.
        threads: of the sparse products, >= 1.
    """
    params = params or FitParams()
    rng = np.random.default_rng(seed)
    fields = _sampled({f: tokens[f] for f in params.field_weight if f in tokens}, params, rng)
    words, place = _sorted_words(fields, vocabulary)
    weight = np.array([params.field_weight[f] for f in fields], np.float32)
    documents = weighed_words(list(fields.values()), weight, place, len(words))
    stems, features = _features(words, params)
    idf, kept = _idf(documents, features, len(stems), params)
    features = _valued(features, idf)
    svd = truncated_svd(
        [_unit_rows(documents, features), features],
        dim=params.dim,
        rng=rng,
        iterations=params.iterations,
        threads=threads,
    )
    # Direction j is divided by sigma_j ** whitening; directions beyond the rank stay zero.
    whiten = np.zeros_like(svd.sigma)
    np.power(svd.sigma, -np.float32(params.whitening), out=whiten, where=svd.sigma > 0)
    vectors = svd.right * whiten * idf[:, None]
    return CatalogueEncoder.from_vectors(
        stems=[stems[i] for i in kept],
        stem_vectors=vectors[kept],
        gram_vectors=vectors[len(stems) :],
        field_weight=params.field_weight,
        gram_sizes=(params.shortest_gram, params.longest_gram),
    )


def sample_rows(n: int, *, max_rows: int, rng: np.random.Generator) -> I64s:
    """Rows of a sample without repetition, rising; all rows where they are few."""
    if n <= max_rows:
        return np.arange(n)
    return np.sort(rng.choice(n, max_rows, replace=False, shuffle=False))


def take_rows(tokens: Tokens, rows: I64s) -> Tokens:
    """The words of some listings, in the order of `rows`."""
    starts, counts = tokens.offsets[rows], np.diff(tokens.offsets)[rows]
    offsets = np.zeros(rows.size + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    at = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)
    return Tokens(offsets, tokens.codes[at])


def _sampled(
    fields: Mapping[str, Tokens], params: FitParams, rng: np.random.Generator
) -> dict[str, Tokens]:
    """As many listings as the bounds allow; wordy catalogues give fewer."""
    if not fields:
        raise InputError(
            f"encoder: none of the fields {sorted(params.field_weight)} is there to be fitted on"
        )
    n = next(iter(fields.values())).offsets.size - 1
    n_words = sum(int(t.offsets[-1] - t.offsets[0]) for t in fields.values())
    most = params.max_listings
    if n_words > params.max_words:
        most = max(1, min(most, int(params.max_words / n_words * n)))
    rows = sample_rows(n, max_rows=most, rng=rng)
    return {name: take_rows(tokens, rows) for name, tokens in fields.items()}


def _sorted_words(
    fields: Mapping[str, Tokens], vocabulary: Sequence[str]
) -> tuple[list[str], I32s]:
    """The words that occur, in alphabetical order, and the place of each code among them."""
    codes = used_codes(list(fields.values()), len(vocabulary)).tolist()
    codes.sort(key=vocabulary.__getitem__)
    place = np.full(len(vocabulary), -1, np.int32)
    place[codes] = np.arange(len(codes), dtype=np.int32)
    return [vocabulary[c] for c in codes], place


def _features(words: Sequence[str], params: FitParams) -> tuple[list[str], Sparse]:
    """Stems in alphabetical order, and the features of each word (all with the value 1).

    The features are the stems, then the rows of the table of n-grams. A word's first is its stem.
    """
    word_stems = stem_many(words)
    stems = sorted(set(word_stems))
    row = {s: i for i, s in enumerate(stems)}
    points, starts = word_points(words)
    count = np.ones(len(words), np.int64)
    for size in range(params.shortest_gram, params.longest_gram + 1):
        count += np.maximum(np.diff(starts) - size + 1, 0)
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum(count, out=offsets[1:])
    columns = np.zeros(offsets[-1], np.int32)
    mask = params.gram_table_rows - 1
    gram_rows(
        points, starts, params.shortest_gram, params.longest_gram, mask, offsets[:-1] + 1, columns
    )
    columns += np.int32(len(stems))
    columns[offsets[:-1]] = np.fromiter((row[s] for s in word_stems), np.int32, len(words))
    ones = np.ones(columns.size, np.float32)
    return stems, Sparse(offsets, columns, ones, len(stems) + params.gram_table_rows)


def _idf(documents: Sparse, features: Sparse, n_stems: int, params: FitParams) -> tuple[F32s, I64s]:
    """(n_features,) value of each feature, 0 for those left out, and the stems that are kept."""
    counts = np.zeros(features.n_columns, np.int32)
    document_counts(
        documents.offsets, documents.columns, features.offsets, features.columns,
        np.full(counts.size, -1, np.int32), counts,
    )  # fmt: skip
    idf: F32s = (np.log((documents.n_rows + 1) / (counts + 1)) + 1).astype(np.float32)
    stems, grams = idf[:n_stems], idf[n_stems:]  # views
    grams *= np.float32(params.gram_weight)
    grams[counts[n_stems:] < params.min_gram_listings] = 0
    # The stems that most listings have; of equals the first of the alphabet.
    kept = np.sort(np.argsort(-counts[:n_stems], kind="stable")[: params.max_stems])
    left_out = np.ones(n_stems, bool)
    left_out[kept] = False
    stems[left_out] = 0
    return idf, kept


def _valued(features: Sparse, value: F32s) -> Sparse:
    """With the value of each feature, those without one left out."""
    values = value[features.columns]
    keep = values > 0
    ends = np.concatenate([[0], np.cumsum(keep)])
    return Sparse(ends[features.offsets], features.columns[keep], values[keep], features.n_columns)


def _unit_rows(documents: Sparse, features: Sparse) -> Sparse:
    """`documents`, scaled so that the rows of documents @ features have length 1."""
    norms = np.empty(documents.n_rows, np.float32)
    listing_norms(
        documents.offsets, documents.columns, documents.values,
        features.offsets, features.columns, features.values,
        np.zeros(features.n_columns, np.float32), norms,
    )  # fmt: skip
    norms[norms <= 0] = 1
    values: F32s = np.divide(documents.values, np.repeat(norms, np.diff(documents.offsets)))
    return Sparse(documents.offsets, documents.columns, values, documents.n_columns)
