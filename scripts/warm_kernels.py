"""Imports every module of mercer, so that its kernels are compiled and cached before first use."""

import importlib
import pkgutil
import sys
import time

import mercer


def main() -> int:
    """Import all; a module that cannot be imported is named and fails the set-up."""
    began = time.monotonic()
    names = [m.name for m in pkgutil.walk_packages(mercer.__path__, "mercer.")]
    for name in names:
        if name.rpartition(".")[2] != "__main__":
            importlib.import_module(name)
    print(f"setup: {len(names)} modules ready in {time.monotonic() - began:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
