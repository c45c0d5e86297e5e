"""How a ranker is chosen: what comes from a log asks more of the rung that is less simple."""

from typing import Any

import pytest

from mercer.engines.embedded import training_ranker
from mercer.engines.embedded.training_ranker import ERRORS_OF_LOG, JUDGMENTS, LOG, trained_ranker
from mercer.learn.ladder import climb
from mercer.learn.lesson import Lesson
from mercer.learn.split import SplitParams
from support.rankings import made_lists


@pytest.mark.parametrize(("source", "errors"), [(LOG, ERRORS_OF_LOG), (JUDGMENTS, 1.0)])
def test_more_errors_are_allowed_a_simpler_rung_of_a_log(
    source: str, errors: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log shows what was ranked high, so trees have to be clearly ahead; of judgments one error is it."""
    climbed = []

    def watched(*args: Any, **words: Any) -> Any:
        climbed.append(climb(*args, **words))
        return climbed[0]

    monkeypatch.setattr(training_ranker, "climb", watched)
    lesson = Lesson(data=made_lists(n_queries=60), source=source)
    model, _ = trained_ranker(lesson, SplitParams(), name=None, k=10, seed=0)
    assert climbed[0].errors == errors
    assert model.manifest.name == climbed[0].best.name
