"""A query's text becomes a structure: terms, corrections, wishes, limits.

The order matters: limits are read first, because they hold words that are no words of the catalogue
("under 20 usd"); corrections next; then what is not wanted, which ends where something else begins;
what is left names values of the catalogue and is searched for.
"""

from collections.abc import Sequence

from mercer.retrieve.lexicon import Lexicon
from mercer.retrieve.limits import take_limits
from mercer.retrieve.negation import take_negations
from mercer.retrieve.query import (
    CATEGORY,
    AttributeWish,
    ParsedQuery,
    QueryTerm,
    UnderstandOptions,
    Words,
)
from mercer.retrieve.query_lexer import clean, tokens_of
from mercer.retrieve.query_spell import Edit, Word, correct, correct_cues, words_of
from mercer.retrieve.query_values import ValueFinder
from mercer.retrieve.query_words import FILLERS, RECIPIENTS, STOP_WORDS

MAX_ALTERNATIVES = 8  # of one term
_DEFAULT = UnderstandOptions()


def understand(q: str, *, lexicon: Lexicon, options: UnderstandOptions = _DEFAULT) -> ParsedQuery:
    """What a query says: its terms, what was corrected, what is wanted and not, price and size.

    Pure, and never raises for any text; of a longer one the first MAX_QUERY_CHARS count.

    Args:
        q: what the buyer typed.
        lexicon: the catalogue's words and values.
        options: the market's decisions.
    """
    text, was_cut = clean(q)
    tokens, phrases = tokens_of(text)
    edits = correct_cues(tokens, lexicon)
    limits = take_limits(tokens, lexicon, options)
    query, more, doubts = correct(words_of(tokens), lexicon)
    edits = sorted([*edits, *more], key=lambda e: e.start)
    finder = ValueFinder(query, lexicon)
    negations = take_negations(query, finder)
    wanted = _wanted(query, finder)
    is_open_end = options.is_last_word_prefix and not was_cut and text[-1:].isalnum()
    return ParsedQuery(
        text=text,
        was_cut=was_cut,
        terms=_terms(query, lexicon, prefix_end=len(text) if is_open_end else -1),
        phrases=tuple(phrases),
        excluded_terms=tuple(dict.fromkeys(negations.excluded)),
        corrections=tuple([e.correction for e in edits]),
        did_you_mean=_corrected_text(text, edits or doubts) if edits or doubts else None,
        wanted=wanted,
        unwanted=tuple(dict.fromkeys(negations.unwanted)),
        price_min_micros=limits.price_min_micros,
        price_max_micros=limits.price_max_micros,
        sizes=tuple(limits.sizes),
    )


def _corrected_text(text: str, edits: Sequence[Edit]) -> str:
    """The query with what was corrected put in place."""
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts.extend((text[at : edit.start], edit.correction.used))
        at = edit.end
    return " ".join("".join([*parts, text[at:]]).split())


def _wanted(query: Sequence[Word], finder: ValueFinder) -> tuple[AttributeWish, ...]:
    """The values that the words name which no negation took."""
    runs = _runs(query)
    spans = finder.spans(runs)
    first = [finder.meant(span) for span in spans]
    categories = [v for values in first for v in values if v.field == CATEGORY]
    # The rarest category says most about what is looked for: "mugs" of "kitchen mugs".
    context = min(categories, key=lambda v: v.count).value if categories else None
    clear = {vs[0].field for span, vs in zip(spans, first, strict=True) if len(span.values) == 1}
    wishes: dict[tuple[str, str], AttributeWish] = {}
    for span, plain in zip(spans, first, strict=True):
        is_clear = len(span.values) == 1 or any(v.field == CATEGORY for v in plain)
        values = plain if is_clear else finder.meant(span, category=context, taken=clear)
        named = finder.named_field(span.start, span.end, span.values)
        if named is not None:
            query[named[1]].role = "field"
        for value in values:
            wishes.setdefault((value.field, value.value), finder.wish(span, value))
    if not categories and (more := finder.category_within(runs, spans)) is not None:
        for value in finder.meant(more):
            wishes.setdefault((value.field, value.value), finder.wish(more, value))
    return tuple(wishes.values())


def _runs(query: Sequence[Word]) -> list[tuple[int, int]]:
    """Runs [start, end) of words that are plain terms."""
    runs: list[tuple[int, int]] = []
    start: int | None = None
    for i, word in enumerate(query):
        if word.role == "term":
            start = i if start is None else start
        elif start is not None:
            runs.append((start, i))
            start = None
    if start is not None:
        runs.append((start, len(query)))
    return runs


def _terms(query: Sequence[Word], lexicon: Lexicon, *, prefix_end: int) -> tuple[QueryTerm, ...]:
    """The words to look for, in order; `prefix_end` is where a word ends that may be unfinished."""
    kept = [(i, w) for i, w in enumerate(query) if w.role not in ("cue", "negated")]
    alternatives = _alternatives([w for _, w in kept], lexicon)
    optional = [_is_optional(query, i) for i, _ in kept]
    if all(optional):
        optional = [False] * len(kept)  # "the who", "for him": all that there is
    return tuple(
        [
            QueryTerm(
                word.text,
                alternatives[n],
                is_prefix=n == len(kept) - 1 and word.end == prefix_end and _may_grow(word),
                is_optional=optional[n],
                is_known=word.is_known and (word.is_corrected or lexicon.count(word.text) > 0),
            )
            for n, (_, word) in enumerate(kept)
        ]
    )


def _may_grow(word: Word) -> bool:
    return not (word.is_quoted or word.is_corrected)


def _is_optional(query: Sequence[Word], at: int) -> bool:
    word = query[at]
    if word.is_quoted:
        return False
    if word.role == "field" or word.text in STOP_WORDS or word.text in FILLERS:
        return True
    if word.text not in RECIPIENTS:
        return False
    before = [w.text for w in query[max(0, at - 2) : at]]
    return "for" in before and all(b in STOP_WORDS for b in before[before.index("for") :])


def _alternatives(kept: Sequence[Word], lexicon: Lexicon) -> list[tuple[Words, ...]]:
    """For each word what may stand for it; a rewrite of several words serves each of them."""
    found: list[dict[Words, None]] = [dict.fromkeys(w.alternatives) for w in kept]
    for rewrite in lexicon.synonyms([w.text for w in kept]):
        covered = range(rewrite.start, rewrite.end)
        if any(kept[i].is_quoted for i in covered):
            continue
        for i in covered:
            if rewrite.words != (kept[i].text,):
                found[i][rewrite.words] = None
    return [tuple(list(f)[:MAX_ALTERNATIVES]) for f in found]
