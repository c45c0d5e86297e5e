"""LightGBM's text format (versions v2 to v4), read with a sentence for all that cannot be right.

Source: src/boosting/gbdt_model_text.cpp and src/io/tree.cpp of LightGBM 2.3 to 4.7. Not read: linear
trees, random forests (their raw score is a sum, their score a mean), several classes.
"""

from typing import NoReturn

from mercer.rank.trees.forest import Forest
from mercer.rank.trees.tree_text import parse_tree
from mercer.schema.errors import CorruptError, InputError

VERSIONS = ("v2", "v3", "v4")
AGAIN = "the file was cut or edited; save the model again"


def parse_forest(text: str) -> Forest:
    """The trees of one model.

    Args:
        text: as `Booster.save_model` or `model_to_string` of LightGBM 2.1 or newer writes it.
    Raises:
        CorruptError: it was cut or edited, or is no model; says where.
        InputError: a whole model of a kind that is not served; says what to train instead.
    """
    head, at = _head(text)
    features = tuple(head["feature_names"].split(" "))
    n_features = _whole(head, "max_feature_idx") + 1
    if len(features) != n_features:
        _corrupt(f"feature_names has {len(features)} names, max_feature_idx asks for {n_features}")
    _require_served(head)
    trees = []
    for number, size in enumerate(_sizes(head)):
        block = text[at : at + size]
        if len(block) < size:
            _corrupt(f"tree {number} has {len(block):,} of its {size:,} characters")
        first, _, body = block.partition("\n")
        if first.strip() != f"Tree={number}":
            _corrupt(f"where tree {number} has to begin there is {first[:40]!r}")
        trees.append(parse_tree(body, number=number, n_features=n_features))
        at += size
    if head["version"] != "v2" and not text.startswith("end of trees", at):
        _corrupt(f"'end of trees' does not follow tree {len(trees) - 1}")
    if not trees:
        raise InputError("model text: it has no trees; train at least one")
    return Forest(features, head.get("objective", ""), tuple(trees))


def _head(text: str) -> tuple[dict[str, str], int]:
    """The lines before the first tree, and where that begins."""
    if not text.startswith("tree\n"):
        _corrupt(f"a LightGBM model begins with the line 'tree', this with {text[:20]!r}")
    end = text.find("\nTree=")
    if end < 0:
        end = text.find("\nend of trees")
    lines = text[: end if end >= 0 else None].splitlines()
    head = dict(line.partition("=")[::2] for line in lines[1:] if line)
    needed = ("version", "num_class", "max_feature_idx", "feature_names", "tree_sizes")
    if missing := [key for key in needed if key not in head]:
        _corrupt(f"its head has no {', '.join(missing)}")
    return head, end + 1


def _require_served(head: dict[str, str]) -> None:
    if head["version"] not in VERSIONS:
        _refuse(f"version is {head['version']!r}, read are {', '.join(VERSIONS)}")
    n_classes = _whole(head, "num_class")
    if "num_tree_per_iteration" in head:
        n_classes = max(n_classes, _whole(head, "num_tree_per_iteration"))
    if n_classes != 1:
        _refuse(
            f"it scores {n_classes} classes, a ranking needs one score; train it with one class "
            "(lambdarank, rank_xendcg, binary, regression)"
        )
    if "average_output" in head:
        _refuse("it is a random forest, whose mean is not its raw score; train with boosting=gbdt")


def _sizes(head: dict[str, str]) -> list[int]:
    try:
        return [int(size) for size in head["tree_sizes"].split()]
    except ValueError:
        _corrupt("tree_sizes has something that is not a whole number")


def _whole(head: dict[str, str], key: str) -> int:
    try:
        return int(head[key])
    except ValueError:
        _corrupt(f"{key} is {head[key][:40]!r}, must be a whole number")


def _corrupt(fault: str) -> NoReturn:
    raise CorruptError(f"model text: {fault}; {AGAIN}")


def _refuse(fault: str) -> NoReturn:
    raise InputError(f"model text: {fault}")
