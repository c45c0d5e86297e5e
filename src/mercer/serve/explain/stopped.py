"""What stops a listing before it is ranked: the query's limits, too little in common, filter, cut."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mercer.rank.chosen import Cut
from mercer.retrieve.filter_ast import to_text
from mercer.retrieve.match import MAX_SEMANTIC_HITS
from mercer.retrieve.row_match import RowPlace, failed_clauses, has_row, ruled_out_by
from mercer.schema.page import Page
from mercer.serve.explain.evaluation import DROPPED_SEMANTIC, Evaluation
from mercer.serve.explain.explain import Reason, had_words
from mercer.serve.explain.words import ruled_out_words
from mercer.serve.search.stages import threshold_of


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a listing is not in the match set, or not among those that are scored."""

    reason: Reason
    what: str
    faults: tuple[str, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """All of it."""
        return f"{self.what}: {'; '.join(self.faults)}."


def stop_of(page: Page, now: Evaluation, at: RowPlace) -> Stop | None:
    """What stops a row that is for sale; None where it matches."""
    found, segment = now.found, now.snapshot.segments[at.part]
    if out := ruled_out_by(found.wanted, segment, at.row):
        currency = now.params.understand.currency
        faults = tuple(ruled_out_words(one, currency=currency) for one in out)
        numbers: dict[str, float] = {}
        for one in out:
            if one.limit_micros is not None and one.price_micros is not None:
                numbers = {
                    "limit_micros": one.limit_micros,
                    "price_micros": one.price_micros,
                    "gap_micros": abs(one.price_micros - one.limit_micros),
                }
        return Stop("ruled_out", "The query itself rules it out", faults, numbers)
    if not has_row(found.unfiltered[at.part], at.row):
        return _no_match(page, now, at)
    if not has_row(found.matches[at.part], at.row):
        clauses = tuple(to_text(clause) for clause in failed_clauses(found.tree, segment, at.row))
        return Stop("filtered", "It matches the query, but not the filter", clauses)
    return None


def cut_stop(cut: Cut, score: float | None) -> Stop:
    """What stops a row that matches and was not scored.

    Args:
        score: that it would have had; None where that is not to be told.
    """
    faults = [
        f"by quality it is number {cut.quality_rank:,} of the matches, of which the best "
        f"{cut.quality_limit:,} are scored"
    ]
    numbers: dict[str, float] = {
        "quality_rank": float(cut.quality_rank),
        "quality_limit": float(cut.quality_limit),
    }
    if cut.lexical_limit:
        numbers["lexical_limit"] = float(cut.lexical_limit)
        rank = "far behind" if cut.lexical_rank is None else f"number {cut.lexical_rank:,}"
        faults.append(
            f"by its words (BM25) it is {rank}, and the best {cut.lexical_limit:,} are scored"
        )
    if cut.lexical_rank is not None:
        numbers["lexical_rank"] = float(cut.lexical_rank)
    if score is not None:
        faults.append(f"scored, it would have had {score:.4f}")
    what = "It matches, but was not among those scored"
    return Stop("not_scored", what, tuple(faults), numbers)


def _no_match(page: Page, now: Evaluation, at: RowPlace) -> Stop:
    words = had_words(now, at)
    faults: list[str] = []
    numbers: dict[str, float] = {}
    if now.request.mode != "semantic":
        n_had, needed = sum(w.is_had for w in words), now.found.lexical.level
        missing = ", ".join(w.word for w in words if not w.is_had)
        faults.append(
            f"it has {n_had} of the {len(words)} words, and {needed} are needed; it has no: {missing}"
        )
        numbers |= {"words_had": n_had, "words_needed": needed, "words_asked": len(words)}
    cosine = now.cosine(at)
    if cosine is not None:
        limit = threshold_of(now.request, now.snapshot)
        numbers |= {"cosine": cosine, "threshold": limit}
        faults.append(_far(cosine, limit))
    else:
        faults.append(_no_meaning(page, now))
    return Stop("no_match", "It does not match the query", tuple(faults), numbers)


def _no_meaning(page: Page, now: Evaluation) -> str:
    if now.request.mode == "lexical":
        return "the search asked for words only, so meaning did not count"
    if any(why.startswith(DROPPED_SEMANTIC) for why in page.degraded):
        return "meaning did not count, because the time was used up"
    return "meaning did not count, because no listing has any of the words"


def _far(cosine: float, limit: float) -> str:
    """Why the meaning was no reason to match."""
    if cosine >= limit:
        return (
            f"its meaning is near enough (cosine {cosine:.3f}, {limit:.3f} is asked), but it is not "
            f"among the {MAX_SEMANTIC_HITS:,} nearest that the index gave"
        )
    return f"its meaning is {limit - cosine:.3f} too far: cosine {cosine:.3f}, {limit:.3f} is asked"
