"""known_facts: what a listing states of its attributes, and what its text says of the others.

Half of what buyers ask for stands in titles and descriptions only. Which words say which value is
learned from the listings that state it: over all of them how often each value is stated, and over a
sample of them what their words tell (`text/fact_phrases.py`). That is worked out once, when the fit is
done; what is saved is the table of the words.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mercer.features.column import Column, F64s, I64s, Ragged, ragged_of, texts_of
from mercer.features.param import Param
from mercer.features.text.fact_phrases import from_arrays, phrases, to_arrays
from mercer.features.text.fact_sample import largest, merged_samples, no_sample, sample_of
from mercer.features.text.facts import (
    MAX_WORDS,
    Phrases,
    distinct,
    is_phrase,
    known_facts,
    known_plain,
    phrase_of,
)
from mercer.features.text.stated import ends_of, fact_at, stated_facts
from mercer.features.transform import STATE_OF, Arrays, ColumnOp, Fit, Params, Transform
from mercer.schema.errors import FeatureError

SAMPLED: Final = 1 << 15  # a value that one listing in a thousand has is there some thirty times
_GIVES: Final = ("facts", "attributes")


class FactsFit:
    """How often each fact is stated, the words of its value, and a sample of listings."""

    is_exact = True
    bound = "exact"

    def empty(self, params: Params) -> Arrays:
        """No fact."""
        return {**_arrays([]), **no_sample()}

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """With n more rows; facts that are measures are left out, they have no words."""
        texts = texts_of(inputs[0])
        facts, attributes, at = stated_facts(texts)
        keys, places, which, counts = np.unique(
            facts, return_index=True, return_inverse=True, return_counts=True
        )
        rows, is_said = [], np.zeros(keys.size, np.bool_)
        for i, (key, place, count) in enumerate(
            zip(keys.tolist(), places.tolist(), counts.tolist(), strict=True)
        ):
            fact = fact_at(texts, at[place]) if key else ""  # a text that is missing or empty
            if is_phrase(fact):
                is_said[i] = True
                attribute, words = phrase_of(fact)
                if words:
                    rows.append((key, count, attribute, words))
        sample = sample_of(
            ends_of(texts), np.where(is_said[which], facts, np.uint64(0)), attributes,
            _words(inputs[1:]), most=params["sample"],
            below=largest(state, most=params["sample"]),
        )  # fmt: skip
        return self.merge(state, {**_arrays(rows), **sample}, params)

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
        sample = merged_samples(a, b, most=params["sample"])
        return {"keys": unique, "counts": counts, **told, **sample}


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


def _words(inputs: Sequence[Column]) -> tuple[I64s, I64s, npt.NDArray[Any]]:
    """(n_texts, n) where the words of each text start and stop, and the words of all."""
    columns = [ragged_of(column) for column in inputs]
    before = np.cumsum([0, *(column.values.size for column in columns)])
    starts = np.array([c.starts + at for c, at in zip(columns, before[:-1], strict=True)])
    stops = np.array([c.stops + at for c, at in zip(columns, before[:-1], strict=True)])
    return starts, stops, np.concatenate([column.values for column in columns])


def _close(params: Params, fitted: Arrays) -> Arrays:
    found = phrases(
        fitted, min_count=params["min_count"], min_evidence=params["min_evidence"],
        min_share=params["min_share"],
    )  # fmt: skip
    return to_arrays(found)


def _prepare(params: Params, fitted: Arrays) -> Phrases:
    if "said_by" not in fitted:
        raise FeatureError(
            f"known_facts: what was fitted has {sorted(fitted)}, must have what words say, as the fit of "
            "this version gives it; fit again"
        )
    return from_arrays(fitted)


def _run(inputs: Sequence[Column], params: Params, prepared: Phrases, n: int) -> Ragged:
    texts = texts_of(inputs[0])
    facts, attributes, _ = stated_facts(texts)
    most = params["most"]
    offsets, out = np.zeros(n + 1, np.int64), np.empty((2, facts.size + n * most), np.uint64)
    known_facts(
        ends_of(texts), facts, attributes, *_words(inputs[1:]), prepared.keys, prepared.first,
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
            doc="listings that state a value before texts are searched for its words",
        ),
        Param(
            name="min_evidence", kind="integer", default=5, low=1,
            doc="listings that say some words and state an attribute, before these tell what they say",
        ),
        Param(
            name="min_share", kind="number", default=0.8, low=0.0, high=1.0,
            doc="of these listings have the value that the words then say, at least",
        ),
        Param(
            name="sample", kind="integer", default=SAMPLED, low=1,
            doc="listings of which words are kept to learn from",
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
    close=_close,
)  # fmt: skip
_conforms: type[Fit] = FactsFit
