"""known_facts: what a listing states of its attributes, and what its text says of the others.

Half of what buyers ask for stands in titles and descriptions only. Which words say which value is
learned from the listings that state it (`text/facts.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from mercer.features.column import Column, F64s, I64s, Ragged, Texts, U64s, ragged_of, texts_of
from mercer.features.param import Param
from mercer.features.text.facts import (
    MAX_WORDS,
    Phrases,
    distinct,
    hash_facts,
    known_facts,
    known_plain,
    phrase_of,
    phrases,
)
from mercer.features.transform import STATE_OF, Arrays, ColumnOp, Fit, Params, Transform

_GIVES: Final = ("facts", "attributes")


class FactsFit:
    """How often each fact is stated, and the words that say it."""

    is_exact = True
    bound = "exact"

    def empty(self, params: Params) -> Arrays:
        """No fact."""
        return {
            "keys": np.zeros(0, np.uint64),
            "counts": np.zeros(0, np.int64),
            "attributes": np.zeros(0, np.uint64),
            "words": np.zeros((0, MAX_WORDS), np.uint32),
            "n_words": np.zeros(0, np.int64),
        }

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """With the facts of n more rows; of those that no text can say nothing is kept."""
        facts, _, at = _stated(texts_of(inputs[0]))
        keys, places, counts = np.unique(facts, return_index=True, return_counts=True)
        strings = texts_of(inputs[0]).strings
        rows = []
        for key, place, count in zip(keys.tolist(), places.tolist(), counts.tolist(), strict=True):
            if not key:  # a text that is missing or empty
                continue
            string = at[place]
            raw = strings.values[strings.starts[string] : strings.stops[string]]
            attribute, words = phrase_of(bytes(raw).decode())
            if words:
                rows.append((key, count, attribute, words))
        return self.merge(state, _arrays(rows), params)

    def merge(self, a: Arrays, b: Arrays, params: Params) -> Arrays:
        """Of the rows of both."""
        keys = np.concatenate([a["keys"], b["keys"]])
        unique, first, place = np.unique(keys, return_index=True, return_inverse=True)
        counts = np.zeros(unique.size, np.int64)
        np.add.at(counts, place, np.concatenate([a["counts"], b["counts"]]))
        told = {
            name: np.concatenate([a[name], b[name]])[first]
            for name in ("attributes", "words", "n_words")
        }
        return {"keys": unique, "counts": counts, **told}


def _arrays(rows: Sequence[tuple[int, int, int, list[int]]]) -> Mapping[str, Any]:
    words = np.zeros((len(rows), MAX_WORDS), np.uint32)
    for i, row in enumerate(rows):
        words[i, : len(row[3])] = row[3]
    return {
        "keys": np.array([row[0] for row in rows], np.uint64),
        "counts": np.array([row[1] for row in rows], np.int64),
        "attributes": np.array([row[2] for row in rows], np.uint64),
        "words": words,
        "n_words": np.array([len(row[3]) for row in rows], np.int64),
    }


def _stated(texts: Texts) -> tuple[U64s, U64s, I64s]:
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


def _prepare(params: Params, fitted: Arrays) -> Phrases:
    return phrases(fitted, min_count=params["min_count"])


def _run(inputs: Sequence[Column], params: Params, prepared: Phrases, n: int) -> Ragged:
    texts = texts_of(inputs[0])
    facts, attributes, _ = _stated(texts)
    stated = np.zeros(n + 1, np.int64)
    np.cumsum(np.maximum(texts.stops - texts.starts, 0), out=stated[1:])
    columns = [ragged_of(column) for column in inputs[1:]]
    before = np.cumsum([0, *(column.values.size for column in columns)])
    starts = np.array([c.starts + at for c, at in zip(columns, before[:-1], strict=True)])
    stops = np.array([c.stops + at for c, at in zip(columns, before[:-1], strict=True)])
    words = np.concatenate([column.values for column in columns])
    most = params["most"]
    offsets, out = np.zeros(n + 1, np.int64), np.empty((2, facts.size + n * most), np.uint64)
    known_facts(
        stated, facts, attributes, starts, stops, words, prepared.keys, prepared.first,
        prepared.is_begun, prepared.facts, prepared.attributes, most, offsets, out[0], out[1],
    )  # fmt: skip
    values = out[0, : offsets[-1]].copy()
    if params["give"] == "attributes":
        every, offsets = offsets, np.zeros(n + 1, np.int64)
        values = values[: distinct(every, out[1, : every[-1]], offsets, values)]
    ends = np.where(texts.stops < texts.starts, offsets[:-1] - 1, offsets[1:])
    return Ragged(offsets[:-1], ends, values)


def twin(
    stated: Sequence[str | None] | None,
    *texts: Sequence[int] | None,
    params: Params,
    fitted: Arrays,
) -> list[int] | None:
    """The same of one row."""
    if stated is None:
        return None
    words = [text or [] for text in texts]
    facts, attributes = known_plain(
        stated, words, _prepare(params, fitted), most=params["most"]
    )  # fmt: skip
    return facts if params["give"] == "facts" else [a for a in dict.fromkeys(attributes) if a]


TRANSFORM = Transform(
    name="known_facts",
    summary="Ids of what a listing states (\"name=value\"), then of what its text says of other attributes.",
    inputs=(
        ("texts", "words"),
        ("texts", "words", "words"),
        ("texts", "words", "words", "words"),
    ),
    output="ids",
    run=ColumnOp(_run, _prepare),
    twin=twin,
    params=(
        Param(
            name="give", kind="choice", choices=_GIVES, default="facts",
            doc="the facts, or the attributes that they are of, each once",
        ),
        Param(
            name="min_count", kind="integer", default=3, low=1,
            doc="listings that state a value before texts are searched for it",
        ),
        Param(
            name="most", kind="integer", default=16, low=0, high=64,
            doc="facts of a listing that are taken from its text",
        ),
        Param(
            name=STATE_OF, kind="text", default="",
            doc="the feature whose facts are used; empty: those of the rows it was fitted on",
        ),
    ),
    fit=FactsFit(),
    fitted_input=0,
)  # fmt: skip
_conforms: type[Fit] = FactsFit
