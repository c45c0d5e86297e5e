"""`mercer features`: meaning, oddities, runs over files, switches."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mercer.cli import app
from mercer.engines.embedded.feature_files import RunJob, run_files, whole_groups
from mercer.engines.embedded.feature_switch import FeatureSwitch
from mercer.features.declare import FeatureSet
from mercer.features.fit import fit
from mercer.features.plan import compile_plan
from mercer.schema.errors import CorruptError, FeatureError, InputError

SET = """\
name = "small"

[[node]]
name = "words"
entity = "listing"
transform = "tokenise"
inputs = ["listing.title"]

[[feature]]
name = "bm25"
entity = "pair"
transform = "bm25"
inputs = ["query.q", "words"]
doc = "How well the title answers."

[[feature]]
name = "place"
entity = "pair"
transform = "rank"
inputs = ["bm25"]
doc = "Place by bm25."

[[feature]]
name = "age"
entity = "listing"
transform = "age"
inputs = ["context.now_ms", "listing.created_ms"]
missing = -1
doc = "Days."
"""


def run(*words: str | Path, code: int = 0) -> str:
    """What a command says on stdout; on stderr where it fails."""
    done = CliRunner().invoke(app, ["features", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def said(*words: str | Path) -> Any:
    """Its JSON."""
    return json.loads(run(*words, "--json"))


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    """A file with the small set."""
    file = tmp_path / "small.toml"
    file.write_text(SET)
    return file


def pairs(n: int = 500, *, group_rows: int = 7) -> pa.Table:
    """Rows of requests and listings."""
    rng = np.random.default_rng(3)
    words = np.array(["blue", "mug", "wooden", "bowl", "green"])
    group = np.arange(n) // group_rows
    return pa.table(
        {
            "page": pa.array([f"p{g}" for g in group]),
            "group": group,
            "query.q": pa.array([str(words[g % 5]) for g in group]),
            "listing.title": pa.array([" ".join(words[rng.integers(0, 5, 3)]) for _ in range(n)]),
            "listing.created_ms": rng.integers(0, 10**9, n),
            "now_ms": np.full(n, 2 * 10**9),
        }
    )


def test_a_set_is_listed_explained_and_linted(declared: Path, tmp_path: Path) -> None:
    """Meaning, inputs, missing policy and lineage of each column; oddities by name."""
    listed = said("list", "--set", declared)
    assert [f["name"] for f in listed["features"]] == ["words", "bm25", "place", "age"]
    place = said("explain", "place", "--set", declared)
    assert place["reads_features"] == ["bm25", "words"]
    assert set(place["reads_columns"]) == {"query.q", "listing.title"}
    assert place["reads_others"]
    assert said("explain", "age", "--set", declared)["missing"] == "-1 instead"
    assert said("lint", "--set", declared, "--strict")["findings"] == []
    assert "place" in run("list", "--set", declared)
    assert "rank(bm25)" in run("explain", "place", "--set", declared)
    odd = tmp_path / "odd.toml"
    odd.write_text(SET.replace('doc = "Days."', "").replace('"words"]', '"listing.title"]'))
    findings = {f["feature"]: f["message"] for f in said("lint", "--set", odd)["findings"]}
    assert set(findings) == {"words", "age"}
    run("lint", "--set", odd, "--strict", code=1)


def test_words_that_are_wrong_get_a_sentence(declared: Path, tmp_path: Path) -> None:
    """A name that is not there is exit 2, a set that does not compile exit 1."""
    assert "is no market" in run("list", "--market", tmp_path / "shop", code=2)
    assert "'plase' is no feature" in run("explain", "plase", "--set", declared, code=2)
    assert "no such file" in run("lint", "--set", tmp_path / "none.toml", code=1)
    declared.write_text(SET.replace("rank", "rnak"))
    assert "unknown transform 'rnak'" in run("lint", "--set", declared, code=1)


def test_the_default_set_is_shown_without_a_market() -> None:
    """A market that declared none has it."""
    listed = said("list")
    assert listed["source"] == "the default set"
    assert sum(f["is_output"] for f in listed["features"]) >= 60


def test_files_give_the_values_of_one_batch(declared: Path, tmp_path: Path) -> None:
    """Fitted and run over two files in small batches, groups across their ends: one batch's bits."""
    rows = pairs()
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    pq.write_table(rows.slice(0, 200), files[0], row_group_size=33)
    pq.write_table(rows.slice(200), files[1], row_group_size=33)
    state, out = tmp_path / "state", tmp_path / "out.parquet"
    fitted = said("fit", *files, "--set", declared, "--out", state)
    done = said("run", *files, "--set", declared, "--state", state, "--out", out)
    feature_set = FeatureSet.from_toml(SET)
    batch = rows.combine_chunks().to_batches()[0]
    plan = compile_plan(feature_set, fit(feature_set, lambda: [batch]))
    assert done["hash"] == fitted["hash"] == plan.hash
    whole = plan.run(batch, now_ms=2 * 10**9)
    found = pq.read_table(out)
    assert found.column_names == ["page", "group", "now_ms", "bm25", "place", "age"]
    for j, name in enumerate(plan.names):
        assert found.column(name).to_numpy().tobytes() == whole.dense[:, j].tobytes()


@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=12),
    batch_rows=st.integers(1, 9),
    has_null=st.booleans(),
)
def test_groups_stay_whole(sizes: list[int], batch_rows: int, has_null: bool) -> None:
    """However the rows are cut, every group is in one batch, and nothing is lost or moved; a group that
    comes again is an error, and one that only looks like another is none."""
    names = [*range(-len(sizes), -1), None if has_null else -1]
    rows = [name for name, n in zip(names, sizes, strict=True) for _ in range(n)]
    whole = pa.record_batch({"group": pa.array(rows, pa.int64()), "i": pa.array(range(len(rows)))})
    parts = [whole.slice(at, batch_rows) for at in range(0, len(rows), batch_rows)]
    found = list(whole_groups(iter(parts)))
    assert [i for part in found for i in part.column("i").to_pylist()] == list(range(len(rows)))
    seen = [name for part in found for name in set(part.column("group").to_pylist())]
    assert len(seen) == len(set(seen)) == len(sizes)
    if len(sizes) > 1:
        with pytest.raises(FeatureError, match="comes again"):
            list(whole_groups(iter([*parts, whole.slice(0, 1)])))


def test_a_run_that_fails_leaves_no_file(tmp_path: Path) -> None:
    """A group that comes twice, a column that is missing, no rows: a sentence, and no output."""
    feature_set = FeatureSet.from_toml(SET)
    batch = pairs(30).combine_chunks().to_batches()[0]
    plan = compile_plan(feature_set, fit(feature_set, lambda: [batch]))
    file, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    job = RunJob(files=[file], out=out)
    table = pairs(30)
    pq.write_table(pa.concat_tables([table, table]), file, row_group_size=30)
    with pytest.raises(FeatureError, match="comes again"):
        run_files(plan, job, on_rows=lambda n: None)
    pq.write_table(table.drop(["listing.title"]), file)
    with pytest.raises(FeatureError, match=r"'listing\.title' is missing"):
        run_files(plan, job, on_rows=lambda n: None)
    pq.write_table(table.drop(["now_ms"]), file)
    with pytest.raises(InputError, match="now_ms"):
        run_files(plan, job, on_rows=lambda n: None)
    pq.write_table(table.slice(0, 0), file)
    with pytest.raises(InputError, match="no rows"):
        run_files(plan, job, on_rows=lambda n: None)
    for times in (["noon"] * 30, [1.5] * 30, [None] * 30):
        pq.write_table(table.drop(["now_ms"]).append_column("now_ms", pa.array(times)), file)
        with pytest.raises(InputError, match="'now_ms'"):
            run_files(plan, job, on_rows=lambda n: None)
    file.write_text("no")
    with pytest.raises(InputError, match="no Parquet file"):
        run_files(plan, job, on_rows=lambda n: None)
    assert list(tmp_path.iterdir()) == [file]


def test_a_state_that_is_not_there_or_cut_off(declared: Path, tmp_path: Path) -> None:
    """The sentence names what has to be fitted and how, or the file."""
    file, state, out = tmp_path / "in.parquet", tmp_path / "state", tmp_path / "out.parquet"
    pq.write_table(pairs(30), file)
    words = ["run", file, "--set", declared, "--out", out]
    assert "features fit --out" in run(*words, code=1)
    assert f"{state}: no such file" in run(*words, "--state", state, code=1)
    run("fit", file, "--set", declared, "--out", state)
    for n in (0, 10, state.stat().st_size - 1):
        cut = tmp_path / "cut"
        cut.write_bytes(state.read_bytes()[:n])
        assert str(cut) in run(*words, "--state", cut, code=1)
    assert "is a folder" in run(*words, "--state", state, "--out", tmp_path, code=1)
    assert not out.exists()


def test_features_are_switched_off_and_on(tmp_path: Path) -> None:
    """Durably, by name, with a dry run before; a server's own look at the file sees the change."""
    market = tmp_path / "shop"
    assert CliRunner().invoke(app, ["init", str(market)]).exit_code == 0
    watch = FeatureSwitch(market / "models")
    assert not watch.poll()
    assert run("off", "--market", market) == "No feature is switched off.\n"
    assert said("off", "rating", "--dry-run", "--market", market)["switched_off"] == ["rating"]
    assert not watch.poll()
    assert said("off", "rating", "age_d", "--market", market)["off"] == ["age_d", "rating"]
    assert watch.poll()
    assert watch.off == {"age_d", "rating"}
    assert not watch.poll()
    assert "(off)" in run("list", "--market", market)
    assert "no feature" in run("off", "ratign", "--market", market, code=2)
    run("off", "age_d", "--on", "--market", market)
    assert watch.poll()
    assert watch.off == {"rating"}
    toml = market / "mercer.toml"
    config = toml.read_text("utf-8")
    toml.write_text(config.replace("[rank]", '[rank]\nfeatures_off = ["age_d"]'), "utf-8")
    told = run("off", "--market", market)
    assert told == "rating is off\nage_d is off by rank.features_off of mercer.toml\n"
    assert run("list", "--market", market).count("(off)") == 2
    watch.path.write_text("{")
    with pytest.raises(CorruptError, match=r"off\.json"):
        watch.poll()
    assert watch.off == {"rating"}
    run("off", "--market", tmp_path, code=2)


def test_backfill_wants_a_market_and_days(tmp_path: Path) -> None:
    """Words that are wrong are exit 2; a market without pages has nothing to fill, exit 1."""
    out = tmp_path / "out.parquet"
    assert "no market" in run("backfill", "--out", out, "--market", tmp_path, code=2)
    market = tmp_path / "shop"
    assert CliRunner().invoke(app, ["init", str(market)]).exit_code == 0
    (market / "features.toml").write_text(
        'name = "s"\n[[feature]]\nname = "a"\nentity = "listing"\ntransform = "identity"\n'
        'inputs = ["listing.rating"]\n'
    )
    words = ["backfill", "--out", out, "--market", market]
    assert "--from is '3 May'" in run(*words, "--from", "3 May", code=2)
    assert "is after --to 2025-12-31" in run(
        *words, "--from", "2026-01-01", "--to", "2025-12-31", code=2
    )
    assert "no page was served from 2026-01-01 00:00" in run(*words, "--from", "2026-01-01", code=1)
    nowhere = tmp_path / "none" / "out.parquet"
    assert "no folder" in run("backfill", "--out", nowhere, "--market", market, code=1)
    assert not out.exists()
