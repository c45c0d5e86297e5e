"""What a market decides about its counters, and the hash of all that decides what is counted."""

from dataclasses import dataclass
from hashlib import blake2b

from mercer.engines.embedded.config import MarketConfig
from mercer.engines.embedded.counters.shared_file import Layout
from mercer.features.counter_decay import HOUR_MS, HalfLives
from mercer.features.counter_keys import CounterRules
from mercer.schema.money import Rates

_VERSION = 2  # counts up with the entities, the keys and the arithmetic


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterParams:
    """What is counted, and in how much room."""

    half_lives: HalfLives
    rules: CounterRules
    rates: Rates  # of the price bands
    max_keys: int
    snapshot_s: float = 300.0

    @property
    def digest(self) -> bytes:
        """(32,) counters of another one are made anew from the log."""
        rates = sorted(self.rates.per_unit.items())
        told = repr((
            _VERSION, self.half_lives.ms, self.rules.entities, self.rates.reporting, rates,
            self.max_keys,
        ))  # fmt: skip
        return blake2b(told.encode(), digest_size=32).digest()

    @property
    def layout(self) -> Layout:
        """Of the file."""
        return Layout(half_lives=self.half_lives, max_keys=self.max_keys, digest=self.digest)


def params_of(config: MarketConfig) -> CounterParams:
    """As mercer.toml says."""
    made = config.counters
    return CounterParams(
        half_lives=HalfLives(tuple(round(one * HOUR_MS) for one in made.half_life_hours)),
        rules=CounterRules(made.attributes),
        rates=config.rates,
        max_keys=made.max_keys,
        snapshot_s=made.snapshot_minutes * 60.0,
    )
