"""The encoder that was trained on behaviour: two towers that start from the day-one encoder.

A query is the sum of its words' day-one vectors, each moved by a trained shift and multiplied by a
trained gain (words that no training query had keep theirs), as a unit vector u. A listing is its
day-one vector v with a bias b in [-REACH, REACH]: a weighted sum of its own numbers
(`tower_signals`). A query's score of a listing is

    s = sharpness * cos(u, v) + reach(number of words) * b

and both sides are written as unit vectors of one space, so that any vector index searches it:

    query   [sharpness u, reach, 0, 0, 0]             over its length
    listing [v, b, sqrt(REACH^2 - b^2), 0, 0]          over sqrt(1 + REACH^2)

The inner product is s over two lengths of which one depends on the query alone and the other on
nothing, so it orders listings as s does. The zeros keep the width a multiple of four, as codes of
vectors want it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.retrieve.tower_signals import SIGNALS, listing_signals
from mercer.schema.errors import CorruptError, InputError
from mercer.text.analyze import Tokens
from mercer.text.encoder import CatalogueEncoder, Encoder
from mercer.text.encoder_kernel import F32s, make_unit

Floats = NDArray[np.float64]

REACH: Final = 0.5  # of a listing's bias, against a cosine of 1
MOST_WORDS: Final = 5  # longer queries count as this long
N_MORE: Final = 4  # numbers that a vector has beside those of day one
SIGNAL_LIMIT: Final = 3.0  # standard deviations; what lies further out counts as this far
PREFIX: Final = "tower_"


@dataclass(frozen=True, slots=True)
class Bias:
    """What makes a listing's bias of its signals."""

    mean: Floats  # (n_signals,) an unknown signal counts as this
    scale: Floats  # (n_signals,) > 0
    weight: Floats  # (n_signals,)
    limit: float  # > 0: the greatest weighted sum that training saw; it becomes REACH
    currency: str  # of prices

    def standardised(self, listings: pa.RecordBatch | pa.Table) -> Floats:
        """(n, n_signals) signals of rows of LISTING in standard deviations, 0 where unknown."""
        signals = listing_signals(listings, currency=self.currency)
        found: Floats = np.nan_to_num((signals - self.mean) / self.scale, nan=0.0)
        return np.clip(found, -SIGNAL_LIMIT, SIGNAL_LIMIT)

    def of(self, listings: pa.RecordBatch | pa.Table) -> Floats:
        """(n,) bias of rows of LISTING, in [-REACH, REACH]."""
        signals = self.standardised(listings)
        total = np.zeros(len(signals))
        for at, weight in enumerate(self.weight.tolist()):  # a fixed order: many = one, bit for bit
            total += weight * signals[:, at]
        return np.clip(total / self.limit, -1.0, 1.0) * REACH


@final
class TowerEncoder:
    """Both towers; see the module. What is trained beside the day-one encoder is small.

    Does not handle: the order of words.
    """

    def __init__(self, base: CatalogueEncoder, trained: Mapping[str, NDArray[Any]]) -> None:
        _check(base, trained)
        self._base = base
        self._arrays = {name: trained[name] for name in _ARRAYS}
        self.name = str(trained["name"][0])
        self.dim = base.dim + N_MORE
        words = (
            bytes(trained["words"].tobytes()).decode().split("\n") if len(trained["words"]) else []
        )
        self._word_row = {word: row for row, word in enumerate(words)}
        self._gain, self._shift = trained["gain"], trained["shift"]
        self._sharpness = float(trained["sharpness"][0])
        self._reach = trained["reach"]
        self.bias = Bias(
            mean=trained["signal_mean"],
            scale=trained["signal_scale"],
            weight=trained["signal_weight"],
            limit=float(trained["limit"][0]),
            currency=str(trained["currency"][0]),
        )

    @property
    def base(self) -> CatalogueEncoder:
        """The day-one encoder that it began from."""
        return self._base

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything there is to save, the day-one encoder included."""
        mine = {PREFIX + name: array for name, array in self._arrays.items()}
        return self._base.to_arrays() | mine

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "TowerEncoder":
        """The encoder that `to_arrays` came from.

        Raises:
            CorruptError: arrays that are missing or do not fit together.
        """
        trained = {
            name.removeprefix(PREFIX): array
            for name, array in arrays.items()
            if name.startswith(PREFIX)
        }
        return cls(CatalogueEncoder.from_arrays(arrays), trained)

    def named(self, name: str) -> "TowerEncoder":
        """The same encoder under another name."""
        return TowerEncoder(self._base, self._arrays | {"name": np.array([name])})

    def content_hash(self) -> str:
        """SHA-256 of all arrays but the name: equal encoders, equal hash."""
        digest = hashlib.sha256(self._base.content_hash().encode())
        for name, array in sorted(self._arrays.items()):
            if name == "name":
                continue
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def encode_listings(
        self,
        listings: pa.RecordBatch | pa.Table,
        tokens: Mapping[str, Tokens],
        vocabulary: Sequence[str],
    ) -> F32s:
        """(n, dim) unit vectors; see `Encoder`. Listings and tokens are of the same rows."""
        meaning = self._base.encode_listings(listings, tokens, vocabulary)
        return self.extended(meaning, self.bias.of(listings))

    def extended(self, meaning: F32s, bias: Floats) -> F32s:
        """(n, dim) the listing side of day-one vectors (n, base dim) and biases (n,)."""
        out = np.zeros((len(meaning), self.dim), np.float32)
        wide, at = np.sqrt(1.0 + REACH**2), self._base.dim
        is_known = meaning.any(axis=1)
        out[:, :at] = meaning / np.float32(wide)
        out[:, at] = np.where(is_known, bias / wide, 0.0)
        out[:, at + 1] = np.where(is_known, np.sqrt(REACH**2 - bias**2) / wide, 0.0)
        return out

    def encode_query(
        self, text: str, words: Sequence[str], weights: Sequence[float] | None = None
    ) -> F32s:
        """(dim,) unit vector; see `Encoder`. Only `words` are read."""
        if weights is not None and len(weights) != len(words):
            raise InputError(f"encoder: {len(weights)} weights for {len(words)} words")
        out = np.zeros((1, self.dim), np.float32)
        if not words:
            return np.zeros(self.dim, np.float32)
        vectors = self._base.word_vectors(words).astype(np.float64)
        weight = np.ones(len(words)) if weights is None else np.array(weights, np.float64)
        for i, word in enumerate(words):
            if (row := self._word_row.get(word)) is not None:
                vectors[i] = (vectors[i] + self._shift[row]) * float(self._gain[row])
        total = (vectors * weight[:, None]).sum(axis=0)
        length = float(np.sqrt((total * total).sum()))
        if length > 0:
            out[0, : self._base.dim] = total * (self._sharpness / length)
            out[0, self._base.dim] = self._reach[min(len(words), MOST_WORDS) - 1]
            make_unit(out)
        vector: F32s = out[0]
        return vector


# name -> beginning of the item's type, dimensions
_ARRAYS: Final = {
    "name": ("U", 1),
    "words": ("u1", 1),  # UTF-8, parted by newlines
    "gain": ("f4", 1),  # (n_words,) > 0
    "shift": ("f4", 2),  # (n_words, base dim)
    "sharpness": ("f8", 1),
    "reach": ("f8", 1),  # (MOST_WORDS,) by the number of words, against a bias in [-REACH, REACH]
    "signal_mean": ("f8", 1),
    "signal_scale": ("f8", 1),
    "signal_weight": ("f8", 1),
    "limit": ("f8", 1),
    "currency": ("U", 1),
}


def packed_words(words: Sequence[str]) -> NDArray[np.uint8]:
    """Words as `TowerEncoder` keeps them; a word has no newline."""
    return np.frombuffer("\n".join(words).encode(), np.uint8)


def unit_rows(rows: Floats) -> tuple[Floats, Floats]:
    """Rows scaled to length 1, and (n, 1) their lengths; a row of zeros stays."""
    length: Floats = np.maximum(np.sqrt((rows * rows).sum(axis=1, keepdims=True)), 1e-12)
    return rows / length, length


def _check(base: CatalogueEncoder, trained: Mapping[str, NDArray[Any]]) -> None:
    """Raise CorruptError where arrays are missing, of other types, or do not fit together."""
    faults = [
        f"{PREFIX}{name} is " + (f"{array.dtype} of shape {array.shape}" if array is not None else "missing")
        for name, (kind, ndim) in _ARRAYS.items()
        if (array := trained.get(name)) is None
        or array.ndim != ndim
        or array.dtype.str.lstrip("<|=")[: len(kind)] != kind
    ]  # fmt: skip
    if not faults:
        faults = [fault for fault, holds in _fits(base, trained).items() if not holds]
    if faults:
        raise CorruptError(f"encoder: {'; '.join(faults)}; train the model anew")


def _fits(base: CatalogueEncoder, trained: Mapping[str, NDArray[Any]]) -> dict[str, bool]:
    n_words = bytes(trained["words"].tobytes()).count(b"\n") + 1 if len(trained["words"]) else 0
    numbers = [trained[name] for name, (kind, _) in _ARRAYS.items() if kind.startswith("f")]
    return {
        f"{n_words} words with {len(trained['gain'])} gains and shifts of {trained['shift'].shape}": (
            len(trained["gain"]) == n_words and trained["shift"].shape == (n_words, base.dim)
        ),
        f"{len(SIGNALS)} signals are known": all(
            len(trained[f"signal_{part}"]) == len(SIGNALS) for part in ("mean", "scale", "weight")
        ),
        f"{MOST_WORDS} numbers of words are told apart": len(trained["reach"]) == MOST_WORDS,
        "numbers that are not finite": all(bool(np.isfinite(one).all()) for one in numbers),
        "limit, sharpness and scales must be above 0": all(
            len(trained[name]) > 0 and bool((trained[name] > 0).all())
            for name in ("limit", "sharpness", "signal_scale")
        ),
    }


_conforms: type[Encoder] = TowerEncoder
