"""What one slip of a finger costs on real queries, one JSON line per seed set and corpus.

    MERCER_DATA=... python benchmarks/quality/typos.py [--seeds 5] [--market DIR]

Over the ESCI catalogue. `esci`: nDCG@10 (gains E 1, S .1, C .01, I 0) of its judged queries with one
random edit in one word of four or more letters, as a share of the clean queries' nDCG@10. `wands`:
furniture queries without labels; the share of the clean query's first ten results that stay, over
all queries and over those of which the catalogue knows every word. --market: a market that has the
ESCI products already; else one is made in a temporary folder.
"""

import argparse
import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from typer.testing import CliRunner

from mercer.app import open_market
from mercer.bench.machine import provenance
from mercer.cli import app
from mercer.engines.embedded.evaluation_files import read_judgments
from mercer.evaluate.gains import GainSpec
from mercer.evaluate.misspelling import misspell, overlap_at_k
from mercer.evaluate.runs import Run
from mercer.evaluate.search import Truth, score_run
from mercer.retrieve.request import SearchRequest, SearchResponse
from mercer.schema.mapping import JudgmentColumns

MAP = Path(__file__).parents[2] / "examples" / "esci.toml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--market", type=Path)
    args = parser.parse_args()
    data = Path(os.environ["MERCER_DATA"])
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.market or _made(Path(scratch) / "market", data / "esci_us")
        market = open_market(folder)

        @cache
        def ask(q: str) -> SearchResponse:
            return market.search(SearchRequest(q=q, per_page=10, budget_ms=10_000))

        report: dict[str, Any] = {
            "benchmark": "typos",
            "seeds": args.seeds,
            "esci": _esci(ask, data / "esci_us", args.seeds),
            "wands": _wands(ask, data / "wands_queries", args.seeds),
            **provenance(),
        }
    print(json.dumps(report))
    return 0


def _made(folder: Path, source: Path) -> Path:
    """A market with the ESCI products, by the commands."""
    for words in (
        ("init", folder),
        ("ingest", "--market", folder, "--map", MAP, source / "products.parquet"),
        ("index", "--market", folder),
    ):
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exit_code:
            raise SystemExit(f"mercer {words[0]}: {result.output}")
    return folder


def _ids(response: SearchResponse) -> list[str]:
    return [hit.listing_id for hit in response.hits]


def _esci(ask: Any, source: Path, seeds: int) -> dict[str, float]:
    columns = JudgmentColumns("query", "product_id", "esci_label", "query_id")
    judged = read_judgments(source / "judgments.parquet", columns)
    truth = Truth.of(judged, GainSpec.parse("E=1,S=.1,C=.01,I=0"))

    def ndcg(typed: dict[str, str]) -> float:
        run = Run.from_lists(list(typed), [_ids(ask(q)) for q in typed.values()])
        report = score_run(truth, run, rng=np.random.default_rng(0), n_resamples=100)
        return report.values["ndcg_at_10"].mean

    clean = ndcg({q: q for q in truth.distinct_queries})
    wrong = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        wrong.append(ndcg({q: misspell(q, rng) or q for q in truth.distinct_queries}))
    return {
        "clean": round(clean, 4),
        "misspelt": round(float(np.mean(wrong)), 4),
        "share": round(float(np.mean(wrong)) / clean, 4),
        "worst_seed": round(min(wrong) / clean, 4),
    }


def _wands(ask: Any, source: Path, seeds: int) -> dict[str, float]:
    queries = pq.read_table(source / "queries.parquet")["query"].to_pylist()
    overlap, is_known = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        for q in queries:
            if (wrong := misspell(q, rng)) is not None and ask(q).hits:
                overlap.append(overlap_at_k(_ids(ask(q)), _ids(ask(wrong))))
                is_known.append(all(t["is_known"] for t in ask(q).understood["terms"]))
    shares = np.array(overlap)
    return {
        "overlap_at_10": round(float(shares.mean()), 4),
        "overlap_at_10_known_words": round(float(shares[is_known].mean()), 4),
        "queries": len(shares),
    }


if __name__ == "__main__":
    raise SystemExit(main())
