"""Starts the processes of a market, keeps them up, and stops them in order.

Each child gets one end of a socket pair. It writes a byte there when it is ready, and when it reads the
end of it, its parent is gone and it stops too; so nothing is left behind by a killed supervisor.
Children are in sessions of their own: what the terminal sends goes to the supervisor alone, which stops
them stage by stage.
"""

import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import final

from mercer.schema.errors import MarketError

LIFELINE = "{lifeline}"  # in a child's arguments: the number of its end of the pair
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 10.0  # before a child is started again
STEADY_S = 30.0  # one that ran so long begins with the first wait again
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep up."""

    name: str
    command: tuple[str, ...]  # with LIFELINE in it
    stage: int  # those of a later stage are stopped first
    fds: tuple[int, ...] = ()  # that it inherits
    is_vital: bool = True  # serving fails where its first start does
    environment: tuple[tuple[str, str], ...] = ()  # what is set where ours has it not


@final
class _Running:
    """A child and what became of it."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.line: socket.socket | None = None
        self.is_ready, self.was_ready = False, False
        self.n_starts, self.wait_s, self.next_s, self.began_s = 0, FIRST_WAIT_S, 0.0, 0.0
        self.ended: int | None = None

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        fd = theirs.fileno()
        command = [str(fd) if word == LIFELINE else word for word in self.child.command]
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(fd, *self.child.fds),
                env={**dict(self.child.environment), **os.environ},
                start_new_session=True,
            )
        finally:
            theirs.close()
        ours.setblocking(False)
        self.line, self.is_ready = ours, False
        self.n_starts, self.began_s = self.n_starts + 1, time.monotonic()

    def look(self) -> None:
        """Notice that it is ready, or has ended."""
        if self.process is None:
            return
        if not self.is_ready and self.line is not None:
            with suppress(BlockingIOError, ConnectionError):
                self.is_ready = self.line.recv(1) == b"1"
            self.was_ready = self.was_ready or self.is_ready
        self.ended = self.process.poll()
        if self.ended is None:
            return
        now = time.monotonic()
        self.wait_s = FIRST_WAIT_S if now - self.began_s > STEADY_S else self.wait_s
        self.next_s, self.wait_s = now + self.wait_s, min(2 * self.wait_s, LONGEST_WAIT_S)
        self.hang_up()

    def hang_up(self) -> None:
        self.process, self.is_ready = None, False
        if self.line is not None:
            self.line.close()
            self.line = None

    def state(self) -> str:
        if self.is_ready:
            return "up"
        if self.process is not None or not self.n_starts:
            return "starting"
        return f"down: ended with status {self.ended}, is started again"


@final
class Supervisor:
    """Keeps processes up.

    Args:
        children: names are distinct.
        on_change: called whenever what is told of a child has changed.
        is_in_order: a stage is started for the first time when all before it are ready.
        stop_s: a child that was told to stop has so long before it is killed.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        on_change: Callable[["Supervisor"], None] = lambda supervisor: None,
        is_in_order: bool = True,
        stop_s: float = 20.0,
    ) -> None:
        self._all = [_Running(child) for child in children]
        self._on_change, self._stop_s, self._is_in_order = on_change, stop_s, is_in_order
        self._told: Mapping[str, tuple[str, int | None]] = {}

    def states(self) -> dict[str, str]:
        """name -> "up", "starting" or "down: why"."""
        return {one.child.name: one.state() for one in self._all}

    def pids(self) -> dict[str, int]:
        """name -> process id, of those that run."""
        return {one.child.name: p.pid for one in self._all if (p := one.process) is not None}

    @property
    def are_all_ready(self) -> bool:
        """Whether all of them are up."""
        return all(one.is_ready for one in self._all)

    def run(self, stop: threading.Event) -> None:
        """Keep the children up until `stop` is set, then stop them.

        Raises:
            MarketError: a vital child ended before it was ready for the first time.
        """
        try:
            while not stop.is_set():
                self._turn()
                stop.wait(_LOOK_S)
        finally:
            self._stop()

    def _turn(self) -> None:
        for one in self._all:
            one.look()
            failed = one.process is None and one.n_starts == 1 and not one.was_ready
            if failed and one.child.is_vital:
                raise MarketError(
                    f"the {one.child.name} ended with status {one.ended} before it was ready; "
                    "what it said is above"
                )
        stage = min((one.child.stage for one in self._all if not one.was_ready), default=None)
        now = time.monotonic()
        for one in self._all:
            is_due = one.process is None and now >= one.next_s
            if is_due and (stage is None or not self._is_in_order or one.child.stage <= stage):
                one.start()
        self._tell()

    def _tell(self) -> None:
        states, pids = self.states(), self.pids()
        told = {name: (state, pids.get(name)) for name, state in states.items()}
        if told != self._told:
            try:
                self._on_change(self)
            except OSError:  # a full disk must not end the processes; told again at the next look
                return
            self._told = told

    def _stop(self) -> None:
        for stage in sorted({one.child.stage for one in self._all}, reverse=True):
            mine = [one for one in self._all if one.child.stage == stage]
            for one in mine:
                if one.process is not None:
                    one.process.send_signal(signal.SIGTERM)
            until = time.monotonic() + self._stop_s
            for one in mine:
                self._wait(one, until)
        self._tell()

    def _wait(self, one: _Running, until: float) -> None:
        process = one.process
        if process is None:
            return
        try:
            one.ended = process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            one.ended = process.wait()
        one.hang_up()


@final
class Lifeline:
    """A child's end of the pair.

    Args:
        on_orphaned: called once, in a thread, when the supervisor is gone.
    """

    def __init__(self, fd: int, *, on_orphaned: Callable[[], None]) -> None:
        self._line = socket.socket(fileno=fd)
        os.set_inheritable(fd, False)  # else a grandchild would hold it open
        self._on_orphaned = on_orphaned
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def ready(self) -> None:
        """Tell the supervisor that work begins."""
        self._line.send(b"1")

    def _watch(self) -> None:
        while True:
            select.select([self._line], [], [])
            try:
                if self._line.recv(64):
                    continue
            except OSError:
                pass
            self._on_orphaned()
            return
