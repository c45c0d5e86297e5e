"""Trained encoders of a market: loading, the gate, and the steps that change which one serves."""

from pathlib import Path

from mercer.engines.embedded.index.encoder_files import EncoderChoice, open_encoder
from mercer.engines.embedded.index.generation import current_generation
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.model_promotion import Promotion
from mercer.engines.embedded.models import ModelFolder
from mercer.engines.embedded.training_retrieval import both_found
from mercer.learn.gate import Verdict
from mercer.learn.history import History
from mercer.learn.model_file import ENCODER_ROLE
from mercer.learn.tower_file import LoadedTowers, loaded_towers
from mercer.learn.tower_recall import recall_verdict
from mercer.retrieve.tower import TowerEncoder
from mercer.schema.errors import ConfigError, InputError
from mercer.text.encoder import CatalogueEncoder, Encoder

DAY_ONE = "the day-one encoder"


def load_towers(folder: ModelFolder, model: str) -> LoadedTowers:
    """A trained encoder, whole and giving the vectors that it gave when it was made.

    Raises:
        NotFoundError: no such model.
        CorruptError: what is wrong with it.
    """
    return loaded_towers(folder.read(model), at=str(folder.path / model))


def serving_towers(models: Path) -> TowerEncoder | None:
    """The trained encoder with which generations are built; None: the day-one encoder is fitted.

    Raises:
        MarketError: the one that serves cannot be loaded.
    """
    folder = ModelFolder(models, ENCODER_ROLE)
    current = folder.history().current
    return None if current is None else load_towers(folder, current).encoder


def day_one_encoder(folder: MarketFolder, choice: EncoderChoice) -> CatalogueEncoder:
    """The day-one encoder of the generation that serves, also where a trained one took its place.

    Raises:
        ConfigError: the market names a neural model, or was never indexed.
    """
    if not choice.is_fitted:
        raise ConfigError(
            f"{folder.config_file}: index.encoder names {choice.name!r}; trained is the encoder that is "
            'fitted on the catalogue, encoder = "catalogue"'
        )
    name = current_generation(folder.index)
    if name is None:
        raise ConfigError(
            f"{folder.path} has no index yet; run mercer index --market {folder.path}"
        )
    encoder = open_encoder(folder.index / name / "encoder", choice)
    if isinstance(encoder, TowerEncoder):
        return encoder.base
    if not isinstance(encoder, CatalogueEncoder):
        raise ConfigError(f"{folder.path}: {encoder.name} cannot be trained; run mercer index")
    return encoder


def judge_towers(
    folder: ModelFolder,
    challenger: LoadedTowers,
    log: EmbeddedLog,
    *,
    tolerance: float = 0.0,
) -> Verdict:
    """The gate: recall on the challenger's held-out searches, against what serves now."""
    current = folder.history().current
    champion: Encoder = challenger.encoder.base
    if current is not None:
        champion = load_towers(folder, current).encoder
    held_ms = int(challenger.manifest.window["held_ms"])
    (theirs, mine), searches = both_found(
        champion, challenger.encoder, log, challenger.held, held_ms=held_ms
    )
    return recall_verdict(
        theirs, mine, searches, champion_id=current or DAY_ONE, tolerance=tolerance
    )


def promote_towers(
    folder: ModelFolder,
    model: str,
    log: EmbeddedLog,
    *,
    at_ms: int,
    tolerance: float = 0.0,
    force: bool = False,
    is_dry_run: bool = False,
) -> Promotion:
    """Let the next generation be built with a model, if it is whole and the gate passes it.

    Args:
        force: although the gate says no; the history says so. What is damaged is refused all the same.
    Raises:
        MarketError: it cannot serve; nothing was changed.
        InputError: the gate did not pass it, and it was not forced; nothing was changed.
    """
    challenger = load_towers(folder, model)
    verdict = judge_towers(folder, challenger, log, tolerance=tolerance)
    previous = folder.history().current
    is_forced = force and not verdict.passed
    if not is_dry_run:
        if not (verdict.passed or force):
            raise InputError(
                f"{model} is not promoted: {verdict.sentence}; --force promotes it anyway"
            )

        def step(history: History) -> History:
            if history.current != previous:
                raise InputError(
                    f"{history.current} was promoted meanwhile; look at it and promote again"
                )
            return history.promoted(model, at_ms=at_ms, why=verdict.sentence, is_forced=is_forced)

        folder.change(step)
    return Promotion(model, previous, verdict, is_forced, is_done=not is_dry_run)


def roll_back_towers(
    folder: ModelFolder, *, at_ms: int, why: str = "", is_dry_run: bool = False
) -> History:
    """Let the next generation be built with the model before, or with the day-one encoder.

    Raises:
        MarketError: no model serves, or the one before cannot; nothing was changed.
    """
    before = folder.history().rolled_back(at_ms=at_ms, why=why)
    if before.current is not None:
        load_towers(folder, before.current)
    if is_dry_run:
        return before
    return folder.change(lambda history: history.rolled_back(at_ms=at_ms, why=why))
