"""What is declared, what is pinned and what is installed are the same."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _pins() -> dict[str, str]:
    """Name -> version of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): pinned for name, pinned in pairs}


def _declared() -> list[Requirement]:
    """Every requirement of pyproject.toml, extras included."""
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for group in (PROJECT["dependencies"], *extras) for text in group]


def test_every_requirement_is_pinned_within_its_range() -> None:
    """constraints.txt pins each requirement to a version that its own range allows."""
    pins = _pins()
    wrong = [
        str(need)
        for need in _declared()
        if not need.specifier.contains(pins.get(canonicalize_name(need.name), "0"))
    ]
    assert wrong == []


def test_installed_versions_are_the_pinned_ones() -> None:
    """What the tests run on is what a clone gets tomorrow."""
    differing = []
    for name, pinned in _pins().items():
        if name == "setuptools":  # every environment is born with one; only torch asks for it
            continue
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue  # of an extra that is not installed here
        if installed.partition("+")[0] != pinned:
            differing.append(f"{name}: pinned {pinned}, installed {installed}")
    assert differing == []


def test_torch_comes_with_the_sentence_extra_only() -> None:
    """Searching never installs PyTorch."""
    groups = {
        name: [Requirement(text).name for text in needs]
        for name, needs in PROJECT["optional-dependencies"].items()
    }
    groups["runtime"] = [Requirement(text).name for text in PROJECT["dependencies"]]
    assert [name for name, needs in groups.items() if "torch" in needs] == ["sentence"]


def test_every_dependency_has_its_reason() -> None:
    """docs/decisions/0001-dependencies.md says of each why it and not the next best."""
    text = (ROOT / "docs" / "decisions" / "0001-dependencies.md").read_text("utf-8").lower()
    known = set(re.findall(r"[a-z][a-z0-9-]+", text))
    missing = [need.name for need in _declared() if canonicalize_name(need.name) not in known]
    assert missing == []
