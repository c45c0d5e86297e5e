"""What the documents tell a reader to type exists, and what exists is documented."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from mercer.cli import app
from mercer.cli_later import loaded

ROOT = Path(__file__).parents[2]
SHELL = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"^([a-z][a-z-]*):.*## (.+)$", re.MULTILINE)


def _documents() -> list[Path]:
    """The Markdown that a reader follows."""
    # A folder with a dot is a tool's, and may come while another process looks.
    beside = ROOT.glob("[!.]*/README.md")
    return sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *beside})


def _typed_lines() -> Iterator[tuple[str, list[str]]]:
    """(document, words) of every line in a shell snippet; continued lines are joined."""
    for path in _documents():
        for snippet in SHELL.findall(path.read_text("utf-8")):
            for line in snippet.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words = words[1:]
                if words:
                    yield str(path.relative_to(ROOT)), words


def _fault(words: list[str]) -> str:
    """Why `mercer words...` could not be typed like this; empty where it can."""
    command: Any = typer.main.get_command(app)
    while below := getattr(command, "commands", None):
        words = getattr(command, "resolved", list)(words)  # an option that stands for a command
        if not words or words[0] not in below:
            return f"no command {' '.join(words[:1])!r}; there are {', '.join(below)}"
        command, words = loaded(below[words[0]]), words[1:]
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    options |= {"--help"}
    used = [word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)]
    unknown = [word for word in used if word not in options]
    return f"no option {', '.join(unknown)}" if unknown else ""


def _script(name: str) -> ModuleType:
    """A script of the project as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_mercer_command_in_the_documents_exists() -> None:
    """Each command and each option in a shell snippet is one that the program knows."""
    faults = [
        f"{document}: {' '.join(words)}: {fault}"
        for document, words in _typed_lines()
        if Path(words[0]).name == "mercer" and (fault := _fault(words[1:]))
    ]
    assert faults == []


def test_every_make_target_in_the_documents_exists() -> None:
    """`make X`, in a snippet or in the text, names a target of the Makefile."""
    targets = {name for name, _ in TARGET.findall((ROOT / "Makefile").read_text("utf-8"))}
    named = {
        (str(path.relative_to(ROOT)), target)
        for path in _documents()
        for target in re.findall(r"(?:`|^|; )make ([a-z][a-z-]+)", path.read_text("utf-8"), re.M)
    }
    assert (
        sorted(f"{document}: make {name}" for document, name in named if name not in targets) == []
    )


def test_every_make_target_says_what_it_does() -> None:
    """Each phony target has its line in `make help`."""
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == {name for name, _ in TARGET.findall(text)}


def test_reference_of_the_command_line_is_up_to_date() -> None:
    """docs/reference/cli.md is what the commands say of themselves, so none is left out."""
    written = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert written == _script("cli_reference").reference(), "run scripts/cli_reference.py"


def test_every_command_and_option_says_what_it_is() -> None:
    """No command and no option is left without its sentence."""
    script, silent = _script("cli_reference"), []
    for path, command in script.leaves(typer.main.get_command(app), ("mercer",)):
        if not command.help:
            silent.append(" ".join(path))
        silent += [
            f"{' '.join(path)} {param.opts[0]}"
            for param in command.params
            if not getattr(param, "hidden", False) and not getattr(param, "help", "")
        ]
    assert silent == []


@pytest.mark.parametrize("path", _documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_python_snippets_run(path: Path) -> None:
    """A Python snippet runs as it stands, top to bottom."""
    scope: dict[str, Any] = {}
    for snippet in PYTHON.findall(path.read_text("utf-8")):
        exec(compile(snippet, str(path), "exec"), scope)


def test_readme_has_the_two_commands() -> None:
    """A newcomer needs two commands: one for the main job, one for the tests."""
    snippets = SHELL.findall((ROOT / "README.md").read_text("utf-8"))
    assert [snippet.strip() for snippet in snippets[:2]] == ["make demo", "make test"]
