"""The speller by example: what it corrects, what it leaves, and how it fails."""

from pathlib import Path
from threading import Thread

import numpy as np
import pyarrow as pa
import pytest

from mercer.schema.errors import ConfigError, CorruptError, InputError
from mercer.text.error_model import EditCosts
from mercer.text.speller import Corrections, EditLimits, Speller

WORDS = ["necklace", "leather", "running", "shoes", "shirt", "iphone13", "1234", "сумка", "château"]


@pytest.fixture(scope="module")
def speller() -> Speller:
    return Speller.build(pa.array(WORDS), np.arange(len(WORDS), 0, -1) * 10)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("neclace", "necklace"),
        ("necklaec", "necklace"),
        ("neclkase", "necklace"),  # two edits in eight letters
        ("lether", "leather"),
        ("runing", "running"),
        ("shrit", "shirt"),
        ("сумкка", "сумка"),
        ("chateau", "château"),
    ],
)
def test_misspelt_words_are_corrected(speller: Speller, typed: str, meant: str) -> None:
    """One edit from four letters on, two from eight, in every script."""
    assert speller.correct_one(typed)[0].word == meant
    found = speller.correct_many([typed])
    assert speller.word(int(found.word[0])) == meant


@pytest.mark.parametrize(
    "typed", ["", "shr", "lexthxr", "iphone12", "iphone1", "1235", "shoes5", "zzzzzz", "x" * 5000]
)
def test_these_are_left_alone(speller: Speller, typed: str) -> None:
    """Short words, numbers, words with a digit, too many edits, absurd lengths: no correction.

    Among them is a word without its last digit: nothing becomes a number.
    """
    if typed == "iphone1":
        assert all(not c.word.endswith("3") for c in speller.correct_one(typed))
    assert speller.correct_one(typed) == ()
    found = speller.correct_many([typed])
    assert (found.word[0], found.distance[0], found.score[0]) == (-1, -1, np.inf)


def test_a_digit_free_word_never_becomes_a_number() -> None:
    """A vocabulary word with a digit of any script is no target."""
    speller = Speller.build(["shoes5", "shoes٣", "½shoes"])
    assert speller.correct_one("shoes") == ()


def test_known_words_are_their_own_answer(speller: Speller) -> None:
    """A known word comes back with distance 0, however rare it is beside a neighbour."""
    both = Speller.build(["shirt", "shirts"], np.array([1, 10**9]))
    assert [c.word for c in both.correct_one("shirt", top=5)] == ["shirt"]
    assert [c.word for c in both.correct_one("shirt", top=5, even_if_known=True)] == [
        "shirt",
        "shirts",
    ]
    assert speller.correct_many(WORDS).word.tolist() == list(range(len(WORDS)))


def test_frequency_decides_between_equal_slips() -> None:
    """Of two words that explain the slip equally well the more frequent one is meant."""
    for counts, best in (([5, 500], "bears"), ([500, 5], "beans")):
        speller = Speller.build(["beans", "bears"], np.array(counts), frequency_weight=1.0)
        assert speller.correct_one("bea-s")[0].word == best


@pytest.mark.parametrize(
    ("typed", "better", "worse"),
    [
        ("definate", "definite", "delinate"),  # vowels before consonants
        ("comited", "comitted", "comisted"),  # a doubled letter is easily dropped
        ("recieve", "receive", "relieve"),  # neighbours swapped
        ("shprt", "short", "shert"),  # the key beside
        ("hirts", "hints", "birts"),  # the first letter is right
    ],
)
def test_likelier_slips_win(typed: str, better: str, worse: str) -> None:
    """With equal frequency the cheaper slip is believed, in either order of the vocabulary."""
    for words in ([better, worse], [worse, better]):
        assert Speller.build(words).correct_one(typed)[0].word == better


def test_ties_go_to_the_lower_row() -> None:
    """Equal scores are settled by the order of the vocabulary, so answers never wander."""
    for words in (["beams", "bears"], ["bears", "beams"]):
        assert [c.word for c in Speller.build(words).correct_one("bea-s", top=2)] == words
        assert Speller.build(words).correct_many(["bea-s"]).word.tolist() == [0]


def test_two_likely_slips_beat_one_unlikely() -> None:
    """A candidate one edit away does not hide a better one that is two away."""
    words = ["zakrteing", "marketing"]  # the first letter wrong, or two pairs swapped
    found = Speller.build(words).correct_many(["makrteing"])
    assert (int(found.word[0]), int(found.distance[0])) == (1, 2)


def test_rare_words_can_be_no_targets() -> None:
    """`min_target_count` keeps the catalogue's own misspellings from being corrections."""
    words, counts = ["coffee", "cofffe"], np.array([900, 1])
    speller = Speller.build(words, counts, min_target_count=2)
    assert [c.word for c in speller.correct_one("coffe", top=5)] == ["coffee"]
    assert speller.find("cofffe") == 1
    doubted = speller.doubt("cofffe")
    assert doubted is not None
    assert doubted.word == "coffee"
    assert speller.doubt("coffee") is None
    assert speller.doubt("unknown") is None


def test_saved_and_mapped_answers_are_the_same(speller: Speller, tmp_path: Path) -> None:
    """Columns that were saved and mapped read-only give the same bits."""
    typed = ["neclace", "lether", "shoes", "qqqq", "сумкка"]
    for name, column in speller.to_arrays().items():
        np.save(tmp_path / name, column)
    mapped = Speller.from_arrays(
        {path.stem: np.load(path, mmap_mode="r") for path in tmp_path.glob("*.npy")}
    )
    a, b = speller.correct_many(typed), mapped.correct_many(typed)
    assert a.word.tolist() == b.word.tolist()
    assert a.score.tolist() == b.score.tolist()
    assert mapped.limits == speller.limits
    assert [mapped.word(i) for i in range(len(mapped))] == WORDS


def test_broken_columns_are_named(speller: Speller) -> None:
    """A missing, retyped or cut column is a CorruptError that names it."""
    arrays = speller.to_arrays()
    with pytest.raises(CorruptError, match=r"postings is missing.*rebuild"):
        Speller.from_arrays({k: v for k, v in arrays.items() if k != "postings"})
    with pytest.raises(CorruptError, match="codes is int64, must be uint16"):
        Speller.from_arrays({**arrays, "codes": arrays["codes"].astype(np.int64)})
    with pytest.raises(CorruptError, match="different vocabularies"):
        Speller.from_arrays({**arrays, "counts": arrays["counts"][:-1]})
    with pytest.raises(CorruptError, match="different builds"):
        Speller.from_arrays({**arrays, "postings": arrays["postings"][:-1]})


def test_bad_vocabularies_are_refused() -> None:
    """Doubled words, nulls, negative and missing counts: one error with every fault."""
    with pytest.raises(InputError, match="'shirt' \\(row 2\\) is there twice"):
        Speller.build(["shirt", "tie", "shirt"])
    with pytest.raises(InputError, match=r"2 words but 1 counts; .*-3"):
        Speller.build(["shirt", "tie"], np.array([-3]))
    with pytest.raises(InputError, match="a word is null"):
        Speller.build(pa.array(["shirt", None]))
    with pytest.raises(ConfigError, match="got 5 and 3"):
        EditLimits(one_edit_from=5, two_edits_from=3)
    with pytest.raises(ConfigError, match="omit = 0"):
        EditCosts(omit=0)
    with pytest.raises(ValueError, match=r"1\.\.64, got 0"):
        Speller.build(["shirt"]).correct_one("shirts", top=0)
    with pytest.raises(IndexError, match=r"0\.\.0, got 1"):
        Speller.build(["shirt"]).word(1)


def test_an_empty_vocabulary_answers() -> None:
    """No words: nothing is known and nothing corrected."""
    speller = Speller.build([])
    assert speller.correct_one("shirt") == ()
    assert speller.correct_many(["shirt", ""]).word.tolist() == [-1, -1]
    assert speller.correct_many([]).word.tolist() == []
    assert speller.find("") == -1


def test_nasty_strings_never_fail(speller: Speller) -> None:
    """Lone surrogates, NUL, emoji and unseen scripts are unknown words, no errors."""
    nasty = ["\ud800abcd", "neck\x00lace", "\U0001f600" * 9, "漢字漢字漢字漢字", "shirt\u0301", ""]
    assert len(speller.correct_many(nasty).word) == len(nasty)
    assert speller.correct_one("neck\x00lace")[0].word == "necklace"


def test_threads_share_a_speller(speller: Speller) -> None:
    """Look-ups at the same time do not disturb each other."""
    typed = ["neclace", "lether", "shrit", "runing"] * 500
    want = speller.correct_many(typed).word.tolist()
    got: list[Corrections] = []
    threads = [Thread(target=lambda: got.append(speller.correct_many(typed))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [g.word.tolist() for g in got] == [want] * 4
