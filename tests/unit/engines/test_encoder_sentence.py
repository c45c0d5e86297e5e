"""An encoder from a sentence-transformers model, on a tiny one that is made here."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mercer.engines.embedded.index.encoder_sentence import SentenceEncoder
from mercer.schema.errors import ConfigError
from mercer.schema.listing import LISTING

TITLES = ["oak table", "mug", "", "oak table with four legs and a drawer", "   "]


def listings() -> pa.Table:
    n = len(TITLES)
    blank: dict[str, Any] = {
        "title": TITLES,
        "description": ["made by hand", "", "", "old", ""],
        "tags": [["wood"], [], [], [], []],
        "category_path": [["home"], [], [], [], []],
        "attributes": [[], [], [], [("colour", ["red"])], []],
    }
    fill = {pa.string(): "", pa.int64(): 0, pa.float32(): 0.0, pa.bool_(): False}
    columns = [pa.array(blank.get(f.name, [fill.get(f.type, [])] * n), f.type) for f in LISTING]
    return pa.table(columns, schema=LISTING)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer and 16 dimensions with mean pooling, random weights, saved to disk."""
    pytest.importorskip(
        "sentence_transformers", reason="the extra `sentence` (with PyTorch) is not installed"
    )
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "oak", "table", "four", "legs", "red"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(
        folder / "bert"
    )
    bert = modules.Transformer(str(folder / "bert"))
    pooling = modules.Pooling(bert.get_embedding_dimension())
    SentenceTransformer(modules=[bert, pooling], device="cpu").save(str(folder / "model"))
    return folder / "model"


def test_vectors_have_length_one_or_are_zero(model: Path) -> None:
    """Float32 of the model's size; a listing without a word is a row of zeros."""
    encoder = SentenceEncoder(str(model))
    vectors = encoder.encode_listings(listings(), {}, [])
    assert encoder.dim == 16
    assert vectors.shape == (5, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0, 1, 0], atol=1e-5)
    query = encoder.encode_query("oak table", ["oak", "table"])
    assert query.shape == (16,)
    assert query.dtype == np.float32
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)
    assert not encoder.encode_query("  ", []).any()


def test_many_is_one(model: Path) -> None:
    """A listing's vector is that of the listing alone, whatever it is padded to in a batch."""
    encoder, rows = SentenceEncoder(str(model)), listings()
    together = encoder.encode_listings(rows, {}, [])
    for i in range(rows.num_rows):
        alone = encoder.encode_listings(rows.slice(i, 1), {}, [])
        np.testing.assert_allclose(alone[0], together[i], atol=1e-4)


def test_all_text_fields_are_read(model: Path) -> None:
    """A label that only one of two equal titles has tells them apart."""
    encoder, rows = SentenceEncoder(str(model)), listings()
    tags = pa.array([[], *rows["tags"].to_pylist()[1:]], pa.list_(pa.string()))
    other = rows.set_column(rows.schema.get_field_index("tags"), LISTING.field("tags"), tags)
    first, second = (encoder.encode_listings(t, {}, [])[0] for t in (rows, other))
    assert np.abs(first - second).max() > 1e-3


def test_a_folder_that_holds_no_model_is_a_config_error(model: Path, tmp_path: Path) -> None:
    """What cannot be loaded is named, with what would be."""
    (tmp_path / "config.json").write_text("{not json", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be loaded as a sentence-transformers model"):
        SentenceEncoder(str(tmp_path))


def test_missing_extra_is_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the message says what to install."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match=r'pip install "mercer\[sentence\]"'):
        SentenceEncoder("any")
