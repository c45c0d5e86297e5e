"""The composition root: every choice of engine and model of a market is made on this page."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import pyarrow as pa

from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.counters.keeper import FOLDER, CounterKeeper, LateKeeper
from mercer.engines.embedded.counters.params import params_of
from mercer.engines.embedded.counters.reader import SharedCounters
from mercer.engines.embedded.counters.replay import TableCounters, in_order, replay_to
from mercer.engines.embedded.counters.store import LIVE
from mercer.engines.embedded.counters.watch import CounterWatch
from mercer.engines.embedded.feature_switch import FeatureSwitch
from mercer.engines.embedded.index.bell import Bell
from mercer.engines.embedded.index.encoder_files import EncoderChoice
from mercer.engines.embedded.index.follower import Follower
from mercer.engines.embedded.index.generation import (
    Generation,
    Progress,
    build_generation,
    current_generation,
    open_generation,
    read_manifest,
    remove_stale,
)
from mercer.engines.embedded.index.merger import Merger
from mercer.engines.embedded.keys import SqlKeys
from mercer.engines.embedded.log.catalogue_log import CatalogueLog
from mercer.engines.embedded.log.event_log import EventLog
from mercer.engines.embedded.log.housekeeping import Chores, Housekeeping
from mercer.engines.embedded.log.keeper import Keeper
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_folder import PARTITION_PREFIX
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.page_writer import SlotWriter
from mercer.engines.embedded.log.recent_file import RecentFile
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.model_promotion import Readied
from mercer.engines.embedded.ranking.page_models import PageModels
from mercer.engines.embedded.ranking.prepare import (
    columns_beside,
    make_missing,
    prepare,
)
from mercer.engines.embedded.ranking.watch import RankerWatch
from mercer.engines.embedded.rejects import expire_rejects
from mercer.engines.embedded.retrieval_models import serving_towers
from mercer.engines.embedded.secrets import TokenKeys, cookie_key
from mercer.engines.embedded.store import Store, open_store
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.engines.embedded.view.attribution_view import AttributionView, shows_of
from mercer.engines.embedded.view.traffic_view import TrafficView
from mercer.engines.embedded.view.views import SqliteConsumer
from mercer.events.collect import CollectRules
from mercer.events.consumer import MAX_ROWS, POLL_S, catch_up, step
from mercer.events.token import sign_many
from mercer.rank.cascade import CascadeParams
from mercer.rank.swap import SwapParams
from mercer.retrieve.query import UnderstandOptions
from mercer.schema.catalogue import Catalogue
from mercer.schema.errors import ConfigError, CorruptError, MarketBusyError, NotFoundError
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
from mercer.text.analyze import stem, words
from mercer.text.synonyms import Synonyms

KEEP_EVERY_S = 30.0  # how often the log of pages is looked after
# How often the views are brought up to date: a step costs about as much for one page as for ten.
VIEW_EVERY_S = 0.5
# How often the learner gives back what its larger steps left: after a long log was read for the first
# time those are some 80 MiB.
RELEASE_EVERY_S = 60.0
_MERGE_NICENESS = 3  # whoever answers requests comes first


def synonyms_of(folder: MarketFolder, config: MarketConfig) -> Synonyms:
    """The market's synonyms file, or none."""
    if not config.search.synonyms:
        return Synonyms.parse("", words=words, key=stem)
    path = folder.path / config.search.synonyms
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(
            f"{folder.config_file}: search.synonyms names {path}, which cannot be read: {fault}"
        ) from None
    return Synonyms.parse(text, words=words, key=stem, source=str(path))


def index_market(store: Store, folder: MarketFolder, *, progress: Progress) -> tuple[str, int]:
    """Build a generation of all that stands, make it current, and remove what is older.

    Returns:
        The generation's name, and how many listings it has.
    """
    before = current_generation(folder.index)
    name = _build(store.catalogue, folder, store.config, progress)
    remove_stale(folder.index, keep=frozenset(n for n in (before, name) if n))
    return name, read_manifest(folder.index, name).n


def _build(
    catalogue: Catalogue, folder: MarketFolder, config: MarketConfig, progress: Progress
) -> str:
    synonyms_of(folder, config)  # a faulty file is told now, not at the next start
    # What changes while the rows are read has a higher version and comes again with the delta.
    return build_generation(
        folder.index,
        catalogue.changes(since=0),
        version=catalogue.version(),
        rates=config.rates,
        encoder=EncoderChoice(config.index.encoder, trained=serving_towers(folder.models)),
        beside=columns_beside(folder.models, config.rates),
        progress=progress,
    )


def encoder_changed(folder: MarketFolder, *, progress: Progress = lambda step, n: None) -> str:
    """Build a generation with the encoder that serves from now on, and tell whoever serves the market.

    Servers adopt it as they do a merge; searches go on over the one before until it is open.

    Returns:
        The generation's name.
    """
    config = folder.config()
    with closing(SqlCatalogue(folder.tables_url(config))) as catalogue:
        name = _build(catalogue, folder, config, progress)
    with closing(Bell(folder.run / "bell")) as bell:
        bell.ring_generation()
    return name


def _opener(folder: MarketFolder, config: MarketConfig) -> Callable[[str], Generation]:
    """Opens generations by name; one in another currency is refused."""
    synonyms, encoder = synonyms_of(folder, config), EncoderChoice(config.index.encoder)

    def opened(name: str) -> Generation:
        found = open_generation(folder.index, name, encoder=encoder, synonyms=synonyms)
        made, wanted = found.manifest, config.rates
        if (made.currency, made.rates_as_of) != (wanted.reporting, wanted.as_of):
            raise ConfigError(
                f"{folder.config_file}: prices are in {wanted.reporting} at the rates of "
                f"{wanted.as_of or 'no date'}, the index has them in {made.currency} at those of "
                f"{made.rates_as_of or 'no date'}; run mercer index --market {folder.path}"
            )
        return found

    return opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where one serving process stands among the others of its market."""

    writes: Writing | None = None  # None: opened for reading
    bell: Bell | None = None  # None: follows nobody
    slot: int | None = None  # of its page log; None: pages are not written down
    elsewhere: Elsewhere = lambda request: None
    processes: Callable[[], Mapping[str, str]] = dict
    clock: Callable[[], int] | None = None  # in ms; None: the machine's


def serving_market(
    folder: MarketFolder, config: MarketConfig, catalogue: SqlCatalogue, seat: Seat
) -> EmbeddedMarket:
    """A market as a process with that seat serves it; closed by the caller."""
    if current_generation(folder.index) is None:
        raise NotFoundError(
            f"{folder.path.absolute()} has no index yet; run mercer index --market {folder.path}"
        )
    follower = Follower(
        folder.index, catalogue, config.rates, open_one=_opener(folder, config), bell=seat.bell
    )
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


def consumers_of(
    folder: MarketFolder, config: MarketConfig, *, views: Path | None = None
) -> Sequence[SqliteConsumer]:
    """The views of the log that one process keeps up to date; closed by the caller.

    Args:
        views: where they lie; None: in the market's own folder.
    """
    window_ms = round(config.log.attribution_days * DAY_MS)
    credits = AttributionView(
        window_ms=window_ms,
        keep_ms=config.log.keep_days * DAY_MS,
        shows=shows_of(PageLog(folder.log)),
    )
    return [SqliteConsumer(views or folder.views, view) for view in (credits, TrafficView())]


def counters_of(
    folder: MarketFolder, config: MarketConfig, log: EmbeddedLog, *, views: Path | None = None
) -> CounterKeeper:
    """The counters, for the one process that keeps them up to date. Raises as `CounterKeeper`.

    Args:
        views: below which they lie; None: in the market's own folder.
    """
    return CounterKeeper((views or folder.views) / FOLDER, log, params_of(config))


@contextmanager
def counting(folder: MarketFolder, config: MarketConfig) -> Iterator[CounterKeeper]:
    """Keep the counters of a market that is served in this process alone, step by step, in the block."""
    with (
        closing(EmbeddedLog(folder.log, is_owner=False)) as log,
        closing(counters_of(folder, config, log)) as counters,
    ):
        yield counters


def counters_at(
    folder: MarketFolder, config: MarketConfig, log: EmbeddedLog, positions: Iterable[str]
) -> Iterator[TableCounters]:
    """The counters at each different position that pages name, the earliest first; see `replay_to`."""
    places = in_order(positions)
    return replay_to(log, params_of(config), places, folder=folder.views / FOLDER)


def counters_seen(folder: MarketFolder, config: MarketConfig) -> CounterWatch:
    """The counters, for a process that reads them; they need not be there yet."""
    counters = SharedCounters(folder.views / FOLDER / LIVE, params_of(config).half_lives)
    return CounterWatch(counters, EventLog(folder.log, is_owner=False))


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


def follow_log(folder: MarketFolder, config: MarketConfig, log: EmbeddedLog) -> None:
    """Bring the views of the log up to date; beside a running server that is its learner's work."""
    try:
        with folder.lock():
            for consumer in consumers_of(folder, config):
                with closing(consumer):
                    catch_up(consumer, log)
    except MarketBusyError:  # its own learner follows the log
        pass


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

    command = [sys.executable, "-m", "mercer.app", str(folder.path)]
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


@dataclass(frozen=True, slots=True)
class LearnerStep:
    """Something that the learner does again and again."""

    name: str
    step: Callable[[], object]  # True: there is more to do at once
    every_s: float


@contextmanager
def learner_steps(folder: MarketFolder, config: MarketConfig) -> Iterator[list[LearnerStep]]:
    """What the learner of a market does, open while the block runs."""
    keeper = Keeper(folder.log, keep_days=config.log.keep_days)

    def keep() -> None:
        if faults := keeper.run(now_ms=now_ms()).faults:
            raise CorruptError("; ".join(faults))  # the rest was done; health tells

    def read_on(consumer: SqliteConsumer) -> bool:
        return step(consumer, log) >= MAX_ROWS

    with ExitStack() as stack:
        log = stack.enter_context(closing(EmbeddedLog(folder.log, is_owner=False)))
        consumers = [stack.enter_context(closing(c)) for c in consumers_of(folder, config)]
        reading = [LearnerStep(c.name, partial(read_on, c), VIEW_EVERY_S) for c in consumers]
        counting = stack.enter_context(
            closing(LateKeeper(partial(counters_of, folder, config, log)))
        )
        reading.append(LearnerStep(CounterKeeper.name, counting.step, POLL_S))
        release = pa.default_memory_pool().release_unused
        yield [
            LearnerStep("keeper", keep, KEEP_EVERY_S),
            *reading,
            LearnerStep("memory", release, RELEASE_EVERY_S),
        ]


def merge(path: Path) -> None:
    """Build a generation beside the owner, which adopts it."""
    folder = MarketFolder(path)
    config = folder.config()
    catalogue = SqlCatalogue(folder.tables_url(config))
    try:
        _build(catalogue, folder, config, lambda step, n: None)
    finally:
        catalogue.close()


if __name__ == "__main__":  # a process of its own, see `_owner`
    os.nice(_MERGE_NICENESS)
    merge(Path(sys.argv[1]))
