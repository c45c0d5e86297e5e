"""Drops compiled kernels whose code has changed in another file than their own.

numba keeps compiled kernels in `__pycache__` and compiles one anew when its own file has changed. A kernel
has in it what it calls and the constants it reads, so after a `git pull` that changes a kernel's callee
the caller would go on with the old code. In a checkout this looks at every start (some milliseconds, by
times and sizes alone as long as nothing changed) which files are other ones than last time, and deletes
what was compiled from them or from what imports their kernels or constants. An installed package needs
none of this: installing writes every file anew.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final

STAMP: Final = Path("__pycache__") / "kernels.json"
_COMPILED: Final = (".nbi", ".nbc")
_IMPORT: Final = re.compile(r"^from (mercer(?:\.\w+)+) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
Seen = dict[str, tuple[int, int, str]]  # file -> (mtime_ns, size, hash of its content)


def drop_stale_kernels(root: Path) -> list[str]:
    """Delete the compiled kernels that a change has made stale; the files that they were compiled from.

    Where nothing is known of before, all of them go. A folder that cannot be written is left as it is.

    Args:
        root: the folder of the package `mercer`.
    """
    stamp = root / STAMP
    before = _read(stamp)
    now = _seen(root, before or {})
    if now == before:
        return []
    changed = {
        file for file in {*now, *(before or {})} if _hash(now, file) != _hash(before or {}, file)
    }
    stale = sorted(_reached(root, now, changed)) if before is not None else sorted(now)
    try:
        dropped = [file for file in stale if _drop(root / file)]
        stamp.parent.mkdir(exist_ok=True)
        part = stamp.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(now), "utf-8")
        part.replace(stamp)
    except OSError:
        return []
    return dropped


def _read(stamp: Path) -> Seen | None:
    try:
        found = json.loads(stamp.read_bytes())
        return {file: (int(one[0]), int(one[1]), str(one[2])) for file, one in found.items()}
    except (OSError, ValueError, AttributeError, LookupError, TypeError):
        return None


def _hash(seen: Seen, file: str) -> str:
    return seen[file][2] if file in seen else ""


def _seen(root: Path, before: Seen) -> Seen:
    """Every file; of one with the time and size it had before, the hash is taken over."""
    found: Seen = {}
    for path, stat in _files(root):
        file = os.path.relpath(path, root)
        one = before.get(file)
        if one is not None and one[:2] == (stat.st_mtime_ns, stat.st_size):
            found[file] = one
        else:
            digest = blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
            found[file] = (stat.st_mtime_ns, stat.st_size, digest)
    return found


def _files(folder: Path | str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            elif entry.name.endswith(".py"):
                yield entry.path, entry.stat()


def _reached(root: Path, now: Seen, changed: set[str]) -> set[str]:
    """The changed files, and those that have kernels or constants of them in theirs."""
    text = {file: (root / file).read_text("utf-8") for file in now}
    # Whatever compiles: an intrinsic is in its callers as a kernel is.
    kernels = {file for file, code in text.items() if "numba" in code}
    readers = _readers(text, kernels | (changed - now.keys()))
    found, todo = set(changed), list(changed)
    while todo:
        for reader in readers.get(todo.pop(), ()):
            if reader not in found:
                found.add(reader)
                todo.append(reader)
    return found


def _readers(code: Mapping[str, str], kernels: set[str]) -> dict[str, set[str]]:
    """File -> files that import kernels or constants from it; constants are made of others, too."""
    out: dict[str, set[str]] = {}
    for file, text in code.items():
        for module, names in _IMPORT.findall(text):
            source = "/".join(module.split(".")[1:])
            imported = re.findall(r"\w+", names)
            if any(name.isupper() for name in imported) or f"{source}.py" in kernels:
                out.setdefault(f"{source}.py", set()).add(file)
            for name in imported:  # a module of a folder
                out.setdefault(f"{source}/{name}.py", set()).add(file)
    return out


def _drop(file: Path) -> bool:
    """Delete what was compiled from a file; whether there was anything."""
    folder = file.parent / "__pycache__"
    found = [path for path in folder.glob(f"{file.stem}.*") if path.suffix in _COMPILED]
    for path in found:
        path.unlink(missing_ok=True)
    return bool(found)
