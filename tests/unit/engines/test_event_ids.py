"""Which events there are: the hash, the table, the files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.engines.embedded.log import event_id_store
from mercer.engines.embedded.log.event_hash import hash_ids
from mercer.engines.embedded.log.event_id_store import EventIds
from mercer.engines.embedded.log.event_ids import IdTable

KEY = bytes(range(16))


def hashes(*texts: str) -> np.ndarray:
    return hash_ids(pa.array(texts, pa.string()), key=KEY)


@pytest.mark.parametrize(
    ("n_bytes", "expected"),
    [
        (0, "a3817f04ba25a8e66df67214c7550293"),
        (1, "da87c1d86b99af44347659119b22fc45"),
        (8, "3b62a9ba6258f5610f83e264f31497b4"),
        (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
    ],
)
def test_the_hash_is_siphash(n_bytes: int, expected: str) -> None:
    """The vectors of the reference implementation: key 00..0f, text 00 01 02 ..."""
    assert hashes("".join(map(chr, range(n_bytes)))).tobytes().hex() == expected


def test_a_slice_is_hashed_as_a_copy() -> None:
    """Offsets of a slice count; another key gives other hashes."""
    ids = pa.array(["a", "bb", "ä" * 9, "", "e"])
    whole = hash_ids(ids, key=KEY)
    assert (hash_ids(ids.slice(1, 3), key=KEY) == whole[1:4]).all()
    assert len(np.unique(whole, axis=0)) == 5
    assert not (hash_ids(ids, key=bytes(16)) == whole).any()
    assert len(hash_ids(ids.slice(0, 0), key=KEY)) == 0


@given(
    calls=st.lists(st.tuples(st.lists(st.integers(0, 60), max_size=30), st.booleans()), max_size=12)
)
def test_the_table_is_a_set(calls: list[tuple[list[int], bool]]) -> None:
    """As Python's own: what was claimed is known, what was released is not, whatever grew between."""
    table, plain = IdTable(2), set[str]()
    for numbers, is_kept in calls:
        texts = [f"e{n}" for n in numbers]
        is_known = np.zeros(len(texts), np.bool_)
        slots = table.claim(hashes(*texts), is_known)
        expected = [t in plain or t in texts[:i] for i, t in enumerate(texts)]
        assert is_known.tolist() == expected
        if is_kept:
            plain.update(texts)
        else:
            table.release(slots)
        assert table.n == len(plain)
    run = table.ascending()
    assert sorted(map(tuple, run.tolist())) == list(map(tuple, run.tolist()))
    assert {row.tobytes() for row in run} == {hashes(t).tobytes() for t in plain}


def filled(folder: Path, n: int, *, memory_ids: int, first: int = 1) -> EventIds:
    """A store that was given ids `0..n`, ten for a record."""
    ids = EventIds(folder, first=first, memory_ids=memory_ids)
    for offset in range(ids.last + 1, n // 10 + 1):
        is_known, _ = ids.claim(hashes(*(f"{i}" for i in range(10 * offset - 10, 10 * offset))))
        assert not is_known.any()
        ids.settle(offset)
    return ids


def known(ids: EventIds, n: int) -> int:
    """How many of the ids `0..n` it knows; the others are released again."""
    is_known, slots = ids.claim(hashes(*(f"{i}" for i in range(n))))
    ids.release(slots)
    return int(is_known.sum())


def test_ids_in_files_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory, the table on its way and files of all sizes are one set, also when opened again."""
    monkeypatch.setattr(event_id_store, "FLUSH_AT_CLOSE", 1)
    ids = filled(tmp_path, 1_000, memory_ids=50)
    assert (known(ids, 1_100), ids.last) == (1_000, 100)
    ids.close()
    names = [path.name for path in tmp_path.iterdir()]
    assert 1 <= len(names) < 8  # merged on the way
    again = EventIds(tmp_path, first=1, memory_ids=50)
    assert (known(again, 1_100), again.last) == (1_000, 100)
    again.close()


def test_a_file_that_is_broken_is_not_used(tmp_path: Path) -> None:
    """Of the wrong size, half written, or behind a gap: it is removed, and `last` says from where."""
    filled(tmp_path, 600, memory_ids=100).close()
    files = sorted(tmp_path.iterdir(), key=lambda p: int(p.name.split("-")[0]))
    covered = int(files[0].name.split("-")[1])
    for path in files[1:]:
        path.write_bytes(b"x")
    (tmp_path / "90-95-50.ids").write_bytes(bytes(16 * 50))
    (tmp_path / "95-99-50.part").write_bytes(b"half")
    ids = EventIds(tmp_path, first=1)
    assert ids.last == covered
    assert known(ids, 600) == 10 * covered
    assert [path.name for path in tmp_path.iterdir()] == [files[0].name]
    ids.close()


def test_a_merge_that_was_killed_counts_once(tmp_path: Path) -> None:
    """The parts and the whole lie side by side: the whole is used, the parts go."""
    whole, parts = tmp_path / "a", tmp_path / "b"
    filled(whole, 400, memory_ids=400).close()
    filled(parts, 200, memory_ids=200).close()
    (made,) = whole.iterdir()
    (parts / made.name).write_bytes(made.read_bytes())
    ids = EventIds(parts, first=1)
    assert (ids.last, known(ids, 500)) == (40, 400)
    assert [path.name for path in parts.iterdir()] == [made.name]
    ids.close()


def test_a_full_disk_keeps_ids_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be written is told, costs no id, and is tried again."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(event_id_store.os, "replace", full)
        ids = filled(tmp_path, 300, memory_ids=50)
        assert ids._thread is not None
        ids._thread.join()
        assert "No space left" in ids.fault
        assert known(ids, 400) == 300
    ids.claim(hashes("x"))
    ids.settle(31)
    ids._thread.join()
    assert ids.fault == ""
    assert known(ids, 400) == 300
    ids.close()


def test_files_of_removed_records_go(tmp_path: Path) -> None:
    """Only where all of their records are gone, when the log is opened next; the rest stays known."""
    filled(tmp_path, 1_000, memory_ids=400).close()
    (path,) = tmp_path.iterdir()
    last = int(path.name.split("-")[1])
    kept = EventIds(tmp_path, first=last)
    assert (kept.last, known(kept, 10 * last)) == (last, 10 * last)
    gone = EventIds(tmp_path, first=last + 1)
    assert (gone.last, known(gone, 10 * last)) == (last, 0)
    assert list(tmp_path.iterdir()) == []
