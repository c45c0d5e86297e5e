"""`mercer train retrieval`: from clicks and purchases to an encoder, and what promoting one does."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import MarketError

READ_EVERY = 20_000  # rows between lines

app = typer.Typer()


@app.command("retrieval")
def retrieval_command(
    market: MarketDir = Path(),
    name: Annotated[str, typer.Option(help="What the model is called.")] = "towers",
    epochs: Annotated[int, typer.Option(min=1, help="At most.")] = 12,
    keep_bots: Annotated[
        bool, typer.Option("--keep-bots", help="Also learn from visitors that look like machines.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the training.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be learned from, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Learn what queries mean from what was clicked and bought, starting from the day-one encoder.

    The last pages of the log are held out; recall@100 on them is printed beside the day-one encoder's.
    Nothing serves the model before `mercer promote --role retrieval`, which builds the index with it.

    Examples:

        mercer train retrieval --market shop --dry-run
        mercer train retrieval --market shop --seed 1 --json
    """
    with told("train retrieval"):
        result = _trained(
            market, name=name, epochs=epochs, keep_bots=keep_bots, seed=seed,
            dry_run=dry_run,
        )  # fmt: skip
    say(result, _text(result), as_json=as_json)


def _trained(
    market: Path,
    *,
    name: str,
    epochs: int,
    keep_bots: bool,
    seed: int,
    dry_run: bool,
) -> dict[str, Any]:
    """Read, train, write; what `--json` prints."""
    from mercer.app_learner import follow_log
    from mercer.engines.embedded.index.encoder_files import EncoderChoice
    from mercer.engines.embedded.log.market_log import EmbeddedLog
    from mercer.engines.embedded.models import ModelFolder
    from mercer.engines.embedded.retrieval_models import day_one_encoder
    from mercer.engines.embedded.training_behaviour import read_behaviour
    from mercer.engines.embedded.training_retrieval import RetrievalJob, learned, training_of
    from mercer.events.bot_filter import BotRule
    from mercer.learn.model_file import ENCODER_ROLE, check_name
    from mercer.learn.tower_file import packed_towers
    from mercer.learn.tower_fit import TowerParams

    check_name(name, what="name")
    folder = MarketFolder(market)
    config = folder.config()
    base = day_one_encoder(folder, EncoderChoice(config.index.encoder))
    job = RetrievalJob(
        towers=TowerParams(epochs=epochs),
        bots=None if keep_bots else BotRule(),
        seed=seed,
    )
    models = ModelFolder(folder.models, ENCODER_ROLE)
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        follow_log(folder, config, log)
        behaviour = read_behaviour(
            folder, log, bots=job.bots, shown_depth=job.wants.shown_depth, on_read=_told_read
        )
        if dry_run:
            kinds = behaviour.done.kind
            counts = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
            return {"pages": len(behaviour.asked.words), "choices": counts, "written": False}
        made = learned(
            base, log, behaviour, job, currency=config.rates.reporting, on_epoch=_told_epoch
        )
    parent = models.history().current
    training = training_of(
        made, job, name=name, created_ms=time.time_ns() // 1_000_000,
        parents=(parent,) if parent else (),
    )  # fmt: skip
    model = models.write(packed_towers(training))
    return {"model": model, "path": str(models.path / model), "seed": seed, **made.report}


def _told_read(what: str, n: int) -> None:
    if n % READ_EVERY < 128:
        sys.stderr.write(f"mercer train retrieval: {n:,} {what} read\n")


def _told_epoch(done: int, loss: float) -> None:
    sys.stderr.write(
        f"mercer train retrieval: epoch {done}, loss on the stopping span {loss:.4f}\n"
    )


def _text(result: dict[str, Any]) -> str:
    if "model" not in result:
        choices = ", ".join(f"{n:,} {kind}" for kind, n in result["choices"].items())
        return (
            f"{result['pages']:,} pages of searches by people; {choices}\n"
            "nothing was trained or written (--dry-run)"
        )
    lines = [
        f"{result['choices']:,} choices ({result['purchases']:,} purchases) on {result['pages']:,} pages; "
        f"{result['queries']:,} different queries of {result['words']:,} words, {result['epochs']} epochs"
    ]
    recall = result["recall"]
    for what in ("purchases", "all"):
        one = recall[what]
        if one["n"]:
            lines.append(
                f"recall@{recall['k']} of {one['n']:,} held-out {what if what != 'all' else 'choices'}: "
                f"{one['trained']:.4f}, day one {one['day_one']:.4f}, "
                f"{one['lead']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]"
            )
    lines.append(f"model {result['model']}")
    lines.append(f"it serves after: mercer promote {result['model']} --role retrieval")
    return "\n".join(lines)


@contextmanager
def _log_of(market: Path) -> Iterator[Any]:
    from mercer.engines.embedded.log.market_log import EmbeddedLog

    with closing(EmbeddedLog(MarketFolder(market).log, is_owner=False)) as log:
        yield log


def promoted_encoder(market: Path, folder: Any, model: str, options: dict[str, Any]) -> Any:
    """Promote an encoder and build the index with it; where that fails, what served goes on serving."""
    from mercer.engines.embedded.retrieval_models import promote_towers

    with _log_of(market) as log:
        made = promote_towers(folder, model, log, **options)
    if made.is_done:
        _rebuild(market, folder)
    return made


def rolled_back_encoder(market: Path, folder: Any, *, at_ms: int, why: str, dry_run: bool) -> Any:
    """Roll an encoder back and build the index with the one before."""
    from mercer.engines.embedded.retrieval_models import roll_back_towers

    past = roll_back_towers(folder, at_ms=at_ms, why=why, is_dry_run=dry_run)
    if not dry_run:
        _rebuild(market, folder)
    return past


def _rebuild(market: Path, folder: Any) -> None:
    from mercer.app_index import encoder_changed
    from mercer.cli_search import Steps

    before = folder.history()
    try:
        with Steps("index") as steps:
            encoder_changed(MarketFolder(market), progress=steps)
    except (MarketError, OSError):
        # The pointer says again what the index has.
        folder.change(lambda history: type(history)(before.changes[:-1]))
        raise
