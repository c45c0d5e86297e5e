"""Attribute values that texts say: "navy linen shirt" says color=navy and material=linen.

What can be said is learned from listings (`fact_phrases`): runs of words, and the facts that each says.
Of two runs that begin at the same word the longer one is meant ("rose gold" is not gold), and what one
took no other one takes. A listing that states an attribute is not asked what its text says of that
attribute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.column import I64s, U64s
from mercer.features.hash import combined, combined_plain, hash_bytes, hash_text
from mercer.features.kernel_types import I8_TABLE, U8S
from mercer.features.lookup import has_key, place_of
from mercer.features.text.cut import cut_plain
from mercer.text.kernel_types import I8S, U1S, U4S

MAX_WORDS: Final = 3  # of a value that a text can say
SEPARATOR: Final = "="  # between the name of an attribute and its value
_EQUALS: Final = np.uint8(ord(SEPARATOR))
_BEGIN: Final = 1  # what the words of a phrase are combined from


@dataclass(frozen=True, slots=True)
class Phrases:
    """What texts can say: a trie whose nodes are the first words of runs, and their facts."""

    keys: U64s  # (n_nodes,) the words combined, rising
    first: I64s  # (n_nodes + 1,) node i says facts[first[i]:first[i + 1]]
    is_begun: npt.NDArray[np.bool_]  # (n_nodes,) whether a longer phrase begins so
    facts: U64s  # (n_facts,) ids of "name=value"; 0: nothing is said
    attributes: U64s  # (n_facts,) ids of their names


@nb.njit(nb.void(I8S, I8S, I8S, I8S, U1S, nb.u8[::1], nb.u8[::1]), cache=True, nogil=True)
def hash_facts(
    starts: I64s, stops: I64s, text_starts: I64s, text_stops: I64s, data: Any,
    facts: U64s, attributes: U64s,
) -> None:  # fmt: skip
    """The ids of all facts and of the names of their attributes, list by list; 0 where there is none."""
    at = 0
    for i in range(starts.size):
        for j in range(starts[i], stops[i]):
            first, last = text_starts[j], text_stops[j]
            facts[at] = np.uint64(0) if last <= first else hash_bytes(data, first, last)
            attributes[at] = np.uint64(0)
            for k in range(first + 1, last):
                if data[k] == _EQUALS:
                    attributes[at] = hash_bytes(data, first, k)
                    break
            at += 1


@nb.njit(
    nb.void(
        I8S, U8S, U8S, I8_TABLE, I8_TABLE, U4S,
        U8S, I8S, nb.types.Array(nb.b1, 1, "C", readonly=True), U8S, U8S,
        nb.i8, nb.i8[::1], nb.u8[::1], nb.u8[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def known_facts(
    stated: I64s, facts: U64s, attributes: U64s, word_starts: I64s, word_stops: I64s, words: Any,
    keys: U64s, first: I64s, is_begun: Any, said_facts: U64s, said_attributes: U64s,
    most: int, offsets: I64s, out_facts: U64s, out_attributes: U64s,
) -> None:  # fmt: skip
    """Of each row what is stated, then what its texts say of other attributes.

    Args:
        stated: (n + 1,) row i states facts[stated[i]:stated[i + 1]], of `attributes`.
        word_starts, word_stops: (n_texts, n) into `words`; nothing where stops <= starts.
        keys, first, is_begun, said_facts, said_attributes: of `Phrases`.
        most: facts that are taken from the texts of a row.
        offsets, out_facts, out_attributes: (n + 1,) and room for all of it; to be written.
    """
    at = np.int64(0)
    for row in range(stated.size - 1):
        begin = at
        for i in range(stated[row], stated[row + 1]):
            if facts[i] != np.uint64(0):
                out_facts[at], out_attributes[at] = facts[i], attributes[i]
                at += 1
        n_stated = at
        for text in range(word_starts.shape[0]):
            place, last = word_starts[text, row], word_stops[text, row]
            while place < last:
                h: Any = np.uint64(_BEGIN)
                found: Any = np.int64(-1)
                length: Any = np.int64(1)
                for i in range(place, min(place + MAX_WORDS, last)):
                    h = combined(h, np.uint64(words[i]))
                    node = place_of(keys, 0, keys.size, h)
                    if node < 0:
                        break
                    if first[node + 1] > first[node]:
                        found, length = node, i - place + 1
                    if not is_begun[node]:
                        break
                if found >= 0:
                    for f in range(first[found], first[found + 1]):
                        is_told = has_key(out_attributes, begin, n_stated, said_attributes[f])
                        is_told = is_told or has_key(out_facts, n_stated, at, said_facts[f])
                        is_told = is_told or said_facts[f] == np.uint64(0)
                        if not is_told and at - n_stated < most:
                            out_facts[at] = said_facts[f]
                            out_attributes[at] = said_attributes[f]
                            at += 1
                place += length
        offsets[row + 1] = at


@nb.njit(nb.i8(I8S, U8S, nb.i8[::1], nb.u8[::1]), cache=True, nogil=True)
def distinct(offsets: I64s, values: U64s, out_offsets: I64s, out: U64s) -> Any:
    """The different values of each row, without 0; how many there are in all."""
    at = np.int64(0)
    for row in range(offsets.size - 1):
        begin = at
        for i in range(offsets[row], offsets[row + 1]):
            if values[i] != np.uint64(0) and not has_key(out, begin, at, values[i]):
                out[at] = values[i]
                at += 1
        out_offsets[row + 1] = at
    return at


def is_phrase(fact: str) -> bool:
    """Whether words can say a fact: a value without a letter is a measure, and texts are full of them."""
    name, _, value = fact.partition(SEPARATOR)
    return bool(name) and any(c.isalpha() for c in value)


def phrase_of(fact: str) -> tuple[int, list[int]]:
    """(id of the name, ids of the words) of a fact (`is_phrase`); no words where they are too many."""
    name, _, value = fact.partition(SEPARATOR)
    words = cut_plain([value], stem_words=True)[0]
    return hash_text(name), words if len(words) <= MAX_WORDS else []


def known_plain(
    stated: Sequence[str | None], texts: Sequence[Sequence[int]], known: Phrases, *, most: int
) -> tuple[list[int], list[int]]:
    """The twin of `known_facts`, for one row: ids of facts, and of their attributes."""
    facts = [hash_text(one) for one in stated if one]
    attributes = [
        hash_text(one[: one.index(SEPARATOR, 1)]) if SEPARATOR in one[1:] else 0
        for one in stated
        if one
    ]
    told, n_stated = set(attributes), len(facts)
    node_of = {int(key): i for i, key in enumerate(known.keys)}
    for words in texts:
        place = 0
        while place < len(words):
            h, found, length = _BEGIN, -1, 1
            for i in range(place, min(place + MAX_WORDS, len(words))):
                h = combined_plain(h, words[i])
                node = node_of.get(h, -1)
                if node < 0:
                    break
                if known.first[node + 1] > known.first[node]:
                    found, length = node, i - place + 1
                if not known.is_begun[node]:
                    break
            for f in range(known.first[found], known.first[found + 1]) if found >= 0 else ():
                fact, attribute = int(known.facts[f]), int(known.attributes[f])
                is_known = not fact or attribute in told or fact in facts[n_stated:]
                if not is_known and len(facts) - n_stated < most:
                    facts.append(fact)
                    attributes.append(attribute)
            place += length
    return facts, attributes
