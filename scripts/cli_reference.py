"""Writes docs/reference/cli.md from the commands themselves.

.venv/bin/python scripts/cli_reference.py           # writes the file
.venv/bin/python scripts/cli_reference.py --check   # exits 1 where it is not up to date
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from mercer.cli import app
from mercer.cli_later import loaded

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
HEAD = """\
# The command line

Written by `scripts/cli_reference.py` from the commands; `make docs-test` fails where they differ.
Exit status: 0 the work is done, 1 it failed, 2 the words are wrong.
With `--json`, one JSON object on stdout; progress and logs go to stderr.
"""


def sentences(text: str | None) -> str:
    """The help text with one sentence per line; indented examples become a shell snippet."""
    parts = []
    for paragraph in re.split(r"\n[ ]*\n", text or ""):
        if paragraph.startswith("    "):
            typed = "\n".join(line.strip() for line in paragraph.splitlines())
            parts.append(f"```sh\n{typed}\n```")
        else:
            flat = " ".join(paragraph.split())
            parts.append(re.sub(r"(?<=[a-z0-9)`][.?!]) +(?=[A-Z])", "\n", flat))
    return "\n\n".join(parts)


def cell(text: str | None) -> str:
    """The help text as one cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(words, command) of every command that does something, in the order they are listed."""
    command = loaded(command)
    below = getattr(command, "commands", None)
    if not below:
        yield path, command
        return
    for name, child in below.items():
        if not child.hidden:
            yield from leaves(child, (*path, name))


def default_of(param: Any) -> str:
    """The default as a user would type it; empty where there is none or it is a switch."""
    value = param.default
    is_shown = isinstance(value, str | int | float | Path) and not isinstance(value, bool)
    return f"`{getattr(value, 'value', value)}`" if is_shown and str(value) else ""


def plain(word: str) -> str:
    """`{FILE...}...` as a person writes it: FILE..."""
    return re.sub(r"\{([^}.]*)(\.\.\.)?\}(\.\.\.)?", r"\1\3", word)


def described(path: tuple[str, ...], command: Any) -> str:
    """One command: its usage, what it does, a line for each argument and option."""
    words = " ".join(path)
    context = typer.Context(command, info_name=words)
    usage = plain(" ".join(command.collect_usage_pieces(context)))
    lines = [f"## {words}", "", "```text", f"{words} {usage}".rstrip(), "```", ""]
    lines += [sentences(command.help), ""]
    rows = []
    for param in command.params:
        if param.name == "help" or getattr(param, "hidden", False):
            continue
        is_option = param.param_type_name == "option"
        names = (
            [*param.opts, *param.secondary_opts] if is_option else param.get_usage_pieces(context)
        )
        shown = ", ".join(f"`{plain(name)}`" for name in names)
        need = "required" if param.required else default_of(param)
        rows.append(f"| {shown} | {cell(getattr(param, 'help', ''))} | {need} |")
    if rows:
        lines += ["| word | meaning | default |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def reference() -> str:
    """The whole document."""
    root = typer.main.get_command(app)
    commands = leaves(root, ("mercer",))
    return "\n".join([HEAD, *(described(path, command) for path, command in commands)])


def main(words: list[str]) -> int:
    """Write the document, or say whether it is up to date."""
    if words == ["--check"]:
        is_same = TARGET.exists() and TARGET.read_text("utf-8") == reference()
        if not is_same:
            print(f"{TARGET} is out of date: run scripts/cli_reference.py", file=sys.stderr)
        return 0 if is_same else 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(reference(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
