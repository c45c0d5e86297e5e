"""A trained encoder as a model file, and back: what it gave for golden listings and queries is checked.

Beside what every model has (`model_file.py`):

    model                  all arrays of the encoder, the day-one encoder included (.npz)
    golden_listings.arrow  rows of LISTING, each with the vector that it got
    golden_queries.arrow   words of queries, each with its vector
    held_out.arrow         what was done on pages that it never learned from, by which the gate judges
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa

from mercer import __version__
from mercer.learn.model_file import (
    ENCODER_ROLE,
    GOLDEN_LISTINGS,
    GOLDEN_QUERIES,
    HELD_SEARCHES,
    MODEL,
    REPORT,
    FileSum,
    Manifest,
    ModelFile,
)
from mercer.retrieve.tower import TowerEncoder
from mercer.retrieve.tower_signals import SIGNALS
from mercer.schema.errors import CorruptError
from mercer.schema.listing import LISTING
from mercer.text.analyze import Tokeniser
from mercer.text.encoder import Encoder
from mercer.text.encoder_kernel import F32s
from mercer.text.listing_text import listing_tokens

KIND: Final = "towers"
N_GOLDEN: Final = 500  # listings, and as many queries
ATOL: Final = 1e-5  # of a vector's numbers: logarithms differ in the last bit between processors

# What was done on the held-out pages; `page` numbers them.
HELD: Final = pa.schema(
    [
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("listing_id", pa.string(), nullable=False),
        pa.field("is_purchase", pa.bool_(), nullable=False),
        pa.field("gain", pa.float64(), nullable=False),
    ]
)
_VECTOR = pa.field("vector", pa.list_(pa.float32()), nullable=False)
_QUERIES = pa.schema([pa.field("words", pa.list_(pa.string()), nullable=False), _VECTOR])
_LISTINGS = pa.schema([*LISTING, _VECTOR])


def encoded(encoder: Encoder, listings: pa.Table) -> F32s:
    """(n, dim) vectors of rows of LISTING, cut into words by a tokeniser of their own."""
    tokeniser = Tokeniser()
    tokens = listing_tokens(listings, tokeniser)
    return encoder.encode_listings(listings, tokens, tokeniser.vocabulary())


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a training gave, and what the model file says of it."""

    encoder: TowerEncoder
    name: str
    created_ms: int
    window: Mapping[str, Any]
    report: Mapping[str, Any]
    params: Mapping[str, Any]
    seed: int
    held: pa.Table  # HELD
    listings: pa.Table  # LISTING, from which golden rows are drawn
    parents: tuple[str, ...] = ()


def packed_towers(made: Training) -> ModelFile:
    """The model file of a training; the same training gives the same bytes."""
    rng = np.random.default_rng(made.seed)
    n = made.listings.num_rows
    rows = np.sort(rng.choice(n, min(n, N_GOLDEN), replace=False))
    listings = made.listings.select(LISTING.names).take(pa.array(rows)).combine_chunks()
    queries = list(dict.fromkeys(tuple(w) for w in made.held.column("words").to_pylist()))[
        :N_GOLDEN
    ]
    asked = [made.encoder.encode_query(" ".join(words), words) for words in queries]
    model = io.BytesIO()
    np.savez(model, **made.encoder.to_arrays())  # type: ignore[arg-type]  # its stub is too narrow
    files = {
        MODEL: model.getvalue(),
        GOLDEN_LISTINGS: _ipc(
            pa.Table.from_arrays(
                [*listings.columns, _lists(encoded(made.encoder, listings))], schema=_LISTINGS
            )
        ),
        GOLDEN_QUERIES: _ipc(
            pa.table(
                {"words": [list(w) for w in queries], "vector": [v.tolist() for v in asked]},
                schema=_QUERIES,
            )
        ),
        HELD_SEARCHES: _ipc(made.held.cast(HELD)),
        REPORT: json.dumps(made.report, allow_nan=False, indent=1).encode(),
    }
    manifest = Manifest(
        role=ENCODER_ROLE,
        name=made.name,
        kind=KIND,
        created_ms=made.created_ms,
        feature_set=made.encoder.base.content_hash()[:12],
        features=SIGNALS,
        missing=("mean",) * len(SIGNALS),
        files={name: FileSum.of(data) for name, data in sorted(files.items())},
        source="log",
        window=dict(made.window),
        metrics=dict(made.report["recall"]),
        params=dict(made.params),
        seeds={"training": made.seed},
        versions={"mercer": __version__, "numpy": np.__version__},
        parents=made.parents,
    )
    return ModelFile(manifest, files)


@dataclass(frozen=True, slots=True)
class LoadedTowers:
    """A trained encoder that was checked."""

    id: str
    manifest: Manifest
    encoder: TowerEncoder  # named by the id
    held: pa.Table  # HELD


def loaded_towers(made: ModelFile, *, at: str) -> LoadedTowers:
    """A trained encoder ready to serve.

    Args:
        at: where it lies, for the messages.
    Raises:
        CorruptError: of another kind, not readable, or giving other vectors than when it was made.
    """
    if made.manifest.kind != KIND:
        raise CorruptError(f"{at}: is of kind {made.manifest.kind!r}; an encoder is {KIND!r}")
    try:
        with np.load(io.BytesIO(made.files[MODEL]), allow_pickle=False) as read:
            arrays = {name: read[name] for name in read.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as fault:
        raise CorruptError(f"{at}/{MODEL}: cannot be read: {fault}") from None
    encoder = TowerEncoder.from_arrays(arrays).named(made.id)
    listings = _read(made.files[GOLDEN_LISTINGS], _LISTINGS, at=f"{at}/{GOLDEN_LISTINGS}")
    queries = _read(made.files[GOLDEN_QUERIES], _QUERIES, at=f"{at}/{GOLDEN_QUERIES}")
    _check(listings, encoded(encoder, listings.select(LISTING.names)), at=at, what="listings")
    asked = [encoder.encode_query(" ".join(w), w) for w in queries.column("words").to_pylist()]
    _check(queries, np.array(asked, np.float32).reshape(-1, encoder.dim), at=at, what="queries")
    held = _read(made.files[HELD_SEARCHES], HELD, at=f"{at}/{HELD_SEARCHES}")
    return LoadedTowers(made.id, made.manifest, encoder, held)


def _check(want: pa.Table, got: F32s, *, at: str, what: str) -> None:
    vectors = np.array(want.column("vector").to_pylist(), np.float32).reshape(len(want), -1)
    if vectors.shape != got.shape:
        raise CorruptError(f"{at}: golden {what} are {vectors.shape}, the model gives {got.shape}")
    differs = (np.abs(vectors - got) > ATOL).any(axis=1)
    if differs.any():
        raise CorruptError(
            f"{at}: {int(differs.sum())} of {len(got)} golden {what} get another vector than when the "
            f"model was made, the first is row {int(differs.argmax())}; train it anew with the "
            "installed versions, or install those that the manifest names"
        )


def _lists(vectors: F32s) -> pa.ListArray:
    n, dim = vectors.shape
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * dim)
    return pa.ListArray.from_arrays(offsets, pa.array(vectors.reshape(-1)))


def _ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read(data: bytes, schema: pa.Schema, *, at: str) -> pa.Table:
    try:
        table = pa.ipc.open_file(data).read_all()
    except (pa.ArrowInvalid, OSError) as fault:
        raise CorruptError(f"{at}: cannot be read: {fault}") from None
    if table.schema != schema:
        raise CorruptError(f"{at}: has other columns than this Mercer reads; train the model anew")
    return table
