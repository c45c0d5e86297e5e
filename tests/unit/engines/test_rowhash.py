"""Hashes of rows, and the ids that a file had before."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.duplicates import SeenIds
from mercer.engines.embedded.rowhash import _absorb, hash_rows
from support.listing_rows import listing_rows

_MASK = 2**64 - 1


def plain_hash(data: bytes) -> int:
    """The kernel for one row, in plain Python."""
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & _MASK
    h = ((h ^ len(data)) * 0x100000001B3) & _MASK
    return h ^ (h >> 29)


@settings(max_examples=60)
@given(st.lists(st.text(), max_size=8))
def test_kernel_and_plain_twin(texts: list[str]) -> None:
    """The compiled hash of rows of bytes is the plain one."""
    data = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, data)]).astype(np.int64)
    state = np.full(len(texts), 0xCBF29CE484222325, np.uint64)
    _absorb(state, ends, np.frombuffer(b"".join(data), np.uint8).copy())
    assert state.tolist() == [plain_hash(one) for one in data]


@settings(max_examples=60)
@given(st.permutations(range(12)), st.integers(0, 11))
def test_a_row_hashes_alike_wherever_it_lies(order: list[int], start: int) -> None:
    """Batch = one row = any slice = any order."""
    rows = listing_rows(
        *(
            {"listing_id": f"{i}", "tags": ["t"] * (i % 3), "price": None if i % 4 else i,
             "attributes": {"a": ["x"] * (i % 2), "b": f"{i}"}}
            for i in range(12)
        )
    )  # fmt: skip
    whole = hash_rows(rows)
    assert len(set(whole.tolist())) == 12
    assert hash_rows(rows.slice(start)).tolist() == whole[start:].tolist()
    assert hash_rows(rows.slice(start, 1)).tolist() == [whole[start]]
    assert hash_rows(rows.take(pa.array(order))).tolist() == whole[order].tolist()


def test_every_field_counts() -> None:
    """A change of any one field changes the hash; moving text between fields or parts does too."""
    base = {"listing_id": "a", "title": "ab", "description": "c", "tags": ["x", "y"]}
    others = [
        {"title": "a", "description": "bc"},
        {"tags": ["xy"]},
        {"tags": ["x", "y", "z"]},
        {"price": 0},
        {"attributes": {"k": "v"}},
        {"attributes": {"v": "k"}},
        {"is_hidden": True},
        {"rating": 0},
        {"rating": 1},
    ]
    rows = listing_rows(base, *(base | other for other in others))
    assert len(set(hash_rows(rows).tolist())) == len(others) + 1


@settings(max_examples=60)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=8))
def test_seen_ids_are_those_of_a_dictionary(blocks: list[list[str]]) -> None:
    """The last earlier row of each id, block after block."""
    seen, plain, number = SeenIds(), dict[str, int](), 0
    for block in blocks:
        rows = np.arange(number + 1, number + 1 + len(block))
        expected = []
        for key, row in zip(block, rows.tolist(), strict=True):
            expected.append(plain.get(key, 0))
            plain[key] = row
        assert seen.earlier(pa.array(block, pa.string()), rows).tolist() == expected
        number += len(block)
