"""How often an encoder finds what was wanted: recall at a depth, over held-out searches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mercer.learn.gate import Verdict
from mercer.learn.tower_loss import Floats, Ints
from mercer.metrics.sampling import PairedTest, paired_test
from mercer.text.encoder import Encoder
from mercer.text.encoder_kernel import F32s

K: Final = 100
SEED: Final = 0  # of the interval that is printed; the verdict does not depend on it
_BLOCK = 512  # queries scored together
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldSearches:
    """What was done on held-out pages; a row is one listing on one page."""

    words: Sequence[Words]  # of the query
    listing: Ints  # row of the catalogue
    is_purchase: NDArray[np.bool_]
    gain: Floats

    def __len__(self) -> int:
        return len(self.listing)


def found_at(
    encoder: Encoder, vectors: F32s, held: HeldSearches, *, k: int = K
) -> NDArray[np.bool_]:
    """(n,) whether the listing is among the k nearest of its query, of all listings given."""
    row: dict[Words, int] = {}
    at = np.array([row.setdefault(words, len(row)) for words in held.words], np.int64)
    asked = np.zeros((len(row), encoder.dim), np.float32)
    for words, i in row.items():
        asked[i] = encoder.encode_query(" ".join(words), words)
    found = np.zeros(len(held), np.bool_)
    for first in range(0, len(row), _BLOCK):
        score = asked[first : first + _BLOCK] @ vectors.T
        mine = np.flatnonzero((at >= first) & (at < first + _BLOCK))
        for i in mine.tolist():
            line = score[at[i] - first]
            found[i] = np.count_nonzero(line > line[held.listing[i]]) < k
    return found


def recall_report(
    day_one: NDArray[np.bool_], trained: NDArray[np.bool_], held: HeldSearches, *, k: int = K
) -> dict[str, Any]:
    """Recall of purchases and of all, before and after, with the interval of the difference."""
    out: dict[str, Any] = {"k": k}
    for name, rows in (("purchases", held.is_purchase), ("all", np.ones(len(held), np.bool_))):
        n = int(rows.sum())
        if n == 0:
            out[name] = {"n": 0}
            continue
        a, b = day_one[rows].astype(np.float64), trained[rows].astype(np.float64)
        out[name] = {"n": n, "day_one": float(a.mean()), "trained": float(b.mean())} | _change(a, b)
    return out


def _change(a: Floats, b: Floats) -> dict[str, float]:
    test = paired_test(a, b, np.random.default_rng(SEED))
    return {
        "lead": float(test.difference.mean),
        "low": float(test.difference.low),
        "high": float(test.difference.high),
    }


def recall_verdict(
    champion: NDArray[np.bool_],
    challenger: NDArray[np.bool_],
    held: HeldSearches,
    *,
    champion_id: str,
    k: int = K,
    tolerance: float = 0.0,
) -> Verdict:
    """Passed where the challenger's recall, each find with its gain, is no lower than the champion's.

    Args:
        tolerance: in recall, >= 0; how much worse is still no worse.
    """
    if not len(held):
        return Verdict(False, "nothing was wanted on the pages that were held out")
    weight = held.gain * (len(held) / held.gain.sum())
    test: PairedTest = paired_test(
        champion * weight, challenger * weight, np.random.default_rng(SEED)
    )
    lead = float(((challenger.astype(float) - champion) * weight).mean())
    passed = lead >= -tolerance
    sentence = (
        f"{'no worse' if passed else 'worse'} than {champion_id} on {len(held)} held-out choices: "
        f"recall@{k} {(challenger * weight).mean():.4f} against {(champion * weight).mean():.4f}, "
        f"{lead:+.4f} [{test.difference.low:+.4f}, {test.difference.high:+.4f}]"
    )
    return Verdict(bool(passed), sentence, test)
