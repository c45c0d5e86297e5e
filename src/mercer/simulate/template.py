"""Templates as integer matrices: which slot or fixed text stands where."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercer.simulate.pool import CAPITAL, PhrasePool, Pieces

_BREAKS = frozenset({",", "-", "|"})
_PART = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Templates:
    """k templates of at most m slots; cells past a template's end hold -1."""

    slot: NDArray[np.int32]  # (k, m) column of the slot matrix
    before: Pieces  # (k, m) fixed text in front of that slot
    is_break: NDArray[np.bool_]  # (k, m) that text separates two parts: ", ", " - ", " | "
    after: Pieces  # (k,) fixed text at the end


def parse_templates(texts: Sequence[str], slots: Mapping[str, int], pool: PhrasePool) -> Templates:
    """Templates from their written form; a slot that does not exist is a KeyError."""
    parsed = [_PART.split(text) for text in texts]  # before, slot, before, slot, ..., after
    m = max(1, *(len(p) // 2 for p in parsed))
    slot = np.full((len(texts), m), -1, np.int32)
    before = np.full((len(texts), m), -1, np.int32)
    is_break = np.zeros((len(texts), m), bool)
    for i, parts in enumerate(parsed):
        for j in range(len(parts) // 2):
            before[i, j] = pool.add(parts[2 * j]) if parts[2 * j] else -1
            is_break[i, j] = parts[2 * j].strip() in _BREAKS
            slot[i, j] = slots[parts[2 * j + 1]]
    after = np.array([pool.add(p[-1]) if p[-1] else -1 for p in parsed], np.int32)
    return Templates(slot, before, is_break, after)


def _filled(templates: Templates, chosen: NDArray[np.int64], filling: Pieces) -> Pieces:
    """(n, m) phrase of every slot of the chosen template; -1 where not stated or past the end."""
    slot = templates.slot[chosen]
    rows = np.arange(len(chosen))[:, None]
    return np.where(slot >= 0, filling[rows, slot], -1).astype(np.int32)


def _separators(
    templates: Templates, chosen: NDArray[np.int64], is_stated: NDArray[np.bool_]
) -> Pieces:
    """(n, m) text before each stated slot: its own, or the last break since the slot before it."""
    own, is_break = templates.before[chosen], templates.is_break[chosen]
    out = np.full_like(own, -1)
    held = np.full(len(chosen), -1, np.int32)
    for j in range(own.shape[1]):
        held = np.where(is_break[:, j] & (held < 0), own[:, j], held)
        out[:, j] = np.where(is_stated[:, j], np.where(held >= 0, held, own[:, j]), -1)
        held = np.where(is_stated[:, j], -1, held)
    return out


def title_pieces(
    templates: Templates,
    chosen: NDArray[np.int64],
    filling: Pieces,
    *,
    variant: NDArray[np.int64],
    pool_size: int,
) -> Pieces:
    """(n, 2m + 1) pieces of titles: an unstated slot is left out with the text before it.

    A break survives the slot behind it, so that two parts never run into each other.

    Args:
        templates: of k templates with m slots.
        chosen: (n,) template numbers.
        filling: (n, n_slots) plain phrase numbers, -1 where not stated.
        variant: (n,) spelling of the slots; the first one has at least a capital.
        pool_size: number of plain phrases.
    """
    phrase = _filled(templates, chosen, filling)
    before = _separators(templates, chosen, phrase >= 0)
    first = (phrase >= 0).argmax(axis=1)
    rows = np.arange(len(chosen))
    before[rows, first] = -1
    spelling = np.repeat(variant[:, None], phrase.shape[1], axis=1)
    spelling[rows, first] = np.where(variant == 0, CAPITAL, variant)
    out = np.full((len(chosen), 2 * phrase.shape[1] + 1), -1, np.int32)
    out[:, 0:-1:2] = before
    out[:, 1::2] = np.where(phrase >= 0, phrase + spelling * pool_size, -1)
    out[:, -1] = templates.after[chosen]
    return out


def sentence_pieces(
    templates: Templates,
    chosen: NDArray[np.int64],
    filling: Pieces,
    *,
    pool_size: int,
) -> Pieces:
    """(n, 2m + 1) pieces of one sentence each; all -1 where a slot of it is not stated."""
    phrase = _filled(templates, chosen, filling)
    wanted = templates.slot[chosen] >= 0
    complete = (wanted == (phrase >= 0)).all(axis=1)[:, None]
    before = templates.before[chosen]
    leads = np.zeros_like(phrase)
    leads[:, 0] = np.where(before[:, 0] < 0, CAPITAL * pool_size, 0)  # a slot opens the sentence
    out = np.full((len(chosen), 2 * phrase.shape[1] + 1), -1, np.int32)
    out[:, 0:-1:2] = np.where(complete, before, -1)
    out[:, 1::2] = np.where(complete & wanted, phrase + leads, -1)
    out[:, -1] = np.where(complete[:, 0], templates.after[chosen], -1)
    return out
