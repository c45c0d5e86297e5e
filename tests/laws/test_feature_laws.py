"""Laws of every transform of the registry, over random columns with gaps, NaN, emoji and nothing."""

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercer.features.arrow_in import column_of
from mercer.features.counter_keys import counter_keys
from mercer.features.counter_step import HOUR_MS
from mercer.features.declare import FeatureSet
from mercer.features.fit import fit, fit_stage, merge_stages
from mercer.features.graph import build_graph
from mercer.features.matrix import FeatureMatrix
from mercer.features.plan import Candidates, Plan, compile_plan, set_hash
from mercer.features.program import build_program
from mercer.features.registry import registry
from mercer.features.state import FittedState
from mercer.features.transform import CounterOp, Transform
from support.feature_kit import (
    NOW_MS,
    PlainCounters,
    batch_of,
    is_list,
    one_feature,
    owners_of,
    params_of,
    plain,
    rows_of,
)

COUNTERS = PlainCounters()
CASES = [(transform, kinds) for transform in registry().values() for kinds in transform.inputs]
each_transform = pytest.mark.parametrize(
    ("transform", "kinds"), CASES, ids=lambda one: getattr(one, "name", None) or "-".join(one)
)
few = settings(max_examples=8, suppress_health_check=list(HealthCheck))


def _drawn(
    data: st.DataObject, transform: Transform, kinds: Any
) -> tuple[FeatureSet, pa.RecordBatch]:
    owners = data.draw(owners_of(transform, kinds), "owners")
    feature_set = one_feature(
        transform, kinds, owners, data.draw(params_of(transform, len(kinds)), "params")
    )
    rows = data.draw(rows_of(feature_set.columns), "rows")
    return feature_set, batch_of(rows, feature_set.columns)


def _compiled(feature_set: FeatureSet, batch: pa.RecordBatch) -> Plan:
    return compile_plan(feature_set, fit(feature_set, lambda: [batch]))


def _bits(matrix: FeatureMatrix) -> list[bytes]:
    """Each row's bits."""
    return [
        dense.tobytes() + hashed.tobytes()
        for dense, hashed in zip(matrix.dense, matrix.hashed, strict=True)
    ]


@each_transform
@given(data=st.data())
@few
def test_kernel_equals_its_plain_twin(
    data: st.DataObject, transform: Transform, kinds: Any
) -> None:
    """What a kernel gives is what plain Python gives for each row, bit for bit."""
    if isinstance(transform.run, CounterOp):
        _value_equals_twin(transform.run, transform, data, kinds)
        return
    feature_set, batch = _drawn(data, transform, kinds)
    state = fit(feature_set, lambda: [batch])
    graph = build_graph(feature_set, registry())
    place = next(i for i, node in enumerate(graph.nodes) if node.name == "f")
    node = graph.nodes[place]
    program = build_program(
        graph.nodes, wanted=frozenset({place}), loads=frozenset(node.inputs), fitted=state.arrays
    )
    space = program.space(batch.num_rows)
    columns = {
        i: column_of(batch.column(graph.nodes[i].name), graph.nodes[i].kind, name="")
        for i in node.inputs
    }
    for i in program.loads:
        program.put(space, i, columns[i])
    program.run(space)
    fitted = state.arrays.get("f", {})
    inputs = [plain(columns[i]) for i in node.inputs]
    if is_list(transform):
        expected = transform.twin(*inputs, params=node.params, fitted=fitted)
    else:
        expected = [
            transform.twin(*row, params=node.params, fitted=fitted)
            for row in zip(*inputs, strict=True)
        ]
    assert [_exact(v) for v in plain(program.get(space, place))] == [_exact(v) for v in expected]


def _value_equals_twin(
    run: CounterOp, transform: Transform, data: st.DataObject, kinds: Any
) -> None:
    """The same of what is made of the counts of counters."""
    owners = data.draw(owners_of(transform, kinds), "owners")
    params = data.draw(params_of(transform, len(kinds)), "params")
    feature_set = one_feature(transform, kinds, owners, params)
    batch = batch_of(data.draw(rows_of(feature_set.columns), "rows"), feature_set.columns)
    found = compile_plan(feature_set).run(batch, now_ms=NOW_MS, counters=COUNTERS).dense[:, 0]
    if run.is_sum:
        wanted = _sums(run, transform, params, batch)
        assert [_exact(v) for v in found.tolist()] == [_exact(v) for v in wanted]
        return
    ids = [batch.column(name).to_numpy(zero_copy_only=False) for name in feature_set.columns]
    half_life = COUNTERS.half_lives_ms.index(round(params["half_life_h"] * HOUR_MS))
    events = [run.count(params), *([run.per(params)] if run.per else [])]
    keys = [counter_keys(params["whose"], kind, *ids) for kind in events]
    counts = [COUNTERS.lookup(key, NOW_MS)[:, half_life].tolist() for key in keys]
    expected = [transform.twin(*one, params=params, fitted={}) for one in zip(*counts, strict=True)]
    wanted = np.where(keys[0] == 0, np.nan, np.array(expected, np.float64)).astype(np.float32)
    assert [_exact(v) for v in found.tolist()] == [_exact(v) for v in wanted.tolist()]


def _sums(
    run: CounterOp, transform: Transform, params: Mapping[str, Any], batch: pa.RecordBatch
) -> list[float]:
    """What the twin makes of the counts of each row's items."""
    half_life = COUNTERS.half_lives_ms.index(round(params["half_life_h"] * HOUR_MS))
    owners, items = (batch.column(i) for i in range(2))
    more = 1 if items.type == pa.list_(pa.uint32()) else 0  # words may be 0, ids are missing then
    out = []
    for owner, listed in zip(owners.to_pylist(), items.to_pylist(), strict=True):
        there = list(dict.fromkeys(one + more for one in listed or () if one + more))
        ids = [np.array([owner] * len(there), np.uint64), np.array(there, np.uint64)]
        counts = COUNTERS.lookup(counter_keys(params["whose"], run.count(params), *ids), NOW_MS)
        is_known = owner and listed is not None
        given = counts[:, half_life].tolist() if is_known else None
        out.append(float(np.float32(transform.twin(given, params=params, fitted={}))))
    return out


def _exact(value: Any) -> Any:
    """A value that equals only one of the same bits; all NaN are one."""
    if isinstance(value, list):
        return [_exact(one) for one in value]
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    return value


@each_transform
@given(data=st.data())
@few
def test_rows_do_not_know_each_other(data: st.DataObject, transform: Transform, kinds: Any) -> None:
    """A batch, one row, a slice and any order give the same bits for a row; and so does a plan whose
    state was saved and read again. Of list features only whole requests count, in any order."""
    feature_set, batch = _drawn(data, transform, kinds)
    plan = _compiled(feature_set, batch)
    whole = _bits(plan.run(batch, now_ms=NOW_MS, counters=COUNTERS))
    n = batch.num_rows
    order = data.draw(st.permutations(range(n)), "order")
    shuffled = _bits(
        plan.run(batch.take(pa.array(order, pa.int64())), now_ms=NOW_MS, counters=COUNTERS)
    )
    assert shuffled == [whole[i] for i in order]
    again = compile_plan(feature_set, FittedState.from_bytes(plan.state.to_bytes()))
    assert again.hash == plan.hash
    assert _bits(again.run(batch, now_ms=NOW_MS, counters=COUNTERS)) == whole
    if not is_list(transform):
        start = data.draw(st.integers(0, n), "start")
        assert (
            _bits(plan.run(batch.slice(start), now_ms=NOW_MS, counters=COUNTERS)) == whole[start:]
        )
        ones = [
            _bits(plan.run(batch.slice(i, 1), now_ms=NOW_MS, counters=COUNTERS))[0]
            for i in range(n)
        ]
        assert ones == whole


@each_transform
@given(data=st.data())
@few
def test_a_request_gives_the_bits_of_the_batch(
    data: st.DataObject, transform: Transform, kinds: Any
) -> None:
    """Gathered from two parts of an index, candidates in any order: the bits of the flat rows."""
    feature_set, batch = _drawn(data, transform, kinds)
    plan = _compiled(feature_set, batch)
    whole = _bits(plan.run(batch, now_ms=NOW_MS, counters=COUNTERS))
    n = batch.num_rows
    cut = data.draw(st.integers(0, n), "cut")
    listings = [plan.listing_columns(batch.slice(0, cut)), plan.listing_columns(batch.slice(cut))]
    groups = batch.column("group").to_pylist()
    for group in set(groups):
        mine = np.array(data.draw(st.permutations([i for i in range(n) if groups[i] == group])))
        part = (mine >= cut).astype(np.int32)
        matrix = plan.run_request(
            _request(batch, int(mine[0])),
            Candidates(
                listings=listings,
                part=part,
                rows=mine - cut * part,
                columns=_candidate_columns(batch, mine, feature_set),
            ),
            now_ms=NOW_MS,
            counters=COUNTERS,
        )
        assert _bits(matrix) == [whole[i] for i in mine]


def _request(batch: pa.RecordBatch, row: int) -> Mapping[str, Any]:
    names = [name for name in batch.schema.names if name.startswith("query.")]
    return {name: batch.column(name)[row].as_py() for name in names}


def _candidate_columns(
    batch: pa.RecordBatch, rows: Any, feature_set: FeatureSet
) -> Mapping[str, Any]:
    taken = batch.take(pa.array(rows))
    return {
        name: column_of(taken.column(name), kind, name=name)
        for name, kind in feature_set.columns.items()
        if name.startswith("candidate.")
    }


@pytest.mark.parametrize(
    ("transform", "kinds"),
    [case for case in CASES if case[0].fit is not None],
    ids=lambda one: getattr(one, "name", None) or "-".join(one),
)
@given(data=st.data())
@few
def test_fits_merge(data: st.DataObject, transform: Transform, kinds: Any) -> None:
    """Where a statistic is exact, the merge of two parts has the bits of the whole, either way round,
    and a part without rows changes nothing."""
    assert transform.fit is not None
    feature_set, batch = _drawn(data, transform, kinds)
    cut = data.draw(st.integers(0, batch.num_rows), "cut")
    start = FittedState(set_hash(feature_set))

    def stage(part: pa.RecordBatch) -> FittedState:
        return fit_stage(feature_set, start, lambda: [part])

    a, b = stage(batch.slice(0, cut)), stage(batch.slice(cut))
    merged, turned = merge_stages(feature_set, a, b), merge_stages(feature_set, b, a)
    if transform.fit.is_exact:
        assert merged.content_hash() == stage(batch).content_hash() == turned.content_hash()
        nothing = stage(batch.slice(0, 0))
        assert merge_stages(feature_set, a, nothing).content_hash() == a.content_hash()
