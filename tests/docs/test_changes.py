"""Changelog fragments have a name and a content that scripts/changelog.py can take."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.(added|changed|fixed|removed|security)\.md")


def test_every_fragment_is_well_named_and_reads_as_sentences() -> None:
    """A fragment is `<slug>.<kind>.md` with one to five sentences, one per line."""
    faults = []
    for path in sorted((ROOT / "changes").iterdir()):
        if path.name == "README.md":
            continue
        if not NAME.fullmatch(path.name):
            faults.append(f"{path.name}: the name must be <slug>.<kind>.md")
            continue
        lines = path.read_text("utf-8").splitlines()
        if not 1 <= len(lines) <= 5:
            faults.append(f"{path.name}: {len(lines)} lines, one to five are allowed")
        faults += [
            f"{path.name}: {line!r} is not a sentence with a full stop"
            for line in lines
            if not line.endswith(".") or line[:1].islower()
        ]
    assert faults == []
