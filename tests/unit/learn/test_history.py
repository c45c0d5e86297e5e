import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.learn.history import History
from mercer.schema.errors import CorruptError, InputError


def test_rollback_walks_back() -> None:
    """Each rollback takes one promotion back; after the first promotion no model serves."""
    past = History().promoted("a", at_ms=1, why="").promoted("b", at_ms=2, why="")
    past = past.promoted("c", at_ms=3, why="").rolled_back(at_ms=4, why="")
    assert past.current == "b"
    past = past.promoted("d", at_ms=5, why="").rolled_back(at_ms=6, why="")
    assert past.current == "b"
    past = past.rolled_back(at_ms=7, why="")
    assert past.current == "a"
    past = past.rolled_back(at_ms=8, why="")
    assert past.current is None
    assert [one.action for one in past.changes].count("rollback") == 4
    with pytest.raises(InputError, match="nothing to roll back"):
        past.rolled_back(at_ms=9, why="")


def test_a_serving_model_is_not_promoted_again() -> None:
    """To promote what serves is refused, so that a rollback never brings back the same model."""
    with pytest.raises(InputError, match="a serves already"):
        History().promoted("a", at_ms=1, why="").promoted("a", at_ms=2, why="")


@given(st.lists(st.sampled_from(["a", "b", "c", "rollback"]), max_size=12))
def test_what_is_written_is_read(steps: list[str]) -> None:
    """A history comes back equal, and what serves is what its last change says."""
    past = History()
    for at, step in enumerate(steps):
        try:
            past = (
                past.rolled_back(at_ms=at, why="w")
                if step == "rollback"
                else past.promoted(step, at_ms=at, why="ok", is_forced=step == "b")
            )
        except InputError:
            continue
    assert History.from_bytes(past.to_bytes(), at="here") == past


@pytest.mark.parametrize(
    "change", [lambda d: d[:-5], lambda d: b"", lambda d: d.replace(b'"a"', b'"b"', 1)]
)
def test_a_damaged_pointer_is_told(change) -> None:
    """A pointer that is cut off, empty, or that contradicts its history is refused with advice."""
    data = History().promoted("a", at_ms=1, why="").to_bytes()
    with pytest.raises(CorruptError, match=r"models/current: .*remove it"):
        History.from_bytes(change(data), at="models/current")
