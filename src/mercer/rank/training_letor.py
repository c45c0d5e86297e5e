"""SVM-rank and LETOR files as training sets.

A line is `LABEL qid:ID FEATURE:VALUE ... # comment`; a feature that a line leaves out is 0. Lines of a
query may be apart. Source: Joachims' SVM-rank, and LETOR 4.0 (arXiv:1306.2597), whose files are these.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mercer.metrics.ragged import Floats, Ints
from mercer.rank.training_set import F32s, FeatureColumns, TrainingSet, grouped
from mercer.schema.errors import InputError

MAX_FEATURE = (
    100_000  # a higher number is a typing error, and would cost a column for each below it
)
GainOf = Callable[[pa.Array], Floats]  # grades -> gains


@dataclass(frozen=True, slots=True)
class LetorRows:
    """Parsed lines."""

    grade: Floats  # (n,)
    query_id: pa.StringArray  # (n,)
    row: Ints  # (n_cells,) line of each value, from 0
    feature: Ints  # (n_cells,) from 1
    value: F32s  # (n_cells,)


def parse_letor(text: bytes, *, at: str, first_line: int = 1) -> LetorRows:
    """The rows of whole lines; blank lines and comments are passed over.

    Args:
        text: UTF-8.
        at: the file's name, for the messages.
        first_line: its number in the file.
    Raises:
        InputError: names the line and the word that cannot be read.
    """
    try:
        lines = pa.array(text.decode("utf-8").split("\n"), pa.string())
    except UnicodeDecodeError as fault:
        raise InputError(f"{at}: not UTF-8: {fault}") from None
    bare = pc.utf8_trim_whitespace(pc.replace_substring_regex(lines, "#.*$", ""))
    number = pc.indices_nonzero(pc.not_equal(bare, "")).to_numpy().astype(np.int64)
    words = pc.utf8_split_whitespace(bare.take(pa.array(number)))
    number = number + first_line
    lengths = np.asarray(pc.list_value_length(words)).astype(np.int64)
    if len(lengths) and lengths.min() < 2:
        line = int(number[int(lengths.argmin())])
        raise InputError(f"{at}, line {line}: must be LABEL qid:ID FEATURE:VALUE ...")
    flat = words.flatten()
    begins = np.cumsum(lengths) - lengths
    grade = _numbers(flat.take(pa.array(begins)), number, what="label", at=at)
    qid = flat.take(pa.array(begins + 1))
    has_qid = np.asarray(pc.starts_with(qid, "qid:"))
    if not has_qid.all():
        i = int((~has_qid).argmax())
        raise InputError(
            f"{at}, line {number[i]}: the second word is {qid[i].as_py()!r}, must be qid:ID"
        )
    is_cell = np.ones(len(flat), np.bool_)
    is_cell[begins] = is_cell[begins + 1] = False
    row = np.repeat(np.arange(len(lengths)), lengths)[is_cell]
    feature, value = _cells(flat.filter(pa.array(is_cell)), number[row], at=at)
    return LetorRows(grade, pc.utf8_slice_codeunits(qid, 4), row, feature, value)


def _cells(words: pa.StringArray, line: Ints, *, at: str) -> tuple[Ints, F32s]:
    """Feature numbers and values of `FEATURE:VALUE` words."""
    parts = pc.split_pattern(words, ":", max_splits=1)
    is_pair = np.asarray(pc.list_value_length(parts)) == 2
    if not is_pair.all():
        i = int((~is_pair).argmax())
        raise InputError(f"{at}, line {line[i]}: {words[i].as_py()!r} must be FEATURE:VALUE")
    flat = parts.flatten()
    at_even = np.arange(0, len(flat), 2)
    number = _numbers(flat.take(pa.array(at_even)), line, what="feature", at=at)
    wrong = ~((number >= 1) & (number <= MAX_FEATURE) & (number == np.floor(number)))
    if wrong.any():
        i = int(wrong.argmax())
        raise InputError(
            f"{at}, line {line[i]}: feature {words[i].as_py()!r} must be numbered 1..{MAX_FEATURE}"
        )
    value = _numbers(flat.take(pa.array(at_even + 1)), line, what="value", at=at)
    return number.astype(np.int64), value.astype(np.float32)


def _numbers(words: pa.StringArray, line: Ints, *, what: str, at: str) -> Floats:
    """Words as finite numbers; the first that is none is named."""
    try:
        out: Floats = pc.cast(words, pa.float64()).to_numpy(zero_copy_only=False)
        wrong = ~np.isfinite(out)
    except pa.ArrowInvalid:
        wrong = np.array([not _is_number(word) for word in words.to_pylist()])
    if wrong.any():
        i = int(wrong.argmax())
        raise InputError(f"{at}, line {line[i]}: {what} {words[i].as_py()!r} is no finite number")
    return out


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def letor_set(blocks: Iterable[LetorRows], *, gain_of: GainOf, at: str) -> TrainingSet:
    """The training set of all blocks of a file, in order.

    Args:
        gain_of: what a grade is worth.
        at: the file's name, for the messages.
    Raises:
        InputError: no rows.
    """
    read = list(blocks)
    n_rows = sum(len(one.grade) for one in read)
    if n_rows == 0:
        raise InputError(f"{at}: there are no rows in it")
    n_features = max((int(one.feature.max(initial=0)) for one in read), default=0)
    features = np.zeros((n_rows, n_features), np.float32)
    start = 0
    for one in read:
        features[start + one.row, one.feature - 1] = one.value
        start += len(one.grade)
    return letor_table(
        features,
        np.concatenate([one.grade for one in read]),
        pa.concat_arrays([one.query_id for one in read]),
        names=[f"f{i + 1}" for i in range(n_features)],
        gain_of=gain_of,
    )


def letor_table(
    features: F32s, grade: Floats, query_id: pa.Array, *, names: list[str], gain_of: GainOf
) -> TrainingSet:
    """A training set of rows with grades: (n, n_features), (n,), (n,) ids."""
    encoded = query_id.cast(pa.string()).dictionary_encode()
    code = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return grouped(
        columns=FeatureColumns.of_file(names),
        features=features,
        gain=gain_of(pa.array(grade)),
        query_code=code,
        query=encoded.dictionary.to_pylist(),
    )
