"""Every transform over the rows that break things, in this process and in another one."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from mercer.features.fit import fit
from mercer.features.plan import compile_plan
from mercer.features.registry import registry
from support.feature_kit import NOW_MS, PlainCounters, edge_case, is_list

CHILD = """
import sys
sys.path.insert(0, {support!r})
from laws.test_feature_edge_laws import digests
for name, digest in digests().items():
    print(name, digest)
"""


def digests() -> dict[str, str]:
    """Of the values that every transform gives for those rows, and of what was fitted."""
    found = {}
    for transform in registry().values():
        for kinds in transform.inputs:
            feature_set, batch = edge_case(transform, kinds)
            state = fit(feature_set, lambda batch=batch: [batch])
            plan = compile_plan(feature_set, state)
            matrix = plan.run(batch, now_ms=NOW_MS, counters=PlainCounters())
            data = plan.hash.encode() + matrix.dense.tobytes() + matrix.hashed.tobytes()
            found[f"{transform.name}({','.join(kinds)})"] = hashlib.sha256(data).hexdigest()
    return found


def test_another_process_gives_the_same_bits() -> None:
    """Fitted and run anew in a fresh interpreter, with another hash seed of Python."""
    tests = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(support=tests)],
        check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": "7", **_paths()},
    )  # fmt: skip
    assert dict(line.split(" ") for line in done.stdout.splitlines()) == digests()


def _paths() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(path for path in sys.path if path), "HOME": str(Path.home())}


def test_no_rows_and_lone_rows() -> None:
    """A batch of no rows has a matrix of no rows; each edge row alone has the bits it has in the batch."""
    for transform in registry().values():
        for kinds in transform.inputs:
            feature_set, batch = edge_case(transform, kinds)
            plan = compile_plan(feature_set, fit(feature_set, lambda batch=batch: [batch]))
            counters = PlainCounters()
            whole = plan.run(batch, now_ms=NOW_MS, counters=counters)
            nothing = plan.run(batch.slice(0, 0), now_ms=NOW_MS, counters=counters)
            assert nothing.dense.shape == (0, whole.dense.shape[1])
            if is_list(transform):
                continue
            for i in range(batch.num_rows):
                alone = plan.run(batch.slice(i, 1), now_ms=NOW_MS, counters=counters)
                assert alone.dense.tobytes() == whole.dense[i : i + 1].tobytes(), transform.name
                assert alone.hashed.tobytes() == whole.hashed[i : i + 1].tobytes(), transform.name


def test_many_chunks_on_threads_give_the_bits_of_one() -> None:
    """10,000 rows in chunks, groups of uneven size, on one thread or two."""
    from concurrent.futures import ThreadPoolExecutor

    rng = np.random.default_rng(5)
    n = 10_000
    transform = registry()["zscore"]
    feature_set, _ = edge_case(transform, ("number",))
    name = next(iter(feature_set.columns))
    batch = pa.record_batch({name: rng.normal(size=n), "group": np.sort(rng.integers(0, 40, n))})
    plan = compile_plan(feature_set)
    with ThreadPoolExecutor(2) as pool:
        threads = plan.run(batch, now_ms=NOW_MS, pool=pool)
    assert threads.dense.tobytes() == plan.run(batch, now_ms=NOW_MS).dense.tobytes()
    assert threads.list_stats["f.mean"].size == 40
