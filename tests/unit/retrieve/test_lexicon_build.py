"""What is meant by an unknown word of three letters."""

import numpy as np

from mercer.retrieve.lexicon_build import corrector, one_letter_more
from mercer.text.speller import Speller

WORDS = ["wall", "wool", "rose", "rosé", "art", "walk", "b2b4"]
COUNTS = np.array([50, 20, 9, 1, 30, 2, 5])


def test_three_letters_are_four_less_one() -> None:
    """The most frequent known word with one letter more; a known word, a number and nonsense stay."""
    correct = corrector(Speller.build(WORDS, COUNTS))
    typed = ["wal", "rse", "art", "xyz", "b24"]
    assert list(correct(typed, [])) == ["wall", "rose", None, None, None]


def test_one_letter_more() -> None:
    """Exactly the known words from which leaving one letter out gives the typed one."""
    speller = Speller.build(WORDS, COUNTS)
    assert one_letter_more("wal", speller) == ["walk", "wall"]
    assert one_letter_more("b24", speller) == []
    for word in ("wall", "wool", "rose"):
        for at in range(4):
            assert word in one_letter_more(word[:at] + word[at + 1 :], speller)
