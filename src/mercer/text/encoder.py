"""From words to meaning: listings and queries as vectors of one space.

A vector has length 1, so the inner product of two is their cosine; it is all zeros where nothing
is known of what was said.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.schema.errors import CorruptError, InputError
from mercer.text.analyze import Tokens, stem_many
from mercer.text.encoder_kernel import F32s, I8Table, I64s, make_unit, multiply, word_points
from mercer.text.encoder_kernel import word_vectors as _word_vectors
from mercer.text.encoder_words import used_codes, weighed_words

_MAX_WORDS = 131_072  # distinct ones whose vectors are in memory at one time: 134 MB at 256-d


class Encoder(Protocol):
    """Turns listings and queries into vectors. Each law is a test.

    1. Every vector is finite float32 of length 1, or all zeros where nothing is known;
    2. many = one: a listing's vector does not depend on its neighbours in the batch (bit for bit
       where the encoder is fitted; to 1e-4 where a neural model pads its batches);
    3. nothing is learnt on the way: the same words give the same bits at any time.
    """

    name: str  # which kind, for explanations and manifests
    dim: int

    def encode_listings(
        self,
        listings: pa.RecordBatch | pa.Table,
        tokens: Mapping[str, Tokens],
        vocabulary: Sequence[str],
    ) -> F32s:
        """(n, dim) vectors.

        Args:
            listings: n rows of LISTING.
            tokens: words of each text field of the same rows (`listing_tokens`).
            vocabulary: word of each code.
        """
        ...

    def encode_query(
        self, text: str, words: Sequence[str], weights: Sequence[float] | None = None
    ) -> F32s:
        """(dim,) vector.

        Args:
            text: as it was typed.
            words: as it was understood, folded and unstemmed.
            weights: of each word, >= 0; None: all 1.
        """
        ...


@final
class CatalogueEncoder:
    """The encoder that `fit_encoder` makes: a word is its stem plus its character n-grams.

    A listing is the sum of its words' vectors, each times the root of how often the listing has the
    word (weighted by field); a query is the plain weighted sum. N-grams are hashed into a fixed
    table, so every word has a vector, also a misspelt one. Vectors of stems and grams are kept
    in 8 bits with one scale per row: at most 131,072 of each make 67 MB at 256 dimensions.

    Does not handle: the order of words.
    """

    name = "catalogue"

    def __init__(
        self,
        *,
        stem_bytes: NDArray[np.uint8],
        stem_ends: I64s,
        stem_vectors: I8Table,
        stem_scale: F32s,
        gram_vectors: I8Table,
        gram_scale: F32s,
        gram_sizes: I64s,
        field_names: NDArray[np.str_],
        field_weight: F32s,
    ) -> None:
        self._arrays: dict[str, NDArray[Any]] = {
            "stem_bytes": stem_bytes,  # UTF-8 of all stems, one after the other
            "stem_ends": stem_ends,  # (n_stems,)
            "stem_vectors": stem_vectors,  # (n_stems, dim)
            "stem_scale": stem_scale,  # (n_stems,)
            "gram_vectors": gram_vectors,  # (a power of two, dim)
            "gram_scale": gram_scale,
            "gram_sizes": gram_sizes,  # (2,) shortest and longest
            "field_names": field_names,
            "field_weight": field_weight,
        }
        self._check()
        self.dim = int(gram_vectors.shape[1])
        self._stem_vectors, self._stem_scale = stem_vectors, stem_scale
        self._gram_vectors, self._gram_scale = gram_vectors, gram_scale
        self._shortest, self._longest = map(int, gram_sizes)
        self._field_weight = dict(zip(field_names.tolist(), field_weight.tolist(), strict=True))
        data, ends = stem_bytes.tobytes(), stem_ends.tolist()
        starts = [0, *ends[:-1]] if ends else []
        self._stem_row = {
            data[a:b].decode(): row for row, (a, b) in enumerate(zip(starts, ends, strict=True))
        }

    @classmethod
    def from_vectors(
        cls,
        *,
        stems: Sequence[str],
        stem_vectors: F32s,
        gram_vectors: F32s,
        gram_sizes: tuple[int, int],
        field_weight: Mapping[str, float],
    ) -> "CatalogueEncoder":
        """From vectors in float32, which are rounded to 8 bits.

        Args:
            stems: n_stems different ones.
            stem_vectors: (n_stems, dim).
            gram_vectors: (a power of two, dim).
            gram_sizes: characters of the shortest and the longest n-gram.
            field_weight: of each text field, > 0.
        """
        coded = [s.encode() for s in stems]
        stem_codes, stem_scale = _in_8_bits(stem_vectors)
        gram_codes, gram_scale = _in_8_bits(gram_vectors)
        return cls(
            stem_bytes=np.frombuffer(b"".join(coded), np.uint8),
            stem_ends=np.cumsum([len(s) for s in coded], dtype=np.int64),
            stem_vectors=stem_codes,
            stem_scale=stem_scale,
            gram_vectors=gram_codes,
            gram_scale=gram_scale,
            gram_sizes=np.array(gram_sizes, np.int64),
            field_names=np.array(list(field_weight), np.str_),
            field_weight=np.array(list(field_weight.values()), np.float32),
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything there is to save, one array per name; none is copied."""
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "CatalogueEncoder":
        """The encoder that `to_arrays` came from; the arrays may be memory-mapped.

        Raises:
            CorruptError: arrays that are missing or do not fit together.
        """
        if missing := sorted(set(_ARRAYS) - set(arrays)):
            raise CorruptError(f"encoder: {missing} missing; build the index anew (mercer index)")
        return cls(**{name: arrays[name] for name in _ARRAYS})

    def content_hash(self) -> str:
        """SHA-256 of all arrays, 64 hexadecimal digits: equal encoders, equal hash."""
        digest = hashlib.sha256()
        for name, array in sorted(self._arrays.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def word_vectors(self, words: Sequence[str]) -> F32s:
        """(n, dim) vector of each word, not of unit length: rarer words are longer."""
        points, starts = word_points(words)
        row = self._stem_row
        stems = np.fromiter((row.get(s, -1) for s in stem_many(words)), np.int32, count=len(words))
        out = np.empty((len(words), self.dim), np.float32)
        _word_vectors(
            points, starts, stems, self._stem_vectors, self._stem_scale,
            self._gram_vectors, self._gram_scale, self._shortest, self._longest, out,
        )  # fmt: skip
        return out

    def encode_listings(
        self,
        listings: pa.RecordBatch | pa.Table,
        tokens: Mapping[str, Tokens],
        vocabulary: Sequence[str],
    ) -> F32s:
        """(n, dim) unit vectors; see `Encoder`. Only `tokens` are read.

        Best in batches of 10,000 or more, whose listings share words; two threads may encode two
        batches at the same time, the kernels hold no lock.
        """
        n = listings.num_rows
        fields, weights = [], []
        for name, weight in self._field_weight.items():
            if name in tokens:
                if tokens[name].offsets.size != n + 1:
                    raise InputError(
                        f"encoder: field {name!r} has the words of {tokens[name].offsets.size - 1} "
                        f"listings, must be those of the same {n}"
                    )
                fields.append(tokens[name])
                weights.append(weight)
        out = np.zeros((n, self.dim), np.float32)
        if fields:
            self._encode(fields, np.array(weights, np.float32), vocabulary, out)
        return out

    def encode_query(
        self, text: str, words: Sequence[str], weights: Sequence[float] | None = None
    ) -> F32s:
        """(dim,) unit vector; see `Encoder`. Only `words` are read."""
        if weights is not None and len(weights) != len(words):
            raise InputError(f"encoder: {len(weights)} weights for {len(words)} words")
        weight = (
            np.ones(len(words), np.float32) if weights is None else np.array(weights, np.float32)
        )
        out = np.empty((1, self.dim), np.float32)
        offsets, columns = np.array([0, len(words)]), np.arange(len(words), dtype=np.int32)
        multiply(offsets, columns, weight, self.word_vectors(words), 0, 1, out)
        make_unit(out)
        vector: F32s = out[0]
        return vector

    def _encode(
        self, fields: Sequence[Tokens], weights: F32s, vocabulary: Sequence[str], out: F32s
    ) -> None:
        """Write the unit vectors of some listings, in halves where they have too many words."""
        codes = used_codes(fields, len(vocabulary))
        if codes.size > _MAX_WORDS and len(out) > 1:
            middle = len(out) // 2
            for part in (slice(0, middle), slice(middle, len(out))):
                half = [Tokens(t.offsets[part.start : part.stop + 1], t.codes) for t in fields]
                self._encode(half, weights, vocabulary, out[part])
            return
        place = np.empty(len(vocabulary), np.int32)
        place[codes] = np.arange(codes.size, dtype=np.int32)
        vectors = self.word_vectors([vocabulary[c] for c in codes.tolist()])
        listings = weighed_words(fields, weights, place, codes.size)
        multiply(listings.offsets, listings.columns, listings.values, vectors, 0, len(out), out)
        make_unit(out)

    def _check(self) -> None:
        """Raise CorruptError where a kernel would read past an array."""
        a = self._arrays
        faults = [
            f"{name} is {a[name].dtype} of shape {a[name].shape}"
            for name, (kinds, ndim) in _ARRAYS.items()
            if a[name].ndim != ndim or a[name].dtype.str.lstrip("<|=")[: len(kinds)] != kinds
        ]
        faults = faults or _misfits(a)
        if faults:
            raise CorruptError(f"encoder: {'; '.join(faults)}; build the index anew (mercer index)")


# name -> beginning of the item's type, dimensions
_ARRAYS = {
    "stem_bytes": ("u1", 1),
    "stem_ends": ("i8", 1),
    "stem_vectors": ("i1", 2),
    "stem_scale": ("f4", 1),
    "gram_vectors": ("i1", 2),
    "gram_scale": ("f4", 1),
    "gram_sizes": ("i8", 1),
    "field_names": ("U", 1),
    "field_weight": ("f4", 1),
}


def _misfits(a: Mapping[str, NDArray[Any]]) -> list[str]:
    """What does not fit together in arrays that are of the right types."""
    rows, ends, sizes = len(a["gram_vectors"]), a["stem_ends"], a["gram_sizes"].tolist()
    last = int(ends[-1]) if len(ends) else 0
    fits = {
        f"{rows} rows of n-grams with {len(a['gram_scale'])} scales": rows >= 1
        and rows & (rows - 1) == 0
        and len(a["gram_scale"]) == rows,
        f"{len(ends)} stems, {len(a['stem_vectors'])} vectors and {len(a['stem_scale'])} scales": len(
            ends
        )
        == len(a["stem_vectors"])
        == len(a["stem_scale"]),
        f"stems end at {last} of {len(a['stem_bytes'])} bytes": last == len(a["stem_bytes"])
        and bool((np.diff(ends, prepend=0) >= 0).all()),
        "stems and n-grams differ in dimensions": a["stem_vectors"].shape[1]
        == a["gram_vectors"].shape[1],
        f"n-grams of {sizes} characters": len(sizes) == 2 and 1 <= sizes[0] <= sizes[1],
        "fields and their weights differ in number": len(a["field_names"])
        == len(a["field_weight"]),
    }
    return [fault for fault, holds in fits.items() if not holds]


def _in_8_bits(vectors: F32s) -> tuple[I8Table, F32s]:
    """Rows as int8 in -127..127 and the scale of each row; a row of zeros has scale 0."""
    scale = np.abs(vectors).max(axis=1, initial=0.0) / np.float32(127)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.rint(vectors * inverse[:, None]).astype(np.int8), scale.astype(np.float32)


_conforms: type[Encoder] = CatalogueEncoder
