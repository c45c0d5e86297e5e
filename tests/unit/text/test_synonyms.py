"""The synonyms file: what it widens, and what is said about its faults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.schema.errors import ConfigError
from mercer.text.analyze import stem, words
from mercer.text.synonyms import MAX_PHRASE_WORDS, Expansion, Synonyms

FILE = """\ufeff# furniture
sofa, couch, settee
tee => t shirt   # one way
trainers, sneakers => running shoes, gym shoes

T-Shirt, jersey top
"""


@pytest.fixture(scope="module")
def synonyms() -> Synonyms:
    return Synonyms.parse(FILE, words=words)


def test_all_ways(synonyms: Synonyms) -> None:
    """On a line without an arrow each phrase finds the others, never itself."""
    assert synonyms.expand(["red", "couch"]) == [Expansion(1, 2, (("sofa",), ("settee",)))]


def test_one_way(synonyms: Synonyms) -> None:
    """What stands left of the arrow finds what stands right, not the other way round."""
    assert synonyms.expand(["tee"]) == [Expansion(0, 1, (("t", "shirt"),))]
    assert synonyms.expand(["running", "shoes"]) == []
    assert synonyms.expand(["sneakers"]) == synonyms.expand(["trainers"])
    assert synonyms.expand(["sneakers"])[0].alternatives == (("running", "shoes"), ("gym", "shoes"))


def test_phrases_of_several_words(synonyms: Synonyms) -> None:
    """A phrase is found anywhere in the query, and only as a whole."""
    assert synonyms.expand(["mens", "t", "shirt", "blue"]) == [
        Expansion(1, 3, (("jersey", "top"),))
    ]
    assert synonyms.expand(["t"]) == synonyms.expand(["shirt", "t"]) == []


def test_lines_do_not_chain_and_cycles_end() -> None:
    """a => b, b => a and a line with itself neither loop nor spread."""
    synonyms = Synonyms.parse("a => b\nb => c\nc => a\nd, d, e\nf => f\n")
    assert [synonyms.expand([w])[0].alternatives for w in "abc"] == [
        (("b",),),
        (("c",),),
        (("a",),),
    ]
    assert synonyms.expand(["d"]) == [Expansion(0, 1, (("e",),))]
    assert synonyms.expand(["f"]) == []


def test_same_phrase_on_several_lines_adds_up() -> None:
    """Lines of one phrase are merged in the order of the file."""
    synonyms = Synonyms.parse("mug, cup\nmug => beaker\ncup, mug")
    assert synonyms.expand(["mug"])[0].alternatives == (("cup",), ("beaker",))


def test_words_are_compared_by_their_key() -> None:
    """With stems as key, plural and singular of a phrase are one; alternatives stay as written."""
    synonyms = Synonyms.parse("sofas, couch => settees", words=words, key=stem)
    assert synonyms.expand(["sofa"]) == [Expansion(0, 1, (("settees",),))]


def test_alternatives_are_bounded() -> None:
    """A query gets at most so many alternatives, the first ones of the file."""
    synonyms = Synonyms.parse("a, " + ", ".join(f"b{i}" for i in range(60)))
    (only,) = synonyms.expand(["a"], max_alternatives=5)
    assert only.alternatives == tuple((f"b{i}",) for i in range(5))
    assert len(synonyms.expand(["a"] * 40, max_alternatives=5)) == 1
    assert synonyms.expand(["a"], max_alternatives=0) == []


def test_all_faults_are_listed_with_their_lines() -> None:
    """One error names the file, every faulty line and what is wrong with it."""
    text = "\n".join(
        [
            "good, fine",
            "alone",
            "a => b => c",
            "a,, b",
            "=> b",
            "!!, b",
            " ".join("abcdefghi") + ", z",
            ", ".join(f"p{i}" for i in range(100)),
        ]
    )
    with pytest.raises(ConfigError) as caught:
        Synonyms.parse(text, words=words, source="synonyms.txt")
    message = str(caught.value)
    assert message.startswith("synonyms.txt: 7 faults\n")
    for line, part in (
        (2, "'alone' stands alone"),
        (3, "2 arrows"),
        (4, "an empty phrase"),
        (5, "an empty phrase"),
        (6, "'!!' has no letter"),
        (7, f"has 9 words, at most {MAX_PHRASE_WORDS}"),
        (8, "100 phrases, at most 64"),
    ):
        assert any(f"line {line}: " in row and part in row for row in message.splitlines()), part
    assert "line 1:" not in message


def test_nothing_to_say() -> None:
    """An empty file and a query without synonyms widen nothing."""
    assert len(Synonyms.parse("")) == 0
    assert len(Synonyms.parse("# only a comment\n\n")) == 0
    assert Synonyms.parse("").expand(["a"]) == []
    assert Synonyms.parse("a, b").expand([]) == []


@given(st.text(alphabet="ab,=># \n\\", max_size=60), st.lists(st.sampled_from(["a", "b", "ab"])))
def test_any_file_is_read_or_refused(text: str, query: list[str]) -> None:
    """No file crashes the parser, and what it widens lies inside the query and is not itself."""
    try:
        synonyms = Synonyms.parse(text)
    except ConfigError:
        return
    for found in synonyms.expand(query):
        assert 0 <= found.start < found.end <= len(query)
        assert tuple(query[found.start : found.end]) not in found.alternatives
        assert len(set(found.alternatives)) == len(found.alternatives) > 0
