"""All transforms by name: every module of `transforms/` that has a TRANSFORM, or several TRANSFORMS."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from mercer.features import transforms
from mercer.features.transform import Transform


@cache
def registry() -> Mapping[str, Transform]:
    """Every transform by its name, in alphabetical order.

    Raises:
        ValueError: two files define the same name.
    """
    found: dict[str, Transform] = {}
    for module_info in pkgutil.iter_modules(transforms.__path__):
        module = importlib.import_module(f"{transforms.__name__}.{module_info.name}")
        for transform in getattr(module, "TRANSFORMS", None) or (module.TRANSFORM,):
            if transform.name in found:
                raise ValueError(f"two transforms are called {transform.name!r}")
            found[transform.name] = transform
    return dict(sorted(found.items()))
