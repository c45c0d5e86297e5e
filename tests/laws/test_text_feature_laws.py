"""Laws of the text kernels of features: each is its plain twin, and a row knows only itself."""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercer.features.text.bits import bytes_between, lower_block, trailing_zeros
from mercer.features.text.cut import cut, cut_plain, text_plain
from mercer.features.text.edit import edit_similarity, edit_similarity_plain
from mercer.features.text.hashing import hash_rows, hash_vector_plain, hash_vectors
from mercer.features.text.murmur import murmur, murmur_plain
from mercer.features.text.ngrams import (
    char_ngrams,
    char_ngrams_plain,
    word_ngrams,
    word_ngrams_plain,
)
from mercer.features.text.overlap import (
    count_distinct,
    count_distinct_plain,
    coverage_plain,
    jaccard_plain,
    overlap_plain,
)
from mercer.features.text.relevance import (
    bm25_plain,
    tfidf_cosine_plain,
    tfidf_norm,
    tfidf_norm_plain,
)
from mercer.features.text.run_length import longest_run_plain
from mercer.features.text.shared_words import (
    BM25,
    COSINE,
    COVERAGE,
    JACCARD,
    N_SETTINGS,
    OVERLAP,
    RUN,
    compare,
)
from mercer.features.text.weights import bm25_idf, count_texts, smooth_idf, weight_table

NASTY = [
    "",
    " ",
    "Women's 1.75in café-racer T-shirt, 1/2 price",
    "a1.5 1.5a.5 1.2.3.4 1..2 .5 5. 1/'2 1'.2 3/4/5x",
    "ＡＢＣ ½ ﷺ ﷺﷺ Ⅷ ß ﬁ",  # noqa: RUF001
    "x" * 200 + " " + "é" * 100 + "日" * 50,
    "日本語 テキスト 😀 emoji 👩‍👩‍👧",
    "\u0130I\u0307 ΣΑΣ rock'n'roll ''' `",
    "a" * 63 + "é " + "B" * 64 + " " + "c" * 65,
    "running runs runner ran",
]
TEXT = st.text(max_size=40) | st.sampled_from(NASTY) | st.text("ab1./' é-", max_size=90)
TEXTS = st.lists(st.none() | TEXT, max_size=8)
WORDS = st.none() | st.lists(st.integers(0, 5) | st.integers(0, 2**32 - 1), max_size=12)
PAIRS = st.lists(st.tuples(WORDS, WORDS), max_size=8)
LAW = settings(max_examples=60, deadline=None)


def text_column(texts):
    """Rows of bytes, with bytes before and between that belong to nobody."""
    starts, stops, data = [], [], b"Zz9"
    for text in texts:
        coded = None if text is None else text.encode("utf-8", "replace")
        starts.append(len(data))
        stops.append(len(data) - 1 if coded is None else len(data) + len(coded))
        data += (coded or b"") + b"Qq7"
    return np.array(starts, np.int64), np.array(stops, np.int64), np.frombuffer(data, np.uint8)


def word_column(rows):
    starts, stops, words = [], [], [7]
    for row in rows:
        starts.append(len(words))
        stops.append(len(words) - 1 if row is None else len(words) + len(row))
        words += [*(row or []), 7]
    return np.array(starts, np.int64), np.array(stops, np.int64), np.array(words, np.uint32)


def rows_of(offsets, values):
    return [values[a:b].tolist() for a, b in itertools.pairwise(offsets)]


def same(got, want):
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want, np.float64))


def clean(texts):
    return [t if t is None else t.encode("utf-8", "replace").decode() for t in texts]


@nb.njit("u8(u8)")
def _zeros(bits):
    return trailing_zeros(bits)


@given(st.binary(min_size=64, max_size=64), st.integers(0, 255), st.integers(0, 255))
@LAW
def test_64_bytes_at_a_time(data, first, last):
    """Each bit says what the comparison of that byte says, and only A to Z change their case."""
    block = np.frombuffer(data, np.uint8)
    first, last = min(first, last), max(first, last)
    bits, lower = _looked_at(block, first, last)
    assert bits == sum(1 << i for i, c in enumerate(data) if first <= c <= last)
    assert lower.tobytes() == data.lower()
    assert _zeros(np.uint64(bits)) == (64 if bits == 0 else (bits & -bits).bit_length() - 1)


@nb.njit("u8(Array(u1, 1, 'C', readonly=True), i8, i8, u1[::1])")
def _look(block, first, last, out):
    lower_block(block, 0, out, 0)
    return bytes_between(block, 0, np.uint8(first), np.uint8(last))


def _looked_at(block, first, last):
    out = np.zeros(64, np.uint8)
    return int(_look(block, first, last, out)), out


@given(st.binary(max_size=40), st.integers(0, 2**32 - 1))
@LAW
def test_murmur_is_its_twin(data, seed):
    """The kernel and plain arithmetic give the same 32 bits, whatever lies behind the bytes."""
    padded = np.frombuffer(data + b"\xff\xfe\xfd", np.uint8)
    assert murmur(padded, 0, len(data), seed) == murmur_plain(data, seed)


def test_murmur_golden_vectors():
    """Values that other implementations of MurmurHash3_x86_32 print."""
    assert murmur_plain(b"") == 0
    assert murmur_plain(b"", 1) == 0x514E28B7
    assert murmur_plain(b"test") == 0xBA6BD213
    assert murmur_plain(b"Hello, world!") == 0xC0363E43
    assert murmur_plain(b"The quick brown fox jumps over the lazy dog") == 0x2E4FF723


@given(TEXTS, st.booleans())
@example(NASTY, True)
@example([], False)
@LAW
def test_cut_is_words(texts, stem):
    """The kernel's words are those of `text.analyze`: numbers, stems and text."""
    got = cut(*text_column(texts), stem=stem, with_text=True)
    texts = clean(texts)
    assert rows_of(got.offsets, got.ids) == cut_plain(texts, stem_words=stem)
    assert [bytes(row).decode() for row in rows_of(got.text_offsets, got.text)] == text_plain(texts)


@given(TEXTS, st.randoms(), st.booleans())
@LAW
def test_a_row_is_cut_alone(texts, random, stem):
    """Any rows in any order, also twice, give what each gives alone."""
    starts, stops, data = text_column(texts)
    whole = rows_of(*_ids(cut(starts, stops, data, stem=stem)))
    order = [random.randrange(len(texts)) for _ in range(5)] if texts else []
    some = np.array(order, np.int64)
    assert rows_of(*_ids(cut(starts[some], stops[some], data, stem=stem))) == [
        whole[i] for i in order
    ]


def _ids(found):
    return found.offsets, found.ids


@given(TEXTS)
@LAW
def test_folded_text_is_cut_as_the_text_was(texts):
    """What `cut` writes, cut again, is the same: n-grams and edits may build on it."""
    once = cut(*text_column(texts), with_text=True)
    again = cut(once.text_offsets[:-1], once.text_offsets[1:], once.text, with_text=True)
    assert rows_of(again.text_offsets, again.text) == rows_of(once.text_offsets, once.text)


@pytest.mark.parametrize("unit", ["ab ", "é ", "1.", "'", "ﷺ", "😀", "qwzx1 "])
def test_a_megabyte_is_a_text(unit):
    """A long row is cut like a short one, whatever it repeats."""
    grows = 11 if unit == "\ufdfa" else 1  # folded, it is eleven times as long
    short, n = unit * 64, (1 << 20) // len(unit.encode()) // grows
    got = cut(*text_column([short, unit * n, None, short]), stem=True, with_text=True)
    rows = rows_of(got.offsets, got.ids)
    assert rows[0] == rows[3] == cut_plain([short], stem_words=True)[0]
    assert rows[2] == []
    assert rows[1] == cut_plain([unit * n], stem_words=True)[0]


def test_threads_share_what_was_learnt():
    """Threads that meet new words and new characters at the same time give what one alone gives."""
    texts = [
        " ".join(
            f"{chr(97 + i % 26)}{'xyzz'[j % 4] * (i % 5)}{chr(0x3A0 + i)}ing" for j in range(9)
        )
        for i in range(60)
    ]
    parts = [texts[i::4] for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: cut(*text_column(part), stem=True), parts))
    for part, got in zip(parts, found, strict=True):
        assert rows_of(got.offsets, got.ids) == cut_plain(part, stem_words=True)


def test_bytes_that_are_no_utf_8_separate_words():
    """A cut-off or wrong sequence reads nothing behind the row and loses no word beside it."""
    data = np.frombuffer(b"ab\xe2\x82 cd\xff ef\xf0\x9f", np.uint8)
    got = cut(np.array([0]), np.array([data.size]), data, with_text=True)
    assert got.text[: got.text_offsets[1]].tobytes() == b"ab cd ef"


@given(TEXTS, st.integers(1, 3), st.integers(0, 2))
@LAW
def test_word_ngrams_are_their_twin(texts, shortest, more):
    """Every run of words once, by the number of its bytes."""
    folded = cut(*text_column(texts), with_text=True)
    rows = folded.text_offsets[:-1], folded.text_offsets[1:], folded.text
    sizes = {"shortest": shortest, "longest": shortest + more}
    want = [word_ngrams_plain(text, **sizes) for text in text_plain(clean(texts))]
    assert rows_of(*word_ngrams(*rows, **sizes)) == want


@given(TEXTS, st.integers(2, 4), st.integers(0, 2), st.booleans())
@LAW
def test_char_ngrams_are_their_twin(texts, shortest, more, is_across):
    """Every run of characters once, by the number of its bytes, in words or across them."""
    folded = cut(*text_column(texts), with_text=True)
    rows = folded.text_offsets[:-1], folded.text_offsets[1:], folded.text
    how = {"shortest": shortest, "longest": shortest + more, "is_across": is_across}
    want = [char_ngrams_plain(text, **how) for text in text_plain(clean(texts))]
    assert rows_of(*char_ngrams(*rows, **how)) == want


def _pair_columns(pairs):
    left, right = [p[0] for p in pairs], [p[1] for p in pairs]
    return (*word_column(left), *word_column(right))


def said_of(pairs, *asked):
    """`said` of pairs whose left lists are each there for itself."""
    return said(_pair_columns(pairs), *asked)


def said(columns, *asked):
    """(k, n) of each (measure, table of weights, settings, numbers of the right lists), in one call."""
    n = len(columns[0])
    tables = [np.zeros(0, np.uint64) if table is None else table.slots for _, table, _, _ in asked]
    ends = np.cumsum([0, *(table.size for table in tables)])
    settings, beside = np.zeros((len(asked), N_SETTINGS)), np.zeros((len(asked), n))
    for j, (_, _, some, numbers) in enumerate(asked):
        settings[j, : len(some)] = some
        beside[j] = numbers
    out = np.full((len(asked), n), -7.0)
    compare(
        *columns, beside, np.array([measure for measure, _, _, _ in asked]), np.arange(len(asked)),
        settings, ends[:-1], ends[1:], np.concatenate(tables), out,
    )  # fmt: skip
    return out


@given(PAIRS)
@LAW
def test_overlap_jaccard_and_run_are_their_twins(pairs):
    """Kernel and sets agree, missing rows included."""
    distinct = np.empty(len(pairs))
    count_distinct(*word_column([b for _, b in pairs]), distinct)
    same(distinct, [count_distinct_plain(b) for _, b in pairs])
    out = said_of(
        pairs, (OVERLAP, None, (), 0.0), (JACCARD, None, (), distinct), (RUN, None, (), 0.0)
    )
    same(out[0], [overlap_plain(a, b) for a, b in pairs])
    same(out[1], [jaccard_plain(*pair, n) for pair, n in zip(pairs, distinct, strict=True)])
    same(out[2], [longest_run_plain(a, b) for a, b in pairs])


@given(PAIRS, st.lists(WORDS, max_size=6))
@LAW
def test_weighted_kernels_are_their_twins(pairs, fitted):
    """Coverage, BM25, norm and cosine by kernel and by plain floats have the same bits."""
    counted = count_texts(*word_column(fitted))
    smooth = weight_table(counted, smooth_idf, unknown=0.0)
    rare = weight_table(counted, bm25_idf, unknown=bm25_idf(0, counted.n_texts))
    mean = counted.mean_length
    norms = np.empty(len(pairs))
    tfidf_norm(*word_column([b for _, b in pairs]), smooth.slots, norms)
    same(norms, [tfidf_norm_plain(b, smooth) for _, b in pairs])
    out = said_of(
        pairs, (COVERAGE, None, (), 0.0), (COVERAGE, smooth, (), 0.0),
        (BM25, rare, (mean, 1.2, 0.75), 0.0), (BM25, rare, (mean, 0.0, 0.0), 0.0),
        (COSINE, smooth, (), norms),
    )  # fmt: skip
    for row, table in zip(out, (None, smooth), strict=False):
        same(row, [coverage_plain(a, b, table) for a, b in pairs])
    for row, (k1, b) in zip(out[2:], ((1.2, 0.75), (0.0, 0.0)), strict=False):
        same(row, [bm25_plain(*pair, rare, mean_length=mean, k1=k1, b=b) for pair in pairs])
    same(
        out[4],
        [tfidf_cosine_plain(a, b, n, smooth) for (a, b), n in zip(pairs, norms, strict=True)],
    )


@given(
    st.lists(st.integers(0, 9), max_size=14), st.just(0) | st.integers(0, 200),
    st.lists(st.none() | st.lists(st.integers(0, 30), max_size=45), min_size=1, max_size=150),
)  # fmt: skip
@example([1, 2, 3], 0, [[1] * 40, None, [2, 3] * 20, []] * 40)
@example([1, 2, 3], 180, [[1] * 40, None, [2, 3] * 20, []] * 40)
@LAW
def test_many_rows_with_the_same_left_list_are_their_twins(left, more, rights):
    """Over blocks of rows, few and many words on the left, rows of any length and the last of all."""
    left = left + list(range(100, 100 + more))
    starts, stops, words = word_column([left])
    n = np.zeros(len(rights), np.int64)  # each row has the first
    columns = (starts[n], stops[n], words, *word_column(rights))
    out = said(columns, (OVERLAP, None, (), 0.0), (COVERAGE, None, (), 0.0), (RUN, None, (), 0.0))
    for row, twin in zip(out, (overlap_plain, coverage_plain, longest_run_plain), strict=True):
        same(row, [twin(left, right) for right in rights])


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6))
@LAW
def test_word_counts_merge(a, b, c):
    """Counts of parts, merged in any order, are the counts of the whole, bit for bit."""
    x, y, z = (count_texts(*word_column(rows)) for rows in (a, b, c))
    whole = count_texts(*word_column([*a, *b, *c]))
    for merged in (x.merge(y).merge(z), x.merge(y.merge(z)), z.merge(x).merge(y)):
        assert _as_lists(merged) == _as_lists(whole)
    assert _as_lists(count_texts(*word_column([])).merge(x)) == _as_lists(x)
    assert _as_lists(x.from_arrays(x.to_arrays())) == _as_lists(x)


def _as_lists(counted):
    return counted.words.tolist(), counted.counts.tolist(), counted.n_texts, counted.n_words


@given(st.lists(st.tuples(st.none() | TEXT, st.none() | TEXT), max_size=6), st.booleans())
@example([("a" * 64, "a" * 63 + "b"), ("a" * 65, "b"), ("ab" * 200, "ba" * 600), ("", "")], False)
@example([("red mug", "a big red mug"), ("ab" * 100, "x" + "ab" * 100)], True)
@LAW
def test_edit_similarity_is_its_twin(pairs, is_within):
    """Bit vectors in blocks give what the whole table gives."""
    pairs = [tuple(clean(pair)) for pair in pairs]
    left, right = [p[0] for p in pairs], [p[1] for p in pairs]
    out = np.empty(len(pairs))
    edit_similarity(*text_column(left), *text_column(right), is_within, out)
    same(out, [_edit_twin(a, b, is_within) for a, b in pairs])


def _edit_twin(a, b, is_within):
    return edit_similarity_plain(a, b, is_within=is_within)


@given(st.lists(WORDS, max_size=6), st.integers(1, 9), st.booleans(), st.booleans())
@LAW
def test_hash_vectors_are_their_twin(rows, width, is_signed, is_unit):
    """Dense and sparse say the same, and both what plain addition says."""
    how = {"width": width, "is_signed": is_signed, "is_unit": is_unit}
    dense = hash_vectors(*word_column(rows), **how)
    for row, got in zip(rows, dense, strict=True):
        want = [math.nan] * width if row is None else hash_vector_plain(row, **how)
        same(got, want)
    sparse = hash_rows(*word_column(rows), **how)
    for i, row in enumerate(rows):
        span = slice(sparse.offsets[i], sparse.offsets[i + 1])
        again = np.zeros(width)
        again[sparse.places[span]] = sparse.values[span]
        if row is not None:
            same(again, dense[i])


@given(PAIRS, st.randoms())
@LAW
def test_a_pair_knows_only_itself(pairs, random):
    """Pairs in another order, also twice in a row, have the same values: what the kernel keeps of the
    pair before is only what it would load again."""
    columns = _pair_columns(pairs)
    some = np.array([random.randrange(len(pairs)) for _ in range(6)] if pairs else [], np.int64)
    taken = [c if i % 3 == 2 else c[some] for i, c in enumerate(columns)]
    asked = ((OVERLAP, None, (), 0.0), (RUN, None, (), 0.0))
    same(said(taken, *asked), said(columns, *asked)[:, some])
