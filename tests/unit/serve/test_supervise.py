"""The supervisor over real processes: order, restarts, stopping, and nobody left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mercer.schema.errors import MarketBusyError, MarketError
from mercer.serve.process.run_folder import ProcessStatus, Status, claim, read_status, write_status
from mercer.serve.process.supervise import LIFELINE, Child, Supervisor

PROGRAM = """
    import os, signal, socket, sys, threading, time
    fd, file, mode = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: mode != "deaf" and stop.set())
    line = socket.socket(fileno=fd)
    def say(word):
        with open(file, "a") as out:
            out.write(f"{word} {os.getpid()}\\n")
    say("start")
    if mode == "broken":
        sys.exit(3)
    line.send(b"1")
    def watch():
        line.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)
    threading.Thread(target=watch, daemon=True).start()
    stop.wait()
    say("stop")
"""


def child(
    file: Path, name: str, *, stage: int = 0, mode: str = "good", vital: bool = True
) -> Child:
    command = (sys.executable, "-S", "-c", textwrap.dedent(PROGRAM), LIFELINE, str(file), mode)
    return Child(name, command, stage, is_vital=vital)


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


class Running:
    """A supervisor in a thread."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor, self.stop, self.fault = supervisor, threading.Event(), ""
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.supervisor.run(self.stop)
        except MarketError as fault:
            self.fault = str(fault)

    def end(self) -> None:
        self.stop.set()
        self.thread.join()


@pytest.fixture
def running() -> Iterator[list[Running]]:
    made: list[Running] = []
    yield made
    for one in made:
        one.end()


def words(file: Path) -> list[str]:
    return file.read_text().split("\n")[:-1] if file.exists() else []


def test_stages_start_in_order_and_stop_in_reverse(tmp_path: Path, running: list[Running]) -> None:
    """A later stage begins when the earlier ones are ready, and is stopped before them."""
    file = tmp_path / "said"
    one = Running(Supervisor([child(file, "late", stage=1), child(file, "early", stage=0)]))
    running.append(one)
    until(lambda: one.supervisor.are_all_ready)
    pids = one.supervisor.pids()
    assert one.supervisor.states() == {"late": "up", "early": "up"}
    one.end()
    early, late = pids["early"], pids["late"]
    assert words(file) == [f"start {early}", f"start {late}", f"stop {late}", f"stop {early}"]


def test_a_child_gets_what_is_set_for_it(
    tmp_path: Path, running: list[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment is ours and what is set for it; what ours has goes first."""
    monkeypatch.setenv("MERCER_TEST_OURS", "ours")
    told = tmp_path / "told"
    program = "import os; print(*(os.environ[n] for n in ('MERCER_TEST_OURS', 'MERCER_TEST_ITS')))"
    script = f'{sys.executable} -S -c "{program}" > {told}; sleep 60'
    environment = (("MERCER_TEST_OURS", "its"), ("MERCER_TEST_ITS", "its"))
    made = Child("one", ("/bin/sh", "-c", script), 0, is_vital=False, environment=environment)
    running.append(Running(Supervisor([made], on_change=lambda _: None)))
    until(lambda: told.exists() and told.read_text())
    assert told.read_text() == "ours its\n"


def test_a_killed_child_is_started_again(tmp_path: Path, running: list[Running]) -> None:
    """The states tell of it meanwhile; its neighbour goes on."""
    file, told = tmp_path / "said", []
    supervisor = Supervisor(
        [child(file, "a"), child(file, "b")], on_change=lambda s: told.append(s.states()["a"])
    )
    one = Running(supervisor)
    running.append(one)
    until(lambda: supervisor.are_all_ready)
    before = supervisor.pids()
    os.kill(before["a"], signal.SIGKILL)
    until(lambda: supervisor.are_all_ready and supervisor.pids()["a"] != before["a"])
    assert supervisor.pids()["b"] == before["b"]
    assert "down: ended with status -9, is started again" in told


def test_a_status_that_cannot_be_written_ends_nobody(
    tmp_path: Path, running: list[Running]
) -> None:
    """While the disk is full the processes go on; what was not told is told later."""
    file, n_faults, told = tmp_path / "log", 3, []

    def tell(supervisor: Supervisor) -> None:
        nonlocal n_faults
        if n_faults:
            n_faults -= 1
            raise OSError(28, "No space left on device")
        told.append(supervisor.states()["a"])

    one = Running(Supervisor([child(file, "a")], on_change=tell))
    running.append(one)
    until(lambda: told and told[-1] == "up")
    assert one.thread.is_alive()


def test_a_child_that_never_gets_ready_ends_all(tmp_path: Path, running: list[Running]) -> None:
    """A market that cannot be opened is a sentence, not a loop; what had started is stopped."""
    file = tmp_path / "said"
    one = Running(Supervisor([child(file, "good"), child(file, "bad", mode="broken")]))
    running.append(one)
    one.thread.join(20)
    assert "the bad ended with status 3 before it was ready" in one.fault
    assert not one.supervisor.pids()


def test_one_that_is_not_vital_is_tried_ever_more_rarely(
    tmp_path: Path, running: list[Running]
) -> None:
    """The others serve on, and the machine is not kept busy with starting it."""
    file = tmp_path / "said"
    bad = child(tmp_path / "bad", "bad", mode="broken", vital=False)
    one = Running(Supervisor([child(file, "good"), bad]))
    running.append(one)
    until(lambda: len(words(tmp_path / "bad")) >= 3)
    assert one.supervisor.states()["good"] == "up"
    time.sleep(0.5)
    assert len(words(tmp_path / "bad")) <= 5
    assert not one.fault


def test_a_deaf_child_is_killed(tmp_path: Path, running: list[Running]) -> None:
    """Stopping ends, also where a process does not listen."""
    supervisor = Supervisor([child(tmp_path / "said", "deaf", mode="deaf")], stop_s=0.3)
    one = Running(supervisor)
    running.append(one)
    until(lambda: supervisor.are_all_ready)
    pid = supervisor.pids()["deaf"]
    one.end()
    assert not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


ORPHANS = """
    import sys, threading
    sys.path[:0] = [sys.argv[1]]
    from pathlib import Path
    from unit.serve.test_supervise import child
    from mercer.serve.process.supervise import Supervisor
    supervisor = Supervisor(
        [child(Path(sys.argv[2]), "a"), child(Path(sys.argv[2]), "b")],
        on_change=lambda s: s.are_all_ready and print(*s.pids().values(), flush=True),
    )
    supervisor.run(threading.Event())
"""


def test_a_killed_supervisor_leaves_nobody_behind(tmp_path: Path) -> None:
    """Children notice that their parent is gone."""
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-c", textwrap.dedent(ORPHANS), str(tests), str(tmp_path / "said")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 2
        process.kill()
    until(lambda: not any(map(_is_alive, pids)))
    assert (
        sorted(word.split()[0] for word in words(tmp_path / "said")) == ["start"] * 2 + ["stop"] * 2
    )


def test_a_market_is_served_once(tmp_path: Path) -> None:
    """A second one is refused with a sentence; what a dead one left is gone for the next."""
    run = tmp_path / "run"
    with claim(run):
        write_status(run, Status(1, "http://x", 1, {"owner": ProcessStatus("up", 2)}))
        assert read_status(run).processes["owner"].pid == 2  # type: ignore[union-attr]
        with pytest.raises(MarketBusyError, match=f"served by process {os.getpid()}"), claim(run):
            pass
    assert read_status(run) is None
    (run / "owner.sock").touch()
    with claim(run):
        assert not list(run.glob("*.sock"))
