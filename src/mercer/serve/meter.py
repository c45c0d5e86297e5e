"""Numbers about the server for Prometheus. No label ever holds text that a visitor typed."""

from collections.abc import Callable, Iterable, Mapping
from typing import final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from mercer.retrieve.request import SearchResponse
from mercer.serve.market import Health, ItemResult, Verdict

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_FOUND = (0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_MAX_PARTS = 32  # different names of degraded parts and stages that become labels


Others = Callable[[], Mapping[str, bytes]]
"""The name of each process -> what it counts; OWN for the one that is asked."""
OWN = b""


@final
class _Families(Collector):
    """Metrics that were read already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def together(texts: Mapping[str, bytes]) -> bytes:
    """The metrics of several processes as one text; each sample gets the label `process`."""
    families: dict[str, Metric] = {}
    for process, text in sorted(texts.items()):
        for family in text_string_to_metric_families(text.decode()):
            into = families.setdefault(
                family.name, Metric(family.name, family.documentation, family.type)
            )
            for sample in family.samples:
                labels = {**sample.labels, "process": process}
                into.add_sample(sample.name, labels, sample.value)
    registry = CollectorRegistry()
    registry.register(_Families(families.values()))
    return generate_latest(registry)


@final
class _MarketState(Collector):
    """Asks the market at scrape time, so that a gauge is never stale."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        state = self._health()
        for name, text, value in (
            ("mercer_ready", "1 if the market answers searches", float(state.is_ready)),
            ("mercer_listings", "Listings that can be found now", state.n_listings),
            ("mercer_delta_listings", "Changes served from the delta, not merged", state.n_delta),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        if (counters := state.counters) is not None:
            for name, text, n in (
                ("mercer_counters_lag_events", "Events not counted yet", counters.lag_events),
                ("mercer_counters_keys", "Counters that are kept", counters.n_keys),
                ("mercer_counters_evicted", "Counters that had to go", counters.n_evicted),
            ):
                yield GaugeMetricFamily(name, text, value=n)


@final
class Meter:
    """The metrics of one app, in a registry of its own.

    Args:
        others: what the other processes count, by their names; asked at each scrape.
    """

    def __init__(
        self,
        health: Callable[[], Health],
        *,
        others: Others = dict,
        ended: Callable[[str, int], None] = lambda route, status: None,
    ) -> None:
        self._others, self._ended = others, ended
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_MarketState(health))
        self._requests = Counter(
            "mercer_http_requests",
            "Requests answered",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "mercer_http_request_seconds",
            "Time from the request's head to the last byte of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._stage = Histogram(
            "mercer_search_stage_seconds",
            "Time spent in a stage of a search",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._found = Histogram(
            "mercer_search_found",
            "Matches of a search",
            buckets=_FOUND,
            registry=self.registry,
        )
        self._degraded = Counter(
            "mercer_search_degraded",
            "Searches answered without a part, by the part",
            ["part"],
            registry=self.registry,
        )
        self._items = Counter(
            "mercer_batch_items",
            "Items of batches, by what became of them",
            ["verdict"],
            registry=self.registry,
        )
        self._events = Counter(
            "mercer_events",
            "Events of batches, by what became of them",
            ["verdict"],
            registry=self.registry,
        )
        self._names: dict[str, set[str]] = {"stage": set(), "part": set()}

    def own(self) -> bytes:
        """What this process counts, in the text format of Prometheus."""
        return generate_latest(self.registry)

    def exposed(self) -> bytes:
        """What all processes count; with more than one each sample is labelled with its process."""
        others = self._others()
        if not others:
            return self.own()
        name = next((n for n, text in others.items() if text == OWN), "this")
        texts = {n: text for n, text in others.items() if text != OWN}
        return together({name: self.own(), **texts})

    def request_done(self, *, route: str, method: str, status: int, took_us: int) -> None:
        """Count one answered request."""
        method = method if method in _METHODS else "other"
        self._requests.labels(route, method, str(status)).inc()
        self._ended(route, status)
        self._seconds.labels(route).observe(took_us / 1e6)

    def searched(self, response: SearchResponse) -> None:
        """Count one answered search: matches, stage times, dropped parts."""
        self._found.observe(response.found)
        for stage, took_us in response.timings_us.items():
            self._stage.labels(self._bounded("stage", stage)).observe(took_us / 1e6)
        for why in response.degraded:
            self._degraded.labels(self._bounded("part", why.partition(":")[0])).inc()

    def items_done(self, results: Iterable[ItemResult]) -> None:
        """Count the items of one batch by verdict."""
        for result in results:
            self._items.labels(result.verdict).inc()

    def events_done(self, counts: Mapping[Verdict, int]) -> None:
        """Count the events of one batch by verdict."""
        for verdict, n in counts.items():
            self._events.labels(verdict).inc(n)

    def _bounded(self, kind: str, name: str) -> str:
        """The name as a label, or "other" once there are too many different ones."""
        known = self._names[kind]
        if name not in known:
            if len(known) >= _MAX_PARTS:
                return "other"
            known.add(name)
        return name
