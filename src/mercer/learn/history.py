"""Which model serves, and how that came: one small file that is replaced whole.

The pointer and the history are one file, so that no crash can leave a model serving that the history
does not name.
"""

from dataclasses import asdict, dataclass
from typing import Final, Literal

import msgspec

from mercer.schema.errors import CorruptError, InputError

FORMAT: Final = 1
Action = Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of the history."""

    at_ms: int
    action: Action
    model: str | None  # what serves from then on; None: no model, the stage is left out
    previous: str | None  # what served before
    is_forced: bool = False  # the gate said no, or could not say
    why: str = ""  # what the gate said, or the person


@dataclass(frozen=True, slots=True)
class History:
    """All steps of one role, oldest first."""

    changes: tuple[Change, ...] = ()

    @property
    def current(self) -> str | None:
        """The id of the model that serves; None: none does."""
        return self.changes[-1].model if self.changes else None

    @property
    def before(self) -> str | None:
        """What a rollback would bring back.

        A rollback takes one promotion back, and the next rollback the one before that.
        """
        stack = self.stack
        return stack[-2] if len(stack) > 1 else None

    @property
    def stack(self) -> list[str]:
        """Promotions that were not taken back, the oldest first; the last one serves."""
        stack: list[str] = []
        for change in self.changes:
            if change.action == "promote" and change.model is not None:
                stack.append(change.model)
            elif stack:
                stack.pop()
        return stack

    def promoted(self, model: str, *, at_ms: int, why: str, is_forced: bool = False) -> "History":
        """The history with this model serving.

        Raises:
            InputError: it serves already.
        """
        if model == self.current:
            raise InputError(f"{model} serves already; there is nothing to promote")
        change = Change(
            at_ms=at_ms,
            action="promote",
            model=model,
            previous=self.current,
            is_forced=is_forced,
            why=why,
        )
        return History((*self.changes, change))

    def rolled_back(self, *, at_ms: int, why: str) -> "History":
        """The history with the model before serving again, or none.

        Raises:
            InputError: no model serves.
        """
        if self.current is None:
            raise InputError("no model serves, so there is nothing to roll back")
        change = Change(
            at_ms=at_ms, action="rollback", model=self.before, previous=self.current, why=why
        )
        return History((*self.changes, change))

    def to_bytes(self) -> bytes:
        """JSON; `current` is said first, for people who look."""
        plain = {
            "format": FORMAT,
            "current": self.current,
            "changes": [asdict(c) for c in self.changes],
        }
        return msgspec.json.format(msgspec.json.encode(plain), indent=1)

    @classmethod
    def from_bytes(cls, data: bytes, *, at: str) -> "History":
        """Raises CorruptError where it is no history, or its parts contradict each other."""
        try:
            found = msgspec.json.decode(data, type=_File)
        except msgspec.MsgspecError as fault:
            raise CorruptError(
                f"{at}: cannot be read: {fault}; remove it to serve without a model, "
                "and promote the one that should serve"
            ) from None
        made = cls(found.changes)
        if found.format != FORMAT or found.current != made.current:
            raise CorruptError(
                f"{at}: format {found.format}, current {found.current!r}, but the last change says "
                f"{made.current!r}; remove it, and promote the model that should serve"
            )
        return made


@dataclass(frozen=True, slots=True)
class _File:
    format: int
    current: str | None
    changes: tuple[Change, ...]
