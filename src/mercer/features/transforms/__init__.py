"""One file per transform: kernel, plain Python twin, docstring. `registry.py` finds them by itself."""
