"""Errors of the whole project. A message says where, what was got, what is allowed, what to do.

MarketError
├── InputError           what the caller gave is wrong (HTTP 400, exit status 2 for words, 1 for data)
│   ├── FilterError      the filter expression; knows the place
│   ├── MappingError     a --map file
│   ├── FeatureError     a feature set that cannot be compiled or run; names the feature
│   ├── SchemaError      columns of a table; lists every fault
│   └── ConfigError      mercer.toml, the synonyms file, options
├── NotFoundError        no such market, listing, page (HTTP 404)
├── MarketBusyError      another owner holds this market
├── StorageError         the disk or the database failed; nothing was acknowledged (HTTP 503)
├── UnavailableError     a process of this market does not answer now (HTTP 503, try again)
└── CorruptError         a file on disk is not what it should be; says how to rebuild it
"""

from collections.abc import Sequence


class MarketError(Exception):
    """Root of all errors that Mercer raises on purpose."""


class InputError(MarketError):
    """What the caller gave is wrong; the message says what is allowed."""


class FilterError(InputError):
    """A filter expression that cannot be read; `at` is the 0-based character of the fault."""

    def __init__(self, message: str, *, source: str, at: int) -> None:
        self.source, self.at, self.reason = source, at, message
        start = max(0, at - 40)
        shown = source[start : at + 40]
        super().__init__(
            f"filter, character {at + 1}: {message}\n  {shown}\n  {' ' * (at - start)}^"
        )


class MappingError(InputError):
    """A --map file that names fields or columns that do not exist, or is not TOML."""


class SchemaError(InputError):
    """A table whose columns are not what a stage needs; `faults` lists all of them."""

    def __init__(self, at: str, faults: Sequence[str]) -> None:
        self.at, self.faults = at, tuple(faults)
        super().__init__(f"{at}: " + "; ".join(faults))


class FeatureError(InputError):
    """A feature set that cannot be compiled or run; names the feature, column or transform."""


class ConfigError(InputError):
    """A configuration value that is unknown, of the wrong type or out of range."""


class NotFoundError(MarketError):
    """The named market, listing or page does not exist."""


class MarketBusyError(MarketError):
    """Another process owns this market; only one may write."""


class UnavailableError(MarketError):
    """A process of this market does not answer now; asking again later is harmless."""


class StorageError(MarketError):
    """The disk is full, or failed, or the database did; it was not acknowledged, send it again."""


class CorruptError(MarketError):
    """A file on disk is not what it should be; the message says how to rebuild it."""
