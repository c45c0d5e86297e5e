"""From tokens to the words of a query as used: corrected, split, joined, each knowing where it stood."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mercer.retrieve.lexicon import Lexicon, Rewrite, singular
from mercer.retrieve.query import Correction, Words
from mercer.retrieve.query_lexer import Token
from mercer.retrieve.query_words import FILLERS, FUNCTION_WORDS, MISTYPED
from mercer.text.analyze import stem

MIN_CORRECTED_LETTERS = 4


@dataclass(slots=True)
class Word:
    """One word of the query. `role` is set while it is read."""

    text: str
    start: int  # in the query's text, of all that was typed for it
    end: int
    is_quoted: bool = False
    is_first_quoted: bool = False
    is_measure: bool = False  # part of an exact size, such as "12 oz"
    is_behind_break: bool = False  # a comma, a bracket or a limit stands before it
    is_behind_colon: bool = False  # "brand:nike"
    is_behind_minus: bool = False  # "-leather"
    has_dot: bool = False  # "no. 5"
    is_known: bool = True
    is_corrected: bool = False
    role: str = "term"  # or "cue" (of a negation), "negated", "field" (the name of an attribute)
    alternatives: list[Words] = field(default_factory=list)


_BREAKS = frozenset((",", ";", "(", ")", ":", "/", "=", "<", ">", "+", "|"))


def words_of(tokens: Sequence[Token]) -> list[Word]:
    """The words of the tokens that became no limit."""
    found: list[Word] = []
    is_break = is_colon = is_minus = False
    for i, token in enumerate(tokens):
        if token.is_used:
            is_break, is_colon, is_minus = True, False, False
        elif token.sign:
            following = tokens[i + 1] if i + 1 < len(tokens) else None
            is_glued = following is not None and not following.has_gap
            is_colon = token.sign == ":"
            is_opening = i == 0 or token.has_gap or tokens[i - 1].sign in ("(", ",")
            is_minus = token.sign == "-" and is_glued and is_opening
            is_break |= token.sign in _BREAKS or (token.sign == "-" and not is_glued)
            if token.sign == "." and found and not token.has_gap:
                found[-1].has_dot = True
        else:
            for text in token.words:
                found.append(
                    Word(
                        text,
                        token.start,
                        token.end,
                        is_quoted=token.is_quoted,
                        is_first_quoted=token.is_first_quoted,
                        is_measure=token.is_measure,
                        is_behind_break=is_break and bool(found),
                        is_behind_colon=is_colon,
                        is_behind_minus=is_minus and token.number is None,
                    )
                )
                is_break = is_colon = is_minus = False
    return found


@dataclass(frozen=True, slots=True)
class Edit:
    """A correction and the characters of the query's text that it replaces."""

    start: int
    end: int
    correction: Correction


def correct_cues(tokens: Sequence[Token], lexicon: Lexicon) -> list[Edit]:
    """Put right, in place, words of limits and negations that are one edit away from what they
    should be and that the catalogue does not know: "undr 20", "witout"."""
    edits: list[Edit] = []
    for token in tokens:
        typed = token.word
        is_candidate = len(typed) >= MIN_CORRECTED_LETTERS and len(token.words) == 1
        if token.is_quoted or not is_candidate or not typed.isalpha() or typed in FUNCTION_WORDS:
            continue
        if lexicon.count(typed):
            continue
        meant = next((f for f in MISTYPED if is_one_edit(typed, f)), None)
        if meant is not None:
            token.words = (meant,)
            edits.append(Edit(token.start, token.end, Correction(typed, meant)))
    return edits


def correct(typed: list[Word], lexicon: Lexicon) -> tuple[list[Word], list[Edit], list[Edit]]:
    """The words as used, what was corrected, and what to ask the buyer instead of correcting it.

    A word that the catalogue knows, a number, a quoted word and a word that means something in any
    query stay as they are. An unknown word becomes, in this order: a known word together with its
    neighbour, two known words, the word that the lexicon thinks was meant.
    """
    texts = [w.text for w in typed]
    asked = [i for i, w in enumerate(typed) if _is_open(w) and not _is_known(w.text, lexicon)]
    for i in asked:
        typed[i].is_known = False
    splits: dict[int, Rewrite] = {}
    joins: dict[int, Rewrite] = {}
    for rewrite in lexicon.regroup(texts):
        if rewrite.end - rewrite.start == 1 and not typed[rewrite.start].is_known:
            splits[rewrite.start] = rewrite
        elif rewrite.end - rewrite.start == 2 and _may_join(typed, rewrite):
            both = typed[rewrite.start : rewrite.end]
            if all(w.is_known for w in both):
                for word in both:
                    word.alternatives.append(rewrite.words)
            else:
                joins[rewrite.start] = rewrite
    beside = [w.text for w in typed if w.is_known and w.text not in FUNCTION_WORDS]
    found = lexicon.correct([texts[i] for i in asked], beside=beside) if asked else ()
    doubts = _doubts(typed, lexicon)
    used, edits = _rewrite(typed, lexicon, dict(zip(asked, found, strict=True)), splits, joins)
    if edits:
        _join_corrected(used, lexicon)
    return used, edits, doubts


def _doubts(typed: list[Word], lexicon: Lexicon) -> list[Edit]:
    """A known word stays; where it may be a slip that the catalogue holds, so may the right word."""
    asked = [
        w
        for w in typed
        if _is_open(w) and len(w.text) >= MIN_CORRECTED_LETTERS and lexicon.count(w.text)
    ]
    found = lexicon.correct([w.text for w in asked]) if asked else ()
    doubts: list[Edit] = []
    for word, other in zip(asked, found, strict=True):
        if other is not None and stem(other) != stem(word.text):
            word.alternatives.append((other,))
            doubts.append(Edit(word.start, word.end, Correction(word.text, other)))
    return doubts


def _join_corrected(used: list[Word], lexicon: Lexicon) -> None:
    """A corrected word may be written together with its neighbour, as if it had been typed right."""
    for rewrite in lexicon.regroup([w.text for w in used]):
        both = used[rewrite.start : rewrite.end]
        if len(both) == 2 and any(w.is_corrected for w in both) and _may_join(used, rewrite):
            for word in both:
                if rewrite.words not in word.alternatives:
                    word.alternatives = [*word.alternatives, rewrite.words]


def _rewrite(
    typed: list[Word],
    lexicon: Lexicon,
    meant: dict[int, str | None],
    splits: dict[int, Rewrite],
    joins: dict[int, Rewrite],
) -> tuple[list[Word], list[Edit]]:
    used: list[Word] = []
    edits: list[Edit] = []
    i = 0
    while i < len(typed):
        word, end = typed[i], i + 1
        becomes: Words | None = None
        if (join := joins.get(i)) is not None:
            end, becomes = join.end, join.words
        elif not word.is_known:
            becomes = _meant(word, meant.get(i), splits.get(i), lexicon)
        if becomes is None:
            used.append(word)
        else:
            last = typed[end - 1].end
            used.extend(_put(word, becomes, last))
            shown = " ".join([w.text for w in typed[i:end]])
            edits.append(Edit(word.start, last, Correction(shown, " ".join(becomes))))
        i = end
    return used, edits


def _put(word: Word, becomes: Words, end: int) -> list[Word]:
    """The words that stand in the place of a typed one; the first keeps what stood before it."""
    first = replace(word, text=becomes[0], end=end, is_known=True, is_corrected=True)
    rest = [Word(text, word.start, end, is_corrected=True) for text in becomes[1:]]
    return [first, *rest]


def _meant(word: Word, best: str | None, split: Rewrite | None, lexicon: Lexicon) -> Words | None:
    """What an unknown word becomes; None where it stays."""
    if best in FILLERS:
        best = None  # nobody means "like" who types "nike"
    if best is not None and stem(best) == stem(word.text):
        word.is_known = True  # another ending of a known word is no mistake
        return None
    if split is not None:
        count = split.count
        if count is None:
            count = min(lexicon.count(part) for part in split.words)
        if best is None or count >= lexicon.count(best):
            return split.words
    return None if best is None else (best,)


def _is_known(word: str, lexicon: Lexicon) -> bool:
    """Whether some listing has the word, or the singular of it."""
    return lexicon.count(word) > 0 or (
        (one := singular(word)) != word and len(one) > 2 and lexicon.count(one) > 0
    )


def _is_open(word: Word) -> bool:
    """Whether a word may be unknown at all."""
    return (
        not word.is_quoted
        and word.text not in FUNCTION_WORDS
        and not any(c.isdigit() for c in word.text)
    )


def _may_join(typed: list[Word], rewrite: Rewrite) -> bool:
    """Neighbours that are words of their own kind, with nothing between them."""
    first, second = typed[rewrite.start], typed[rewrite.start + 1]
    return (
        _is_open(first)
        and _is_open(second)
        and not (second.is_behind_break or second.is_behind_minus or second.is_behind_colon)
    )


def is_one_edit(a: str, b: str) -> bool:
    """True where one insertion, deletion, replacement or swap of neighbours turns `a` into `b`."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    at = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    x, y = a[at:], b[at:]
    is_swap = len(x) > 1 and len(y) > 1 and x[0] == y[1] and x[1] == y[0] and x[2:] == y[2:]
    return x[1:] == y or x == y[1:] or x[1:] == y[1:] or is_swap
