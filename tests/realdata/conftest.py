"""Markets of the real catalogues, made by the commands that a user types, once per session."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mercer.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = {
    "esci_us": ("esci.toml", ("products.parquet",)),
    "icecat_chorus": ("icecat.toml", ("products.parquet", "attributes.parquet")),
}


def run(*words: str | Path) -> str:
    """What a command prints on stdout; it must succeed."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, f"mercer {' '.join(map(str, words))}: {result.output}"
    return result.stdout


@pytest.fixture(scope="session")
def market_of(
    real_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """`market_of("esci_us")`: the folder of a market with that catalogue, indexed."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            map_file, files = FILES[name]
            sources = [real_data(name) / file for file in files]
            folder = tmp_path_factory.mktemp("realdata") / name
            run("init", folder)
            run("ingest", "--market", folder, "--map", EXAMPLES / map_file, *sources)
            run("index", "--market", folder)
            made[name] = folder
        return made[name]

    return make


@pytest.fixture(scope="session")
def measured(
    market_of: Callable[[str], Path], real_data: Callable[[str], Path]
) -> Callable[[str, str, str], dict[str, Any]]:
    """`measured("esci_us", gains, mode)`: what `mercer evaluate search --json` says."""
    known: dict[tuple[str, str, str], dict[str, Any]] = {}

    def measure(name: str, gains: str, mode: str) -> dict[str, Any]:
        if (name, gains, mode) not in known:
            known[name, gains, mode] = json.loads(
                run(
                    *("evaluate", "search", "--market", market_of(name)),
                    *("--map", EXAMPLES / FILES[name][0]),
                    *("--judgments", real_data(name) / "judgments.parquet"),
                    *("--gains", gains, "--mode", mode, "--json"),
                )
            )
        return known[name, gains, mode]

    return measure
