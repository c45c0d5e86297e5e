"""Why a listing of a page that no model ranked stands below others: by the parts of the first pass.

All of it is told from the page's record.
"""

from mercer.schema.page import Page
from mercer.serve.explain.explain import logged_parts, part_gaps
from mercer.serve.explain.ranking_why import Comparison, FeatureGap, sentence

FIRST_PASS = "the first pass"
TIE = "better ones, by what is known of them whoever asks, stand first"


def part_comparisons(page: Page, i: int) -> tuple[Comparison, ...]:
    """The i-th shown with the one a place above it and with the first of the page.

    () where something else orders the page, or the record does not have its parts.
    """
    if not page.models:
        return ()
    found = [_compared(page, i, j) for j in dict.fromkeys((i - 1, 0)) if 0 <= j < i]
    return tuple([one for one in found if one is not None])


def _compared(page: Page, i: int, j: int) -> Comparison | None:
    own, other = page.shown[i], page.shown[j]
    mine, theirs = logged_parts(page, i), logged_parts(page, j)
    if not mine or not theirs:
        return None
    gaps = sorted(part_gaps(mine, theirs), key=lambda one: -abs(one.gap))
    parts = tuple(
        FeatureGap(
            name=one.name, words=one.words, value=one.value, other_value=one.last_shown, gap=one.gap
        )
        for one in gaps
    )
    gap = other.score - own.score
    return Comparison(
        listing_id=other.listing_id,
        position=other.position,
        sentence=sentence(other.listing_id, other.position, gap, parts, of=FIRST_PASS, tie=TIE),
        gap=gap,
        features=parts,
    )
