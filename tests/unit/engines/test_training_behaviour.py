"""What is read of a log before an encoder is trained."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.training_behaviour import FEWEST, read_behaviour
from mercer.events.log import Change
from mercer.schema.errors import InputError
from mercer.schema.page import Page, Shown
from support.logged import event_rows
from support.market_kit import T0


def place(listing_id: str, position: int, sources: int, *, is_sponsored: bool = False) -> Shown:
    return Shown(
        listing_id=listing_id, row_id=position, position=position, score=0.5, sources=sources,
        is_sponsored=is_sponsored,
    )  # fmt: skip


SHOWN = (
    place("clicked", 1, 3),
    place("passed-by", 2, 1),
    place("paid", 3, 1, is_sponsored=True),
    place("cheapest", 4, 0),
    place("deep", 25, 2),
)


def page_id(i: int) -> str:
    return str(UUID(int=(T0 + i) << 80 | 7 << 76 | 2 << 62 | i))


def page_of(i: int, **changes: object) -> Page:
    given = {
        "page_id": page_id(i), "served_ms": T0 + i, "surface": "search", "q": "mug", "request": {},
        "understood": {"terms": [{"word": "mug", "is_optional": False}]}, "found": 5,
        "generation": "g", "catalogue_version": 1, "visitor_id": f"v{i}", "shown": SHOWN,
    }  # fmt: skip
    return Page(**(given | changes))  # type: ignore[arg-type]


def write(folder: MarketFolder, pages: list[Page], events: list[dict[str, object]]) -> None:
    writer = SlotWriter(folder.log / "pages-0")
    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(lambda page: writer.write(page, budget_s=60), pages))
    writer.close()
    with closing(EmbeddedLog(folder.log)) as log:
        log.append([Change("events", event_rows(*events))])


def click(i: int, standing: str = "signed") -> dict[str, object]:
    return {
        "event_id": f"{standing}{i}", "kind": "click", "standing": standing, "time_ms": T0 + i,
        "visitor_id": f"v{i}", "listing_id": "clicked", "page_id": page_id(i),
    }  # fmt: skip


def test_shown_is_what_stood_on_top_by_relevance(tmp_path: Path) -> None:
    """Pages in the order of time; what was sorted, paid for or further down was not shown, nor what
    another surface or a search without words showed; a forged click is none."""
    folder = MarketFolder(tmp_path)
    others = [
        page_of(90, surface="similar"), page_of(91, understood={"terms": []}),
    ]  # fmt: skip
    pages = [page_of(i) for i in reversed(range(FEWEST))]
    events = [click(i) for i in range(FEWEST)] + [click(0, "forged")]
    write(folder, [*pages, *others], events)
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        found = read_behaviour(folder, log, bots=None, shown_depth=24)
    assert list(found.page_ids) == [page_id(i) for i in range(FEWEST)]
    assert found.asked.served_ms.tolist() == [T0 + i for i in range(FEWEST)]
    assert list(found.listing_ids) == ["clicked", "passed-by"]
    assert found.done.page.tolist() == list(range(FEWEST))
    pairs = sorted(zip(found.shown.page.tolist(), found.shown.listing.tolist(), strict=True))
    assert pairs == [(i, row) for i in range(FEWEST) for row in (0, 1)]


def test_too_few_choices_are_counted(tmp_path: Path) -> None:
    """The sentence says how many there are and how many it takes."""
    folder = MarketFolder(tmp_path)
    write(folder, [page_of(0)], [click(0)])
    with (
        closing(EmbeddedLog(folder.log, is_owner=False)) as log,
        pytest.raises(InputError, match=f"1 clicks.* 1 pages .*{FEWEST} are the fewest"),
    ):
        read_behaviour(folder, log, bots=None, shown_depth=24)


def test_what_came_later_is_not_read(tmp_path: Path) -> None:
    """Pages and clicks from that moment on are as if they had not been."""
    folder = MarketFolder(tmp_path)
    n = FEWEST + 10
    write(folder, [page_of(i) for i in range(n)], [click(i) for i in range(n)])
    with closing(EmbeddedLog(folder.log, is_owner=False)) as log:
        found = read_behaviour(folder, log, bots=None, shown_depth=24, before_ms=T0 + FEWEST)
    assert list(found.page_ids) == [page_id(i) for i in range(FEWEST)]
    assert found.done.page.tolist() == list(range(FEWEST))
