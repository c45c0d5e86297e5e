"""What all commands share: the market's folder, --json, how a result is said and a fault told."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mercer.schema.errors import ConfigError, MappingError, MarketError, NotFoundError

PLAIN_EVERY_S: Final = 5.0  # between lines of progress where stderr is no terminal
_WORDS: Final = (ConfigError, MappingError, NotFoundError)  # exit status 2

MarketDir = Annotated[
    Path, typer.Option("--market", envvar="MERCER_MARKET", help="The market's folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@contextmanager
def told(command: str, *, words: tuple[type[MarketError], ...] = _WORDS) -> Iterator[None]:
    """Say what failed on stderr and leave: 2 where the words are wrong, 1 where the work failed."""
    try:
        yield
    except MarketError as error:
        sys.stderr.write(f"mercer {command}: {error}\n")
        raise typer.Exit(2 if isinstance(error, words) else 1) from None
    except OSError as error:  # a full disk, a file that may not be read
        sys.stderr.write(f"mercer {command}: {error}\n")
        raise typer.Exit(1) from None


def say(result: dict[str, Any], text: str, *, as_json: bool) -> None:
    """The result on stdout, for a program or for a person."""
    sys.stdout.write((json.dumps(result, allow_nan=False) if as_json else text) + "\n")
