"""What a grade is worth: the words of --gains and every way they can be wrong."""

import pyarrow as pa
import pytest

from mercer.evaluate.gains import GainSpec, label_of
from mercer.schema.errors import InputError


def test_a_table_gives_each_label_its_gain() -> None:
    """E=1,S=.1,C=.01,I=0: labels in any order of the data, the top is the largest gain."""
    got = GainSpec.parse(" E=1, S=.1,C=.01 ,I=0 ").apply(pa.array(["S", "I", "E", "C", "S"]))
    assert got.gain.tolist() == [0.1, 0, 1, 0.01, 0.1]
    assert (got.top_gain, got.top_grades) == (1.0, ("E",))


def test_the_top_of_a_table_is_the_tables_not_the_datas() -> None:
    """Where nobody found an exact match, a substitute does not become the top grade."""
    got = GainSpec.parse("E=1,S=.1").apply(pa.array(["S", "S"]))
    assert (got.top_gain, got.top_grades) == (1.0, ("E",))


def test_exp_and_linear_read_numbers_in_any_form() -> None:
    """2^g - 1 and g, for whole numbers, fractions, and numbers written as text."""
    for grades in (
        pa.array([0, 1, 3], pa.int8()),
        pa.array([0.0, 1.0, 3.0]),
        pa.array(["0", "1", "3"]),
    ):
        exp, linear = (GainSpec.parse(word).apply(grades) for word in ("exp", "linear"))
        assert exp.gain.tolist() == [0, 1, 7]
        assert linear.gain.tolist() == [0, 1, 3]
        assert exp.top_grades == linear.top_grades == ("3",)
    assert GainSpec.parse("exp").apply(pa.array([0.5])).gain[0] == pytest.approx(2**0.5 - 1)


def test_numbers_may_be_labels_of_a_table() -> None:
    """A table names the number 3 as 3, whether the column holds 3 or 3.0."""
    for grades in (pa.array([3, 0]), pa.array([3.0, 0.0]), pa.chunked_array([["3"], ["0"]])):
        assert GainSpec.parse("3=10,0=0").apply(grades).gain.tolist() == [10, 0]


def test_two_labels_may_share_the_top() -> None:
    """Labels with the same largest gain are one top grade."""
    assert GainSpec.parse("A=1,B=1,C=0").apply(pa.array(["A"])).top_grades == ("A", "B")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "'' is not a pair"),
        ("E", "'E' is not a pair"),
        ("E=1,,I=0", "'' is not a pair"),
        ("=1", "'=1' is not a pair"),
        ("E=1,E=2", "'E' is there twice"),
        ("E=-1", "the gain of 'E' is '-1', it must be a number >= 0"),
        ("E=one", "the gain of 'E' is 'one'"),
        ("E=nan", "the gain of 'E' is 'nan'"),
        ("E=inf", "the gain of 'E' is 'inf'"),
        ("E=0,I=0", "no label has a gain above 0"),
    ],
)
def test_words_that_are_no_gains_are_explained(words: str, said: str) -> None:
    """Each wrong form names the part that is wrong."""
    with pytest.raises(InputError) as caught:
        GainSpec.parse(words)
    assert said in str(caught.value)


def test_labels_that_the_gains_do_not_name_are_listed() -> None:
    """All unknown labels at once, with those that are known, so that one try is enough."""
    with pytest.raises(
        InputError, match="'C', 'S', which the gains do not name; they name 'E', 'I'"
    ):
        GainSpec.parse("E=1,I=0").apply(pa.array(["E", "S", "C", "I"]))
    with pytest.raises(InputError, match="and 92 more"):
        GainSpec.parse("E=1").apply(pa.array([f"L{i:03}" for i in range(100)]))


@pytest.mark.parametrize("kind", ["exp", "linear"])
def test_a_formula_needs_grades_that_are_numbers(kind: str) -> None:
    """Labels and negative numbers have no 2^g - 1; the message says what to write instead."""
    with pytest.raises(InputError, match=r"'-1', 'E', but .* such as 'E=1,S=.1,C=.01,I=0'"):
        GainSpec.parse(kind).apply(pa.array(["1", "E", "-1"]))
    with pytest.raises(InputError, match=r"no grade of the judgments \('0'\) has a gain above 0"):
        GainSpec.parse(kind).apply(pa.array([0, 0]))


def test_exp_refuses_grades_that_cannot_be_powers() -> None:
    """A grade of 1,000 is an id or a price; as a power of two it would drown everything."""
    with pytest.raises(InputError, match="from 0 to 60"):
        GainSpec.parse("exp").apply(pa.array([1, 1_000]))


def test_gains_print_as_they_are_typed() -> None:
    """The printed form can be given to --gains again."""
    for words in ("exp", "linear", "E=1,S=0.1,C=0.01,I=0"):
        assert str(GainSpec.parse(words)) == words
        assert GainSpec.parse(str(GainSpec.parse(words))) == GainSpec.parse(words)


def test_label_of_names_numbers_without_a_fraction() -> None:
    """3.0 is "3", 0.5 is "0.5", text loses outer blanks."""
    assert [label_of(value) for value in (3, 3.0, 0.5, " E ")] == ["3", "3", "0.5", "E"]
