"""Which words say which facts: those of a value itself, and those that listings taught.

A run of one or two words says a fact where at least `min_evidence` listings that say it state the
attribute, nearly all of them state that fact (`wilson_low` of their share), and clearly more than
usual: "cognac" says color=brown. The words of a value say it too, unless listings that say them mostly
state something else: "vintage" in a title is mostly no era. A run of two words is kept where it says
something else than its words do one by one, which may be nothing: "vintage inspired".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mercer.features.column import F64s
from mercer.features.hash import combined_plain
from mercer.features.text.fact_evidence import BEGIN, Evidence, Z, evidence
from mercer.features.text.facts import Phrases
from mercer.features.transform import Arrays
from mercer.metrics.share import wilson_low

LIFT: Final = 1.5  # what says a fact has it so much more often than is usual for the attribute
HAVING: Final = 0.75  # of the listings that say it have the attribute: a "steel" ring has no buckle
QUARTILE: Final = 0.75
DOUBTED: Final = 0.6  # words of a value, of whose listings fewer state it, do not say it
NOTHING: Final = 0  # as a fact: a run that takes its words and says nothing

Words = tuple[int, ...]
Said = dict[int, tuple[int, ...]]
"""Attribute -> the facts of it that a run of words says."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What listings tell of a run and an attribute."""

    fact: int
    share: float
    says: bool  # whether the run says the fact, by itself


def phrases(
    fitted: Arrays, *, min_count: int, min_evidence: int, min_share: float
) -> Phrases:  # fmt: skip
    """The trie of all that says something.

    Args:
        fitted: values that listings state (`known_facts.FactsFit`), and a sample (`fact_sample`).
        min_count: listings that state a value before its words say it.
        min_evidence: listings that say a run and state an attribute, before they tell anything.
        min_share: the lower bound of the share that says the fact.
    """
    values = _values(fitted, min_count=min_count)
    told, words_of = _told(evidence(fitted, at_least=min_evidence), min_share=min_share)
    words_of |= {run: words for run, (words, _) in values.items()}
    single = {
        run: _said(values[run][1] if run in values else {}, told.get(run, {}))
        for run, words in words_of.items()
        if len(words) == 1
    }
    nodes = [(words_of[run], said) for run, said in single.items()]
    for run, words in words_of.items():
        if len(words) > 1:
            parts = _of_parts(words, single)
            said = _said(values[run][1] if run in values else parts, told.get(run, {}))
            if run in values or said != parts:
                nodes.append((words, said))
    return _trie(nodes)


def _of_parts(words: Iterable[int], single: Mapping[int, Said]) -> Said:
    """What the words of a run say one by one."""
    found: Said = {}
    for word in words:
        for attribute, facts in single.get(run_of([word]), {}).items():
            found[attribute] = tuple(dict.fromkeys((*found.get(attribute, ()), *facts)))
    return found


def _values(fitted: Arrays, *, min_count: int) -> dict[int, tuple[Words, Said]]:
    """Run -> its words, and the facts whose value they are."""
    found: dict[int, tuple[Words, Said]] = {}
    for i in np.flatnonzero(fitted["counts"] >= min_count).tolist():
        words: Words = tuple(fitted["words"][i, : fitted["n_words"][i]].tolist())
        said = found.setdefault(run_of(words), (words, {}))[1]
        attribute = int(fitted["attributes"][i])
        said[attribute] = (*said.get(attribute, ()), int(fitted["keys"][i]))
    return found


def run_of(words: Iterable[int]) -> int:
    """What the words of a run combine to."""
    h = BEGIN
    for word in words:
        h = combined_plain(h, word)
    return h


def _told(
    found: Evidence, *, min_share: float
) -> tuple[dict[int, dict[int, _Told]], dict[int, Words]]:
    """Run -> attribute -> what is told of it; and the words of each run."""
    low = found.low()
    says = (low >= min_share) & (low >= LIFT * found.usual)
    having = _having(found, says)
    says &= having >= HAVING
    share = found.hits / found.n * having
    told: dict[int, dict[int, _Told]] = {}
    words_of: dict[int, Words] = {}
    columns = (found.runs, found.attributes, found.facts, share, says, found.words)
    for run, attribute, fact, part, is_said, words in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        told.setdefault(run, {})[attribute] = _Told(fact, part, is_said)
        if run not in words_of:
            words_of[run] = tuple(word for word in words if word)
    return told, words_of


def _having(found: Evidence, says: npt.NDArray[np.bool_]) -> F64s:
    """(m,) what share of the listings that say the run have the attribute at all, at most 1.

    Of those that have it about the same share state it, whatever it is that they have: that share is
    read off the runs that say a fact, the upper quartile of their listings.
    """
    high = 1.0 - wilson_low(found.saying - found.n, found.saying, z=Z)
    having = np.ones(high.size)
    stating = found.n / found.saying
    for attribute in np.unique(found.attributes):
        mine = found.attributes == attribute
        those = np.flatnonzero(mine & says)
        if those.size:
            order = those[np.argsort(stating[those], kind="stable")]
            n = np.cumsum(found.n[order])
            state = stating[order[np.searchsorted(n, QUARTILE * n[-1])]]
            having[mine] = np.minimum(high[mine] / state, 1.0)
    return having


def _said(own: Said, told: Mapping[int, _Told]) -> Said:
    """What a run says by what is told of it, and else by what it would say of its own."""
    said: Said = {}
    for attribute, facts in own.items():
        one = told.get(attribute)
        if one is None:
            said[attribute] = facts
        elif one.says or (one.fact in facts and one.share >= DOUBTED):
            said[attribute] = (one.fact,)
    for attribute, one in told.items():
        if one.says:
            said[attribute] = (one.fact,)
    return said


def _trie(nodes: Iterable[tuple[Words, Said]]) -> Phrases:
    """The runs that say something, with the runs that they begin with."""
    said: dict[int, list[tuple[int, int]]] = {}
    begun: set[int] = set()
    for words, facts in nodes:
        pairs = [(fact, attribute) for attribute in sorted(facts) for fact in facts[attribute]]
        if not pairs and len(words) == 1:
            continue
        for length in range(1, len(words)):
            begun.add(run_of(words[:length]))
            said.setdefault(run_of(words[:length]), [])
        said[run_of(words)] = pairs or [(NOTHING, 0)]
    keys = sorted(said)
    pairs = [pair for key in keys for pair in said[key]]
    return Phrases(
        keys=np.array(keys, np.uint64),
        first=np.cumsum([0, *(len(said[key]) for key in keys)], dtype=np.int64),
        is_begun=np.array([key in begun for key in keys], np.bool_),
        facts=np.array([fact for fact, _ in pairs], np.uint64),
        attributes=np.array([attribute for _, attribute in pairs], np.uint64),
    )


def to_arrays(found: Phrases) -> Mapping[str, Any]:
    """As they are saved."""
    return {
        "said_by": found.keys,
        "said_first": found.first,
        "said_begun": found.is_begun,
        "said_facts": found.facts,
        "said_attributes": found.attributes,
    }


def from_arrays(saved: Arrays) -> Phrases:
    """As `to_arrays` gave them."""
    names = ("said_by", "said_first", "said_begun", "said_facts", "said_attributes")
    return Phrases(*(saved[name] for name in names))
