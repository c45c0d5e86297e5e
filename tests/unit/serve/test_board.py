"""The board of connections: who gives way to whom."""

from contextlib import closing
from pathlib import Path

from mercer.serve.process.board import ReaderBoard


def test_who_has_more_gives_way(tmp_path: Path) -> None:
    """Equal numbers give way to nobody; the one with more does, until the other has caught up."""
    path = tmp_path / "run" / "readers"
    with (
        closing(ReaderBoard(path, slot=0, n=2)) as one,
        closing(ReaderBoard(path, slot=1, n=2)) as other,
    ):
        told = []
        for n_one, n_other in ((0, 0), (1, 0), (1, 1), (1, 3)):
            one.tell(n_one)
            other.tell(n_other)
            told.append((one.has_more_than_another(), other.has_more_than_another()))
        assert told == [(False, False), (True, False), (False, False), (False, True)]


def test_who_has_gone_has_none(tmp_path: Path) -> None:
    """A reader that is started again begins with none, whatever it left there."""
    path = tmp_path / "readers"
    with closing(ReaderBoard(path, slot=0, n=2)) as one:
        with closing(ReaderBoard(path, slot=1, n=2)) as other:
            other.tell(5)
            assert other.has_more_than_another()
        one.tell(1)
        assert one.has_more_than_another()
