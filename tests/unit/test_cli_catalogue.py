"""`mercer init`, `validate`, `ingest`, `rebuild`: words, exit status, and what survives a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from mercer.cli_catalogue import app
from mercer.engines.embedded.config import CONFIG_TEXT, DEFAULT_CONFIG, parse_config
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.store import open_store
from support.listing_rows import standing


def mercer(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def market(tmp_path: Path) -> Path:
    assert mercer("init", tmp_path / "shop").exit_code == 0
    return tmp_path / "shop"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two good rows, one bad."""
    path = tmp_path / "mixed.jsonl"
    rows = [{"id": "a", "title": "Mug"}, {"id": "b"}, {"id": "c", "title": "Bowl", "price": 3}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_init_refuses_a_market(market: Path) -> None:
    """mercer.toml is written once and never overwritten."""
    before = (market / "mercer.toml").read_text()
    again = mercer("init", market)
    assert (again.exit_code, (market / "mercer.toml").read_text()) == (1, before)
    assert "there already" in again.stderr


def test_the_written_config_is_the_default(market: Path) -> None:
    """Every commented line, uncommented, is accepted and says the default."""
    made = parse_config(_uncommented(CONFIG_TEXT), at="test")
    assert (made.name, made.tables_url, made.index, made.search) == (
        DEFAULT_CONFIG.name,
        DEFAULT_CONFIG.tables_url,
        DEFAULT_CONFIG.index,
        DEFAULT_CONFIG.search,
    )
    assert made.rates.per_unit == {"EUR": 1.08}  # the rates are an example
    assert parse_config(CONFIG_TEXT, at="test") == DEFAULT_CONFIG


def _uncommented(text: str) -> str:
    kept = [
        line.removeprefix("# ") for line in text.splitlines() if " = " in line or "[" in line[:3]
    ]
    return "\n".join(kept)


def test_ingest_tells_a_program_and_a_person(market: Path, mixed: Path) -> None:
    """--json is one object on stdout; without it a table; bad rows do not fail the work."""
    told = mercer("ingest", "--market", market, "--json", mixed)
    result: dict[str, Any] = json.loads(told.stdout)
    assert told.exit_code == 0
    assert (result["read"], result["accepted"], result["changed"], result["rejected"]) == (
        3,
        2,
        2,
        1,
    )
    assert result["listings"] == 2
    (file,) = result["rejects_files"]
    assert json.loads(Path(file).read_text())["row"] == 2
    shown = mercer("ingest", "--market", market, mixed)
    assert "title is missing" in shown.stdout
    assert "row 2" in shown.stdout


def test_validate_writes_nothing(market: Path, mixed: Path, tmp_path: Path) -> None:
    """Exit 1 where anything is wrong, 0 where nothing is; the folder stays as it was."""
    before = sorted(market.rglob("*"))
    assert mercer("validate", "--market", market, mixed).exit_code == 1
    good = tmp_path / "good.csv"
    good.write_text("listing_id,title\n1,x\n")
    assert mercer("validate", "--market", market, good).exit_code == 0
    assert mercer("validate", "--market", tmp_path / "none", good).exit_code == 0
    assert sorted(market.rglob("*")) == before


def test_delete_and_rebuild(market: Path, mixed: Path) -> None:
    """Deleted listings are gone, and a rebuild comes to the same end; without --yes it refuses."""
    mercer("ingest", "--market", market, mixed)
    assert (
        json.loads(mercer("ingest", "--market", market, "--delete", "--json", mixed).stdout)[
            "listings"
        ]
        == 0
    )
    asked = mercer("rebuild", "--market", market)
    assert (asked.exit_code, "--yes" in asked.stderr) == (2, True)
    done = mercer("rebuild", "--market", market, "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)["listings"]) == (0, 0)


@pytest.mark.parametrize(
    "words",
    [
        ["ingest", "none.csv"],
        ["ingest"],
        ["ingest", "--kind", "buyers", "mixed.jsonl"],
        ["ingest", "--kind", "sellers", "--delete", "mixed.jsonl"],
        ["ingest", "--map", "none.toml", "mixed.jsonl"],
        ["ingest", "--map", "mixed.jsonl", "mixed.jsonl"],
        ["ingest", "--market", "elsewhere", "mixed.jsonl"],
        ["ingest", "--colour", "mixed.jsonl"],
        ["destroy"],
    ],
)
def test_wrong_words_leave_2(
    market: Path, mixed: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown words, missing files and markets: exit status 2, a sentence on stderr, nothing done."""
    monkeypatch.chdir(mixed.parent)
    monkeypatch.setenv("MERCER_MARKET", str(market))
    told = mercer(*words)
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr
    assert not (market / "log").exists() or not list((market / "log").glob("files/*"))


def test_work_that_fails_leaves_1(market: Path, tmp_path: Path) -> None:
    """A file that cannot be read, or of which no row is good."""
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    assert mercer("ingest", "--market", market, tmp_path / "cut.parquet").exit_code == 1
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert mercer("ingest", "--market", market, tmp_path / "bad.jsonl").exit_code == 1


def test_faults_of_mercer_toml_are_all_listed(market: Path, mixed: Path) -> None:
    """Unknown keys name the allowed ones, wrong values what was got."""
    (market / "mercer.toml").write_text("[market]\ncolour = 1\ncurrency = 'euro'\n[tabels]\n")
    told = mercer("ingest", "--market", market, mixed)
    assert told.exit_code == 2
    for words in ("market.colour is unknown; allowed are name, currency", "'euro'", "tabels"):
        assert words in told.stderr


def _killed_after(market: Path, file: Path, seconds: float) -> bool:
    """Start a real `mercer ingest` in small batches and kill it; whether it was still at work."""
    script = (
        "from mercer.engines.embedded import ingest; ingest.BATCH_ROWS = 250; "
        "from mercer.cli_catalogue import app; print('ready', flush=True); "
        f"app({['ingest', '--market', str(market), str(file)]!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def test_a_killed_ingest_loses_and_doubles_nothing(market: Path, tmp_path: Path) -> None:
    """kill -9 at several moments: what was logged is there, and a second run comes to the same end."""
    n = 6_000
    rows = [{"listing_id": f"{i * 7919 % n}", "title": f"t{i}", "tags": ["a"]} for i in range(n)]
    file = tmp_path / "many.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=250)
    os.utime(file, (1_720_000_000, 1_720_000_000))
    was_killed, logged = False, 0
    for seconds in (0.1, 0.25, 0.4):
        was_killed |= _killed_after(market, file, seconds)
        with open_store(MarketFolder(market), recover=False) as store:
            entries = list(store.log.read(after=0))  # every record's file is whole
            assert len(entries) >= logged
            logged = len(entries)
            store.writer.recover()
            ids = {i for e in entries for i in e.change.rows.column("listing_id").to_pylist()}
            assert set(standing(store.catalogue)) == ids
            assert store.catalogue.position() == store.log.end()
    assert was_killed, "no run was killed at work; the moments are too late for this machine"
    assert mercer("ingest", "--market", market, file).exit_code == 0
    mercer("init", tmp_path / "calm")
    mercer("ingest", "--market", tmp_path / "calm", file)
    with (
        open_store(MarketFolder(market)) as store,
        open_store(MarketFolder(tmp_path / "calm")) as calm,
    ):
        assert standing(store.catalogue) == standing(calm.catalogue)
        before = pa.Table.from_batches(store.catalogue.changes(since=0))
        store.catalogue.clear()
        store.writer.recover()
        assert pa.Table.from_batches(store.catalogue.changes(since=0)).equals(before)
