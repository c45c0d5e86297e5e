"""Money: int64 micros of the currency unit with an ISO 4217 code, never a float."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from mercer.schema.errors import InputError

MICROS = 1_000_000
MAX_MICROS = 10**15  # a thousand million units: far above any listing, far below int64


def to_micros(amount: str | int | float | Decimal) -> int:
    """Micros of an amount in currency units; a float counts by its shortest decimal form.

    Raises:
        InputError: not a number, negative, not finite, or above MAX_MICROS.
    """
    try:
        value = Decimal(str(amount).strip()) * MICROS
    except InvalidOperation:
        raise InputError(f"price {amount!r} is not a number") from None
    if not value.is_finite() or not 0 <= value <= MAX_MICROS:
        raise InputError(
            f"price {amount!r} is out of range: 0 to {MAX_MICROS // MICROS} is allowed"
        )
    return int(value.to_integral_value())


@dataclass(frozen=True, slots=True)
class Rates:
    """A dated table of exchange rates into the market's one reporting currency."""

    reporting: str  # ISO 4217
    as_of: str  # the day of the table, ISO 8601; "" where only the reporting currency is known
    per_unit: Mapping[str, float]  # reporting-currency units for one unit of the key

    def rate(self, currency: str) -> float | None:
        """Reporting units per unit of `currency`; None where the table does not know it."""
        return 1.0 if currency == self.reporting else self.per_unit.get(currency)
