"""The composition root: every choice of engine and model of a market is made on this page."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from mercer.app_index import index_market, opener_of
from mercer.app_learner import counters_seen
from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.counters.params import params_of
from mercer.engines.embedded.feature_switch import FeatureSwitch
from mercer.engines.embedded.index.bell import Bell
from mercer.engines.embedded.index.follower import Follower
from mercer.engines.embedded.index.generation import (
    Progress,
    current_generation,
    read_manifest,
    remove_stale,
)
from mercer.engines.embedded.index.merger import Merger
from mercer.engines.embedded.keys import SqlKeys
from mercer.engines.embedded.log.catalogue_log import CatalogueLog
from mercer.engines.embedded.log.housekeeping import Chores, Housekeeping
from mercer.engines.embedded.log.page_folder import PARTITION_PREFIX
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.engines.embedded.log.recent_file import RecentFile
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.model_promotion import Readied
from mercer.engines.embedded.ranking.page_models import PageModels
from mercer.engines.embedded.ranking.prepare import (
    make_missing,
    prepare,
)
from mercer.engines.embedded.ranking.watch import RankerWatch
from mercer.engines.embedded.rejects import expire_rejects
from mercer.engines.embedded.secrets import TokenKeys, cookie_key
from mercer.engines.embedded.store import Store, open_store
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.events.collect import CollectRules
from mercer.events.token import sign_many
from mercer.rank.cascade import CascadeParams
from mercer.rank.swap import SwapParams
from mercer.retrieve.query import UnderstandOptions
from mercer.schema.errors import NotFoundError
from mercer.schema.time import DAY_MS
from mercer.serve.access.access import Keys, Verifier
from mercer.serve.access.client import Proxies
from mercer.serve.access.gate import Access
from mercer.serve.access.seal import Seal
from mercer.serve.embedded_market import Elsewhere, EmbeddedMarket, MarketParts, now_ms
from mercer.serve.process.owner import MergeWhen, Owner, Writing
from mercer.serve.search.page_record import PageRecorder, RecordParams
from mercer.serve.search.ranked import RankStage
from mercer.serve.search.search import SearchService
from mercer.serve.search.slate import SlateStore
from mercer.serve.search.stages import SearchParams
from mercer.serve.settings import ServeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where one serving process stands among the others of its market."""

    writes: Writing | None = None  # None: opened for reading
    bell: Bell | None = None  # None: follows nobody
    slot: int | None = None  # of its page log; None: pages are not written down
    elsewhere: Elsewhere = lambda request: None
    processes: Callable[[], Mapping[str, str]] = dict
    clock: Callable[[], int] | None = None  # in ms; None: the machine's
    turn: Callable[[], AbstractContextManager[None]] = nullcontext  # in which changes are taken in


def serving_market(
    folder: MarketFolder, config: MarketConfig, catalogue: SqlCatalogue, seat: Seat
) -> EmbeddedMarket:
    """A market as a process with that seat serves it; closed by the caller."""
    if current_generation(folder.index) is None:
        raise NotFoundError(
            f"{folder.path.absolute()} has no index yet; run mercer index --market {folder.path}"
        )
    follower = Follower(
        folder.index, catalogue, config.rates, open_one=opener_of(folder, config), bell=seat.bell,
        turn=seat.turn,
    )  # fmt: skip
    tokens, page_log = TokenKeys(folder.secrets), PageLog(folder.log)
    pages = recorder = recent = None
    if seat.slot is not None:
        recent = RecentFile(
            folder.run, seat.slot, now_ms=seat.clock or now_ms, erased=page_log.erased.visitors
        )
        pages = SlotWriter(folder.log / f"{PARTITION_PREFIX}{seat.slot}")
        kept = RecordParams(
            detail_share=config.log.detail_share, max_candidates=config.log.max_candidates
        )
        recorder = PageRecorder(pages, lambda *shown: sign_many(tokens.ring(), *shown), params=kept)
    options = UnderstandOptions(currency=config.rates.reporting, rates=config.rates)
    rank = config.rank
    params = SearchParams(
        understand=options,
        budget_ms=config.search.budget_ms,
        swap=SwapParams(share=rank.swap_share, reach=rank.swap_distance),
    )
    counters, ranker = counters_seen(folder, config), ranker_of(folder, config, follower)
    service = SearchService(
        follower.index,
        params,
        slates=SlateStore(slot=seat.slot),
        recorder=recorder,
        ranker=RankStage(
            lambda: ranker.ranking,
            CascadeParams(candidates=rank.candidates, budget_ms=rank.budget_ms),
            counters=counters.counters.view,
            counters_fault=lambda: counters.fault,
        ),
        now_ms=seat.clock,
    )
    if seat.bell is not None:
        follower.start()
        ranker.start()
    return EmbeddedMarket(
        MarketParts(
            catalogue=catalogue,
            follower=follower,
            service=service,
            search_params=params,
            page_log=page_log,
            rules=CollectRules(
                currency=config.rates.reporting,
                keep_ms=config.log.keep_days * DAY_MS,
                token_ttl_ms=_token_ttl_ms(config),
            ),
            ring=tokens.ring,
            writes=seat.writes,
            pages=pages,
            views=folder.views,
            recent=recent,
            counters=counters,
            ranker=ranker,
            page_models=PageModels(folder.models).of_page,
            elsewhere=seat.elsewhere,
            processes=seat.processes,
            now_ms=seat.clock or now_ms,
        )
    )


@contextmanager
def owning(
    path: Path, *, progress: Progress = lambda step, n: None
) -> Iterator[tuple[MarketFolder, Store, Bell, Owner]]:
    """Own a market while the block runs; it is indexed if it never was."""
    folder = MarketFolder(path)
    with open_store(folder) as store:
        if current_generation(folder.index) is None:
            index_market(store, folder, progress=progress)
        make_missing(folder, store.config.rates)
        keys, ttl_ms = TokenKeys(folder.secrets), _token_ttl_ms(store.config)

        keep_days = store.config.log.keep_days

        def rotate() -> None:
            keys.rotate_if_due(now_ms=now_ms(), ttl_ms=ttl_ms)

        def hourly() -> None:
            rotate()
            expire_rejects(folder.rejects, before_s=time.time() - keep_days * DAY_MS / 1_000)

        rotate()  # before the first page is signed
        chores = Chores(keep_days=keep_days, hourly=hourly)
        with (
            closing(Bell(folder.run / "bell")) as bell,
            closing(Housekeeping(store.log, chores)) as housekeeping,
            closing(_owner(folder, store, bell, lambda: housekeeping.fault)) as owner,
        ):
            yield folder, store, bell, owner


def ranker_of(folder: MarketFolder, config: MarketConfig, follower: Follower) -> RankerWatch:
    """The model that ranks in a process; it need not be there yet."""
    switch, always = FeatureSwitch(folder.models), frozenset(config.rank.features_off)

    def off() -> frozenset[str]:
        switch.poll()
        return switch.off | always

    return RankerWatch(
        folder.models,
        folder.index,
        follower,
        CatalogueLog(folder.log, is_owner=False),
        config.rates,
        half_lives=params_of(config).half_lives,
        off=off,
    )


def readied(
    folder: MarketFolder, config: MarketConfig, *, on_rows: Callable[[int], None] = lambda n: None
) -> Readied:
    """Makes the columns of a ranker beside the index of a market, before it is promoted."""
    return partial(prepare, folder, config.rates, on_rows=on_rows)


def _token_ttl_ms(config: MarketConfig) -> int:
    return round(config.log.token_ttl_hours * 3_600_000)


def _owner(folder: MarketFolder, store: Store, bell: Bell, fault: Callable[[], str]) -> Owner:
    served = [current_generation(folder.index)]

    def adopted() -> None:
        """Tell of a generation; the one that still serves stays until the next."""
        name = current_generation(folder.index)
        bell.ring_generation()
        remove_stale(folder.index, keep=frozenset(one for one in (*served, name) if one))
        served[0] = name

    def indexed() -> tuple[int, int]:
        name = current_generation(folder.index)
        assert name is not None
        return _size(folder.index, name)

    command = [sys.executable, "-m", "mercer.app_index", str(folder.path)]
    made = store.config.index
    return Owner(
        store,
        bell,
        indexed=indexed,
        merger=Merger(command, done=adopted),
        fault=fault,
        merge_when=MergeWhen(made.merge_rows, made.merge_share),
    )


@lru_cache(maxsize=4)
def _size(index: Path, name: str) -> tuple[int, int]:
    """Version and number of listings of a generation."""
    manifest = read_manifest(index, name)
    return manifest.version, manifest.n


def open_market(path: Path) -> EmbeddedMarket:
    """A market for reading, also while another process owns it; it sees what is committed now.

    Raises:
        NotFoundError: the folder is no market, or was never indexed.
        ConfigError, CorruptError: what is wrong and where.
    """
    folder = MarketFolder(path)
    config = folder.config()
    return serving_market(folder, config, SqlCatalogue(folder.tables_url(config)), Seat())


@contextmanager
def own_market(
    path: Path,
    *,
    progress: Progress = lambda step, n: None,
    processes: Callable[[], Mapping[str, str]] = dict,
    clock: Callable[[], int] | None = None,
) -> Iterator[EmbeddedMarket]:
    """A market for reading and writing, while the block runs; it is indexed if it never was.

    A simulation brings its own `clock`, in ms: then pages, events and changes are of its time.
    """
    with owning(path, progress=progress) as (folder, store, bell, owner):
        seat = Seat(writes=owner, bell=bell, slot=0, processes=processes, clock=clock)
        market = serving_market(folder, store.config, store.catalogue, seat)
        try:
            yield market
        finally:
            owner.close()
            market.close()


def access_of(folder: MarketFolder, *, trust_proxies: Sequence[str] = ()) -> Access:
    """Who may do what in a market. Raises ConfigError, NotFoundError."""
    config = folder.config()
    proxies = Proxies((*config.serve.trusted_proxies, *trust_proxies))
    keys: Keys = SqlKeys(folder.tables_url(config))
    return Access(Verifier(keys), Seal(cookie_key(folder.secrets)), proxies)


def access_note(path: Path) -> str:
    """In a few words who may use the market that is served."""
    keys = SqlKeys((folder := MarketFolder(path)).tables_url(folder.config()))
    try:
        if keys.is_empty():
            return "it has no keys: this machine only, and everything is allowed"
    finally:
        keys.close()
    return "keys are asked for"


def settings_of(
    config: MarketConfig, *, host: str = "127.0.0.1", allow_hosts: Sequence[str] = ()
) -> ServeSettings:
    """The server's limits as the market's config says."""
    plain = ServeSettings()
    named = [name.lower().rstrip(".") for name in (*config.serve.allowed_hosts, *allow_hosts, host)]
    return replace(
        plain,
        title=config.name or plain.title,
        allowed_hosts=tuple(dict.fromkeys((*plain.allowed_hosts, *named))),
        cors_origins=config.serve.cors_origins,
        address_rate_per_s=config.serve.address_rate_per_s,
        key_rate_per_s=config.serve.key_rate_per_s,
    )
