"""The way of a listing to a page, step by step."""

from dataclasses import dataclass

from mercer.serve.explain.explain import Reason, Step

STEPS = ("catalogue", "for sale", "query's limits", "match", "filter", "scored", "on the page")
"""The way to the page, in the order in which the search takes it."""
_STEP_OF: dict[Reason, int] = {
    "unknown": 0, "gone": 1, "ruled_out": 2, "no_match": 3, "filtered": 4, "not_scored": 5,
    "further_down": 6, "moved_down": 6, "earlier_page": 6, "changed_since": 6,
    "shown": len(STEPS), "itself": 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the catalogue knows of a listing."""

    row_id: int
    version: int  # at which it became what it is
    title: str
    gone_because: str = ""  # "it is sold out"; "" where it is for sale


def steps_of(reason: Reason, sentence: str) -> tuple[Step, ...]:
    """The way to the page with the one step that stopped the listing."""
    at = _STEP_OF[reason]
    return tuple(
        Step(
            name=name,
            outcome="passed" if i < at else "stopped" if i == at else "not_reached",
            text=sentence if i == at else "",
        )
        for i, name in enumerate(STEPS)
    )
