"""What reads the log: state that is built from records, and the loop that keeps it up to date.

A consumer commits its state and the position that it has read to in one step, so that a crash neither
loses nor doubles a record. It may rely on the order of a key's rows and on nothing else: its state has
to come out the same however the records of different keys are mixed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mercer.events.log import Entry, Log, Position, RecordKind

MAX_ROWS = 20_000  # of one step
POLL_S = 0.2
RETRY_S = (1.0, 5.0, 30.0)  # after the first, second and every further fault in a row


class Consumer(Protocol):
    """State that is a view over some kinds of records.

    Laws (tests/contract/test_consumer.py):
    1. the state is the same whatever the size of the steps and the mixture of the keys;
    2. a step that fails leaves state and position as they were;
    3. after `reset` the whole log gives the same state again.
    """

    @property
    def name(self) -> str:
        """Of the consumer and its files; `[a-z][a-z0-9-]*`."""
        ...

    @property
    def kinds(self) -> frozenset[RecordKind]:
        """The records it reads; with other kinds its version has to change."""
        ...

    def position(self) -> Position:
        """Up to where its state has the log."""
        ...

    def apply(self, entries: Sequence[Entry]) -> None:
        """Take entries in, and their last position, in one step."""
        ...

    def reset(self) -> None:
        """Forget all; the next step begins at the start of the log."""
        ...


def step(consumer: Consumer, log: Log, *, max_rows: int = MAX_ROWS) -> int:
    """Let a consumer read on once; how many rows it took, 0 where it has all."""
    entries: list[Entry] = []
    n_rows = 0
    for entry in log.read(after=consumer.position(), kinds=consumer.kinds):
        entries.append(entry)
        n_rows += entry.change.rows.num_rows
        if n_rows >= max_rows:
            break
    if entries:
        consumer.apply(entries)
    return n_rows


def catch_up(consumer: Consumer, log: Log, *, max_rows: int = MAX_ROWS) -> int:
    """Let a consumer read all there is; how many rows it took."""
    n_rows = 0
    while took := step(consumer, log, max_rows=max_rows):
        n_rows += took
    return n_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What the world gives to `run`."""

    is_stopping: Callable[[], bool]
    sleep: Callable[[float], None]  # seconds; may return early
    on_fault: Callable[[str, Exception], None]  # the consumer's name, and what it raised


def run(consumer: Consumer, log: Log, loop: Loop, *, max_rows: int = MAX_ROWS) -> None:
    """Keep a consumer up to date until the loop is to stop; a fault is told and tried again."""
    n_faults = 0
    while not loop.is_stopping():
        try:
            n_rows = step(consumer, log, max_rows=max_rows)
        except Exception as fault:  # one broken consumer must not end the process of all
            loop.on_fault(consumer.name, fault)
            loop.sleep(RETRY_S[min(n_faults, len(RETRY_S) - 1)])
            n_faults += 1
            continue
        n_faults = 0
        if not n_rows:
            loop.sleep(POLL_S)
