"""Writes constraints.txt anew: what pip would install today for mercer with all its extras.

    .venv/bin/python scripts/pin.py

Nothing is installed. Read the difference, run `make setup test check`, then commit both together.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = "dev,onnx,postgres,sentence"
HEAD = """\
# Every version that `make setup` installs, direct and transitive; written by scripts/pin.py.
# PyTorch and what follows from it come only with the extra `sentence`, which setup never asks for.
"""


def resolved() -> dict[str, str]:
    """Name -> version of everything that mercer[EXTRAS] needs on this machine."""
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    report = subprocess.run(
        [*pip, "--report", "-", f"{ROOT}[{EXTRAS}]"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    found = (item["metadata"] for item in json.loads(report)["install"])
    # A local build mark (torch 2.13.0+cpu) names this machine's wheel, not a version.
    return {m["name"]: m["version"].partition("+")[0] for m in found if m["name"] != "mercer"}


def main() -> int:
    """Write the file, one pin per line, in alphabetical order."""
    pins = sorted(resolved().items(), key=lambda pin: pin[0].lower())
    lines = [f"{name}=={version}\n" for name, version in pins]
    (ROOT / "constraints.txt").write_text(HEAD + "".join(lines), encoding="utf-8")
    print(f"constraints.txt: {len(lines)} pins", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
