"""What the gate lets through, and what not."""

from dataclasses import dataclass, replace

import numpy as np

from mercer.learn.gate import Verdict, verdict
from mercer.metrics.ragged import Floats
from mercer.rank.training_set import F32s, TrainingSet
from support.rankings import made_lists

DATA = made_lists(n_queries=150)


@dataclass(frozen=True)
class Noisy:
    """The truth, and noise of its own on top."""

    noise: float
    seed: int
    features: tuple[str, ...] = DATA.columns.names

    def score(self, rows: F32s) -> Floats:
        known = np.nan_to_num(rows.astype(np.float64))
        drawn = np.random.default_rng(self.seed).standard_normal(len(rows))
        return 1.5 * known[:, 0] - known[:, 1] + self.noise * drawn


def asked(challenger: Noisy, champion: Noisy | None, data: TrainingSet = DATA) -> Verdict:
    return verdict(data, challenger, champion, champion_id="champion", k=10)


def test_most_of_those_that_are_equally_good_pass_and_none_that_is_clearly_worse() -> None:
    """Equal ones lead half of the time and are behind by a standard error in one of six cases."""
    found = [asked(Noisy(1.0, 2 * i), Noisy(1.0, 2 * i + 1)) for i in range(60)]
    assert 0.7 <= np.mean([one.passed for one in found]) <= 0.97
    behind = [one for one in found if one.passed and one.sentence.startswith("within one")]
    assert 10 <= len(behind) <= 35
    assert not any(asked(Noisy(2.5, 2 * i), Noisy(1.0, 2 * i + 1)).passed for i in range(20))


def test_a_tolerance_comes_on_top() -> None:
    """What is behind by more than chance passes where so much is allowed, and the sentence is plain."""
    worse = asked(Noisy(2.5, 0), Noisy(1.0, 1))
    assert worse.sentence.startswith("worse than champion on")
    assert verdict(DATA, Noisy(2.5, 0), Noisy(1.0, 1), k=10, tolerance=0.5).passed


def test_a_first_model_has_to_lead() -> None:
    """Beside the order as it was served chance is no excuse: what is behind by a little is refused."""
    data = replace(DATA, base=Noisy(1.0, 0).score(DATA.features))
    found = [asked(Noisy(1.0, i), None, data) for i in range(1, 40)]
    leads = [one.test.difference.mean for one in found if one.test is not None]
    assert [one.passed for one in found] == [lead >= 0 for lead in leads]
    assert 5 <= sum(one.passed for one in found) <= 34
