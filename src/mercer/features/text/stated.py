"""What listings state, as ids: facts ("name=value"), their attributes, and which of them are words."""

import numpy as np
import numpy.typing as npt

from mercer.features.column import I64s, Texts, U64s
from mercer.features.text.facts import hash_facts, is_phrase


def stated_facts(texts: Texts) -> tuple[U64s, U64s, I64s]:
    """Ids of all facts, of their attributes, and which string each is, list by list."""
    lengths = np.maximum(texts.stops - texts.starts, 0)
    begins = np.cumsum(lengths) - lengths
    facts, attributes = np.empty((2, int(lengths.sum())), np.uint64)
    strings = texts.strings
    hash_facts(
        texts.starts, texts.stops, strings.starts, strings.stops, strings.values, facts, attributes
    )  # fmt: skip
    at: I64s = np.arange(facts.size) + np.repeat(texts.starts - begins, lengths)
    return facts, attributes, at


def ends_of(texts: Texts) -> I64s:
    """(n + 1,) where the facts of each row begin, list by list."""
    ends = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.maximum(texts.stops - texts.starts, 0), out=ends[1:])
    return ends


def fact_at(texts: Texts, string: int) -> str:
    """One of the strings."""
    strings = texts.strings
    return bytes(strings.values[strings.starts[string] : strings.stops[string]]).decode()


def are_phrases(texts: Texts, facts: U64s, at: I64s) -> npt.NDArray[np.bool_]:
    """Of each fact that `stated_facts` gave whether it is no measure (`is_phrase`)."""
    keys, places, which = np.unique(facts, return_index=True, return_inverse=True)
    is_said = [
        bool(key) and is_phrase(fact_at(texts, string))  # 0: a text that is missing or empty
        for key, string in zip(keys.tolist(), at[places].tolist(), strict=True)
    ]
    said: npt.NDArray[np.bool_] = np.array(is_said, np.bool_)[which]
    return said
