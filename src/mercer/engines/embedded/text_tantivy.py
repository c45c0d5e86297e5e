"""The embedded text index: tantivy, over the same stems that the postings have.

It is asked only where a query matches more listings than the first pass scores: its block-max WAND
finds the best thousand of a million without visiting them all. The words come in already cut and
stemmed, so tantivy sees them parted by spaces and nothing is analysed twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tantivy

from mercer.retrieve.segment import I32s, I64s
from mercer.retrieve.text_index import TextGroup, TextIndex
from mercer.text.analyze import Tokens
from mercer.text.listing_text import TEXT_FIELDS

FIELD_BOOSTS = (4.0, 2.0, 2.0, 0.5)  # as the first pass weights them
_ROW = "row"
_HEAP_BYTES = 512_000_000
_BATCH_ROWS = 50_000
Bytes = npt.NDArray[np.uint8]


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in TEXT_FIELDS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_integer_field(_ROW, fast=True)
    return builder.build()


def _with_tokenizer(index: tantivy.Index) -> tantivy.Index:
    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("whitespace", analyzer)
    return index


def build_text_index(
    folder: Path,
    tokens: Mapping[str, Tokens],
    stems: pa.StringArray,
    stem_of: I32s,
    order: I64s,
    *,
    n_threads: int = 2,
) -> None:
    """Write the index of a segment into an empty folder.

    Args:
        tokens: words of each text field by listing.
        stems: (n_stems,); stem_of: (n_words,) the stem of each word.
        order: (n_rows,) listing of each row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = _with_tokenizer(tantivy.Index(_schema(), str(folder)))
    writer = index.writer(heap_size=_HEAP_BYTES, num_threads=n_threads)
    document, add = tantivy.Document, writer.add_document
    for first, columns in _texts(tokens, stems, stem_of, order):
        for row, (title, labels, category, description) in enumerate(
            zip(*columns, strict=True), first
        ):
            add(
                document(
                    title=title, labels=labels, category=category, description=description, row=row
                )
            )
    writer.commit()
    writer.wait_merging_threads()


def _texts(
    tokens: Mapping[str, Tokens], stems: pa.StringArray, stem_of: I32s, order: I64s
) -> Iterator[tuple[int, list[list[str]]]]:
    """The stems of each field as one string per row, batch by batch."""
    large = stems.cast(pa.large_string())
    _, starts, data = large.buffers()
    stem_starts = (
        np.frombuffer(starts, np.int64)[: len(large) + 1] if starts else np.zeros(1, np.int64)
    )
    stem_bytes = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    for first in range(0, len(order), _BATCH_ROWS):
        batch = order[first : first + _BATCH_ROWS]
        columns = []
        for name in TEXT_FIELDS:
            field = tokens[name]
            offsets = np.zeros(len(batch) + 1, np.int64)
            _measure(field.offsets, field.codes, stem_of, stem_starts, batch, offsets)
            text = np.empty(offsets[-1], np.uint8)
            _write(field.offsets, field.codes, stem_of, stem_starts, stem_bytes, batch, text)
            strings = pa.LargeStringArray.from_buffers(
                len(batch), pa.py_buffer(offsets), pa.py_buffer(text)
            )
            columns.append(strings.to_pylist())
        yield first, columns


class TantivyIndex:
    """A tantivy index on disk, opened for searching. Safe to use from many threads."""

    def __init__(self, folder: Path) -> None:
        self._index = _with_tokenizer(tantivy.Index.open(str(folder)))
        self._index.config_reader(reload_policy="manual")
        self._index.reload()
        self._schema, self._searcher = self._index.schema, self._index.searcher()

    def top(self, groups: Sequence[TextGroup], *, min_groups: int, k: int) -> I64s:
        """(<= k,) rows, best first by BM25 over the boosted fields."""
        required = [self._group(group) for group in groups if group.is_required]
        optional = [self._group(group) for group in groups if not group.is_required]
        should = tantivy.Occur.Should
        query = tantivy.Query.boolean_query(
            [(should, q) for q in required], minimum_number_should_match=min_groups
        )
        if optional:
            query = tantivy.Query.boolean_query(
                [(tantivy.Occur.Must, query), *((should, q) for q in optional)]
            )
        hits = self._searcher.search(query, limit=k, count=False).hits
        rows = self._searcher.fast_field_values(_ROW, [address for _, address in hits])
        return np.array(rows, np.int64)

    def _group(self, group: TextGroup) -> tantivy.Query:
        ways = [self._way(stems) for stems in group.alternatives]
        query = ways[0] if len(ways) == 1 else tantivy.Query.disjunction_max_query(ways)
        return query if group.weight == 1.0 else tantivy.Query.boost_query(query, group.weight)

    def _way(self, stems: Sequence[str]) -> tantivy.Query:
        each = [self._stem(word) for word in stems]
        if len(each) == 1:
            return each[0]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in each])

    def _stem(self, word: str) -> tantivy.Query:
        query = tantivy.Query
        return query.boolean_query(
            [
                (
                    tantivy.Occur.Should,
                    query.boost_query(query.term_query(self._schema, name, word, "freq"), boost),
                )
                for name, boost in zip(TEXT_FIELDS, FIELD_BOOSTS, strict=True)
            ]
        )


_I8 = nb.types.Array(nb.i8, 1, "C", readonly=True)
_I4 = nb.types.Array(nb.i4, 1, "C", readonly=True)
_U1 = nb.types.Array(nb.u1, 1, "C", readonly=True)


@nb.njit(nb.void(_I8, _I4, _I4, _I8, _I8, nb.i8[::1]), cache=True, nogil=True)
def _measure(
    offsets: I64s, codes: I32s, stem_of: I32s, stem_starts: I64s, order: I64s, out: I64s
) -> None:
    for i in range(order.size):
        length = 0
        for at in range(offsets[order[i]], offsets[order[i] + 1]):
            s = stem_of[codes[at]]
            length += stem_starts[s + 1] - stem_starts[s] + 1
        out[i + 1] = out[i] + length


@nb.njit(nb.void(_I8, _I4, _I4, _I8, _U1, _I8, nb.u1[::1]), cache=True, nogil=True)
def _write(
    offsets: I64s, codes: I32s, stem_of: I32s, stem_starts: I64s, stem_bytes: Bytes,
    order: I64s, out: Bytes,
) -> None:  # fmt: skip
    end = 0
    for i in range(order.size):
        for at in range(offsets[order[i]], offsets[order[i] + 1]):
            s = stem_of[codes[at]]
            for b in range(stem_starts[s], stem_starts[s + 1]):
                out[end] = stem_bytes[b]
                end += 1
            out[end] = 32
            end += 1


_conforms: type[TextIndex] = TantivyIndex
