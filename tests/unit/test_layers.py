"""The folders are the flow: arrows between them point one way, and the core touches no world."""

import ast
import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "mercer"
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LAYERS, SIMULATOR, PURE = CONFIG["tool"]["importlinter"]["contracts"]
# What may touch the world; so may cli.py with its parts.
SHELL = {
    "traffic", "engines", "serve", "bench", "app.py", "app_index.py", "app_learner.py", "demo.py",
    "kernel_cache.py", "serving.py", "__main__.py",
}  # fmt: skip


def _rank() -> dict[str, int]:
    """Folder -> its place in the flow, 0 the earliest; folders that share a line share a place."""
    layers = reversed(LAYERS["layers"])
    lines = [[name.strip(" ()") for name in re.split("[|:]", line)] for line in layers]
    return {name: place for place, names in enumerate(lines) for name in names}


def _is_core(folder: str) -> bool:
    """Whether a folder or file of src/mercer has to stay pure."""
    return folder not in SHELL and not folder.startswith("cli")


@functools.cache
def _modules() -> list[tuple[str, Path, ast.Module]]:
    """(folder, path, syntax tree) of every file below src/mercer, its own __init__ left out."""
    return [
        (folder, path, ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(SOURCE.rglob("*.py"))
        if (folder := path.relative_to(SOURCE).parts[0]) != "__init__.py"
    ]


def _imported(tree: ast.Module) -> Iterator[str]:
    """Every module that a file imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which folder is meant"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _calls(tree: ast.Module) -> Iterator[str]:
    """Dotted name of everything that a file calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_arrows_point_up_the_list_only() -> None:
    """A later folder may import an earlier one, never the other way; the linter's plain twin."""
    rank, wrong = _rank(), []
    for folder, path, tree in _modules():
        here = folder.removesuffix(".py")
        assert here in rank or here == "__main__", f"{path}: {here} has no place in the flow"
        for name in _imported(tree):
            there = name.split(".")[1] if name.startswith("mercer.") else here
            is_sibling = here.startswith("cli_") and there.startswith("cli_")
            if there == here or there not in rank or is_sibling:
                continue
            if rank[there] >= rank.get(here, len(rank)):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_simulator_imports_only_schema_and_metrics() -> None:
    """The truth of the synthetic market cannot lean on the code that is judged with it."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder, path, tree in _modules()
        if folder == "simulate"
        for name in _imported(tree)
        if name.startswith("mercer.")
        and name.split(".")[1] not in {"schema", "metrics", "simulate"}
    ]
    assert wrong == []


def test_core_imports_nothing_that_touches_the_world() -> None:
    """Every folder outside engines, serve and bench stays free of disk, network, clock and logs."""
    forbidden = tuple(PURE["forbidden_modules"])
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder, path, tree in _modules()
        if _is_core(folder)
        for name in _imported(tree)
        if name in forbidden or name.startswith(tuple(f"{module}." for module in forbidden))
    ]
    assert wrong == []


def test_core_calls_no_clock_file_or_global_randomness() -> None:
    """Time, files and random numbers come in as arguments: same input, same output."""
    world = {"open", "print", "input", "datetime.now", "datetime.datetime.now", "date.today"}
    global_random = re.compile(
        r"np\.random\.(?!(Generator|default_rng|SeedSequence|PCG64|Philox)\b)"
    )
    wrong = [
        f"{path.relative_to(ROOT)} calls {name}()"
        for folder, path, tree in _modules()
        if _is_core(folder)
        for name in _calls(tree)
        if name in world or global_random.match(name)
    ]
    assert wrong == []


def test_pure_contract_covers_every_core_folder() -> None:
    """A new folder of the core is added to the linter's contract, or this test names it."""
    folders = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    covered = {name.removeprefix("mercer.") for name in PURE["source_modules"]}
    assert folders - SHELL <= covered
