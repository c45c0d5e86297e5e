"""A measuring process of `mercer bench features`: words of query and title, by us and by others.

Each side is written as its best users would. A query is cut once, whoever cuts it; titles differ from
row to row. All give the same numbers, and that is checked.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mercer.bench.feature_rows import NOW_MS, PER_QUERY, Rows, make_rows
from mercer.bench.feature_sets import cosine_only, text_only
from mercer.bench.rival import COLUMNS, HASH_WIDTH, TextRows
from mercer.features.arrow_in import column_of
from mercer.features.column import ragged_of
from mercer.features.declare import FeatureSet
from mercer.features.fit import fit
from mercer.features.plan import Plan, compile_plan
from mercer.features.text.cut import cut
from mercer.features.text.hashing import HashedRows, hash_rows
from mercer.features.text.ngrams import word_ngrams

REPEATS = 3


def measure(job: Mapping[str, Any]) -> dict[str, Any]:
    """What `docs/reference/bench.md` lists; the job has the fields of `FeaturesBench`."""
    texts = _text_rows(
        make_rows(
            n=job["rival_rows"],
            n_listings=max(job["rival_rows"], 2 * PER_QUERY),
            seed=job["seed"],
            titles=job["titles"],
        )
    )
    batch = texts.batch()
    plan, cosine_plan = _plan(text_only(), batch), _plan(cosine_only(), batch)
    ours = _timed(lambda: _compared(plan, batch))
    hashed = _timed(lambda: _hashed(batch))
    cosine = _timed(lambda: _compared(cosine_plan, batch))
    line: dict[str, Any] = {
        "rival_rows": len(texts.titles),
        "text_cpu_ms": ours["cpu_ms"],
        "hashing_cpu_ms": hashed["cpu_ms"],
        "tfidf_cpu_ms": cosine["cpu_ms"],
    }
    for name in job["rivals"]:
        rival = importlib.import_module(f"mercer.bench.rival_{name}").prepare(texts)
        if name == "sklearn":
            line |= _beside_sklearn(rival, hashed, cosine)
            continue
        theirs = _timed(rival)
        line |= {
            f"{name}_cpu_ms": theirs["cpu_ms"],
            f"vs_{name}": round(theirs["cpu_ms"] / ours["cpu_ms"], 1),
            f"{name}_max_diff": _difference(ours["result"], theirs["result"]),
        }
    return line


def _beside_sklearn(rival: Any, hashed: Any, cosine: Any) -> dict[str, Any]:
    hashing, tfidf = _timed(rival.hashing), _timed(rival.cosine)
    matrix = hashing["result"]
    mine: HashedRows = hashed["result"]
    both = [
        _sorted_row(offsets, places, values)
        for offsets, places, values in (
            (mine.offsets, mine.places, mine.values),
            (matrix.indptr, matrix.indices, matrix.data),
        )
    ]
    same = all(np.array_equal(a, b) for a, b in zip(both[0][:2], both[1][:2], strict=True))
    return {
        "sklearn_hashing_cpu_ms": hashing["cpu_ms"],
        "sklearn_tfidf_cpu_ms": tfidf["cpu_ms"],
        "vs_sklearn": round(
            (hashing["cpu_ms"] + tfidf["cpu_ms"]) / (hashed["cpu_ms"] + cosine["cpu_ms"]), 1
        ),
        "vs_sklearn_hashing": round(hashing["cpu_ms"] / hashed["cpu_ms"], 1),
        "vs_sklearn_tfidf": round(tfidf["cpu_ms"] / cosine["cpu_ms"], 1),
        "sklearn_same_places": bool(same),
        "sklearn_max_diff": max(
            _difference(both[0][2], both[1][2]) if same else 1.0,
            _difference(cosine["result"][:, 0], tfidf["result"]),
        ),
    }


def _sorted_row(offsets: Any, places: Any, values: Any) -> tuple[Any, Any, Any]:
    """Rows with their places in order, and without what came to nothing."""
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((places, row))
    order = order[values[order] != 0]
    return row[order], places[order], values[order]


def _text_rows(rows: Rows) -> TextRows:
    """Titles of ASCII letters, each once: what counts as a letter elsewhere differs between them."""
    titles = rows.listings.column("listing.title")
    titles = titles.filter(pc.string_is_ascii(titles))
    query = np.arange(len(titles)) // PER_QUERY % len(rows.queries)
    return TextRows(
        titles=titles.to_pylist(), queries=[_ascii(q) for q in rows.queries], query=query
    )


def _ascii(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def _plan(feature_set: FeatureSet, batch: pa.RecordBatch) -> Plan:
    return compile_plan(feature_set, fit(feature_set, lambda: [batch]))


def _compared(plan: Plan, batch: pa.RecordBatch) -> NDArray[np.float32]:
    """(n, columns) in the order of COLUMNS, as far as the plan has them."""
    dense = plan.run(batch, now_ms=NOW_MS).dense
    there = [plan.names.index(name) for name in COLUMNS if name in plan.names]
    return np.ascontiguousarray(dense[:, there])


def _hashed(batch: pa.RecordBatch) -> HashedRows:
    """Words and pairs of words of the titles in HASH_WIDTH places."""
    title = ragged_of(column_of(batch.column("listing.title"), "text", name="listing.title"))
    text = cut(title.starts, title.stops, title.values, with_text=True)
    offsets, words = word_ngrams(text.text_offsets[:-1], text.text_offsets[1:], text.text)
    return hash_rows(offsets[:-1], offsets[1:], words, width=HASH_WIDTH)


def _timed(call: Callable[[], Any]) -> dict[str, Any]:
    """What it gives, and the least of its times, all cores added up."""
    times = []
    result = call()
    for _ in range(REPEATS):
        began = time.process_time()
        result = call()
        times.append((time.process_time() - began) * 1e3)
    return {"result": result, "cpu_ms": round(min(times), 2)}


def _difference(a: Any, b: Any) -> float:
    """The greatest difference of two columns or tables, NaN equal to NaN."""
    if np.shape(a) != np.shape(b) or (np.isnan(a) != np.isnan(b)).any():
        return float("inf")
    apart = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64))
    return float(np.nanmax(apart, initial=0.0))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(json.load(sys.stdin))))
