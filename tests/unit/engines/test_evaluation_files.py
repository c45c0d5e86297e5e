"""Files of judgments and runs: what is read, what is kept, and what a broken file says."""

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mercer.engines.embedded.evaluation_files import (
    file_kind,
    read_judgment_columns,
    read_judgments,
    read_run,
    write_table,
)
from mercer.evaluate.runs import Run
from mercer.schema.errors import InputError, MappingError, MarketError, NotFoundError

JUDGED = [("mug", "007", "E"), ("mug", "8", "I"), ('12" frame, oak', "9", "S")]


def jsonl(rows: list[tuple[str, ...]]) -> str:
    import json

    names = ("query", "listing_id", "grade")
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_all_formats_give_the_same_judgments(tmp_path: Path) -> None:
    """CSV, TSV, JSON lines, their gzip and Parquet: one result, ids keep their leading zeros."""
    csv = 'query,listing_id,grade\nmug,007,E\nmug,8,I\n"12"" frame, oak",9,S\n'
    names = ("query", "listing_id", "grade")
    pq.write_table(
        pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in JUDGED]),
        tmp_path / "j.parquet",
    )
    paths = [
        put(tmp_path / "j.csv", csv),
        put(tmp_path / "bom.csv", "\ufeff" + csv),
        put(tmp_path / "j.csv.gz", gzip.compress(csv.encode())),
        put(tmp_path / "j.tsv", csv.replace(", oak", "; oak").replace(",", "\t").replace(";", ",")),
        put(tmp_path / "j.jsonl", jsonl(JUDGED) + "\n\n"),
        put(tmp_path / "j.jsonl.gz", gzip.compress(jsonl(JUDGED).encode())),
        tmp_path / "j.parquet",
    ]
    for path in paths:
        got = read_judgments(path)
        assert got.query == ("mug", '12" frame, oak'), path
        assert got.listing_id.to_pylist() == ["007", "8", "9"], path
        assert got.grade.to_pylist() == ["E", "I", "S"], path


def test_json_numbers_stay_numbers_unless_mixed_with_text(tmp_path: Path) -> None:
    """Whole numbers, fractions, and a mix: the labels are the same in the end."""
    line = '{{"query": "q", "listing_id": {0}, "grade": {1}}}\n'
    whole = put(tmp_path / "a.jsonl", line.format(1, 3) + line.format(2, 0))
    assert read_judgments(whole).grade.to_pylist() == [3, 0]
    assert read_judgments(whole).listing_id.to_pylist() == ["1", "2"]
    parts = put(tmp_path / "b.jsonl", line.format(1, 0.5) + line.format(2, 0))
    assert read_judgments(parts).grade.to_pylist() == [0.5, 0]
    mixed = put(tmp_path / "c.jsonl", line.format(1, '"3"') + line.format(2, 0))
    assert read_judgments(mixed).grade.to_pylist() == ["3", "0"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", '{"query": "q"}\n{"query": \n', "line 2: not JSON"),
        ("a.jsonl", b'{"query": "\xff"}\n', "line 1: not JSON"),
        ("a.jsonl", '["q", "1", "E"]\n', "line 1: must be an object"),
        ("a.jsonl", '{"query": "q", "grade": true}\n', "line 1: 'grade' must be text or a number"),
        ("a.jsonl", '{"query": "q", "listing_id": "1"}\n', "no column 'grade'"),
        ("a.jsonl", '{"query": "q", "listing_id": "1", "label": "E"}\n', "listing_id, label"),
        ("a.jsonl", "", "no column 'query'"),
        ("a.csv", "query,listing_id,grade\nq,1\n", "cannot be read as csv"),
        ("a.csv", b"query,listing_id,grade\nq\xff,1,E\n", "cannot be read as csv"),
        ("a.csv", "query,listing_id,grade\nq,1,\n", "'grade' has 1 nulls"),
        ("a.csv", "", "cannot be read as csv"),
        ("a.parquet", "PAR1 and no more", "cannot be read as parquet"),
        ("a.jsonl.gz", "not gzip at all", "cannot be read as jsonl"),
        ("a.xlsx", "x", "allowed endings: .parquet"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    """Nothing crashes: the message has the file, the line where there is one, and the fault."""
    path = put(tmp_path / name, content)
    with pytest.raises(MarketError) as caught:
        read_judgments(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_truncated_parquet_is_refused(tmp_path: Path) -> None:
    """Half a file is no file."""
    whole = tmp_path / "whole.parquet"
    write_table(Run.from_lists(["q"], [["a", "b"]]).to_table(), whole)
    half = put(tmp_path / "half.parquet", whole.read_bytes()[:-50])
    with pytest.raises(InputError, match="cannot be read as parquet"):
        read_run(half)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    """No such file, and a folder in place of a file."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(NotFoundError, match="no such file"):
            read_judgments(path)


@pytest.mark.parametrize("name", ["run.parquet", "run.csv", "run.tsv", "run.jsonl"])
def test_a_run_comes_back_from_every_format(tmp_path: Path, name: str) -> None:
    """Saved and read: the same lists, also the empty one, and scores that are unknown."""
    run = Run.from_lists(["a", 'b, "c"'], [[], ["007", "x"]], [[], [1.5, float("nan")]])
    path = tmp_path / name
    write_table(run.to_table(), path)
    back = read_run(path).of(run.query)
    assert back.listing_id.to_pylist() == ["007", "x"]
    assert back.offsets.tolist() == [0, 0, 2]
    assert str(back.score.tolist()) == "[1.5, nan]"
    assert sorted(os.listdir(tmp_path)) == [name]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The target is a folder, or lies in none: an error with the path, and nothing left behind."""
    rows = Run.from_lists(["a"], [["x"]]).to_table()
    (tmp_path / "taken.csv").mkdir()
    for path in (tmp_path / "taken.csv", tmp_path / "absent" / "run.csv"):
        with pytest.raises(InputError, match="cannot be written"):
            write_table(rows, path)
    assert os.listdir(tmp_path) == ["taken.csv"]


def test_file_kind_ignores_case_and_gz() -> None:
    """Endings as people write them."""
    for name, kind in {"A.PARQUET": "parquet", "b.Csv.gz": "csv", "c.ndjson": "jsonl"}.items():
        assert file_kind(Path(name)) == kind


def test_columns_come_from_the_judgments_section_of_a_map(tmp_path: Path) -> None:
    """A map may have the section or not; a fault names the file."""
    whole = put(
        tmp_path / "a.toml",
        '[judgments]\nquery = "q"\nlisting_id = "asin"\ngrade = "label"\nquery_id = "qid"\n',
    )
    columns = read_judgment_columns(whole)
    assert columns is not None
    assert (columns.query, columns.listing_id, columns.grade, columns.query_id) == (
        "q", "asin", "label", "qid",
    )  # fmt: skip
    without = put(tmp_path / "b.toml", '[listing]\nlisting_id = "asin"\ntitle = "t"\n')
    assert read_judgment_columns(without) is None
    for text in ("[judgments]\nlabel = 'x'\n", "[judgments\n", b"\xff"):
        wrong = put(tmp_path / "c.toml", text)
        with pytest.raises(MappingError, match=r"c\.toml"):
            read_judgment_columns(wrong)
    with pytest.raises(MappingError, match="cannot be read"):
        read_judgment_columns(tmp_path / "none.toml")
