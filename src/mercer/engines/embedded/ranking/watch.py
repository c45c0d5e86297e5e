"""Keeps a process at the model that was promoted: model, plan and columns change in one step."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

import numpy as np

from mercer.engines.embedded.counters.reader import CounterView
from mercer.engines.embedded.feature_sets import FeatureSetFolder
from mercer.engines.embedded.index.follower import Follower
from mercer.engines.embedded.log.catalogue_log import CatalogueLog
from mercer.engines.embedded.models import ModelFolder, ModelWatch
from mercer.engines.embedded.ranking.maker import PlanColumns
from mercer.engines.embedded.ranking.ranking import Ranking, plan_of_model, ranking_of
from mercer.engines.embedded.ranking.sellers import Sellers
from mercer.features.counter_decay import HalfLives
from mercer.features.plan import Plan
from mercer.features.request_inputs import request_inputs
from mercer.learn.loading import LoadedModel
from mercer.schema.errors import MarketError
from mercer.schema.money import Rates

ROLE: Final = "ranker"
POLL_S: Final = 1.0


@final
class RankerWatch:
    """What ranks in this process; `ranking` is one attribute read. Thread-safe.

    What cannot serve (damaged, another set, columns not made yet) is not swapped in: what ranked goes
    on, and `fault` says why. A replaced plan's columns are kept for one more poll, for the requests
    that began with it.

    Args:
        models: the folder `models/` of the market.
        index: its folder of generations.
        half_lives: that the market counts by.
        off: features that are switched off; asked at each poll.
    """

    def __init__(
        self,
        models: Path,
        index: Path,
        follower: Follower,
        log: CatalogueLog,
        rates: Rates,
        *,
        half_lives: HalfLives,
        off: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._sets = FeatureSetFolder(models)
        self._watch = ModelWatch(ModelFolder(models, ROLE), fits=self._plan_of)
        self._index, self._follower, self._log, self._rates = index, follower, log, rates
        self._off, self._half_lives = off, half_lives
        self._sellers: Sellers | None = None
        self._ranking: Ranking | None = None
        self._leaving: tuple[str, ...] = ()
        self._fault = ""
        self._closing, self._polling = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ranker", daemon=True)
        self.poll()

    @property
    def ranking(self) -> Ranking | None:
        """What ranks; None: the first pass alone."""
        return self._ranking

    @property
    def fault(self) -> str:
        """Why it is not the model that was promoted; "" where it is."""
        return self._watch.fault or self._fault

    def start(self) -> None:
        """Poll from now on."""
        self._thread.start()

    def close(self) -> None:
        """Poll no more."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(POLL_S):
            self.poll()

    def poll(self) -> None:
        """Look once at the pointer, at what is off, at the sellers and at the index."""
        with self._polling:
            self._poll()

    def _poll(self) -> None:
        for plan_hash in self._leaving:
            self._follower.forget(plan_hash)
        self._leaving = ()
        try:
            self._watch.poll()
            self._follow_sellers()
            self._swap(self._watch.model, self._off())
            self._fault = ""
        except Exception as fault:  # a thread of its own: health tells, and what ranked goes on
            told = isinstance(fault, MarketError)
            self._fault = f"ranker: {fault if told else f'{type(fault).__name__}: {fault}'}"

    def _follow_sellers(self) -> None:
        if self._sellers is not None:
            self._sellers.follow()
        if self._ranking is not None:
            self._ranking.columns.sellers.follow()

    def _swap(self, model: LoadedModel | None, off: frozenset[str]) -> None:
        before = self._ranking
        wanted = self._sets.logged() if model is None else model.manifest.feature_set
        if wanted is None:
            self._ranking = None
        else:
            columns = self._columns_for(model, wanted)
            name = "" if model is None else model.id
            standing = None if before is None else (before.columns, before.name, before.off)
            if standing != (columns, name, off):
                made = ranking_of(model, columns, off)
                self._rehearse(made)
                self._ranking = made
        now = self._ranking
        if before is not None and (now is None or now.columns is not before.columns):
            self._leaving = (before.columns.hash,)

    def _columns_for(self, model: LoadedModel | None, wanted: str) -> PlanColumns:
        """Of the plan of that hash, beside every part of the index from now on."""
        ranking = self._ranking
        if ranking is not None and ranking.columns.hash == wanted:
            columns = ranking.columns
        else:
            plan = self._sets.plan(wanted) if model is None else self._plan_of(model)
            if self._sellers is None:
                self._sellers = Sellers(self._log)
            columns = PlanColumns(plan, self._index, self._rates, self._sellers)
        if not self._follower.learn(columns):
            who = f"feature set {wanted[:12]}" if model is None else model.id
            raise MarketError(
                f"{who} waits for its columns of generation "
                f"{self._follower.index.snapshot().generation}; mercer promote makes them"
            )
        return columns

    def _plan_of(self, model: LoadedModel) -> Plan:
        return plan_of_model(model, self._sets)

    def _rehearse(self, made: Ranking) -> None:
        """Rank one listing, so that what cannot work is told now and not by each request."""
        snapshot = self._follower.index.snapshot()
        part = next((i for i, one in enumerate(snapshot.segments) if one.n), None)
        if part is None:
            return
        names = [name for name in made.plan.reads if name.startswith("candidate.")]
        made.features(
            request_inputs("", {}, surface="search"),
            snapshot,
            np.array([part], np.int32),
            np.zeros(1, np.int64),
            candidates={name: np.zeros(1, np.float32) for name in names},
            now_ms=0,
            counters=CounterView(None, self._half_lives),
        )
