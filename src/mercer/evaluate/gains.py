"""What a grade is worth: `--gains E=1,S=.1,C=.01,I=0`, `exp` or `linear`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.metrics.ragged import Floats
from mercer.schema.errors import InputError

GAINS_HELP = "allowed: LABEL=NUMBER pairs such as 'E=1,S=.1,C=.01,I=0', or 'exp' for 2^grade - 1, or 'linear'"
MAX_EXP_GRADE = 60  # 2^60 is still exact among the gains next to it
SHOWN = 8  # labels that an error lists


@dataclass(frozen=True, slots=True)
class Graded:
    """The gains of a column of grades, and which of them are the top."""

    gain: Floats  # (n,) >= 0
    top_gain: float  # of the best grade of the scale, > 0
    top_grades: tuple[str, ...]  # the label or labels with that gain


@dataclass(frozen=True, slots=True)
class GainSpec:
    """How grades become gains. The top grade is the one with the largest gain.

    For a table the scale is the table, so the top is known even where the data have none of it; for
    `exp` and `linear` the scale is the data, so the top is the highest grade found.
    """

    kind: Literal["table", "exp", "linear"]
    by_label: Mapping[str, float] = field(default_factory=dict)  # of a table

    @classmethod
    def parse(cls, text: str) -> "GainSpec":
        """Read the words of `--gains`.

        Raises:
            InputError: not of the allowed forms, a label twice, a gain that is negative or not a
                number, or no gain above 0.
        """
        words = text.strip()
        if words in ("exp", "linear"):
            return cls("exp" if words == "exp" else "linear")
        by_label: dict[str, float] = {}
        for pair in words.split(","):
            label, equals, number = (part.strip() for part in pair.rpartition("="))
            if not (label and equals):
                raise InputError(f"gains {text!r}: {pair.strip()!r} is not a pair; {GAINS_HELP}")
            if label in by_label:
                raise InputError(f"gains {text!r}: the label {label!r} is there twice")
            by_label[label] = _gain(number, label=label, text=text)
        if max(by_label.values()) == 0:
            raise InputError(f"gains {text!r}: no label has a gain above 0, so nothing is relevant")
        return cls("table", by_label)

    def apply(self, grade: pa.Array | pa.ChunkedArray) -> Graded:
        """The gain of each grade.

        Args:
            grade: (n,) labels (strings) or numbers, no nulls; a number is also its label ("3").
        Raises:
            InputError: a label that the table does not name; for exp and linear a grade that is not a
                number >= 0; a scale without any gain above 0.
        """
        encoded = pc.dictionary_encode(grade)
        column = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        labels = [label_of(value) for value in column.dictionary.to_pylist()]
        by_label = self.by_label if self.kind == "table" else self._computed(labels)
        if unknown := sorted(set(labels) - set(by_label)):
            raise InputError(
                f"gains: the judgments have {_some(unknown)}, which the gains do not name; they name "
                f"{_some(list(by_label))}. Add a gain for each, 0 for an irrelevant one"
            )
        top_gain = max(by_label.values(), default=0.0)
        if top_gain <= 0:
            raise InputError(
                f"gains {self}: no grade of the judgments ({_some(labels)}) has a gain above 0"
            )
        by_code = np.array([by_label[label] for label in labels], np.float64)
        return Graded(
            gain=by_code[column.indices.to_numpy(zero_copy_only=False)],
            top_gain=top_gain,
            top_grades=tuple(sorted(k for k, gain in by_label.items() if gain == top_gain)),
        )

    def _computed(self, labels: list[str]) -> dict[str, float]:
        """The gain of each label by formula; all labels that are not grades are named at once."""
        grades = {label: _number(label) for label in labels}
        limit = MAX_EXP_GRADE if self.kind == "exp" else math.inf
        if wrong := sorted(k for k, grade in grades.items() if not 0 <= grade <= limit):
            raise InputError(
                f"gains {self}: the judgments have {_some(wrong)}, but '{self}' needs grades that are "
                f"numbers from 0{f' to {MAX_EXP_GRADE}' if self.kind == 'exp' else ''}; "
                "name labels with their gains instead, such as 'E=1,S=.1,C=.01,I=0'"
            )
        if self.kind == "exp":
            return {label: 2.0**grade - 1.0 for label, grade in grades.items()}
        return grades

    def __str__(self) -> str:
        if self.kind != "table":
            return self.kind
        return ",".join(f"{label}={gain:g}" for label, gain in self.by_label.items())


def label_of(value: object) -> str:
    """A grade as it is named on the command line: 3 and 3.0 are "3", text loses outer blanks."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _gain(number: str, *, label: str, text: str) -> float:
    gain = _number(number)
    if not 0 <= gain < math.inf:
        raise InputError(
            f"gains {text!r}: the gain of {label!r} is {number!r}, it must be a number >= 0"
        )
    return gain


def _number(text: str) -> float:
    """NaN where the text is not a finite number."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _some(labels: list[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:SHOWN])
    return shown + (f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else "")
