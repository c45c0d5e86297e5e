"""A sentence-transformers model in place of the encoder that is fitted on the catalogue."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import pyarrow as pa

from mercer.schema.errors import ConfigError
from mercer.text.analyze import Tokens
from mercer.text.encoder import Encoder
from mercer.text.encoder_kernel import F32s, make_unit
from mercer.text.listing_text import TEXT_FIELDS, text_columns

_MAX_CHARS = 2_000  # of a listing; models read some hundred words at most
_BATCH = 64  # texts that go through the model together


@final
class SentenceEncoder:
    """Listings and queries through one model; see `Encoder`.

    A listing is its title, labels, category and description, one after the other, cut at 2,000
    characters. Models that declare prompts for queries and documents get them.

    Args:
        model: a folder, or a name that sentence-transformers knows how to fetch. This code opens
            no connection; for a name that is not in its cache the library does.
        device: of PyTorch.
    Raises:
        ConfigError: the extra is not installed, or the model cannot be loaded.
    """

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        self._model = _load(model, device)
        self.name = f"sentence-transformers:{model}"
        self.dim = len(self._model.encode_query("one text", show_progress_bar=False))

    def encode_listings(
        self,
        listings: pa.RecordBatch | pa.Table,
        tokens: Mapping[str, Tokens],
        vocabulary: Sequence[str],
    ) -> F32s:
        """(n, dim) unit vectors. Only `listings` are read."""
        columns = text_columns(listings)
        rows = zip(*(columns[name].to_pylist() for name in TEXT_FIELDS), strict=True)
        return self._encode(["\n".join(filter(None, row)) for row in rows], is_query=False)

    def encode_query(
        self, text: str, words: Sequence[str], weights: Sequence[float] | None = None
    ) -> F32s:
        """(dim,) unit vector. Only `text` is read; word weights have no meaning to a model."""
        vector: F32s = self._encode([text], is_query=True)[0]
        return vector

    def _encode(self, texts: Sequence[str], *, is_query: bool) -> F32s:
        """Unit vectors; zeros for a text of nothing but spaces."""
        out = np.zeros((len(texts), self.dim), np.float32)
        said = [i for i, text in enumerate(texts) if text.strip()]
        if said:
            encode = self._model.encode_query if is_query else self._model.encode_document
            vectors = encode(
                [texts[i][:_MAX_CHARS] for i in said],
                batch_size=_BATCH,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
            out[said] = np.nan_to_num(np.asarray(vectors, np.float32))
            make_unit(out)
        return out


def _load(model: str, device: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError(
            f"encoder {model!r} needs an extra that is not installed ({error}); run "
            'pip install "mercer[sentence]", or set encoder = "catalogue"'
        ) from error
    try:
        return SentenceTransformer(model, device=device)
    except Exception as error:  # the library and the model's own code raise whatever they like
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise ConfigError(
            f"encoder {model!r} cannot be loaded as a sentence-transformers model: {reason}; name "
            "a folder that holds one, or a model that can be fetched"
        ) from error


_conforms: type[Encoder] = SentenceEncoder
