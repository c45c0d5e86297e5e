"""Writes tests/formats/generation: `python tests/formats/make_generation.py` from the repository root.

Run it once for each new format, and keep the folders of the older ones.
"""

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mercer.engines.embedded.index.generation import FORMAT
from support.market_kit import items, make_market

HERE = Path(__file__).parent


def main() -> None:
    """A generation of eight listings, without the market around it."""
    with tempfile.TemporaryDirectory() as folder:
        name = make_market(Path(folder) / "shop", items(8))
        target = HERE / f"generation_{FORMAT}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(Path(folder) / "shop" / "index" / name, target / name)


if __name__ == "__main__":
    main()
