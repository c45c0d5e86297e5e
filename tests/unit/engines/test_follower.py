"""Following: changes and generations of another process, without a pause."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import mercer.app_index
from mercer.app import Seat, owning, serving_market
from mercer.engines.embedded.index import follower
from mercer.engines.embedded.index.bell import Bell
from mercer.engines.embedded.index.follower import Follower
from mercer.engines.embedded.index.live_index import LiveIndex
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.events.log import Change
from mercer.retrieve.request import SearchRequest
from mercer.schema.errors import CorruptError, NotFoundError
from mercer.serve.embedded_market import EmbeddedMarket
from mercer.serve.process.owner import Owner
from support.listing_rows import listing_rows
from support.market_kit import T0, items, make_market, small_encoder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    make_market(tmp_path / "shop", items(60))
    return tmp_path / "shop"


@pytest.fixture
def owner(shop: Path) -> Iterator[Owner]:
    with owning(shop) as (_, _, _, opened):
        yield opened


@pytest.fixture
def reader(shop: Path, owner: Owner) -> Iterator[EmbeddedMarket]:
    """A market as a reader has it: its own bell, catalogue and index."""
    folder = MarketFolder(shop)
    catalogue, bell = SqlCatalogue(f"sqlite:///{shop / 'tables.db'}"), Bell(folder.run / "bell")
    market = serving_market(folder, folder.config(), catalogue, Seat(writes=owner, bell=bell))
    yield market
    market.close()
    catalogue.close()
    bell.close()


def put(
    owner: Owner, listing_id: str, title: str, *, updated_ms: int = T0 + 9, **more: Any
) -> None:
    rows = listing_rows(
        {"listing_id": listing_id, "title": title, "updated_ms": updated_ms, **more}
    )
    owner.write(Change("listings", rows))


def found(market: EmbeddedMarket, q: str) -> list[str]:
    request = SearchRequest(q=q, mode="lexical", budget_ms=60_000, per_page=250)
    return [hit.listing_id for hit in market.search(request).hits]


def until(holds: Any) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_a_change_of_the_owner_is_followed(owner: Owner, reader: EmbeddedMarket) -> None:
    """New words are found and sold listings gone, without the reader being told by anything but the
    bell."""
    put(owner, "new", "quokka lamp")
    until(lambda: found(reader, "quokka") == ["new"])
    put(owner, "new", "quokka lamp", updated_ms=T0 + 10, quantity=0)
    until(lambda: found(reader, "quokka") == [])


def test_a_generation_is_taken_over_while_searches_and_changes_go_on(
    shop: Path, owner: Owner, reader: EmbeddedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening one may take as long as it likes: meanwhile searches are answered and changes are shown,
    and none of them is lost when it takes over."""
    before = reader.health().generation
    put(owner, "early", "quokka lamp")
    with small_encoder():
        mercer.app_index.merge(shop)
    follows = reader._parts.follower
    may_open, is_opening = threading.Event(), threading.Event()
    open_one = follows._open_one

    def slowly(name: str) -> Any:
        is_opening.set()
        assert may_open.wait(20)
        return open_one(name)

    monkeypatch.setattr(follows, "_open_one", slowly)
    owner.merger._done()  # as after a merge in a process of its own
    assert is_opening.wait(20)
    for n in range(3):
        put(owner, f"late{n}", f"wombat{n} lamp")
        until(lambda n=n: found(reader, f"wombat{n}") == [f"late{n}"])
    assert reader.health().generation == before
    may_open.set()
    until(lambda: reader.health().generation != before)
    assert found(reader, "quokka") == ["early"]
    assert [found(reader, f"wombat{n}") for n in range(3)] == [["late0"], ["late1"], ["late2"]]
    put(owner, "last", "numbat lamp")
    until(lambda: found(reader, "numbat") == ["last"])
    assert reader.health().n_delta == 4


def test_a_generation_that_cannot_be_opened_is_told_and_tried_again(
    shop: Path, owner: Owner, reader: EmbeddedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before goes on serving, health says why, and the next attempt heals it."""
    before = reader.health().generation
    follows = reader._parts.follower
    open_one = follows._open_one

    def broken(name: str) -> Any:
        raise CorruptError("columns/row_id.npy is missing")

    monkeypatch.setattr(follows, "_open_one", broken)
    with small_encoder():
        mercer.app_index.merge(shop)
    owner.merger._done()
    until(lambda: any("row_id.npy is missing" in one for one in reader.health().degraded))
    assert len(found(reader, "mug")) > 0
    monkeypatch.setattr(follows, "_open_one", open_one)
    until(lambda: reader.health().generation != before)
    until(lambda: reader.health().degraded == ())


def test_a_catalogue_that_fails_is_told_and_followed_again(
    owner: Owner, reader: EmbeddedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails for a while costs freshness, not searches."""
    catalogue = reader._parts.follower._catalogue
    changes = catalogue.changes

    def broken(*, since: int) -> Any:
        raise OSError("the disk is gone")

    monkeypatch.setattr(catalogue, "changes", broken)
    put(owner, "new", "quokka lamp")
    until(lambda: any("the disk is gone" in one for one in reader.health().degraded))
    assert found(reader, "quokka") == []
    monkeypatch.setattr(catalogue, "changes", changes)
    until(lambda: found(reader, "quokka") == ["new"])


def test_a_change_that_fails_half_way_costs_nothing(
    owner: Owner, reader: EmbeddedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an index is torn, the last snapshot serves on, and the next look makes the delta anew:
    what stood in it is found again, once."""
    put(owner, "early", "quokka lamp")
    until(lambda: found(reader, "quokka") == ["early"])
    encoder = reader._parts.follower.index._generation.encoder
    encode = encoder.encode_listings

    def broken(*_: Any) -> Any:
        raise OSError("no room for vectors")

    monkeypatch.setattr(encoder, "encode_listings", broken)
    put(owner, "late", "quokka chair")
    until(lambda: any("no room for vectors" in one for one in reader.health().degraded))
    assert found(reader, "quokka") == ["early"]
    monkeypatch.setattr(encoder, "encode_listings", encode)
    until(lambda: sorted(found(reader, "quokka")) == ["early", "late"])
    assert reader.health().n_delta == 2


def test_a_generation_that_is_replaced_while_it_is_opened(shop: Path) -> None:
    """A reader that starts beside a merge may find its generation removed; it takes the next one."""
    folder = MarketFolder(shop)
    catalogue = SqlCatalogue(f"sqlite:///{shop / 'tables.db'}")
    open_one = mercer.app_index.opener_of(folder, folder.config())
    tries: list[str] = []

    def slow_to_open(name: str) -> Any:
        tries.append(name)
        if len(tries) == 1:
            with small_encoder():
                mercer.app_index.merge(shop)
            raise CorruptError("manifest.json is missing")
        return open_one(name)

    made = Follower(folder.index, catalogue, folder.config().rates, open_one=slow_to_open)
    assert made.index.snapshot().generation == tries[1] != tries[0]
    with pytest.raises(NotFoundError):
        Follower(shop / "none", catalogue, folder.config().rates, open_one=open_one)
    catalogue.close()


def test_bursts_are_applied_together(
    owner: Owner, reader: EmbeddedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often commits come, the index is rebuilt at most every APPLY_EVERY_S."""
    applied: list[float] = []
    catch_up = reader._parts.follower.catch_up

    def counted() -> None:
        applied.append(time.monotonic())
        catch_up()

    monkeypatch.setattr(reader._parts.follower, "catch_up", counted)
    owner._writes._interval_s = 0.0
    for n in range(30):
        put(owner, f"n{n}", f"quokka {n}")
    until(lambda: len(found(reader, "quokka")) == 30)
    gaps = [b - a for a, b in pairwise(applied)]
    assert all(gap >= follower.APPLY_EVERY_S * 0.9 for gap in gaps)


def test_pages_do_not_wait_for_a_change(
    owner: Owner, reader: EmbeddedMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a change is taken in, however long that lasts, searches get their whole page."""
    begun, go_on = threading.Event(), threading.Event()
    made = LiveIndex._made

    def slow(index: LiveIndex, fresh: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return made(index, fresh)

    monkeypatch.setattr(LiveIndex, "_made", slow)
    before = found(reader, "")
    put(owner, "late", "a mug that comes late")
    assert begun.wait(20)
    answers: list[list[str]] = []
    searching = threading.Thread(target=lambda: answers.append(found(reader, "")))
    searching.start()
    searching.join(10)
    answered = list(answers)  # before the change goes on
    go_on.set()
    searching.join(20)
    assert answered == [before]
    until(lambda: found(reader, "late") == ["late"])
