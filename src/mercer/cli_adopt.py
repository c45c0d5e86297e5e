"""`mercer adopt`: a ranker of another team becomes a model of the market."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from mercer.cli_models import DryRun, Models, Role, model_folder
from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.schema.errors import InputError

app = typer.Typer()


@app.command("adopt")
def adopt_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="An ONNX file, or a name that a package declares in the entry points mercer.scorers.",
        ),
    ],
    like: Annotated[
        str,
        typer.Option(
            help="A model that is here: the columns, the golden rows and the held-out lists are its."
        ),
    ],
    name: Annotated[str, typer.Option(help="What the model is called.")],
    weights: Annotated[
        Path | None, typer.Option(help="A file that the factory of an entry point gets.")
    ] = None,
    budget_ms: Annotated[
        float, typer.Option(min=0.1, help="Of one request; past it the stage is skipped.")
    ] = 10.0,
    market: MarketDir = Path(),
    role: Role = "ranker",
    models: Models = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take in a ranker that was not trained here, so that it can be compared, promoted, rolled back.

    It scores the held-out lists and the golden rows of another model; nothing serves it before
    `mercer promote`.

    Examples:

        mercer adopt net.onnx --like lambdamart-0123456789ab --name net --market shop
        mercer adopt acme --weights acme.bin --like lambdamart-0123456789ab --name acme --dry-run
    """
    with told("adopt"):
        folder = model_folder(market, models, role)
        kind, data = _source(model, weights)
        made = _made(folder, kind, data, like=like, name=name, budget_ms=budget_ms)
        if not dry_run:
            folder.write(made)
    held = made.manifest.metrics["by_query"]
    result = {
        "model": made.id, "kind": kind, "dry_run": dry_run,
        "metrics": dict(made.manifest.metrics), "budget_ms": budget_ms,
    }  # fmt: skip
    done = "would be adopted" if dry_run else "is adopted; let it serve with: mercer promote"
    ndcg = f"nDCG {held['ndcg']:.4f}" if held["ndcg"] is not None else "no nDCG"
    say(result, f"{made.id}: {ndcg} on {held['lists']} held-out lists; {done}", as_json=as_json)


def _source(model: str, weights: Path | None) -> tuple[str, bytes]:
    """Kind and content of what is adopted."""
    path = Path(model)
    if path.suffix == ".onnx":
        if weights is not None:
            raise InputError(f"{model}: an ONNX file has its weights in it; leave --weights out")
        return "onnx", _read(path)
    return "python", model.encode() + b"\n" + (_read(weights) if weights else b"")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise InputError(f"{path}: cannot be read: {fault.strerror}") from None


def _made(folder: Any, kind: str, data: bytes, *, like: str, name: str, budget_ms: float) -> Any:
    from mercer.engines.embedded.scorer.kinds import SCORER_KINDS
    from mercer.learn.adoption import Adopted, adopted
    from mercer.learn.model_file import check_name

    check_name(name, what="name")
    other = folder.load(like)
    scorer = SCORER_KINDS[kind](data, other.manifest.features, name)
    return adopted(
        Adopted(kind=kind, data=data, scorer=scorer, budget_ms=budget_ms),
        other,
        name=name,
        created_ms=time.time_ns() // 1_000_000,
    )
