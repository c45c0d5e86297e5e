"""Which encoder a market uses, how it comes into a generation, and how it is opened again."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mercer.engines.embedded.index.segment_files import load_arrays, save_arrays
from mercer.retrieve.documents import Documents
from mercer.retrieve.segment_build import SegmentColumns
from mercer.retrieve.tower import PREFIX, TowerEncoder
from mercer.text.encoder import CatalogueEncoder, Encoder
from mercer.text.encoder_fit import fit_encoder, sample_rows, take_rows
from mercer.text.encoder_kernel import F32s
from mercer.text.encoder_threshold import ThresholdRule, calibrate_threshold

CATALOGUE = "catalogue"
_BLOCK = 16_384  # rows encoded at a time
_MEANT = 400  # listings that a typical query admits by meaning alone, at most
_THRESHOLD_SAMPLE = 8_192  # listings on which the threshold is calibrated


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """`index.encoder` of mercer.toml."""

    name: str = CATALOGUE  # "catalogue", or the name or folder of a sentence-transformers model
    trained: TowerEncoder | None = None  # promoted: takes the place of fitting one

    @property
    def is_fitted(self) -> bool:
        """Whether it is fitted on the catalogue itself, and so belongs to the generation."""
        return self.name == CATALOGUE


def make_encoder(choice: EncoderChoice, columns: SegmentColumns) -> Encoder:
    """The encoder of a new generation: the trained one, one fitted on its listings, or the model named.

    Raises:
        ConfigError: the named model cannot be loaded.
    """
    if choice.is_fitted:
        return choice.trained or fit_encoder(columns.tokens, columns.vocabulary)
    from mercer.engines.embedded.index.encoder_sentence import (
        SentenceEncoder,  # an extra; loads torch
    )

    return SentenceEncoder(choice.name)


def encode_rows(encoder: Encoder, columns: SegmentColumns, *, threads: int = 2) -> F32s:
    """(n, dim) vectors of a segment's rows, some blocks at a time on all cores."""
    out = np.empty((columns.n, encoder.dim), np.float32)
    documents = Documents(columns.documents)

    def block(first: int) -> None:
        listings = columns.document_row[first : first + _BLOCK]
        tokens = {name: take_rows(field, listings) for name, field in columns.tokens.items()}
        if isinstance(encoder, CatalogueEncoder):
            texts = columns.documents.slice(0, len(listings))  # it reads the words only
        else:
            texts = documents.take(listings)
        out[first : first + _BLOCK] = encoder.encode_listings(texts, tokens, columns.vocabulary)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(block, range(0, columns.n, _BLOCK)))
    return out


def threshold_of(encoder: Encoder, columns: SegmentColumns) -> float:
    """The cosine above which a semantic hit matches, from a sample of the listings."""
    rows = sample_rows(columns.n, max_rows=_THRESHOLD_SAMPLE, rng=np.random.default_rng(0))
    tokens = {name: take_rows(field, rows) for name, field in columns.tokens.items()}
    listings = columns.documents.take(rows)
    vectors = encoder.encode_listings(listings, tokens, columns.vocabulary)
    # A query means some hundred listings at most, however many there are.
    rule = ThresholdRule(stranger_share=min(0.02, max(_MEANT / max(columns.n, 1), 0.0005)))
    return calibrate_threshold(encoder, tokens["title"], columns.vocabulary, vectors, rule=rule)


def save_encoder(folder: Path, encoder: Encoder) -> None:
    """Keep a fitted or trained encoder with its generation; a named model stays where it is."""
    if isinstance(encoder, CatalogueEncoder | TowerEncoder):
        save_arrays(folder, encoder.to_arrays())


def open_encoder(folder: Path, choice: EncoderChoice) -> Encoder:
    """The encoder that the generation was made with.

    Raises:
        CorruptError: its files are damaged.
        ConfigError: the named model cannot be loaded.
    """
    if folder.exists():
        arrays = load_arrays(folder)
        is_trained = any(name.startswith(PREFIX) for name in arrays)
        return (TowerEncoder if is_trained else CatalogueEncoder).from_arrays(arrays)
    from mercer.engines.embedded.index.encoder_sentence import (
        SentenceEncoder,  # an extra; loads torch
    )

    return SentenceEncoder(choice.name)
