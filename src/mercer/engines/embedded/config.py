"""mercer.toml: what a market's owner decides. docs/reference/config.md."""

import tomllib
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from mercer.schema.errors import ConfigError
from mercer.schema.money import Rates

CONFIG_TEXT = """\
# The choices of this market. Every line that is commented out shows the default.
# All of them are explained in docs/reference/config.md.

[market]
# name = ""                  # shown on the pages
# currency = "USD"           # ISO 4217: prices are sorted, filtered and counted in it;
                             # also the currency of listings that name none

# [rates]                    # units of `currency` for one unit of another
# as_of = "2026-01-31"
# [rates.per_unit]
# EUR = 1.08

[tables]
# url = ""                   # "": tables.db in this folder; or postgresql://user:password@host/database

[index]
# encoder = "catalogue"      # fitted on the catalogue; or the name or folder of a
                             # sentence-transformers model (pip install mercer[sentence])
# merge_rows = 20000         # a new generation is built when more listings than this,
# merge_share = 0.1          # and more than this share of them, have changed since the last

[search]
# budget_ms = 50             # past it the semantic part is dropped, and the response says so
# synonyms = ""              # a file beside this one, see docs/reference/synonyms.md

[rank]                       # docs/reference/config.md
# candidates = 600           # the best of the first pass, which a trained model orders; up to 1000
# budget_ms = 20             # past it the model is left out, and the response says so
# swap_share = 0.015         # of the pages have two places changed, so that clicks can be judged
# swap_distance = 4          # places that a listing moves at most
# features_off = []          # features that count as missing, by name

[counters]                   # docs/reference/counters.md
# half_life_hours = [1, 24, 168, 720]  # one to four; each counter fades by each of them
# attributes = []            # up to three, e.g. ["color", "material"]: tastes are counted by them too
# max_keys = 1000000         # 103 MB each million; when it is full the least of a few goes
# snapshot_minutes = 5       # how often they are written down as a whole

[log]
# detail_share = 1.0         # of the served pages, the share whose candidates are kept too
# max_candidates = 1000      # of such a page, the most candidates that are kept
# keep_days = 400            # older pages and events are removed
# token_ttl_hours = 24       # an item token proves that we showed the listing for so long
# attribution_days = 30      # a purchase is credited to what its buyer touched so lately

[serve]                      # docs/howto/put-it-behind-a-proxy.md
# allowed_hosts = []         # names by which it is reached, beside localhost: ["shop.example"]
# trusted_proxies = []       # whose X-Forwarded-For is believed: ["127.0.0.1", "10.0.0.0/8"]
# cors_origins = []          # foreign pages that may read /v1 with a key: ["https://app.example"]
# address_rate_per_s = 50    # requests of one address; no limit for this machine itself
# key_rate_per_s = 1000      # requests with a key that has no rate of its own
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """Who may reach the server, and how often."""

    allowed_hosts: tuple[str, ...] = ()  # names beside those of this machine
    trusted_proxies: tuple[str, ...] = ()  # whose X-Forwarded-For is believed
    cors_origins: tuple[str, ...] = ()
    address_rate_per_s: float = 50.0
    key_rate_per_s: float = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexConfig:
    """How the index is built."""

    encoder: str = "catalogue"
    # A new generation is built when more listings than both of these have changed since the last.
    merge_rows: int = 20_000
    merge_share: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchConfig:
    """How a search is answered."""

    budget_ms: float = 50.0
    synonyms: str = ""  # a file, relative to the market's folder; "" for none


@dataclass(frozen=True, slots=True, kw_only=True)
class RankConfig:
    """How the best candidates are ordered."""

    candidates: int = 600
    budget_ms: float = 20.0
    swap_share: float = 0.015  # of the pages, in [0, 0.2]
    swap_distance: int = 4  # places
    features_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CountersConfig:
    """What is counted while the market runs, and in how much room."""

    half_life_hours: tuple[float, ...] = (1.0, 24.0, 168.0, 720.0)
    attributes: tuple[str, ...] = ()
    max_keys: int = 1_000_000
    snapshot_minutes: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What the log keeps, and for how long."""

    detail_share: float = 1.0  # in [0, 1]
    max_candidates: int = 1000  # of a detailed page
    keep_days: int = 400  # pages and events
    token_ttl_hours: float = 24.0
    attribution_days: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketConfig:
    """All of mercer.toml."""

    name: str
    rates: Rates  # `rates.reporting` is the market's currency
    tables_url: str  # "" for tables.db in the folder
    index: IndexConfig
    search: SearchConfig
    rank: RankConfig
    counters: CountersConfig
    log: LogConfig
    serve: ServeConfig


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


_Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class _Market(_Strict):
    name: str = Field(default="", max_length=200)
    currency: _Currency = "USD"


class _Rates(_Strict):
    as_of: str = Field(default="", pattern="^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")
    per_unit: dict[_Currency, Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False)]] = {}


class _Tables(_Strict):
    url: str = ""


class _Index(_Strict):
    encoder: str = Field(default="catalogue", min_length=1)
    merge_rows: int = Field(default=20_000, ge=1, le=10_000_000)
    merge_share: float = Field(default=0.1, ge=0, le=1, strict=False)


class _Search(_Strict):
    budget_ms: float = Field(default=50.0, gt=0, le=60_000, strict=False)
    synonyms: str = ""


class _Rank(_Strict):
    candidates: int = Field(default=600, ge=1, le=1_000)
    budget_ms: float = Field(default=20.0, gt=0, le=60_000, strict=False)
    swap_share: float = Field(default=0.015, ge=0, le=0.2, strict=False)
    swap_distance: int = Field(default=4, ge=1, le=9)
    features_off: list[Annotated[str, Field(min_length=1, max_length=200)]] = []


_Hours = Annotated[float, Field(ge=0.5, le=10_000, strict=False)]
_Attribute = Annotated[str, Field(min_length=1, max_length=100)]


class _Counters(_Strict):
    half_life_hours: list[_Hours] = Field(
        default=[1.0, 24.0, 168.0, 720.0], min_length=1, max_length=4
    )
    attributes: list[_Attribute] = Field(default=[], max_length=3)
    max_keys: int = Field(default=1_000_000, ge=1_000, le=1_000_000_000)
    snapshot_minutes: float = Field(default=5.0, gt=0, le=1_440, strict=False)

    @field_validator("half_life_hours", "attributes")
    @classmethod
    def _is_a_set(cls, found: list[Any], info: ValidationInfo) -> list[Any]:
        in_order = sorted(found) == found or info.field_name == "attributes"
        if len(set(found)) < len(found) or not in_order:
            rule = "each once" if info.field_name == "attributes" else "ascending, each once"
            raise ValueError(f"must name {rule}")
        return found


class _Log(_Strict):
    detail_share: float = Field(default=1.0, ge=0, le=1, strict=False)
    max_candidates: int = Field(default=1000, ge=0, le=10_000)
    keep_days: int = Field(default=400, ge=1, le=36_500)
    token_ttl_hours: float = Field(default=24.0, gt=0, le=8_760, strict=False)
    attribution_days: float = Field(default=30.0, gt=0, le=365, strict=False)


_Host = Annotated[str, Field(pattern=r"^[a-zA-Z0-9.:_-]{1,253}$")]
_Origin = Annotated[str, Field(pattern=r"^https?://[a-zA-Z0-9.-]+(:[0-9]{1,5})?$")]


class _Serve(_Strict):
    allowed_hosts: list[_Host] = []
    trusted_proxies: list[str] = []
    cors_origins: list[_Origin] = []
    address_rate_per_s: float = Field(default=50.0, gt=0, le=100_000, strict=False)
    key_rate_per_s: float = Field(default=1_000.0, gt=0, le=100_000, strict=False)


class _File(_Strict):
    market: _Market = _Market()
    rates: _Rates = _Rates()
    tables: _Tables = _Tables()
    index: _Index = _Index()
    search: _Search = _Search()
    rank: _Rank = _Rank()
    counters: _Counters = _Counters()
    log: _Log = _Log()
    serve: _Serve = _Serve()


def parse_config(text: str, *, at: str) -> MarketConfig:
    """Read mercer.toml.

    Args:
        text: the TOML.
        at: the file's name, for the message.
    Raises:
        ConfigError: lists every fault with what is allowed there.
    """
    try:
        made = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(f"{at} is not TOML: {fault}") from None
    except ValidationError as fault:
        faults = "\n  ".join(_sentence(one) for one in fault.errors())
        raise ConfigError(f"{at}: {fault.error_count()} fault(s)\n  {faults}") from None
    return MarketConfig(
        name=made.market.name,
        rates=Rates(made.market.currency, made.rates.as_of, made.rates.per_unit),
        tables_url=made.tables.url,
        index=IndexConfig(**made.index.model_dump()),
        search=SearchConfig(**made.search.model_dump()),
        rank=RankConfig(
            **{**made.rank.model_dump(), "features_off": tuple(made.rank.features_off)}
        ),
        counters=CountersConfig(
            half_life_hours=tuple(made.counters.half_life_hours),
            attributes=tuple(made.counters.attributes),
            max_keys=made.counters.max_keys,
            snapshot_minutes=made.counters.snapshot_minutes,
        ),
        log=LogConfig(**made.log.model_dump()),
        serve=ServeConfig(
            allowed_hosts=tuple(made.serve.allowed_hosts),
            trusted_proxies=tuple(made.serve.trusted_proxies),
            cors_origins=tuple(made.serve.cors_origins),
            address_rate_per_s=made.serve.address_rate_per_s,
            key_rate_per_s=made.serve.key_rate_per_s,
        ),
    )


def _sentence(fault: Any) -> str:
    """One fault: where, what was got, what is allowed."""
    place = [str(part) for part in fault["loc"]]
    if fault["type"] == "extra_forbidden":
        model: Any = _File
        for part in place[:-1]:
            model = model.model_fields[part].annotation
        return f"{'.'.join(place)} is unknown; allowed are {', '.join(model.model_fields)}"
    return f"{'.'.join(place)}: {fault['msg']}, got {fault['input']!r}"


DEFAULT_CONFIG = parse_config("", at="the defaults")
