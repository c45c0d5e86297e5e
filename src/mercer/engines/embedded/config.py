"""mercer.toml: what a market's owner decides. docs/reference/config.md."""

import tomllib
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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

[search]
# budget_ms = 50             # past it the semantic part is dropped, and the response says so
# synonyms = ""              # a file beside this one, see docs/reference/synonyms.md
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexConfig:
    """How the index is built."""

    encoder: str = "catalogue"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchConfig:
    """How a search is answered."""

    budget_ms: float = 50.0
    synonyms: str = ""  # a file, relative to the market's folder; "" for none


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketConfig:
    """All of mercer.toml."""

    name: str
    rates: Rates  # `rates.reporting` is the market's currency
    tables_url: str  # "" for tables.db in the folder
    index: IndexConfig
    search: SearchConfig


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


class _Search(_Strict):
    budget_ms: float = Field(default=50.0, gt=0, le=60_000, strict=False)
    synonyms: str = ""


class _File(_Strict):
    market: _Market = _Market()
    rates: _Rates = _Rates()
    tables: _Tables = _Tables()
    index: _Index = _Index()
    search: _Search = _Search()


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
