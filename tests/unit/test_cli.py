"""How `mercer` is started, and that its commands are imported only when they are called."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

import mercer
from mercer import __version__
from mercer.cli import app
from mercer.cli_later import Later

SCRIPT = str(Path(sys.executable).with_name("mercer"))


@pytest.mark.parametrize("start", [[SCRIPT], [sys.executable, "-m", "mercer"]])
def test_it_starts_as_a_script_and_as_a_module(start: list[str]) -> None:
    """Both say the same version, and refuse the same with a status that is not 0."""
    said = subprocess.run([*start, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"mercer {__version__}\n"
    wrong = subprocess.run([*start, "servce"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "No such command 'servce'" in wrong.stderr


def _late() -> list[Later]:
    root: Any = typer.main.get_command(app)
    return list(root.commands.values())


@pytest.mark.parametrize("command", _late(), ids=lambda command: command.name)
def test_what_help_says_is_what_the_command_says(command: Later) -> None:
    """The line in the list of commands is the first sentence of the command's own help."""
    said = command.load().help.partition("\n\n")[0]
    assert " ".join(said.split()) == command.help


def test_no_command_is_left_out() -> None:
    """Each module that has commands is one of a command's, and each command on its own has its line."""
    paths = Path(mercer.__file__).parent.glob("cli_*.py")
    having = {p.stem for p in paths if isinstance(vars(_module(p.stem)).get("app"), typer.Typer)}
    late = _late()
    assert having == {f"cli_{name}" for one in late for name in one.modules}
    alone = {one.modules[0] for one in late if not hasattr(one.load(), "commands")}
    of_alone = {
        named.name for name in alone for named in _module(f"cli_{name}").app.registered_commands
    }
    assert of_alone == {one.name for one in late if one.modules[0] in alone}


def _module(name: str) -> Any:
    return import_module(f"mercer.{name}")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["serch"]])
def test_help_and_typing_errors_wait_for_no_kernel(words: list[str]) -> None:
    """They import none of what takes seconds."""
    code = (
        "import sys; from mercer.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('heavy', sorted({'numba', 'pyarrow', 'sqlalchemy', 'fastapi'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, *words]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.endswith("heavy []\n")
