"""The gate: a model goes live when it is no worse than the one that serves, on lists held out of both.

What serves learned from all lists once it was measured, so what is compared here are the models beside
them that did not (`learn.ladder`).

A model that learned from more of the same is as good or a little better, and on some hundred lists its
measured lead is half of the time below 0 by chance alone. A gate that asks for a lead refuses every
second retraining, and what serves grows old. So the challenger of a champion is refused where it is
behind by more than chance explains: by more than one standard error of the lead. What has to earn its
place at all, a first model beside the order without one, needs a lead.
"""

import io
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np

from mercer.learn.held_out import HeldOut, compared, ndcg_of, standard_error
from mercer.metrics.ragged import Ints
from mercer.metrics.sampling import PairedTest
from mercer.rank.scorer import Scorer
from mercer.rank.training_set import F32s, FeatureColumns, TrainingSet
from mercer.schema.errors import CorruptError

MAX_ROWS: Final = 200_000  # of the lists that are kept with a model
SEED: Final = 0  # of the interval that is printed; the verdict does not depend on it


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a model may go live, and why."""

    passed: bool
    sentence: str
    test: PairedTest | None = None  # challenger minus champion; None where there was no champion

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        out: dict[str, Any] = {"passed": self.passed, "why": self.sentence}
        if self.test is not None:
            change = self.test.difference
            out |= {
                "lists": self.test.n,
                "lead": _number(change.mean),
                "low": _number(change.low),
                "high": _number(change.high),
            }
        return out


def verdict(
    held_out: TrainingSet,
    challenger: Scorer,
    champion: Scorer | None,
    *,
    champion_id: str = "",
    k: int,
    tolerance: float = 0.0,
) -> Verdict:
    """Compare on the lists that were held out for both.

    A challenger passes where its mean nDCG@k is at least the champion's, less `tolerance` and one
    standard error of the difference list by list. Without a champion it has to be at least that of the
    order as it was served, less `tolerance`, where that order is known; else there is nothing to be
    worse than.

    Args:
        held_out: of the challenger; its split has the same seed as the champion's.
        k: of nDCG@k.
        tolerance: in nDCG, >= 0; how much worse is still no worse.
    """
    mine = ndcg_of(held_out, challenger.score(held_out.features), k=k)
    if mine.n == 0:
        return Verdict(False, "it was held out no list on which anything had a gain")
    if champion is not None:
        theirs, other = ndcg_of(held_out, champion.score(held_out.features), k=k), champion_id
        doubt = standard_error(mine.per_query - theirs.per_query)
    elif not np.isnan(held_out.base).any():
        theirs, other = ndcg_of(held_out, held_out.base, k=k), "the order as served"
        doubt = 0.0
    else:
        return Verdict(
            True, "no model serves and no order is known, so there is nothing to be worse than"
        )
    return _judged(mine, theirs, other=other, k=k, tolerance=tolerance, doubt=doubt)


def _judged(
    mine: HeldOut, theirs: HeldOut, *, other: str, k: int, tolerance: float, doubt: float
) -> Verdict:
    test = compared(mine, theirs, np.random.default_rng(SEED))
    lead = mine.mean - theirs.mean
    if lead >= -tolerance:
        how = "no worse than"
    elif lead >= -tolerance - doubt:
        how = f"within one standard error ({doubt:.4f}) of"
    else:
        how = "worse than"
    sentence = (
        f"{how} {other} on {test.n} held-out lists: nDCG@{k} {mine.mean:.4f} against "
        f"{theirs.mean:.4f}, {lead:+.4f} [{test.difference.low:+.4f}, {test.difference.high:+.4f}]"
    )
    return Verdict(bool(lead >= -tolerance - doubt), sentence, test)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def held_out_bytes(data: TrainingSet) -> bytes:
    """Lists as they are kept with a model; of each query a hash in place of its text.

    Of more than MAX_ROWS rows the first lists are kept.
    """
    n = max(1, int(np.searchsorted(data.offsets, MAX_ROWS, side="right")) - 1)
    kept = data.take(np.arange(min(n, data.n_queries)))
    key = [int.from_bytes(blake2b(q.encode(), digest_size=8).digest(), "big") for q in kept.query]
    sink = io.BytesIO()
    np.savez_compressed(
        sink,
        features=kept.features,
        gain=kept.gain,
        offsets=kept.offsets,
        weight=kept.weight,
        base=kept.base,
        position=kept.position,
        served_ms=kept.served_ms,
        query_key=np.array(key, np.uint64),
    )
    return sink.getvalue()


def held_out_of(data: bytes, columns: FeatureColumns, *, at: str) -> TrainingSet:
    """What `held_out_bytes` kept.

    Raises:
        CorruptError: it is something else.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as read:
            features: F32s = read["features"]
            offsets: Ints = read["offsets"]
            return TrainingSet(
                columns=columns,
                features=features,
                gain=read["gain"],
                offsets=offsets,
                query=tuple(f"{key:016x}" for key in read["query_key"].tolist()),
                served_ms=read["served_ms"],
                weight=read["weight"],
                base=read["base"],
                position=read["position"],
            )
    except (OSError, ValueError, KeyError, EOFError) as fault:
        raise CorruptError(f"{at}: cannot be read as held-out lists: {fault}") from None
