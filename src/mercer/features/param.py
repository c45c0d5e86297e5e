"""Parameters of a transform: what may be said, and the sentence for what may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mercer.schema.errors import FeatureError

ParamKind = Literal["number", "integer", "flag", "text", "numbers", "choice"]
REQUIRED: Any = object()
"""The default of a parameter that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter: its kind, its bounds, its default."""

    name: str
    kind: ParamKind
    doc: str
    default: Any = REQUIRED
    low: float = float("-inf")
    high: float = float("inf")
    choices: tuple[str, ...] = ()

    def checked(self, value: Any, *, at: str) -> Any:
        """The value in its Python type.

        Raises:
            FeatureError: of another type, or out of range.
        """
        try:
            return self._checked(value)
        except (TypeError, ValueError):
            raise FeatureError(
                f"{at}: parameter {self.name!r} is {value!r}, must be {self.allowed}"
            ) from None

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        span = (
            "" if self.low == -self.high == float("-inf") else f" in [{self.low:g}, {self.high:g}]"
        )
        word = {"flag": "true or false", "numbers": "a list of numbers"}.get(self.kind)
        return word or f"a {self.kind}{span}" if self.kind != "integer" else f"an integer{span}"

    def _checked(self, value: Any) -> Any:
        if self.kind == "flag":
            if not isinstance(value, bool):
                raise TypeError
            return value
        if self.kind in ("text", "choice"):
            if not isinstance(value, str) or (self.choices and value not in self.choices):
                raise TypeError
            return value
        if self.kind == "numbers":
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise TypeError
            return tuple(self._number(one) for one in value)
        return self._number(value)

    def _number(self, value: Any) -> float | int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if not self.low <= value <= self.high:
            raise ValueError
        if self.kind == "integer":
            if value != int(value):
                raise ValueError
            return int(value)
        return float(value)

    def encoded(self, value: Any) -> float | None:
        """The value as a kernel sees it; None for what no kernel sees (texts, lists)."""
        if self.kind == "choice":
            return float(self.choices.index(value))
        return None if self.kind in ("text", "numbers") else float(value)


def checked_params(
    params: Sequence[Param], given: Mapping[str, Any], *, at: str
) -> Mapping[str, Any]:
    """All parameters by name, in their order, defaults filled in.

    Raises:
        FeatureError: one is unknown, missing or wrong.
    """
    known = {param.name: param for param in params}
    for name in given:
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise FeatureError(f"{at}: unknown parameter {name!r}; allowed: {allowed}")
    values = {}
    for name, param in known.items():
        if name not in given and param.default is REQUIRED:
            raise FeatureError(f"{at}: parameter {name!r} is missing; must be {param.allowed}")
        values[name] = param.checked(given[name], at=at) if name in given else param.default
    return values
