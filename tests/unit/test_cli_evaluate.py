"""`mercer evaluate search` over a small real market: exact word overlap on judged titles."""

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from mercer.cli_evaluate import Job, app, evaluate_search, sentences
from mercer.evaluate.gains import GainSpec
from mercer.evaluate.judgments import Judgments
from mercer.evaluate.runs import Run
from mercer.evaluate.search import Truth, compare, score_run
from mercer.retrieve.request import Hit, SearchRequest, SearchResponse
from mercer.schema.errors import InputError, MarketError, NotFoundError
from mercer.serve.market import EventResult, Health, ItemResult, Market, SimilarPage, Suggestion

TITLES = {
    "00": "white ceramic mug",
    "01": "blue ceramic mug",
    "02": "wooden spoon",
    "03": "walnut wooden bowl",
    "04": "silver ring",
}
JUDGED = [
    ("ceramic mug white", "00", "E"),
    ("ceramic mug white", "01", "S"),
    ("wooden", "03", "E"),
    ("wooden", "02", "I"),
    ("steel anvil", "04", "I"),  # nothing relevant: left out
    ("golden chalice", "04", "E"),  # found by nothing
]


@dataclass
class TitleMarket:
    """A market that ranks by words in common, then by id; semantic mode reads titles backwards."""

    degraded: tuple[str, ...] = ()

    def search(self, request: SearchRequest) -> SearchResponse:
        assert request.per_page == 100, "recall@100 needs 100 results"
        words = set(request.q.split())
        scored = [(len(words & set(title.split())), key) for key, title in TITLES.items()]
        found = sorted(((-n, key) for n, key in scored if n), reverse=request.mode == "semantic")
        hits = tuple(
            Hit(position=i + 1, listing_id=key, score=float(-n), document={})
            for i, (n, key) in enumerate(found)
        )
        return SearchResponse(
            page_id="p",
            hits=hits,
            found=len(hits),
            page=1,
            per_page=request.per_page,
            cursor="",
            facet_counts={},
            price_stats=None,
            understood={},
            did_you_mean=None,
            degraded=self.degraded,
            search_time_ms=0.1,
            generation="g1",
        )

    def suggest(self, prefix: str, *, limit: int = 8) -> Sequence[Suggestion]:
        return []

    def similar(
        self,
        listing_id: str,
        *,
        limit: int = 12,
        visitor_id: str | None = None,
        session_id: str | None = None,
        buyer_id: str | None = None,
    ) -> SimilarPage:
        raise NotFoundError(listing_id)

    def put_listings(self, items: Sequence[Mapping[str, Any]]) -> Sequence[ItemResult]:
        return []

    def delete_listings(
        self, listing_ids: Sequence[str], *, updated_ms: int
    ) -> Sequence[ItemResult]:
        return []

    def listing(self, listing_id: str) -> Mapping[str, Any]:
        raise NotFoundError(listing_id)

    def seller_names(self, seller_ids: Collection[str]) -> Mapping[str, str]:
        return {}

    def put_events(
        self, items: Sequence[Any], *, sent_ms: int | None = None, source: str = "api"
    ) -> Sequence[EventResult]:
        return []

    def health(self) -> Health:
        return Health(
            is_ready=True, generation="g1", n_listings=len(TITLES), n_delta=0, degraded=()
        )


def open_titles(path: Path) -> Market:
    if not path.is_dir():
        raise NotFoundError(f"{path}: there is no market")
    return TitleMarket()


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    path = tmp_path / "judged.csv"
    rows = [",".join(row) for row in [("query", "listing_id", "grade"), *JUDGED]]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def mercer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run the command with a market of titles in place of one on disk."""
    module = ModuleType("mercer.app")
    module.open_market = open_titles  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mercer.app", module)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["search", "--market", str(tmp_path), *words])

    return run


GAINS = ("--gains", "E=1,S=.1,C=.01,I=0")


def test_json_has_the_promised_keys_and_hand_computed_values(mercer, judged: Path) -> None:
    """One JSON object on stdout; the numbers are those that a reader works out by hand."""
    result = mercer("--judgments", str(judged), *GAINS, "--mode", "lexical", "--json")
    assert result.exit_code == 0, result.output
    got = json.loads(result.stdout)
    assert (got["queries"], got["queries_left_out"]) == (3, 1)
    # mug: both in ideal order, 1. wooden: 02 (I) stands before 03 (E), so 1/log2(3). chalice: 0.
    assert got["ndcg_at_10"] == pytest.approx((1 + 0.63092975 + 0) / 3)
    assert got["recall_at_100"] == pytest.approx(2 / 3)
    assert got["mrr"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert got["zero_result_rate"] == pytest.approx(1 / 3)
    low, high = got["ndcg_at_10_ci95"]
    assert 0 <= low <= got["ndcg_at_10"] <= high <= 1
    assert got["mode"] == "lexical"
    assert got["generation"] == "g1"
    assert got["top_grades"] == ["E"]


def test_versus_a_mode_has_both_reports_and_the_paired_test(mercer, judged: Path) -> None:
    """--versus MODE adds the other report, and differences are this minus the other."""
    words = ("--judgments", str(judged), *GAINS, "--mode", "lexical", "--versus", "semantic")
    got = json.loads(mercer(*words, "--json").stdout)
    other = got["versus"]
    assert other["name"] == "semantic"
    paired = other["paired"]["ndcg_at_10"]
    assert paired["difference"] == pytest.approx(got["ndcg_at_10"] - other["ndcg_at_10"])
    assert paired["queries"] == 3
    assert 0 < paired["p_two_sided"] <= 1


def test_a_saved_run_gives_the_same_numbers_again(mercer, judged: Path, tmp_path: Path) -> None:
    """A run compared with its own saved file differs nowhere, and p is 1."""
    saved = tmp_path / "run.parquet"
    first = mercer("--judgments", str(judged), *GAINS, "--save", str(saved), "--json")
    assert first.exit_code == 0, first.output
    assert pq.read_table(saved).column_names == ["query", "rank", "listing_id", "score"]
    again = mercer("--judgments", str(judged), *GAINS, "--versus", str(saved), "--json")
    got = json.loads(again.stdout)
    for key, test in got["versus"]["paired"].items():
        assert test["difference"] == 0, key
        assert test["p_two_sided"] == 1, key
    assert got["versus"]["recall_at_100"] == got["recall_at_100"]


@pytest.mark.parametrize("ending", ["parquet", "csv", "tsv", "jsonl"])
def test_per_query_table_is_written_as_the_ending_says(
    mercer, judged: Path, tmp_path: Path, ending: str
) -> None:
    """--per-query writes a row per measured query and leaves nothing half-written behind."""
    out = tmp_path / "out"
    out.mkdir()
    path = out / f"queries.{ending}"
    assert mercer("--judgments", str(judged), *GAINS, "--per-query", str(path)).exit_code == 0
    assert [one.name for one in out.iterdir()] == [path.name]
    if ending == "parquet":
        assert pq.read_table(path).num_rows == 3
    elif ending == "jsonl":
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert [row["query"] for row in rows] == ["ceramic mug white", "wooden", "golden chalice"]
        assert rows[2]["judged_at_10"] is None  # nothing shown: undefined is null, never NaN
    else:
        assert len(path.read_text(encoding="utf-8").splitlines()) == 4


def test_human_output_says_what_was_measured_and_names_the_worst(mercer, judged: Path) -> None:
    """Without --json: a table with intervals, the test in a sentence, the lowest queries first."""
    result = mercer("--judgments", str(judged), *GAINS, "--mode", "lexical", "--versus", "semantic")
    assert result.exit_code == 0, result.output
    assert "3 queries measured, 1 left out" in result.stdout
    assert "Paired sign-flip test, lexical minus semantic:" in result.stdout
    assert "over 3 queries: no difference can be told" in result.stdout
    lines = result.stdout.splitlines()
    worst = next(i for i, line in enumerate(lines) if line.startswith("Lowest"))
    assert lines[worst + 2].startswith("golden chalice")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--gains", "E:1"), "not a pair"),
        (("--gains", "exp", "--mode", "psychic"), "lexical, semantic, hybrid"),
        (("--gains", "exp", "--versus", "nowhere.parquet"), "neither a mode"),
        (("--gains", "exp", "--save", "run.xlsx"), "allowed endings"),
        (("--gains", "exp", "--save", "no/such/folder/run.csv"), "no such folder"),
        (("--gains", "exp", "--limit", "0"), "--limit"),
    ],
)
def test_wrong_words_are_status_2(mercer, judged: Path, words: tuple[str, ...], said: str) -> None:
    """A word that cannot be right stops the command before any work, and says what is allowed."""
    result = mercer("--judgments", str(judged), *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--gains", "exp"), 1, "'E', 'I', 'S'"),
        (("--gains", "E=1,I=0"), 1, "'S', which the gains do not name"),
        ((*GAINS, "--market", "/nowhere/at/all"), 2, "no market"),
        ((*GAINS, "--map", "absent.toml"), 2, "absent.toml"),
        ((*GAINS, "--judgments", "absent.csv"), 2, "absent.csv: there is no such file"),
    ],
)
def test_errors_are_one_sentence_and_a_status(
    mercer, judged: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    """Data that do not fit: 1. A word that names no market, map or file: 2. Nothing on stdout."""
    result = mercer("--judgments", str(judged), *words, "--json")
    assert result.exit_code == status
    assert said in result.stderr
    assert result.stdout == ""


def test_map_names_the_columns(mercer, tmp_path: Path) -> None:
    """[judgments] of a --map file feeds a foreign table without any code."""
    path = tmp_path / "theirs.parquet"
    rows = [dict(zip(("q", "product_id", "esci_label"), row, strict=True)) for row in JUDGED]
    pq.write_table(pa.Table.from_pylist(rows), path)
    toml = tmp_path / "map.toml"
    toml.write_text(
        '[judgments]\nquery = "q"\nlisting_id = "product_id"\ngrade = "esci_label"\n',
        encoding="utf-8",
    )
    result = mercer("--judgments", str(path), "--map", str(toml), *GAINS, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["queries"] == 3


def test_degraded_answers_are_counted(judged: Path, tmp_path: Path) -> None:
    """A part of the search that was dropped cannot pass as quality: the report counts it."""
    job = Job(judgments=judged, gains=GainSpec.parse("E=1,S=.1,I=0"), market=tmp_path)
    outcome = evaluate_search(job, open_market=lambda _: TitleMarket(degraded=("semantic: off",)))
    assert outcome.to_dict()["queries_degraded"] == 3
    both = replace(job, versus="lexical")
    outcome = evaluate_search(both, open_market=lambda _: TitleMarket(degraded=("semantic: off",)))
    assert outcome.to_dict()["queries_degraded"] == 6


def test_sentences_say_who_is_better_only_where_it_is_sure() -> None:
    """Below 0.05 the better one is named (fewer zero results are better), else nobody is."""
    rows = {"query": [f"q{i}" for i in range(8)], "listing_id": ["a"] * 8, "grade": [1] * 8}
    truth = Truth.of(Judgments.from_table(pa.table(rows)), GainSpec.parse("linear"))
    rng = np.random.default_rng(0)
    good, bad, alike = (
        score_run(truth, Run.from_lists(truth.query, lists), rng=rng)
        for lists in ([["a"]] * 8, [[]] * 8, [["a"]] * 7 + [[]])
    )
    job = Job(judgments=Path(), gains=truth.gains, mode="hybrid", versus="lexical")
    for said in sentences(compare(good, bad, rng=rng), job):
        assert "hybrid is better than lexical" in said
    for said in sentences(compare(bad, good, rng=rng), job):
        assert "hybrid is worse than lexical" in said
    for said in sentences(compare(good, alike, rng=rng), job):
        assert "no difference can be told" in said


def test_a_query_that_the_market_refuses_is_named(judged: Path, tmp_path: Path) -> None:
    """The error of one query says which query it was."""

    class Refusing(TitleMarket):
        def search(self, request: SearchRequest) -> SearchResponse:
            raise InputError("no")

    job = Job(judgments=judged, gains=GainSpec.parse("E=1,S=.1,I=0"), market=tmp_path)
    with pytest.raises(MarketError, match="query 'ceramic mug white': no"):
        evaluate_search(job, open_market=lambda _: Refusing())


def test_same_seed_same_bytes(mercer, judged: Path) -> None:
    """The output is a function of the market, the judgments and the seed."""
    words = ("--judgments", str(judged), *GAINS, "--versus", "semantic", "--json", "--seed", "7")
    assert mercer(*words).stdout == mercer(*words).stdout
