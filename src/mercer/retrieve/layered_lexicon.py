"""The lexicon of a generation and of what came after it."""

from collections.abc import Sequence

from mercer.retrieve.lexicon import Lexicon, Rewrite, TableLexicon, ValueCount


class LayeredLexicon:
    """Counts and values of both; corrections, which change slowly, are those of the base."""

    def __init__(self, base: Lexicon, delta: TableLexicon) -> None:
        self._base, self._delta = base, delta

    def count(self, word: str) -> int:
        """Listings that have the word."""
        return self._base.count(word) + self._delta.count(word)

    def correct(self, words: Sequence[str], *, beside: Sequence[str] = ()) -> Sequence[str | None]:
        """The meant word of each, or None; what only the delta knows is no slip."""
        found = self._base.correct(words, beside=beside)
        known = [self._delta.count(word) > 0 for word in words]
        return [None if k else meant for k, meant in zip(known, found, strict=True)]

    def values(self, phrase: str, *, within: str | None = None) -> Sequence[ValueCount]:
        """Values that the phrase names, the most frequent first."""
        base = self._base.values(phrase, within=within)
        known = {(v.field, v.value.casefold()) for v in base}
        new = [v for v in self._delta.values(phrase) if (v.field, v.value.casefold()) not in known]
        return (*base, *new)

    def regroup(self, words: Sequence[str]) -> Sequence[Rewrite]:
        """Splits and joins; a word that only the delta knows is not split."""
        return [
            r for r in self._base.regroup(words)
            if r.end - r.start > 1 or not self._delta.count(words[r.start])
        ]  # fmt: skip

    def synonyms(self, words: Sequence[str]) -> Sequence[Rewrite]:
        """Rewrites of the synonyms file."""
        return self._base.synonyms(words)


_conforms: type[Lexicon] = LayeredLexicon
