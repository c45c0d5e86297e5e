"""Imports every module of mercer, so that its kernels are compiled and cached before first use.

On all cores, eight at most: each process imports one module after the other, those with kernels first
and by the order of the folders, so that what a module reads from another one is compiled already most
of the time.
"""

import importlib
import multiprocessing
import os
import pkgutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import mercer

FOLDERS = (
    "schema", "metrics", "events", "text", "image", "features", "retrieve", "rank", "policy", "ads",
    "learn", "evolve", "evaluate", "watch", "simulate", "engines",
)  # fmt: skip
ROOT = Path(mercer.__file__).parent
MOST_PROCESSES = 8  # each of them loads all libraries


def order_of(name: str) -> tuple[bool, int, str]:
    """Modules with kernels first, by folder; the others after them."""
    parts = name.split(".")[1:]
    file = ROOT.joinpath(*parts).with_suffix(".py")
    has_kernels = file.is_file() and "njit(" in file.read_text(encoding="utf-8")
    place = FOLDERS.index(parts[0]) if parts[0] in FOLDERS else len(FOLDERS)
    return not has_kernels, place, name


def fault_of(name: str) -> str:
    """Import a module; why it cannot be imported, "" where it can."""
    try:
        importlib.import_module(name)
    except ImportError as fault:  # work in progress must not keep the environment from being made
        is_rival = ".rival_" in name  # of a benchmark; its library comes with the test tools
        return "" if is_rival else f"{name} cannot be imported: {fault}"
    return ""


def main() -> int:
    """Import all; a module that cannot be imported is named and left to whoever needs it."""
    began = time.monotonic()
    names = [module.name for module in pkgutil.walk_packages(mercer.__path__, "mercer.")]
    names.sort(key=order_of)
    n, context = min(os.cpu_count() or 1, MOST_PROCESSES), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n, mp_context=context) as pool:
        for fault in filter(None, pool.map(fault_of, names)):
            print(f"setup: {fault}", file=sys.stderr)
    print(f"setup: {len(names)} modules ready in {time.monotonic() - began:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
