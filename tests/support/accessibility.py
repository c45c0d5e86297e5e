"""What axe-core says of a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# WCAG 2.2 A and AA. Of the rules that hold, one element each is described: all of them took longer than
# the rules did.
OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def faults(page: Page) -> list[str]:
    """Each element that breaks a rule, behind the rule's name."""
    found = Axe().run(page, options=OPTIONS).response
    assert len(found["passes"]) > 10  # the rules did run
    return [
        f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]
    ]


def faults_in_both_themes(page: Page) -> list[str]:
    """As `faults`, by light and by dark, which the page stays in."""
    out = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # both are schemes
        out += [f"{scheme}: {fault}" for fault in faults(page)]
    return out
