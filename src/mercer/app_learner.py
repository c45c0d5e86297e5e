"""What follows the log of a market: its views, its counters, and the steps of the learner."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.counters.keeper import FOLDER, CounterKeeper, LateKeeper
from mercer.engines.embedded.counters.params import params_of
from mercer.engines.embedded.counters.reader import SharedCounters
from mercer.engines.embedded.counters.store import LIVE
from mercer.engines.embedded.counters.watch import CounterWatch
from mercer.engines.embedded.log.event_log import EventLog
from mercer.engines.embedded.log.keeper import Keeper
from mercer.engines.embedded.log.market_log import EmbeddedLog
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.view.attribution_view import AttributionView, shows_of
from mercer.engines.embedded.view.traffic_view import TrafficView
from mercer.engines.embedded.view.views import SqliteConsumer
from mercer.events.consumer import MAX_ROWS, POLL_S, catch_up, step
from mercer.schema.errors import CorruptError, MarketBusyError
from mercer.schema.time import DAY_MS
from mercer.serve.embedded_market import now_ms

KEEP_EVERY_S = 30.0  # how often the log of pages is looked after
# How often the views are brought up to date: a step costs about as much for one page as for ten.
VIEW_EVERY_S = 0.5
# How often the learner gives back what its larger steps left: after a long log was read for the first
# time those are some 80 MiB.
RELEASE_EVERY_S = 60.0


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


def counters_seen(folder: MarketFolder, config: MarketConfig) -> CounterWatch:
    """The counters, for a process that reads them; they need not be there yet."""
    counters = SharedCounters(folder.views / FOLDER / LIVE, params_of(config).half_lives)
    return CounterWatch(counters, EventLog(folder.log, is_owner=False))


def follow_log(folder: MarketFolder, config: MarketConfig, log: EmbeddedLog) -> None:
    """Bring the views of the log up to date; beside a running server that is its learner's work."""
    try:
        with folder.lock():
            for consumer in consumers_of(folder, config):
                with closing(consumer):
                    catch_up(consumer, log)
    except MarketBusyError:  # its own learner follows the log
        pass


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
