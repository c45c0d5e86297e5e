"""Compares two files of benchmark lines: what changed, and how sure that is.

    make bench-compare BASE=before.jsonl WITH=after.jsonl

A line is one JSON object, as `mercer bench ... --json` prints it. Lines of the same benchmark and size
are repetitions: three or more on both sides give a bootstrap 95 % interval of the change.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

# What has to be the same for two lines to be comparable; times of two machines are not.
IDENTITY = ("bench", "listings", "mode", "threads", "queries", "seed", "machine")
NOT_MEASURED = {*IDENTITY, "commit", "load_1m", "versions"}
ENOUGH, RESAMPLES = 3, 2_000

Key = tuple[str, ...]
Samples = dict[Key, dict[str, list[float]]]


def measures(line: Mapping[str, Any], *, prefix: str = "") -> Iterator[tuple[str, float]]:
    """(dotted name, value) of every number in a line that was measured."""
    for name, value in line.items():
        if not prefix and name in NOT_MEASURED:
            continue
        if isinstance(value, Mapping):
            yield from measures(value, prefix=f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix + name, float(value)


def read(path: Path) -> Samples:
    """Samples by identity, then by measure, in the order of the file.

    Raises:
        ValueError: a line is not a JSON object; says which.
    """
    samples: Samples = {}
    for number, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except json.JSONDecodeError as fault:
            raise ValueError(f"{path}, line {number}: not JSON: {fault}") from None
        if not isinstance(line, dict):
            raise ValueError(f"{path}, line {number}: a JSON object is needed, got {text[:40]!r}")
        of_line = samples.setdefault(tuple(str(line.get(name, "")) for name in IDENTITY), {})
        for name, value in measures(line):
            of_line.setdefault(name, []).append(value)
    return samples


def change(base: list[float], new: list[float], rng: np.random.Generator) -> str:
    """The change of the median in percent, with its interval where the samples allow one."""
    before, after = np.array(base), np.array(new)
    if np.median(before) == 0:
        return "was 0"
    shown = f"{100 * (np.median(after) / np.median(before) - 1):+7.1f} %"
    if min(len(base), len(new)) < ENOUGH or (before <= 0).any():
        return f"{shown}  (too few runs for an interval)"
    draws = [
        np.median(rng.choice(side, size=(RESAMPLES, side.size)), axis=1) for side in (after, before)
    ]
    low, high = np.quantile(100 * (draws[0] / draws[1] - 1), [0.025, 0.975])
    return f"{shown}  [{low:+.1f}, {high:+.1f}]"


def main(words: list[str]) -> int:
    """Print one line per measure that both files have."""
    if len(words) != 2 or not all(words):
        print(
            "bench-compare: two files are needed: BASE=before.jsonl WITH=after.jsonl",
            file=sys.stderr,
        )
        return 2
    try:
        base, new = (read(Path(word)) for word in words)
    except (OSError, ValueError) as fault:
        print(f"bench-compare: {fault}", file=sys.stderr)
        return 1
    rng = np.random.default_rng(0)
    for key in base.keys() & new.keys():
        print(
            " ".join(f"{name}={value}" for name, value in zip(IDENTITY, key, strict=True) if value)
        )
        for name in base[key]:
            if name in new[key]:
                before, after = base[key][name], new[key][name]
                print(
                    f"  {name:<36} {np.median(before):>14,.3f} -> {np.median(after):>14,.3f} "
                    f"{change(before, after, rng)}"
                )
    for side, only in (("base", base.keys() - new.keys()), ("new", new.keys() - base.keys())):
        for key in sorted(only):
            print(f"only in {side}: {' '.join(filter(None, key))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
