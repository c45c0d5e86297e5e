from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mercer.engines.embedded.training_files import read_letor, read_letor_files
from mercer.evaluate.gains import GainSpec
from mercer.rank.training_letor import MAX_FEATURE
from mercer.schema.errors import InputError, MarketError

LINES = """\
2 qid:10 1:0.5 3:-1e-3 # doc a
0 qid:10 2:1
# a comment alone

1 qid:7 1:1 2:2 3:3
3 qid:10 1:0.25
"""


def exp(grade: pa.Array):
    return GainSpec.parse("exp").apply(grade).gain


def written(folder: Path, text: str, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    """Rows of a query come together in their order, and what a line leaves out is 0."""
    data = read_letor(written(tmp_path, LINES), gain_of=exp)
    assert data.query == ("10", "7")
    assert data.offsets.tolist() == [0, 3, 4]
    assert data.gain.tolist() == [3.0, 0.0, 7.0, 1.0]
    want = np.array([[0.5, 0, -1e-3], [0, 1, 0], [0.25, 0, 0], [1, 2, 3]], np.float32)
    np.testing.assert_array_equal(data.features, want)


def test_blocks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file read in blocks of any size is the same set, and lines keep their numbers."""
    path = written(tmp_path, LINES.rstrip("\n"))
    whole = read_letor(path, gain_of=exp)
    monkeypatch.setattr("mercer.engines.embedded.training_files.BLOCK_BYTES", 7)
    cut = read_letor(path, gain_of=exp)
    np.testing.assert_array_equal(cut.features, whole.features)
    np.testing.assert_array_equal(cut.offsets, whole.offsets)
    bad = written(tmp_path, LINES + "1 qid:7 1:one\n", "b.txt")
    with pytest.raises(InputError, match=r"b\.txt, line 7: value 'one' is no finite number"):
        read_letor(bad, gain_of=exp)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1", "line 1: must be LABEL qid:ID"),
        ("x qid:1 1:1", "line 1: label 'x' is no finite number"),
        ("nan qid:1 1:1", "line 1: label 'nan' is no finite number"),
        ("1 7 1:1", "line 1: the second word is '7', must be qid:ID"),
        ("1 qid:1 1", "line 1: '1' must be FEATURE:VALUE"),
        ("1 qid:1 0:1", f"numbered 1..{MAX_FEATURE}"),
        ("1 qid:1 1.5:1", f"numbered 1..{MAX_FEATURE}"),
        (f"1 qid:1 {MAX_FEATURE + 1}:1", f"numbered 1..{MAX_FEATURE}"),
        ("1 qid:1 1:inf", "value 'inf' is no finite number"),
        ("-1 qid:1 1:1", "numbers from 0"),
        ("", "there are no rows in it"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    """What cannot be read is said with its line and its word."""
    with pytest.raises(InputError) as fault:
        read_letor(written(tmp_path, line + "\n"), gain_of=exp)
    assert said in str(fault.value)


def test_files_join(tmp_path: Path) -> None:
    """Several files are one set; the narrower one has zeros in the columns that it lacks."""
    paths = [written(tmp_path, LINES), written(tmp_path, "1 qid:3 5:2\n", "b.dat")]
    data = read_letor_files(paths, gain_of=exp)
    assert data.query == ("10", "7", "3")
    assert data.features.shape == (5, 5)
    assert data.features[:4, 3:].max() == 0
    assert data.features[4].tolist() == [0, 0, 0, 0, 2]


def test_parquet_is_the_same(tmp_path: Path) -> None:
    """Parquet with qid, label, f1, f2, ... gives what the text gives; f10 comes after f2."""
    table = pa.table(
        {
            "f10": [1.0, 0.0],
            "qid": [4, 4],
            "f2": pa.array([None, 2.0]),
            "label": [1, 0],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    data = read_letor(tmp_path / "a.parquet", gain_of=exp)
    assert data.columns.names == ("f2", "f10")
    np.testing.assert_array_equal(data.features, np.array([[np.nan, 1], [2, 0]], np.float32))


@pytest.mark.parametrize("name", ["absent.txt", "a.docx", "empty.parquet", "broken.parquet"])
def test_a_bad_file_is_told(tmp_path: Path, name: str) -> None:
    """A file that is missing, of another kind, or broken gets a sentence that names it."""
    if name == "empty.parquet":
        pq.write_table(pa.table({"x": [1]}), tmp_path / name)
    elif not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"PAR1 and no more")
    with pytest.raises(MarketError, match=name):
        read_letor(tmp_path / name, gain_of=exp)
