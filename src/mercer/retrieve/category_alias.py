"""Words by which titles call the things of a category, where they are not its name: "tea set", "ring box".

Of the listings that say a run of one to three words most lie in one leaf category, or in two or three
that share the word ("lapel pin": brooches and enamel pins). The run then means these, unless a part of it
says so already: "mug" is enough for "white mug", but "apron" says little of "kids apron", and "ring"
misleads about "ring box".

What its other parts state stays said: "birthday card" is a greeting card for a birthday.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mercer.metrics.share import wilson_low
from mercer.retrieve.lexicon import ValueCount, phrase_key
from mercer.retrieve.query import CATEGORY

Ints = npt.NDArray[np.int64]
Gram = tuple[str, ...]
Names = Mapping[str, Sequence[ValueCount]]
IsStated = Callable[[int, str, str], bool]
"""(number of a gram, field, value) -> whether most of the listings that say it state so."""

_AT_MOST = 3  # categories that one run of words may mean
# Words that say little alone, and much behind "tea" or before "tags".
_END_SO, _BEGIN_SO = frozenset(("set", "sets")), frozenset(("gift", "gifts"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRules:
    """When a run of words means categories."""

    min_listings: int = 4  # that say it
    min_share: float = 0.75  # lower bound of the share that the categories have of them together
    z: float = 1.28  # of that bound
    min_lift: float = 3.0  # how much more often than among all listings
    min_part: float = 0.15  # of the listings that say it, in each of the categories
    max_known: float = 0.6  # a part of the run that has this share in them says enough
    # Of the listings that say it: that go on to a longer run which means categories too. There are dinner
    # plates and dinner napkins, and "dinner" is neither; a "velvet bed" is a velvet bed frame.
    max_begun: float = 0.5


@dataclass(frozen=True, slots=True)
class SaidGrams:
    """Runs of words, and which listing says which."""

    grams: Sequence[Gram]
    row: Ints  # (m,) listing
    of: Ints  # (m,) gram
    inside: Mapping[int, int]  # a gram -> the longer one that it nearly always is a part of


def category_names(
    said: SaidGrams,
    leaf: Ints,
    leaves: Sequence[str],
    names: Names,
    is_stated: IsStated,
    *,
    says_little: frozenset[str],
    rules: CategoryRules | None = None,
) -> dict[str, Sequence[ValueCount]]:
    """`phrase_key` -> the categories that the words mean, and what else they state.

    Args:
        said: the runs, and the listings that say them.
        leaf: (n_listings,) number of the leaf category of each; -1: none.
        leaves: names by number.
        names: what words name already; entries of these keys are left as they are.
        is_stated: of the listings that say a run.
        says_little: words with which no name begins or ends.
        rules: the thresholds.
    """
    rules = rules or CategoryRules()
    meant = _meant(said, leaf, len(leaves), rules)
    number = {gram: i for i, gram in enumerate(said.grams)}
    begun = _begun(said, meant, number)
    kinds = frozenset(leaves[i] for i in np.unique(leaf[leaf >= 0]).tolist())
    found: dict[str, Sequence[ValueCount]] = {}
    for i in sorted(meant.first, key=lambda i: (len(said.grams[i]), i)):
        gram = said.grams[i]
        key = phrase_key(gram)
        if key in names or key in found or _is_empty(gram, says_little):
            continue
        if _is_begin(gram[-1:], said, number) or _is_begin(gram, said, number):
            continue
        values = meant.values(i, leaves)
        parts = list(_parts(gram, names, found))
        stated = list(_stated(i, parts, is_stated))
        if stated and (len(values) > 1 or _is_all_values(gram, parts)):
            continue
        is_begun = begun[i] >= rules.max_begun * meant.said[i]
        if is_begun and (stated or len(values) > 1):
            continue
        is_enough = any(_is_enough(part, number, vs, values, meant, rules) for part, vs in parts)
        if not is_enough or (len(values) > 1 and _misleads(parts, values, kinds)):
            found[key] = (*values, *stated)
    return found


def _begun(said: SaidGrams, meant: "_Meant", number: Mapping[Gram, int]) -> Ints:
    """(n_grams,) listings that say a longer run which begins so and means categories by itself."""
    out = np.zeros(len(said.grams), np.int64)
    for i in meant.first:
        if (shorter := number.get(said.grams[i][:-1])) is not None:
            out[shorter] += meant.said[i]
    return out


def _is_begin(gram: Gram, said: SaidGrams, number: Mapping[Gram, int]) -> bool:
    """Whether it nearly always is the beginning of something: "floating" of "floating shelf"."""
    longer = said.inside.get(number.get(gram, -1))
    return longer is not None and said.grams[longer][-len(gram) :] != gram


def _is_all_values(gram: Gram, parts: Sequence[tuple[Gram, Sequence[ValueCount]]]) -> bool:
    """Whether every word of a run names a value of an attribute: "black felt" is no thing."""
    words: set[str] = set()
    for part, values in parts:
        if any(v.field != CATEGORY for v in values):
            words.update(part)
    return words.issuperset(gram)


def _is_empty(gram: Gram, says_little: frozenset[str]) -> bool:
    is_run = len(gram) > 1
    return (
        (gram[0] in says_little and not (is_run and gram[0] in _BEGIN_SO))
        or (gram[-1] in says_little and not (is_run and gram[-1] in _END_SO))
        or gram[0].isdigit()
        or gram[-1].isdigit()
    )


@dataclass(frozen=True, slots=True)
class _Meant:
    """Of the grams that mean categories, and how many listings of each leaf say which gram."""

    first: dict[int, int]  # gram -> where its leaves begin, those of most listings first
    n: Ints  # (n_grams,) leaves that it means
    of: Ints  # (m,) leaf
    count: Ints  # (m,)
    said: Ints  # (n_grams,) listings that say it

    def values(self, gram: int, leaves: Sequence[str]) -> tuple[ValueCount, ...]:
        at = self.first[gram]
        return tuple(
            ValueCount(CATEGORY, leaves[int(self.of[i])], int(self.count[i]), is_exact=False)
            for i in range(at, at + int(self.n[gram]))
        )


def _meant(said: SaidGrams, leaf: Ints, n_leaves: int, rules: CategoryRules) -> _Meant:
    """The leaves of the grams of which one to three leaves are most of the use."""
    n_grams = len(said.grams)
    n_said = np.bincount(said.of, minlength=n_grams)
    its = leaf[said.row]
    known = its >= 0
    pair, count = np.unique(said.of[known] * n_leaves + its[known], return_counts=True)
    gram, of = np.divmod(pair, max(n_leaves, 1))
    order = np.lexsort((of, -count, gram))
    gram, of, count = gram[order], of[order], count[order]
    begin = np.searchsorted(gram, np.arange(n_grams))
    rank = np.arange(len(gram)) - begin[gram]
    base = np.bincount(leaf[leaf >= 0], minlength=n_leaves) / max(len(leaf), 1)
    n = np.zeros(n_grams, np.int64)
    together, expected = np.zeros(n_grams, np.int64), np.zeros(n_grams)
    for place in range(_AT_MOST):
        at = np.flatnonzero(rank == place)
        at = at[(count[at] >= rules.min_part * n_said[gram[at]]) & (n[gram[at]] == 0)]
        mine = gram[at]
        together[mine] += count[at]
        expected[mine] += base[of[at]]
        low = wilson_low(together[mine], n_said[mine], z=rules.z)
        lifted = together[mine] / n_said[mine] >= rules.min_lift * expected[mine]
        good = (low >= rules.min_share) & lifted & (together[mine] >= rules.min_listings)
        n[mine[good]] = place + 1
    first = {i: int(begin[i]) for i in np.flatnonzero(n).tolist()}
    return _Meant(first, n, of, count, n_said)


def _parts(gram: Gram, *tables: Names) -> Iterator[tuple[Gram, Sequence[ValueCount]]]:
    """The shorter runs in a gram that name something, longest first."""
    for length in range(len(gram) - 1, 0, -1):
        for at in range(len(gram) - length + 1):
            part = gram[at : at + length]
            key = phrase_key(part)
            for table in tables:
                if values := table.get(key):
                    yield part, values


def _is_enough(
    part: Gram,
    number: Mapping[Gram, int],
    named: Sequence[ValueCount],
    values: Sequence[ValueCount],
    meant: _Meant,
    rules: CategoryRules,
) -> bool:
    """Whether a part names these categories already, or nearly: it then does without the longer run."""
    wanted = {v.value for v in values}
    mine = [v for v in named if v.field == CATEGORY]
    if not mine:
        return False
    if all(v.value in wanted for v in mine):
        return True
    if (i := number.get(part)) is None:
        return False
    inside = sum(v.count for v in mine if v.value in wanted)
    return inside >= rules.max_known * int(meant.said[i])


def _misleads(
    parts: Sequence[tuple[Gram, Sequence[ValueCount]]],
    values: Sequence[ValueCount],
    kinds: frozenset[str],
) -> bool:
    """Whether a part is the name of another leaf category: the ring of "ring box"."""
    wanted = {v.value for v in values}
    named = [[v for v in of_part if v.field == CATEGORY and v.is_exact] for _, of_part in parts]
    return any(vs and all(v.value in kinds and v.value not in wanted for v in vs) for vs in named)


def _stated(
    gram: int, parts: Sequence[tuple[Gram, Sequence[ValueCount]]], is_stated: IsStated
) -> Iterator[ValueCount]:
    """What the parts say of other fields, where the listings that say the whole run state it."""
    fields: set[str] = set()
    for _, values in parts:
        for v in values:
            if v.field != CATEGORY and v.field not in fields and is_stated(gram, v.field, v.value):
                fields.add(v.field)
                yield ValueCount(v.field, v.value, v.count, is_exact=False)
