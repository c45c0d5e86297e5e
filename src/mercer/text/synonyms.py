"""The synonyms file: what it may say, and which words of a query it widens.

    # comment
    sofa, couch, settee         each of them also finds the others
    tee => t shirt              tee also finds t shirt, not the other way round
    trainers, sneakers => running shoes, gym shoes

A query word always finds itself as well. Lines do not chain: with "a, b" and "b, c", a does not
find c, so cycles do nothing and the size of a query stays bounded. See docs/reference/synonyms.md.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mercer.schema.errors import ConfigError

Phrase = tuple[str, ...]

MAX_PHRASE_WORDS = 8
MAX_PHRASES_PER_SIDE = 64
MAX_LINES = 1_000_000
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_ARROW = "=>"


@dataclass(frozen=True, slots=True)
class Expansion:
    """words[start:end] of the query may also be any of `alternatives`, each a row of words."""

    start: int
    end: int
    alternatives: tuple[Phrase, ...]


def _same(word: str) -> str:
    return word


def _plain_words(phrase: str) -> Sequence[str]:
    return phrase.lower().split()


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Phrases and what else they may be; make one with `parse`.

    Args:
        alternatives: keyed phrase -> other phrases, in the order of the file.
        key: what two forms of a word share, for example its stem.
    """

    alternatives: Mapping[Phrase, tuple[Phrase, ...]]
    key: Callable[[str], str] = _same

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        words: Callable[[str], Sequence[str]] = _plain_words,
        key: Callable[[str], str] = _same,
        source: str = "synonyms",
    ) -> "Synonyms":
        """Read a synonyms file.

        Args:
            text: the whole file.
            words: splits a phrase into words, as queries are split.
            key: see the class.
            source: the file's name, for the message.
        Raises:
            ConfigError: lists every faulty line with its number.
        """
        found: dict[Phrase, dict[Phrase, Phrase]] = {}
        faults: list[str] = []
        lines = text.removeprefix("\ufeff").splitlines()
        if len(lines) > MAX_LINES:
            raise ConfigError(f"{source}: {len(lines):,} lines, at most {MAX_LINES:,}; split it")
        for number, raw in enumerate(lines, start=1):
            line = _COMMENT.sub("", raw).strip()
            if line:
                wrong, rules = _parse_line(line, words)
                faults += [f"  line {number}: {w}" for w in wrong]
                for meant, others in rules if not wrong else ():
                    row = found.setdefault(tuple(map(key, meant)), {})
                    for other in others:
                        row.setdefault(tuple(map(key, other)), other)
        if faults:
            noun = "fault" if len(faults) == 1 else "faults"
            raise ConfigError(f"{source}: {len(faults)} {noun}\n" + "\n".join(faults))
        kept = {
            meant: tuple(other for keyed, other in row.items() if keyed != meant)
            for meant, row in found.items()
        }
        return cls({meant: others for meant, others in kept.items() if others}, key)

    def __len__(self) -> int:
        return len(self.alternatives)

    def expand(self, words: Sequence[str], *, max_alternatives: int = 32) -> list[Expansion]:
        """What the query's words may also be, by start, longer phrases first.

        Args:
            words: the query's words, normalised.
            max_alternatives: for the whole query; the first ones of the file stay.
        """
        if not self.alternatives:
            return []
        keyed = [self.key(w) for w in words]
        out: list[Expansion] = []
        left = max_alternatives
        for start in range(len(keyed)):
            for end in range(min(len(keyed), start + MAX_PHRASE_WORDS), start, -1):
                others = self.alternatives.get(tuple(keyed[start:end]), ())[:left]
                if others:
                    out.append(Expansion(start, end, others))
                    left -= len(others)
        return out


def _parse_line(
    line: str, words: Callable[[str], Sequence[str]]
) -> tuple[list[str], list[tuple[Phrase, tuple[Phrase, ...]]]]:
    """Faults of a line, and its rules (phrase, other phrases)."""
    sides = line.split(_ARROW)
    if len(sides) > 2:
        return [f"{len(sides) - 1} arrows {_ARROW!r}, at most one is allowed"], []
    faults: list[str] = []
    parsed = [_parse_side(side, words, faults) for side in sides]
    if faults:
        return faults, []
    if len(parsed) == 2:
        return [], [(meant, parsed[1]) for meant in parsed[0]]
    if len(parsed[0]) < 2:
        return [
            f"{line[:60]!r} stands alone; write at least two phrases with a comma between them, "
            f"or one {_ARROW} another"
        ], []
    return [], [(meant, parsed[0]) for meant in parsed[0]]


def _parse_side(
    side: str, words: Callable[[str], Sequence[str]], faults: list[str]
) -> tuple[Phrase, ...]:
    """The phrases between the commas."""
    texts = side.split(",")
    if len(texts) > MAX_PHRASES_PER_SIDE:
        faults.append(f"{len(texts)} phrases, at most {MAX_PHRASES_PER_SIDE} are allowed")
        return ()
    phrases: list[Phrase] = []
    for text in texts:
        phrase = tuple(words(text))
        if not text.strip():
            faults.append("an empty phrase; is there a comma or an arrow too many?")
        elif not phrase:
            faults.append(f"{text.strip()[:60]!r} has no letter and no digit")
        elif len(phrase) > MAX_PHRASE_WORDS:
            faults.append(
                f"{text.strip()[:60]!r} has {len(phrase)} words, at most {MAX_PHRASE_WORDS}"
            )
        else:
            phrases.append(phrase)
    return tuple(phrases)
