"""Speller against symspellpy on word_typos: top-1 accuracy and words/s, one JSON line.

    MERCER_DATA=... python benchmarks/kernel/speller.py [--rival-sample 10000] [--words 0]

The vocabulary is all right words, equally frequent; at most two edits whatever the length. A typo
counts as right when the first candidate is in its list of corrections. `held_out` leaves out the
share of the words that the error model was checked on (crc32 of the first correction % 5 == 0).
With --words N the time to index N made-up words is measured too.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from symspellpy import SymSpell, Verbosity

from mercer.text.speller import EditLimits, Speller

ANY_LENGTH = EditLimits(one_edit_from=1, two_edits_from=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rival-sample", type=int, default=10_000, help="typos for symspellpy")
    parser.add_argument("--words", type=int, default=0, help="also index so many made-up words")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    path = Path(os.environ["MERCER_DATA"]) / "typos" / "word_typos.parquet"
    table = pq.read_table(path)
    typos = table["typo"].to_pylist()
    right = [set(row) for row in table["corrections"].to_pylist()]
    held_out = np.array(
        [zlib.crc32(row[0].encode()) % 5 != 0 for row in table["corrections"].to_pylist()]
    )
    vocabulary = sorted(set().union(*right))
    sample = np.random.default_rng(0).permutation(len(typos))[: args.rival_sample]

    began = time.perf_counter()
    speller = Speller.build(vocabulary, limits=ANY_LENGTH)
    built_s = time.perf_counter() - began
    found, seconds = _best_of(lambda: speller.correct_many(typos).word.tolist(), args.repeats)
    hit = np.array(
        [w >= 0 and vocabulary[w] in ok for w, ok in zip(found, right, strict=True)], float
    )
    one, one_s = _best_of(lambda: [speller.correct_one(typos[i]) for i in sample[:2000]], 1)

    rival = SymSpell(max_dictionary_edit_distance=2)
    began = time.perf_counter()
    for word in vocabulary:
        rival.create_dictionary_entry(word, 1)
    rival_built_s = time.perf_counter() - began
    rivals = {}
    for name, verbosity in (("top", Verbosity.TOP), ("closest", Verbosity.CLOSEST)):
        answers, rival_s = _best_of(
            lambda v=verbosity: [rival.lookup(typos[i], v, max_edit_distance=2) for i in sample], 1
        )
        rival_hit = [
            bool(a) and a[0].term in right[i] for a, i in zip(answers, sample, strict=True)
        ]
        rivals[name] = {
            "accuracy": round(float(np.mean(rival_hit)), 4),
            "words_per_s": round(len(sample) / rival_s),
        }

    result = {
        "benchmark": "kernel/speller",
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {p: version(p) for p in ("numba", "numpy", "symspellpy")},
        "data_crc32": zlib.crc32(path.read_bytes()),
        "seed": 0,
        "n": len(typos),
        "vocabulary": len(vocabulary),
        "mercer": {
            "accuracy": round(float(hit.mean()), 4),
            "accuracy_ci95": _interval(hit),
            "accuracy_held_out": round(float(hit[held_out].mean()), 4),
            "accuracy_on_rival_sample": round(float(hit[sample].mean()), 4),
            "words_per_s": round(len(typos) / seconds),
            "one_word_us": round(1e6 * one_s / len(one), 1),
            "build_s": round(built_s, 3),
        },
        "symspellpy": {**rivals, "n": len(sample), "build_s": round(rival_built_s, 3)},
    }
    if args.words:
        result["large"] = _large(args.words)
    print(json.dumps(result))
    return 0


def _large(n_words: int) -> dict[str, float]:
    """Build and look-up times over made-up words with Zipf counts, under the default limits."""
    rng = np.random.default_rng(1)
    syllables = np.array([a + b for a in "bcdfghjklmnprstvwz" for b in "aeiou"])
    vocabulary: dict[str, None] = {}
    while len(vocabulary) < n_words:
        parts = syllables[rng.integers(0, syllables.size, (n_words, 5))]
        lengths = rng.integers(2, 6, n_words)
        vocabulary.update(
            dict.fromkeys("".join(p[:k]) for p, k in zip(parts.tolist(), lengths, strict=True))
        )
    words = list(vocabulary)[:n_words]
    counts = (1e7 / np.arange(1, n_words + 1)).astype(np.int64) + 1
    speller, build_s = _best_of(lambda: Speller.build(words, counts), 1)
    typos = [w[:3] + w[4:] if len(w) > 5 else w for w in words[:20_000]]
    _, seconds = _best_of(lambda: speller.correct_many(typos), 3)
    size = sum(a.nbytes for a in speller.to_arrays().values())
    return {
        "words": n_words,
        "build_s": round(build_s, 2),
        "words_per_s": round(len(typos) / seconds),
        "mib": round(size / 2**20, 1),
    }


def _best_of(work: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """The result and the least seconds of some runs."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
    return result, min(times)


def _interval(hit: Sequence[float]) -> list[float]:
    half = 1.96 * float(np.std(hit)) / len(hit) ** 0.5
    return [round(float(np.mean(hit)) - half, 4), round(float(np.mean(hit)) + half, 4)]


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
