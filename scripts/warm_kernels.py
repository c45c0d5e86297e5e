"""Imports every module of mercer, so that its kernels are compiled and cached before first use."""

import importlib
import pkgutil
import sys
import time

import mercer


def main() -> int:
    """Import all; a module that cannot be imported is named and left to whoever needs it."""
    began = time.monotonic()
    names = [module.name for module in pkgutil.walk_packages(mercer.__path__, "mercer.")]
    for name in names:
        try:
            importlib.import_module(name)
        except (
            ImportError
        ) as fault:  # work in progress must not keep the environment from being made
            print(f"setup: {name} cannot be imported: {fault}", file=sys.stderr)
    print(f"setup: {len(names)} modules ready in {time.monotonic() - began:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
