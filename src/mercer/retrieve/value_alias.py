"""Other words for an attribute value, learnt from the catalogue itself: "ivory" is said of white things.

A run of one to three title words names a value of a field where nearly all listings that say it, and
have the field, have that value - and not only because all things of their category have it. Sellers'
words then work in queries, though no table lists them.
"""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mercer.metrics.share import wilson_low
from mercer.retrieve.category_alias import SaidGrams, category_names
from mercer.retrieve.lexicon import ValueCount, phrase_key
from mercer.retrieve.query import CATEGORY
from mercer.retrieve.query_words import COUNTED, FUNCTION_WORDS
from mercer.text.analyze import Tokeniser

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MAX_GRAM = 3
MAX_PAIRS = (
    6_000_000  # of a listing's words with its values that are counted; bounds time and memory
)
_SAY_LITTLE = FUNCTION_WORDS | frozenset(
    (
        "gift",
        "gifts",
        "present",
        "set",
        "sets",
        "vintage",
        "handmade",
        "custom",
        "unique",
        "original",
    )
)


@dataclass(frozen=True, slots=True)
class AliasRules:
    """When a run of words is taken as another name of a value."""

    min_listings: int = 4  # that say the words and have the value
    min_share: float = 0.75  # lower bound of the share with the value, of those with the field
    z: float = 1.28  # of that bound: nine of ten true shares lie above it
    min_lift: float = 3.0  # how much more often than among all listings with the field
    min_lift_in_category: float = 1.5  # and than in the categories of the listings that say so
    min_with_field: float = 0.5  # of the listings that say it have the field at all
    max_cover: float = (
        0.8  # a part of a longer run for most of its use ("sky" of "sky blue") is none
    )


@dataclass(frozen=True, slots=True)
class Statements:
    """Which listing has which value: m rows; `of` says which value of `values`."""

    row: Ints  # (m,) listing, 0 <= row < n
    of: Ints  # (m,) number of the value
    values: Sequence[tuple[str, str]]  # field and value by number


def once(statements: Statements) -> Statements:
    """Each listing with each of its values once, by listing."""
    n = max(1, len(statements.values))
    row, of = np.divmod(distinct(statements.row * n + statements.of), n)
    return Statements(row, of, statements.values)


def learn_aliases(
    titles: pa.Array | Sequence[str],
    statements: Statements,
    known: Mapping[str, Sequence[ValueCount]],
    *,
    rules: AliasRules | None = None,
) -> dict[str, Sequence[ValueCount]]:
    """`phrase_key` -> the one value that the words name, for words that `known` does not have.

    Args:
        titles: (n,) one text per listing; a sample of some ten thousand listings is enough.
        statements: the values of those listings.
        known: the values by key, as `value_table` makes them.
        rules: the thresholds.
    Returns:
        entries to be added to `known`; `count` is the number of listings that say so.
    """
    rules = rules or AliasRules()
    statements = _nameable(once(statements), min_listings=rules.min_listings)
    grams, gram_row, gram_of = _grams(titles, min_listings=rules.min_listings)
    if not grams or not len(statements.row):
        return {}
    gram_row, gram_of, statements = _bounded(gram_row, gram_of, statements)
    found = _associations(gram_row, gram_of, len(grams), statements, rules)
    found = found.take(_own_words(gram_row, gram_of, found, statements, rules))
    n_listings = np.bincount(gram_of, minlength=len(grams))
    covers = _covers(grams, n_listings, max_cover=rules.max_cover)
    said = _SaidBy(gram_row, gram_of, statements)
    aliases = _select(grams, found, covers, statements.values, known, said)
    leaf, leaves = _leaves(statements, n_rows=int(gram_row.max(initial=-1)) + 1)
    names = category_names(
        SaidGrams(grams, gram_row, gram_of, covers), leaf, leaves, ChainMap(aliases, dict(known)),
        said.is_stated, says_little=_SAY_LITTLE - COUNTED,
    )  # fmt: skip
    return {**aliases, **names}


def _leaves(statements: Statements, *, n_rows: int) -> tuple[Ints, list[str]]:
    """((n,) the number of each listing's leaf category, -1 where it has none; their names)."""
    is_category = np.array([field == CATEGORY for field, _ in statements.values], bool)
    size = max(n_rows, int(statements.row.max(initial=-1)) + 1)
    leaf = np.full(size, -1, np.int64)
    mine = is_category[statements.of]
    leaf[statements.row[mine]] = statements.of[mine]  # the last one of a row is the leaf
    return leaf, [value for _, value in statements.values]


def _nameable(statements: Statements, *, min_listings: int) -> Statements:
    """Without values that no word names: numbers, and what too few listings have to learn from.

    The rare value of a field still says that a listing has the field, so those of a field are one.
    """
    count = np.bincount(statements.of, minlength=len(statements.values))
    values: list[tuple[str, str]] = []
    place: dict[tuple[str, str], int] = {}
    number = np.full(len(statements.values), -1, np.int64)
    for i, (field, value) in enumerate(statements.values):
        if any(c.isalpha() for c in value):
            kept = (field, value) if count[i] >= min_listings else (field, "")
            number[i] = place.setdefault(kept, len(values))
            if number[i] == len(values):
                values.append(kept)
    of = number[statements.of]
    return once(Statements(statements.row[of >= 0], of[of >= 0], values))


def _bounded(
    gram_row: Ints, gram_of: Ints, statements: Statements
) -> tuple[Ints, Ints, Statements]:
    """Every k-th listing, so that there are at most MAX_PAIRS of a word with a value."""
    n_rows = int(max(gram_row.max(initial=0), statements.row.max())) + 1
    said = np.bincount(gram_row, minlength=n_rows)
    n_pairs = int(said @ np.bincount(statements.row, minlength=n_rows))
    step = -(-n_pairs // MAX_PAIRS)
    if step <= 1:
        return gram_row, gram_of, statements
    kept, stated = gram_row % step == 0, statements.row % step == 0
    return (
        gram_row[kept],
        gram_of[kept],
        Statements(statements.row[stated], statements.of[stated], statements.values),
    )


def distinct(keys: Ints) -> Ints:
    """The different keys, sorted; np.unique's hashing is several times slower on millions."""
    ordered = np.sort(keys)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def _grams(
    titles: pa.Array | Sequence[str], *, min_listings: int
) -> tuple[list[tuple[str, ...]], Ints, Ints]:
    """Runs of words that enough listings say, and who says which: (grams, row, gram of row)."""
    tokeniser = Tokeniser()
    tokens = tokeniser.run(titles)
    vocabulary = tokeniser.vocabulary()
    codes = tokens.codes.astype(np.int64)
    owner = np.repeat(np.arange(len(tokens.offsets) - 1), np.diff(tokens.offsets))
    grams: list[tuple[str, ...]] = []
    rows, numbers = [], []
    base = len(vocabulary) + 1
    for length in range(1, MAX_GRAM + 1):
        if len(codes) < length or base**length >= 2**62:
            break
        last = len(codes) - length + 1
        key = np.zeros(last, np.int64)
        for i in range(length):
            key = key * base + codes[i : i + last]
        inside = owner[:last] == owner[length - 1 :]
        unique, number = np.unique(key[inside], return_inverse=True)
        said = distinct(owner[:last][inside] * len(unique) + number)  # once per listing
        row, number = np.divmod(said, max(1, len(unique)))
        kept = np.bincount(number, minlength=len(unique)) >= min_listings
        renumbered = np.cumsum(kept) - 1 + len(grams)
        use = kept[number]
        rows.append(row[use])
        numbers.append(renumbered[number[use]])
        grams.extend(_spelled(int(k), base, length, vocabulary) for k in unique[kept])
    return (
        grams,
        np.concatenate([*rows, np.zeros(0, np.int64)]),
        np.concatenate([*numbers, np.zeros(0, np.int64)]),
    )


def _spelled(key: int, base: int, length: int, vocabulary: Sequence[str]) -> tuple[str, ...]:
    parts: list[str] = []
    for _ in range(length):
        key, code = divmod(key, base)
        parts.append(vocabulary[code])
    return tuple(reversed(parts))


@dataclass(frozen=True, slots=True)
class _Found:
    """The best value of each gram that has one."""

    gram: Ints
    of: Ints
    count: Ints

    def take(self, kept: npt.NDArray[np.bool_]) -> "_Found":
        """The rows where `kept`."""
        return _Found(self.gram[kept], self.of[kept], self.count[kept])


def _associations(
    gram_row: Ints, gram_of: Ints, n_grams: int, statements: Statements, rules: AliasRules
) -> _Found:
    """Count grams with values over the listings; keep for each gram the value that it says best."""
    n_values = len(statements.values)
    names = {name: i for i, name in enumerate(dict.fromkeys(f for f, _ in statements.values))}
    field_of = np.array([names[f] for f, _ in statements.values], np.int64)
    n_fields = len(names)
    row, of = statements.row, statements.of  # by row
    gram, value = _joined(gram_row, gram_of, row, of)
    both, both_count = _counted(gram * n_values + value)
    gram_v, of_v = np.divmod(both, n_values)
    # Listings that say the gram and have the field at all; a listing with two colours counts once.
    has_row, has_field = np.divmod(distinct(row * n_fields + field_of[of]), n_fields)
    gram, in_field = _joined(gram_row, gram_of, has_row, has_field)
    seen, seen_count = _counted(gram * n_fields + in_field)
    n = seen_count[np.searchsorted(seen, gram_v * n_fields + field_of[of_v])]
    share = both_count / n
    low = wilson_low(both_count, n, z=rules.z)
    in_all = np.bincount(of, minlength=n_values).astype(np.float64)
    with_field = np.bincount(has_field, minlength=n_fields)
    lift = share / (in_all[of_v] / with_field[field_of[of_v]])
    good = (both_count >= rules.min_listings) & (low >= rules.min_share) & (lift >= rules.min_lift)
    good &= n >= rules.min_with_field * np.bincount(gram_of, minlength=n_grams)[gram_v]
    good &= np.array([value != "" for _, value in statements.values])[of_v]
    gram_v, of_v, both_count, worth = gram_v[good], of_v[good], both_count[good], low * np.log(lift)
    best = np.lexsort((of_v, -worth[good], gram_v))
    first = best[np.unique(gram_v[best], return_index=True)[1]]
    return _Found(gram_v[first], of_v[first], both_count[first])


def _joined(left_row: Ints, left: Ints, row: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Each of `left` with each of `right` of the same row; `row` ascends."""
    starts = np.searchsorted(row, left_row, "left")
    lengths = np.searchsorted(row, left_row, "right") - starts
    at = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    at += np.arange(len(at))
    return np.repeat(left, lengths), right[at]


def _counted(keys: Ints) -> tuple[Ints, Ints]:
    """The different keys, sorted, and how often each occurs."""
    ordered = np.sort(keys)
    if not len(ordered):
        return ordered, ordered
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return ordered[first], np.diff(np.append(first, len(ordered)))


def _covers(
    grams: Sequence[tuple[str, ...]], n_listings: Ints, *, max_cover: float
) -> dict[int, int]:
    """Gram -> the longer one that holds it in most of its listings, where there is one."""
    number = {gram: i for i, gram in enumerate(grams)}
    cover = np.zeros(len(grams))
    by: dict[int, int] = {}
    for longer, (gram, n) in enumerate(zip(grams, n_listings.tolist(), strict=True)):
        if len(gram) > 1:
            for part in (gram[1:], gram[:-1]):
                i = number[part]  # every part of a frequent run is as frequent
                if (share := n / n_listings[i]) >= max_cover and share > cover[i]:
                    cover[i], by[i] = share, longer
    return by


class _SaidBy:
    """What the listings that say a gram state about themselves."""

    def __init__(self, gram_row: Ints, gram_of: Ints, statements: Statements) -> None:
        order = np.argsort(gram_of, kind="stable")
        self._rows = gram_row[order]
        self._ends = np.searchsorted(gram_of[order], np.arange(int(gram_of.max(initial=0)) + 2))
        by_row = np.argsort(statements.row, kind="stable")
        self._of = statements.of[by_row]
        n_rows = int(max(gram_row.max(initial=0), statements.row.max())) + 1
        self._starts = np.searchsorted(statements.row[by_row], np.arange(n_rows + 1))
        self._values = statements.values
        self._stated: dict[int, tuple[frozenset[str], frozenset[tuple[str, str]]]] = {}

    def is_stated(self, gram: int, field: str, value: str) -> bool:
        """True where most of those listings that have the field have the value."""
        n_field = n_value = 0
        for row in self._rows[self._ends[gram] : self._ends[gram + 1]].tolist():
            fields, values = self._of_row(row)
            n_field += field in fields
            n_value += (field, value) in values
        return 2 * n_value >= n_field > 0

    def _of_row(self, row: int) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        """The fields and the values of a listing."""
        if row not in self._stated:
            of = self._of[self._starts[row] : self._starts[row + 1]].tolist()
            values = frozenset([self._values[i] for i in of])
            self._stated[row] = frozenset([field for field, _ in values]), values
        return self._stated[row]


def _own_words(
    gram_row: Ints, gram_of: Ints, found: _Found, statements: Statements, rules: AliasRules
) -> npt.NDArray[np.bool_]:
    """False for an attribute's value that the things which say the words have anyway.

    "mat" does not mean "rectangular", though all mats are: expected is what the categories of these
    listings would give without the word.
    """
    fields = [field for field, _ in statements.values]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(fields))}
    field_of = np.array([numbers[f] for f in fields], np.int64)
    stated = field_of[statements.of]
    n_rows = int(max(statements.row.max(), gram_row.max())) + 1
    leaf = _leaves(statements, n_rows=n_rows)[0] + 1
    n_leaves = len(fields) + 1
    order = np.argsort(gram_of, kind="stable")
    ends = np.searchsorted(gram_of[order], np.arange(gram_of.max(initial=0) + 2))
    by_value = np.argsort(statements.of, kind="stable")
    value_ends = np.searchsorted(statements.of[by_value], np.arange(len(fields) + 1))
    with_field: dict[str, tuple[npt.NDArray[np.bool_], Floats]] = {}
    kept = np.ones(len(found.gram), bool)
    for i, (gram, of, count) in enumerate(
        zip(found.gram.tolist(), found.of.tolist(), found.count.tolist(), strict=True)
    ):
        field = fields[of]
        if field == CATEGORY:
            continue
        if field not in with_field:
            has = np.zeros(n_rows, bool)
            has[statements.row[stated == numbers[field]]] = True
            with_field[field] = has, np.bincount(leaf[has], minlength=n_leaves).astype(np.float64)
        has, per_leaf = with_field[field]
        rows = statements.row[by_value[value_ends[of] : value_ends[of + 1]]]
        share = np.bincount(leaf[rows], minlength=n_leaves) / np.maximum(per_leaf, 1.0)
        said = gram_row[order[ends[gram] : ends[gram + 1]]]
        expected = share[leaf[said[has[said]]]].sum()
        kept[i] = count >= rules.min_lift_in_category * expected
    return kept


def _select(
    grams: Sequence[tuple[str, ...]],
    found: _Found,
    covers: Mapping[int, int],
    values: Sequence[tuple[str, str]],
    known: Mapping[str, Sequence[ValueCount]],
    said: _SaidBy,
) -> dict[str, Sequence[ValueCount]]:
    """Shorter grams first; a longer one only where it says what its parts do not.

    A gram that is nearly always part of a longer one ("sky" of "sky blue") is no name, unless the
    longer one had to be refused because it holds a statement of its own ("ceramic figure").
    """
    aliases: dict[str, Sequence[ValueCount]] = {}
    columns = zip(found.gram.tolist(), found.of.tolist(), found.count.tolist(), strict=True)
    ordered = sorted(columns, key=lambda c: (len(grams[c[0]]), c))
    verdicts: dict[int, str] = {}
    names = ChainMap(aliases, dict(known))
    for is_second_look in (False, True):
        # Parts are looked at after what holds them, so the longest first.
        for gram, of, count in reversed(ordered) if is_second_look else ordered:
            cover = covers.get(gram)
            if is_second_look != (cover is not None):
                continue
            if cover is not None and verdicts.get(cover) != _HIDES:
                continue
            words, (field, value) = grams[gram], values[of]
            key = phrase_key(words)
            is_empty = all(w in _SAY_LITTLE or w.isdigit() for w in words)
            if key in known or key in aliases or is_empty or {words[0], words[-1]} & _SAY_LITTLE:
                continue
            verdicts[gram] = _judge(gram, words, field, value, names, said)
            if verdicts[gram] == _ADDS:
                aliases[key] = (ValueCount(field, value, count, is_exact=False),)
    return aliases


_ADDS, _HIDES, _REPEATS = "adds", "hides", "repeats"


def _judge(
    gram: int,
    words: tuple[str, ...],
    field: str,
    value: str,
    names: Mapping[str, Sequence[ValueCount]],
    said: _SaidBy,
) -> str:
    """Whether a run of words says more than its parts.

    It hides where a part states another field's value ("blue" of "blue mug"), it repeats where a part
    names the value already ("cup" of "coffee cup"). A part that is not meant as what it could name
    ("flower" of "flower pot": few of these are flower-shaped) is what the longer run is good for.
    """
    repeats = misleads = False
    for length in range(1, len(words)):
        for i in range(len(words) - length + 1):
            part = names.get(phrase_key(words[i : i + length]), ())
            if not part:
                continue
            if any(v.field == field for v in part):
                is_same = any(v.value == value for v in part)
                repeats |= is_same and len(part) == 1
                misleads |= not is_same  # "blue" of "navy blue"
            elif any(said.is_stated(gram, v.field, v.value) for v in part):
                return _HIDES
            else:
                # What kind of thing is meant is said by names of categories, not by those of values.
                misleads |= field == CATEGORY or any(v.field != CATEGORY for v in part)
    return _REPEATS if repeats and not misleads else _ADDS
