"""Reading an index into large pages: it changes no byte, and nothing depends on it."""

import os
from pathlib import Path

import numpy as np
import pytest

from mercer.engines.embedded.index import large_pages
from mercer.engines.embedded.index.large_pages import LARGE_BYTES, read_in_large_pages
from mercer.engines.embedded.index.segment_files import load_arrays, save_arrays


def test_no_byte_changes(tmp_path: Path) -> None:
    """What was written is read again, and opened as before."""
    values = np.random.default_rng(0).integers(0, 9, LARGE_BYTES // 8 + 1_000)
    save_arrays(tmp_path / "columns", {"large": values, "small": values[:10]})
    before = (tmp_path / "columns" / "large.npy").read_bytes()
    read_in_large_pages(tmp_path)
    assert (tmp_path / "columns" / "large.npy").read_bytes() == before
    found = load_arrays(tmp_path / "columns")
    assert found["large"].tolist() == values.tolist()
    assert found["small"].tolist() == values[:10].tolist()


def test_only_large_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once; none of an index that the machine has no room for."""
    read: list[str] = []
    monkeypatch.setattr(large_pages, "_read_again", lambda path: read.append(path.name))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "large").write_bytes(bytes(LARGE_BYTES))
    (tmp_path / "small").write_bytes(bytes(LARGE_BYTES - 1))
    read_in_large_pages(tmp_path)
    assert read == ["large"]
    monkeypatch.setattr(large_pages, "_SHARE", 0.0)
    read_in_large_pages(tmp_path)
    assert read == ["large"]


def test_what_cannot_be_done_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the kernel refuses, all files are tried and nothing is raised."""
    asked: list[int] = []

    def refuse(handle: int, *_: object) -> None:
        asked.append(handle)
        raise OSError("not here")

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(bytes(LARGE_BYTES))
    read_in_large_pages(tmp_path)
    assert len(asked) == 2
    monkeypatch.setattr(large_pages, "_MADV_POPULATE_READ", 10**6)  # no such advice
    read_in_large_pages(tmp_path)
    assert len(asked) == 2
