"""Promote and roll back: the steps that change which model serves, each of them checked first."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mercer.engines.embedded.models import Fits, ModelFolder, fits_anywhere
from mercer.learn.gate import Verdict, verdict
from mercer.learn.history import History
from mercer.learn.loading import LoadedModel
from mercer.schema.errors import InputError, MarketError

Readied = Callable[[LoadedModel, Callable[[], None]], None]
"""Makes what a model needs to serve, then calls the switch that lets it."""

K = 10  # of the nDCG where a manifest does not say


def switch_at_once(model: LoadedModel, switch: Callable[[], None]) -> None:
    """A model that needs nothing."""
    switch()


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a promotion did, or would do."""

    model: str
    previous: str | None
    verdict: Verdict
    is_forced: bool  # it went live although the gate did not pass it
    is_done: bool


def judged(folder: ModelFolder, challenger: LoadedModel, *, tolerance: float) -> Verdict:
    """The gate's word on a model that was loaded."""
    current = folder.history().current
    champion, theirs = None, None
    if current is not None:
        try:
            champion = folder.load(current)
            theirs = champion.judged
        except MarketError as fault:
            return Verdict(False, f"the model that serves cannot be compared with: {fault}")
        if why := _incomparable(champion, challenger):
            return Verdict(False, why)
    return verdict(
        challenger.held_out,
        challenger.judged,
        theirs,
        champion_id=current or "",
        k=int(challenger.manifest.metrics.get("k", K)),
        tolerance=tolerance,
    )


def _incomparable(champion: LoadedModel, challenger: LoadedModel) -> str:
    """Why two models cannot be compared on the challenger's held-out lists; "" where they can."""
    if champion.columns != challenger.columns:
        return (
            f"{champion.id} has the features of {champion.manifest.feature_set}, this has those of "
            f"{challenger.manifest.feature_set}, so they cannot be compared on the same rows"
        )
    if champion.manifest.seeds.get("split") != challenger.manifest.seeds.get("split"):
        return (
            f"{champion.id} was trained with another split, so it may have learned from what judges "
            "here; train with the same --split-seed"
        )
    return ""


def promote(
    folder: ModelFolder,
    model: str,
    *,
    at_ms: int,
    tolerance: float = 0.0,
    force: bool = False,
    is_dry_run: bool = False,
    fits: Fits = fits_anywhere,
    readied: Readied = switch_at_once,
) -> Promotion:
    """Let a model serve, if it is whole, its features can be served and the gate passes it.

    Args:
        force: let it serve although the gate says no; the history says so. What is damaged or reads
            what `fits` refuses is refused all the same.
        fits: asked before the gate, and also in a dry run.
        readied: makes what the model needs before it serves.
    Raises:
        MarketError: it cannot serve; nothing was changed.
        InputError: the gate did not pass it, and it was not forced; nothing was changed.
    """
    challenger = folder.load(model)
    fits(challenger)
    found = judged(folder, challenger, tolerance=tolerance)
    previous = folder.history().current
    made = Promotion(model, previous, found, is_forced=force and not found.passed, is_done=False)
    if is_dry_run:
        return made
    if not (found.passed or force):
        raise InputError(f"{model} is not promoted: {found.sentence}; --force promotes it anyway")

    def step(history: History) -> History:
        if history.current != previous:
            raise InputError(
                f"{history.current} was promoted meanwhile; look at it and promote again"
            )
        return history.promoted(model, at_ms=at_ms, why=found.sentence, is_forced=made.is_forced)

    readied(challenger, lambda: _changed(folder, step))
    return replace(made, is_done=True)


def _changed(folder: ModelFolder, step: Callable[[History], History]) -> None:
    folder.change(step)


def roll_back(
    folder: ModelFolder,
    *,
    at_ms: int,
    why: str = "",
    is_dry_run: bool = False,
    readied: Readied = switch_at_once,
) -> History:
    """Let the model before serve again, or none; it is loaded and checked first.

    Raises:
        MarketError: no model serves, or the one before cannot; nothing was changed.
    """
    before = folder.history().rolled_back(at_ms=at_ms, why=why)
    model = None if before.current is None else folder.load(before.current)
    if is_dry_run:
        return before

    def switch() -> None:
        folder.change(lambda history: history.rolled_back(at_ms=at_ms, why=why))

    if model is None:
        switch()
    else:
        readied(model, switch)
    return folder.history()
