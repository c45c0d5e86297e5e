"""Writes the tables of docs/reference/features.md, from the registry and the default set.

.venv/bin/python scripts/feature_reference.py           # writes the file
.venv/bin/python scripts/feature_reference.py --check   # exits 1 where it is not up to date
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from mercer.features.columns import KNOWN
from mercer.features.default import default_feature_set
from mercer.features.param import REQUIRED, Param
from mercer.features.registry import registry

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "features.md"
BEGIN = "## Transforms\n"
"""What stands before this line in the file is written by hand."""


def _params(params: tuple[Param, ...]) -> str:
    cells = []
    for param in params:
        default = "" if param.default is REQUIRED else f" = {_value(param.default)}"
        cells.append(f"`{param.name}{default}` {param.doc}, {param.allowed}")
    return "; ".join(cells)


def _value(value: object) -> str:
    return '""' if value == "" else str(value)


def _lines() -> Iterator[str]:
    yield BEGIN
    yield "| transform | takes | gives | what it does | parameters | fitted |"
    yield "|---|---|---|---|---|---|"
    for transform in registry().values():
        takes = " or ".join(", ".join(kinds) for kinds in transform.inputs)
        fitted = transform.fit.bound if transform.fit is not None else ""
        cells = (
            f"`{transform.name}`", takes, transform.output, transform.summary,
            _params(transform.params), fitted,
        )  # fmt: skip
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield "\n## Columns that every market has\n"
    yield "| column | kind | what |\n|---|---|---|"
    for name, column in KNOWN.items():
        yield f"| `{name}` | {column.kind} | {column.doc} |"
    yield "| `listing.attributes.NAME` | texts | the values of an attribute |"
    yield "\nColumns that begin with `label.` are read when a transform is fitted, and never else."
    outputs = [feature for feature in default_feature_set().features if feature.is_output]
    yield f"\n## The default set\n\n{len(outputs)} features.\n"
    yield "| feature | of | made by | what |\n|---|---|---|---|"
    for feature in outputs:
        made = f"{feature.transform}({', '.join(feature.inputs)})"
        yield f"| `{feature.name}` | {feature.entity} | `{made}` | {feature.doc} |"


def main() -> int:
    """Write the file, or with --check say whether it is up to date."""
    now = TARGET.read_text(encoding="utf-8")
    text = now[: now.index(BEGIN)] + "\n".join(_lines()) + "\n"
    if "--check" in sys.argv[1:]:
        return int(now != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
