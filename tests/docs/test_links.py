"""Documents point only at what exists, and hold one sentence per line."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    folders = ("docs", "changes", "benchmarks", "examples", "src", "tests")
    nested = (path for folder in folders for path in (ROOT / folder).rglob("*.md"))
    return sorted([*ROOT.glob("*.md"), *nested])


def _anchors(path: Path) -> set[str]:
    """The anchors that a renderer makes of the headings of a document."""
    text = FENCE.sub("", path.read_text("utf-8"))
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.replace(" ", "-") for heading in words}


def test_links_between_documents_resolve() -> None:
    """A relative link names a file that exists and, after `#`, a heading in it."""
    broken = []
    for path in documents():
        for link in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (path.parent / target).resolve() if target else path
            is_known = there.exists() and (
                not anchor or there.suffix != ".md" or anchor in _anchors(there)
            )
            if not is_known:
                broken.append(f"{path.relative_to(ROOT)}: {link}")
    assert broken == []


def test_every_document_can_be_reached_from_the_list() -> None:
    """A document that docs/README.md does not lead to, by links in docs, would never be read."""
    start = ROOT / "docs" / "README.md"
    reached, waiting = {start}, [start]
    while waiting:
        path = waiting.pop()
        for link in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
            there = (path.parent / link.partition("#")[0]).resolve()
            if there.suffix == ".md" and there.is_file() and there not in reached:
                reached.add(there)
                waiting.append(there)
    lost = set((ROOT / "docs").rglob("*.md")) - reached
    assert sorted(str(path.relative_to(ROOT)) for path in lost) == []


def test_one_sentence_per_line() -> None:
    """A line of prose holds one sentence, so that a change of one shows as one."""
    end = re.compile(r"(?<!\b[A-Z])(?<!e\.g)(?<!i\.e)(?<!\bno)[.?!][)\"]? +[A-Z]")
    crowded = []
    for path in documents():
        for line in FENCE.sub("", path.read_text("utf-8")).splitlines():
            prose = re.sub(r"`[^`]*`", "code", re.sub(r"^\s*[-*#]* *(\d+\. )?", "", line))
            if not prose.startswith("|") and end.search(prose):
                crowded.append(f"{path.relative_to(ROOT)}: {line.strip()[:100]}")
    assert crowded == []
