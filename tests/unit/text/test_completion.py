"""Completion: exactly the heaviest phrases of a prefix, also for mapped columns and bad spelling."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.schema.errors import CorruptError, InputError
from mercer.text.completion import Completer
from mercer.text.speller import Speller

phrase = st.text(alphabet="ab é日", max_size=6)
rows = st.lists(st.tuples(phrase, st.integers(-3, 3)), max_size=40)


def plain(listed: list[tuple[str, int]], prefix: str, limit: int) -> list[int]:
    """The heaviest rows that begin with the prefix; ties by the bytes of the text, then by row."""
    hits = [i for i, (text, _) in enumerate(listed) if text.startswith(prefix)]
    hits.sort(key=lambda i: (-listed[i][1], listed[i][0].encode(), i))
    return hits[:limit]


@given(rows, phrase, st.integers(1, 12))
def test_completion_equals_a_plain_scan(
    listed: list[tuple[str, int]], prefix: str, limit: int
) -> None:
    """For every prefix and limit the rows are those that sorting everything would give."""
    completer = Completer.build([t for t, _ in listed], np.array([w for _, w in listed]))
    assert completer.complete(prefix, limit=limit).tolist() == plain(listed, prefix, limit)


@given(rows)
def test_every_limit_is_a_prefix_of_the_next(listed: list[tuple[str, int]]) -> None:
    """Asking for more never changes what came first."""
    completer = Completer.build([t for t, _ in listed], np.array([w for _, w in listed]))
    longest = completer.complete("", limit=100).tolist()
    assert sorted(longest) == list(range(len(listed)))
    for limit in (1, 2, 5):
        assert completer.complete("", limit=limit).tolist() == longest[:limit]


def test_saved_and_mapped_answers_are_the_same(tmp_path: Path) -> None:
    """Columns that were saved and mapped read-only give the same rows."""
    completer = Completer.build(pa.array(["mug", "mug red", "muffin"]), np.array([1.0, 3.0, 2.0]))
    for name, column in completer.to_arrays().items():
        np.save(tmp_path / name, column)
    mapped = Completer.from_arrays(
        {path.stem: np.load(path, mmap_mode="r") for path in tmp_path.glob("*.npy")}
    )
    assert mapped.complete("mu").tolist() == completer.complete("mu").tolist() == [1, 2, 0]
    assert len(mapped) == 3


def test_misspelt_beginnings_are_corrected() -> None:
    """Where nothing begins with the prefix its words are corrected, and the answer says to what."""
    words = ["leather", "wallet", "belt", "leathr"]
    speller = Speller.build(words, np.array([500, 100, 100, 1]))
    completer = Completer.build(["leather wallet", "leather belt", "belt"], np.array([5, 9, 1]))
    for prefix, corrected, ids in (
        ("leather w", None, [0]),
        ("lether w", "leather w", [0]),
        ("lether ", "leather ", [1, 0]),
        ("leathr b", "leather b", [1]),  # known to the catalogue, but probably a slip
        ("lether walet", "leather wallet", [0]),
        ("lether xyz", None, []),
    ):
        got = completer.complete_corrected(prefix, speller)
        assert (got.corrected, got.ids.tolist()) == (corrected, ids)


def test_edges() -> None:
    """No phrases, prefixes that are too long or no text, limits out of range."""
    empty = Completer.build([], np.zeros(0))
    assert empty.complete("a").tolist() == []
    one = Completer.build(["a"], np.array([1]))
    assert one.complete("a" * 5_000).tolist() == []
    assert one.complete("\ud800").tolist() == []
    for limit in (0, 101):
        with pytest.raises(ValueError, match=r"1\.\.100"):
            one.complete("a", limit=limit)


def test_bad_columns_are_named() -> None:
    """Unequal lengths, nulls, NaN weights and damaged files: errors that say what is wrong."""
    with pytest.raises(InputError, match=r"1 phrases but 2 weights; 1 phrases are null; .*NaN"):
        Completer.build(pa.array([None], pa.string()), np.array([1.0, np.nan]))
    arrays = Completer.build(["a", "b"], np.array([1, 2])).to_arrays()
    with pytest.raises(CorruptError, match=r"row is missing.*rebuild"):
        Completer.from_arrays({k: v for k, v in arrays.items() if k != "row"})
    with pytest.raises(CorruptError, match="best is int64, must be int32"):
        Completer.from_arrays({**arrays, "best": arrays["best"].astype(np.int64)})
    with pytest.raises(CorruptError, match="not equally long; best has the wrong size"):
        Completer.from_arrays(
            {**arrays, "starts": arrays["starts"][:-1], "best": arrays["best"][:2]}
        )
    with pytest.raises(CorruptError, match="different builds"):
        Completer.from_arrays({**arrays, "data": arrays["data"][:-1]})
