"""The embedded text index: tantivy, over the same stems that the postings have.

It is asked only where a query matches more listings than can be looked up one by one (see
`rank/chosen.py`): its block-max WAND finds the best thousand of a million without visiting them
all. The words come in already cut and stemmed, so tantivy sees them parted by spaces and nothing is
analysed twice.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tantivy

from mercer.retrieve.segment import I32s, I64s
from mercer.retrieve.text_index import TextGroup, TextIndex
from mercer.text.analyze import Tokens, stem
from mercer.text.kernel_types import I4S, I8S, U1S
from mercer.text.listing_text import TEXT_FIELDS

FIELD_BOOSTS = (4.0, 2.0, 2.0, 0.5)  # as the first pass weights them
_LISTING = "listing"
_ROWS = "row_of_listing.npy"
_HEAP_BYTES = 512_000_000
Bytes = npt.NDArray[np.uint8]


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in TEXT_FIELDS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_integer_field(_LISTING, fast=True)
    return builder.build()


def _with_tokenizer(index: tantivy.Index) -> tantivy.Index:
    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("whitespace", analyzer)
    return index


class TantivyBuilder:
    """Writes the index of a segment batch by batch, in a thread of its own while others read.

    Listings are numbered in the order they come; `finish` is told which row each became.

    Args:
        folder: empty or not there yet.
        n_threads: that tantivy itself indexes with.
    """

    def __init__(self, folder: Path, *, n_threads: int = 2) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        index = _with_tokenizer(tantivy.Index(_schema(), str(folder)))
        self._writer = index.writer(heap_size=_HEAP_BYTES, num_threads=n_threads)
        self._n = 0
        self._stems = _StemBytes()

    def add(self, tokens: Mapping[str, Tokens], new_words: Sequence[str]) -> None:
        """Index the next listings.

        Args:
            tokens: words of each text field.
            new_words: of the vocabulary, those that came since the last call.
        """
        self._stems.extend(new_words)
        n = len(tokens[TEXT_FIELDS[0]].offsets) - 1
        document, add = tantivy.Document, self._writer.add_document
        columns = [self._stems.texts(tokens[name]) for name in TEXT_FIELDS]
        for listing, (title, labels, category, description) in enumerate(
            zip(*columns, strict=True), self._n
        ):
            add(
                document(
                    title=title,
                    labels=labels,
                    category=category,
                    description=description,
                    listing=listing,
                )
            )
        self._n += n

    def finish(self, listing_of_row: I64s) -> None:
        """Commit; the index can be opened then.

        Args:
            listing_of_row: (n,) the listing that each row is.
        """
        self._writer.commit()
        self._writer.wait_merging_threads()
        row_of = np.empty(len(listing_of_row), np.int64)
        row_of[listing_of_row] = np.arange(len(listing_of_row))
        np.save(self._folder / _ROWS, row_of)


class _StemBytes:
    """The stems of a growing vocabulary as bytes, for assembling texts in a kernel."""

    def __init__(self) -> None:
        self._ends = np.zeros(1, np.int64)
        self._bytes = np.zeros(0, np.uint8)

    def extend(self, words: Sequence[str]) -> None:
        coded = [stem(word).encode() for word in words]
        ends = self._ends[-1] + np.cumsum([len(one) for one in coded], dtype=np.int64)
        self._ends = np.concatenate([self._ends, ends])
        self._bytes = np.concatenate([self._bytes, np.frombuffer(b"".join(coded), np.uint8)])

    def texts(self, tokens: Tokens) -> list[str]:
        """The stems of each listing, a space after each."""
        offsets = np.zeros(len(tokens.offsets), np.int64)
        _measure(tokens.offsets, tokens.codes, self._ends, offsets)
        text = np.empty(offsets[-1], np.uint8)
        _write(tokens.offsets, tokens.codes, self._ends, self._bytes, text)
        buffers = pa.py_buffer(offsets), pa.py_buffer(text)
        strings = pa.LargeStringArray.from_buffers(len(offsets) - 1, *buffers)
        listed: list[str] = strings.to_pylist()
        return listed


class TantivyIndex:
    """A tantivy index on disk, opened for searching. Safe to use from many threads."""

    def __init__(self, folder: Path) -> None:
        self._index = _with_tokenizer(tantivy.Index.open(str(folder)))
        self._index.config_reader(reload_policy="manual")
        self._index.reload()
        self._schema, self._searcher = self._index.schema, self._index.searcher()
        self._row_of = np.asarray(np.load(folder / _ROWS, mmap_mode="r"))

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
        addresses = [address for _, address in hits]
        listings = self._searcher.fast_field_values(_LISTING, addresses)
        return self._row_of[np.array(listings, np.int64)]

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


@nb.njit(nb.void(I8S, I4S, I8S, nb.i8[::1]), cache=True, nogil=True)
def _measure(offsets: I64s, codes: I32s, ends: I64s, out: I64s) -> None:
    for i in range(offsets.size - 1):
        length = 0
        for at in range(offsets[i], offsets[i + 1]):
            length += ends[codes[at] + 1] - ends[codes[at]] + 1
        out[i + 1] = out[i] + length


@nb.njit(nb.void(I8S, I4S, I8S, U1S, nb.u1[::1]), cache=True, nogil=True)
def _write(offsets: I64s, codes: I32s, ends: I64s, stems: Bytes, out: Bytes) -> None:
    end = 0
    for at in range(offsets[0], offsets[-1]):
        for b in range(ends[codes[at]], ends[codes[at] + 1]):
            out[end] = stems[b]
            end += 1
        out[end] = 32
        end += 1


_conforms: type[TextIndex] = TantivyIndex
