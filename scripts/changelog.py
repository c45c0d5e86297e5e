"""Moves the fragments in changes/ into CHANGELOG.md under a new version.

.venv/bin/python scripts/changelog.py 0.2.0
"""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("added", "changed", "fixed", "removed", "security")
FRAGMENT = re.compile(rf"(?P<slug>[a-z0-9]+(?:-[a-z0-9]+)*)\.(?P<kind>{'|'.join(KINDS)})\.md")


def section(version: str, day: str, texts: dict[str, list[str]]) -> str:
    """The text of one version: kinds in the order of KINDS, one line per sentence."""
    lines = [f"## {version} ({day})", ""]
    for kind in KINDS:
        if kind in texts:
            lines += [f"### {kind.capitalize()}", "", *(f"- {line}" for line in texts[kind]), ""]
    return "\n".join(lines)


def main(version: str) -> int:
    """Write the new section above the last version and remove the fragments it took."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        print(f"changelog: {version!r} is no version; three numbers, e.g. 0.2.0", file=sys.stderr)
        return 2
    taken: list[Path] = []
    texts: dict[str, list[str]] = {}
    for path in sorted((ROOT / "changes").glob("*.md")):
        if found := FRAGMENT.fullmatch(path.name):
            texts.setdefault(found["kind"], []).extend(path.read_text("utf-8").splitlines())
            taken.append(path)
    if not taken:
        print("changelog: no fragments in changes/", file=sys.stderr)
        return 1
    log = ROOT / "CHANGELOG.md"
    head, mark, versions = log.read_text("utf-8").partition("\n## ")
    new = section(version, datetime.now(UTC).date().isoformat(), texts)
    log.write_text(f"{head.rstrip()}\n\n{new}{mark}{versions}", "utf-8")
    for path in taken:
        path.unlink()
    print(f"CHANGELOG.md: {version} with {len(taken)} fragments", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or [""]))
