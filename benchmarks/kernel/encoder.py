"""The encoder fitted on the catalogue and the vector index over it: one JSON line.

    python benchmarks/kernel/encoder.py [--listings 100000] [--words 100000]

Texts are made up: words by Zipf's law over a vocabulary of --words, 45 to a listing, drawn from a
theme of each listing's own (one of 2,000), so that there is something to find. Times are CPU time
of one thread for encoding and searching, and wall and CPU time for fitting and building, which use
two threads. Recall counts the listings that score at least as the 100th best of the exact index.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mercer.engines.embedded.index.vector_exact import ExactIndex
from mercer.engines.embedded.index.vector_faiss import FaissIndex
from mercer.text.analyze import Tokens
from mercer.text.encoder import CatalogueEncoder
from mercer.text.encoder_fit import fit_encoder
from mercer.text.encoder_threshold import calibrate_threshold, pseudo_query_vectors

FIELD_WORDS = {"title": 10, "labels": 5, "category": 4, "description": 26}
THEMES, THEME_WORDS = 2_000, 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    vocabulary = _vocabulary(args.words, rng)
    tokens = _texts(args.listings, args.words, rng)
    small = {name: Tokens(t.offsets[:11], t.codes) for name, t in tokens.items()}
    fit_encoder(small, vocabulary)  # loads the kernels

    fitted = _timed(lambda: fit_encoder(tokens, vocabulary))
    encoder: CatalogueEncoder = fitted["result"]
    rows = pa.table({"row": np.arange(args.listings)})
    encoded = _timed(lambda: encoder.encode_listings(rows, tokens, vocabulary))
    vectors = encoded["result"]
    queries = pseudo_query_vectors(encoder, tokens["title"], vocabulary, n_queries=128)
    asked = _timed(lambda: [encoder.encode_query("", vocabulary[i : i + 3]) for i in range(500)])
    built = _timed(lambda: FaissIndex.build(vectors, queries=queries[64:]))
    with tempfile.TemporaryDirectory() as folder:
        built["result"].save(Path(folder) / "vectors")
        file_mb = (Path(folder) / "vectors").stat().st_size / 1e6
        index = FaissIndex.open(Path(folder) / "vectors")
        own = vectors[np.sort(rng.choice(args.listings, 64, replace=False))]
        search = {
            "own": _search(index, vectors, own),
            "pseudo_queries": _search(index, vectors, queries[:64]),
        }
    result = {
        "benchmark": "kernel/encoder",
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {p: version(p) for p in ("numba", "numpy", "faiss-cpu")},
        "seed": args.seed,
        "listings": args.listings,
        "words": args.words,
        "fit_s": round(fitted["wall_s"], 2),
        "fit_cpu_s": round(fitted["cpu_s"], 2),
        "encode_listings_per_cpu_s": round(args.listings / encoded["cpu_s"]),
        "encode_query_us": round(asked["cpu_s"] / 500 * 1e6, 1),
        "encoder_mb": round(sum(a.nbytes for a in encoder.to_arrays().values()) / 1e6, 1),
        "threshold": round(calibrate_threshold(encoder, tokens["title"], vocabulary, vectors), 3),
        "build_us_per_row": round(built["wall_s"] / args.listings * 1e6, 1),
        "build_cpu_us_per_row": round(built["cpu_s"] / args.listings * 1e6, 1),
        "index_mb": round(file_mb, 1),
        "probes": index.n_probes,
        "lists": index.n_lists,
        "search": search,
    }
    print(json.dumps(result))
    return 0


def _vocabulary(n: int, rng: np.random.Generator) -> list[str]:
    """Made-up words of 3 to 10 letters, all different."""
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    chance = 1 / np.arange(1, 27)
    drawn = rng.choice(letters, (n, 10), p=chance / chance.sum())
    length = rng.integers(3, 11, n)
    seen = dict.fromkeys("".join(w[:size]) for w, size in zip(drawn, length, strict=True))
    words = list(seen)
    return words + [f"{words[i % len(words)]}{i}" for i in range(n - len(words))]


def _texts(n: int, n_words: int, rng: np.random.Generator) -> dict[str, Tokens]:
    """Half of a listing's words come from its theme, half from the whole vocabulary."""
    themes = rng.integers(0, n_words, (THEMES, THEME_WORDS))
    theme = rng.integers(0, THEMES, n)
    out = {}
    for name, size in FIELD_WORDS.items():
        any_word = np.minimum(rng.zipf(1.3, (n, size)) - 1, n_words - 1)
        own = themes[theme[:, None], np.minimum(rng.zipf(1.3, (n, size)), THEME_WORDS) - 1]
        codes = np.where(rng.random((n, size)) < 0.5, own, any_word).astype(np.int32)
        out[name] = Tokens(np.arange(n + 1, dtype=np.int64) * size, codes.ravel())
    return out


def _search(index: FaissIndex, vectors: Any, queries: Any) -> dict[str, float]:
    exact, seconds, recall = ExactIndex(vectors), [], []
    for query in queries:
        began = time.thread_time()
        rows = index.search(query, k=1_000).rows
        seconds.append(time.thread_time() - began)
        hundredth = exact.search(query, k=100).scores[-1]
        recall.append(min(1.0, (vectors[rows] @ query >= hundredth - 1e-6).sum() / 100))
    return {
        "recall_at_100": round(float(np.mean(recall)), 4),
        "p50_ms": round(float(np.median(seconds)) * 1e3, 2),
        "p95_ms": round(float(np.quantile(seconds, 0.95)) * 1e3, 2),
    }


def _timed(work: Callable[[], Any]) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return {
        "result": result,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
    }


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    raise SystemExit(main())
