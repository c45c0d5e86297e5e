"""The server that `mercer bench crash` kills: started like anybody's, watched through /proc."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, final

from mercer.schema.errors import MarketError

START_TIMEOUT_S: Final = 120.0
_URL: Final = re.compile(r"http://[0-9.:]+[0-9]")
_CODE: Final = "from mercer.cli import main; main()"


@final
class Server:
    """`mercer serve` as a process group of its own; `kill_one` is what no process can prepare for."""

    def __init__(self, market: Path, *, workers: int, environment: Mapping[str, str]) -> None:
        self._command = [
            sys.executable, "-c", _CODE, "serve", "--market", str(market),
            "--port", "0", "--workers", str(workers),
        ]  # fmt: skip
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._said: list[str] = []
        self.url = ""

    def start(self) -> str:
        """Start it; its address once it serves.

        Raises:
            MarketError: it ended, or did not serve in time; what it said is in the message.
        """
        self.url = ""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=self._environment, start_new_session=True,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()
        until = time.monotonic() + START_TIMEOUT_S
        while not self.url:
            if self._process.poll() is not None or time.monotonic() > until:
                raise MarketError("the server did not start:\n" + "\n".join(self._said[-30:]))
            time.sleep(0.05)
        return self.url

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as stderr:
            self._read(stderr)

    def _read(self, stderr: Iterable[str]) -> None:
        for line in stderr:
            self._said.append(line.rstrip())
            del self._said[:-500]
            if line.startswith("Mercer serves ") and (found := _URL.search(line)):
                self.url = found[0]

    @property
    def said(self) -> list[str]:
        """The last lines of its stderr."""
        return list(self._said)

    def roles(self) -> dict[str, list[int]]:
        """Process ids by role, as their command lines name them; the supervisor is "main"."""
        assert self._process is not None
        found: dict[str, list[int]] = {"main": [self._process.pid]}
        for pid in _descendants(self._process.pid):
            found.setdefault(_role(pid), []).append(pid)
        return found

    def is_healthy(self) -> bool:
        """Whether it answers, and says that each of its processes is up."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5.0) as answer:
                health = json.load(answer)
        except (OSError, ValueError):
            return False
        return bool(health["is_ready"]) and all(s == "up" for s in health["processes"].values())

    def kill_one(self, role: str, rng: random.Random) -> bool:
        """SIGKILL one process of a role; False where there is none."""
        pids = self.roles().get(role, [])
        if not pids:
            return False
        try:
            os.kill(rng.choice(pids), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def kill_all(self) -> None:
        """SIGKILL the supervisor and all it started, as a power cut would."""
        for pids in self.roles().values():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        if self._process is not None:
            self._process.wait()
            self._heard()

    def stop(self, *, timeout_s: float = 60.0) -> int:
        """SIGTERM, as an operator would; the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise MarketError(f"the server did not stop within {timeout_s:g} s") from None
        self._heard()
        return status

    def _heard(self) -> None:
        """Until its stderr is closed: no process of it has it any more."""
        if self._listener is not None:
            self._listener.join(10.0)


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            fields = stat.rpartition(")")[2].split()
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        mine = children.get(waiting.pop(), [])
        found += mine
        waiting += mine
    return found


def _role(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "gone"
    for role in ("owner", "reader", "learner", "merge"):
        if any(role == word or word.startswith(f"{role}-") for word in words):
            return role
    return "merge" if "mercer.app_index" in words else "other"
