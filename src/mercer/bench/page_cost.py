"""The process that measures what a page costs: the time until it is written, and its bytes."""

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from uuid_utils import uuid7

from mercer.engines.embedded.log.keeper import Keeper
from mercer.engines.embedded.log.page_folder import PARTITION_PREFIX, PageFolder
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.schema.page import Page, Shown

N_PAGES: Final = 2_000
N_WARM_UP: Final = 100
N_CANDIDATES: Final = 1_000
N_SHOWN: Final = 24
BUDGET_S: Final = 5.0
_LISTINGS: Final = 1_000_000
_PARTS: Final = ("lexical", "semantic", "quality", "title", "phrase", "freshness")
_STAGES: Final = ("understand", "lexical", "semantic", "match", "rank", "facets", "slate")


def page_of(rng: np.random.Generator) -> Page:
    """A page as a search writes it: candidates of a million listings, best first, with their score."""
    page_id = str(uuid7())
    rows = rng.choice(_LISTINGS, N_CANDIDATES, replace=False)
    score = np.sort(rng.gamma(2.0, 2.0, N_CANDIDATES).astype(np.float32))[::-1]
    query = " ".join(f"word{n}" for n in rng.integers(5_000, size=3))
    return Page(
        page_id=page_id,
        served_ms=int(page_id.replace("-", "")[:12], 16),
        surface="search",
        q=query,
        request={"q": query, "filter": "price<50", "facets": ["color", "size"], "page": 1},
        understood={"terms": query.split(), "wanted": [{"field": "color", "value": "blue"}]},
        found=int(rng.integers(_LISTINGS)),
        generation="g000001000000-0001",
        catalogue_version=int(rng.integers(_LISTINGS)),
        shown=tuple(_shown(rows, score)),
        visitor_id=rng.bytes(16).hex(),
        session_id=rng.bytes(16).hex(),
        cursor=rng.bytes(12).hex(),
        models=("first_pass@0123456789ab",),
        timings_us={stage: int(n) for stage, n in zip(_STAGES, rng.integers(5_000, size=7), strict=True)},
        took_us=int(rng.integers(20_000)),
        part_names=_PARTS,
        shown_parts=rng.random(N_SHOWN * len(_PARTS), np.float32),
        is_detailed=True,
        stages=("first_pass",),
        candidate_rows=rows,
        candidate_scores=score,
        list_stats={"words_asked": 3.0, "lexical_matches": 4711.0, "semantic_threshold": 0.31},
    )  # fmt: skip


def _shown(rows: npt.NDArray[np.int64], score: npt.NDArray[np.float32]) -> list[Shown]:
    return [
        Shown(
            listing_id=f"listing-{rows[i]}",
            row_id=int(rows[i]),
            position=i + 1,
            score=float(score[i]),
            sources=3,
        )
        for i in range(N_SHOWN)
    ]


def measure(folder: Path, *, seed: int, n_pages: int = N_PAGES) -> dict[str, Any]:
    """Write pages one after the other, then seal them.

    Args:
        folder: an empty one, on the disk that is to be measured.
    """
    rng = np.random.default_rng(seed)
    partition = folder / f"{PARTITION_PREFIX}0"
    writer = SlotWriter(partition)
    took_us, n_refused = [], 0
    for i in range(N_WARM_UP + n_pages):
        page = page_of(rng)
        began = time.perf_counter()
        n_refused += not writer.write(page, budget_s=BUDGET_S)
        if i >= N_WARM_UP:
            took_us.append((time.perf_counter() - began) * 1e6)
    writer.close()
    journal = _n_bytes(partition)
    began = time.perf_counter()
    report = Keeper(folder, keep_days=400).run(now_ms=time.time_ns() // 1_000_000, seal_all=True)
    seal_s = time.perf_counter() - began
    return {
        "pages": n_pages,
        "page_candidates": N_CANDIDATES,
        "page_shown": N_SHOWN,
        "page_write_us": round(float(np.percentile(took_us, 50)), 1),
        "page_write_p99_us": round(float(np.percentile(took_us, 99)), 1),
        "pages_refused": n_refused,
        "page_journal_bytes": round(journal / report.sealed_pages),
        "page_bytes": round(_n_bytes(partition) / report.sealed_pages),
        "pages_sealed_per_s": round(report.sealed_pages / seal_s),
    }


def _n_bytes(partition: Path) -> int:
    return sum(file.path.stat().st_size for file in PageFolder(partition).files())


def main() -> None:
    """One job from stdin, its result on stdout."""
    job = json.load(sys.stdin)
    json.dump(measure(Path(job["folder"]), seed=job["seed"]), sys.stdout)


if __name__ == "__main__":
    main()
