"""The model that ranks in this process, with its plan of features and the columns it reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mercer.engines.embedded.feature_sets import FeatureSetFolder, plan_of
from mercer.engines.embedded.ranking.maker import PlanColumns
from mercer.engines.embedded.scorer.kinds import attempt_of
from mercer.features.counter_reader import CounterReader
from mercer.features.matrix import FeatureMatrix
from mercer.features.plan import Candidates, Plan, compile_plan
from mercer.features.request_inputs import request_inputs
from mercer.learn.loading import LoadedModel
from mercer.learn.model_file import FEATURE_STATE, FEATURES
from mercer.rank.scorer import Attempt
from mercer.retrieve.index import Snapshot
from mercer.schema.errors import InputError

I64s = npt.NDArray[np.int64]
I32s = npt.NDArray[np.int32]
NOT_SERVED: Final = ("query.vector", "listing.vector")
"""They change with each generation, so no log could tell what they were; `embed` keeps its encoder."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What ranks from now on; immutable, so that a request has all of one model or nothing of it."""

    name: str  # id of the model; "" where values are only logged
    plan: Plan  # with what is switched off
    columns: PlanColumns
    attempt: Attempt | None  # None: no model, values are only logged
    takes: I64s | None  # (n,) columns of the matrix that the model wants; None: all as they come
    off: frozenset[str]

    def features(
        self,
        request: Mapping[str, Any],
        snapshot: Snapshot,
        part: I32s,
        rows: I64s,
        *,
        candidates: Mapping[str, npt.NDArray[Any]],
        now_ms: int,
        counters: CounterReader | None,
    ) -> tuple[FeatureMatrix, int] | None:
        """The values of n candidates, and the version of the sellers; None where columns are missing.

        Args:
            request: as `request_inputs` gives it.
            part, rows: (n,) where the candidates stand in the snapshot.
            candidates: (n,) columns "candidate.…".
        """
        hash_ = self.columns.hash
        beside = [one.columns.get(hash_) for one in snapshot.parts]
        kept = [one for one in beside if one is not None]
        if len(kept) < len(beside):
            return None
        version, sellers = self.columns.sellers.now
        places, seller_rows = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
        for i, (columns, segment) in enumerate(zip(kept, snapshot.segments, strict=True)):
            mine = slice(None) if len(kept) == 1 else part == i
            places[mine] = columns.rows_in(segment, rows[mine])
            seller_rows[mine] = columns.sellers_of(segment, rows[mine])
        made = self.plan.run_request(
            request,
            Candidates(
                listings=[one.listings for one in kept],
                part=part,
                rows=places,
                columns=candidates,
                sellers=sellers,
                seller_rows=seller_rows,
            ),
            now_ms=now_ms,
            counters=counters,
        )
        return made, version


def ranking_of(model: LoadedModel | None, columns: PlanColumns, off: frozenset[str]) -> Ranking:
    """A model on the columns of its plan; None: their values are only logged.

    Raises:
        InputError: it wants columns that its feature set does not have.
    """
    plan = with_off(columns.plan, off)
    if model is None:
        return Ranking("", plan, columns, None, None, off)
    wanted = model.manifest.features
    missing = [name for name in wanted if name not in plan.names]
    if missing:
        raise InputError(
            f"{model.id}: wants the feature {missing[0]!r}, which its feature set "
            f"{plan.hash[:12]} does not have; train it anew"
        )
    place = {name: i for i, name in enumerate(plan.names)}
    takes = None
    if wanted != plan.names:
        takes = np.array([place[name] for name in wanted], np.int64)
    return Ranking(model.id, plan, columns, attempt_of(model), takes, off)


def with_off(plan: Plan, off: frozenset[str]) -> Plan:
    """The plan with those of its features off; names of other sets are left aside."""
    mine = off & {feature.name for feature in plan.feature_set.features}
    return compile_plan(plan.feature_set, plan.state, off=mine) if mine else plan


def plan_of_model(model: LoadedModel, feature_sets: FeatureSetFolder) -> Plan:
    """The plan that a model was trained on: its own copy, or the market's.

    Raises:
        InputError: the feature set is another one than the manifest names, or cannot be served.
        MarketError: it cannot be read.
    """
    if FEATURES in model.files and FEATURE_STATE in model.files:
        plan = plan_of(dict(model.files), at=model.id)
    else:
        plan = feature_sets.plan(model.manifest.feature_set)
    if plan.hash != model.manifest.feature_set:
        raise InputError(
            f"{model.id}: was trained on feature set {model.manifest.feature_set}, but carries "
            f"{plan.hash}; train it anew"
        )
    check_served(plan)
    return plan


def check_served(plan: Plan) -> None:
    """Raise InputError where a request cannot give what the plan reads."""
    known = {*request_inputs("", {}, surface="search"), "context.now_ms"}
    owners = ("listing.", "seller.", "candidate.")
    faults = [
        name
        for name in plan.reads
        if name in NOT_SERVED or not (name in known or name.startswith(owners))
    ]
    if faults:
        raise InputError(
            f"feature set {plan.feature_set.name!r} reads {', '.join(faults)}, which a search does "
            f"not have; a search has {', '.join(sorted(known))}, and columns of listing, seller and "
            "candidate"
        )
