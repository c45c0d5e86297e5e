"""What is no whole model, or none that is served, gets a sentence."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercer.rank.trees.model_text import parse_forest
from mercer.rank.trees.scorer import TreeScorer
from mercer.schema.errors import CorruptError, InputError
from support.forest_text import ForestShape, forest_text

SHAPE = ForestShape(3, (4, 1, 7), (2, 8, 10, 9, 1))
TEXT = forest_text(SHAPE, np.random.default_rng(3))
END_OF_TREES = TEXT.index("end of trees")


def edited(old: str, new: str) -> str:
    """The model with one edit, and sizes that fit it."""
    assert old in TEXT
    changed = TEXT.replace(old, new, 1)
    trees = changed[changed.index("Tree=0") : changed.index("end of trees")]
    sizes = " ".join(str(len(block)) for block in re.split(r"(?=Tree=)", trees) if block)
    return re.sub("tree_sizes=.*", f"tree_sizes={sizes}", changed)


def test_a_whole_model_is_read() -> None:
    """Names, objective and trees come out as they were written."""
    forest = parse_forest(TEXT)
    assert forest.features == ("f0", "f1", "f2")
    assert forest.objective == "regression"
    assert [len(tree.leaf_value) for tree in forest.trees] == list(SHAPE.n_leaves)


@given(st.integers(0, END_OF_TREES + len("end of trees") - 1))
def test_a_model_that_was_cut_is_refused(at: int) -> None:
    """Cut before the end of its trees, wherever, it is corrupt, and the sentence says what to do."""
    with pytest.raises(CorruptError, match="save the model again"):
        parse_forest(TEXT[:at])


@given(st.integers(0, END_OF_TREES), st.sampled_from(list("0123456789-. =\nx~é")))
def test_an_edited_character_never_scores_wildly(at: int, character: str) -> None:
    """One wrong character is refused with a sentence, or the model is one that can be scored."""
    try:
        scorer = TreeScorer.of_text(TEXT[:at] + character + TEXT[at + 1 :])
    except (CorruptError, InputError):
        return
    n_features = len(scorer.features)
    assert np.isfinite(scorer.score(np.ones((5, n_features), np.float32))).all()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("num_class=1", "num_class=3", "it scores 3 classes"),
        ("version=v4", "version=v9", "version is 'v9'"),
        ("objective=", "average_output\nobjective=", "random forest"),
        ("is_linear=0", "is_linear=1", "linear_tree=false"),
        ("num_leaves=4", "num_leaves=5", "threshold|split_feature has 3 numbers, must have 4"),
        ("num_leaves=4", "num_leaves=0", "num_leaves is 0"),
        ("leaf_value=", "leaf_value=nan ", "leaf_value has 5 numbers"),
        ("split_feature=", "split_fature=", "split_feature is missing"),
        ("max_feature_idx=2", "max_feature_idx=3", "feature_names has 3 names"),
    ],
)  # fmt: skip
def test_each_fault_is_named(old: str, new: str, sentence: str) -> None:
    """The message says which field of which tree is wrong."""
    with pytest.raises((CorruptError, InputError), match=sentence):
        parse_forest(edited(old, new))


def test_splits_that_form_no_tree_are_refused() -> None:
    """A child that is named twice, or comes before its parent, is found."""
    line = re.search(r"left_child=.*", TEXT)
    assert line
    with pytest.raises(CorruptError, match="do not name each split and each leaf once"):
        parse_forest(edited(line[0], "left_child=0 0 0"))
