"""The processes that serve a market: one for all, or an owner, readers and a learner.

    mercer serve                 owner and HTTP in this process, and a learner
    mercer serve --workers N     this process supervises an owner, N readers and a learner

Run as a program this module is one of the children: `python -m mercer.serving ROLE JOB LIFELINE`.
"""

import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
from fastapi import FastAPI

from mercer.app import Seat, access_of, own_market, owning, serving_market, settings_of
from mercer.app_learner import learner_steps
from mercer.engines.embedded.image_folder import ImageFolder
from mercer.engines.embedded.index.bell import Bell
from mercer.engines.embedded.index.generation import Progress, current_generation
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.engines.embedded.tables import SqlCatalogue
from mercer.schema.errors import ConfigError, MarketError
from mercer.serve.log import Log
from mercer.serve.market import Market
from mercer.serve.process.board import ReaderBoard
from mercer.serve.process.peers import Peers, reader_calls, socket_of
from mercer.serve.process.remote_owner import SOCKET, RemoteOwner, owner_calls
from mercer.serve.process.repeating import Repeating
from mercer.serve.process.rpc import RpcServer
from mercer.serve.process.run_folder import (
    ProcessStatus,
    Status,
    StatusReader,
    claim,
    with_faults,
    write_faults,
    write_status,
)
from mercer.serve.process.sharing import Sharing, sharing_calls
from mercer.serve.process.supervise import LIFELINE, Child, Lifeline, Supervisor
from mercer.serve.process.turn import Turn
from mercer.serve.run import listen, serve, url_of
from mercer.serve.settings import ServeSettings
from mercer.simulate import draw_reference

MAX_WORKERS = 64
ASK_EVERY_S = 0.5  # how often a reader looks how the other processes are
SWITCH_S = 0.001  # of the interpreter lock, between threads that all want it
GC_THRESHOLDS = (5_000, 10, 1_000)  # young, middle, all: the last after some 35,000 searches
_LEARNER_NICENESS = 3  # of the learner: whoever answers requests comes first
# What the learner's threads give back is for all of them: with memory of its own for each thread, by
# glibc and by Arrow, every thread kept what its largest step had needed.
_LEARNER_ENVIRONMENT = (("MALLOC_ARENA_MAX", "1"), ("ARROW_DEFAULT_MEMORY_POOL", "system"))
_ORPHAN_S = 15.0  # an orphan that has not stopped by then is ended


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """How the market is reached.

    Args:
        host: an address of this machine; without keys a loopback one.
        allow_hosts: names by which it is reached, beside those of the config and of this machine.
        trust_proxies: whose X-Forwarded-For is believed, beside those of the config.
    """

    host: str = "127.0.0.1"
    allow_hosts: tuple[str, ...] = ()
    trust_proxies: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """What a child is to do."""

    market: str
    front: Front
    slot: int = 0
    n_readers: int = 1
    listener: int = -1  # the number of the inherited socket


def serve_market(
    path: Path,
    front: Front,
    *,
    port: int,
    workers: int = 1,
    progress: Progress = lambda step, n: None,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a market until SIGINT or SIGTERM; returns when all its processes have stopped.

    Args:
        workers: processes that answer requests.
    Raises:
        ConfigError: a word is wrong, or the market's config.
        MarketBusyError: another process serves or owns the market.
        MarketError: a process could not start.
    """
    if not 1 <= workers <= MAX_WORKERS:
        raise ConfigError(f"workers must lie in 1..{MAX_WORKERS}, got {workers}")
    folder = MarketFolder(path)
    folder.config()
    is_open = access_of(folder, trust_proxies=front.trust_proxies).verifier.look()
    with (
        claim(folder.run),
        closing(listen(front.host, port, is_open=is_open)) as listener,
    ):
        if workers == 1:
            _serve_alone(folder, front, listener, progress, on_ready)
        else:
            _serve_with_readers(folder, front, listener, workers, on_ready)


def _serve_alone(
    folder: MarketFolder,
    front: Front,
    listener: socket.socket,
    progress: Progress,
    on_ready: Callable[[str], None],
) -> None:
    """Own the market, answer requests, and keep a learner up."""
    url, stop = url_of(listener), threading.Event()
    learner = Supervisor(
        [_child("learner", Job(str(folder.path), front), stage=0, is_vital=False)],
        on_change=lambda told: _write_status(folder, url, 1, told, owner=os.getpid()),
    )
    keeping = threading.Thread(target=learner.run, args=(stop,), name="supervise")

    def states() -> Mapping[str, str]:
        return {"owner": "up", **with_faults(folder.run, learner.states())}

    with own_market(folder.path, progress=progress, processes=states) as market:
        keeping.start()
        try:
            _settle()
            _serve(market, folder, front, listener, on_ready=on_ready)
        finally:
            stop.set()
            keeping.join()


def _serve_with_readers(
    folder: MarketFolder,
    front: Front,
    listener: socket.socket,
    n: int,
    on_ready: Callable[[str], None],
) -> None:
    """Supervise an owner, readers and a learner."""
    url, stop, told_ready = url_of(listener), threading.Event(), threading.Event()

    def changed(told: Supervisor) -> None:
        _write_status(folder, url, n, told)
        if told.are_all_ready and not told_ready.is_set():
            told_ready.set()
            on_ready(url)

    job = partial(Job, str(folder.path), front, n_readers=n, listener=listener.fileno())
    children = [_child("owner", job(), stage=0)]
    children += [
        _child(f"reader-{k}", job(slot=k), stage=1, fds=(listener.fileno(),)) for k in range(n)
    ]
    children.append(_child("learner", job(), stage=2, is_vital=False))
    # Only a market that has no index yet has to wait for its owner to make one.
    has_index = current_generation(folder.index) is not None
    supervisor = Supervisor(children, on_change=changed, is_in_order=not has_index)
    with _stop_signals(stop):
        supervisor.run(stop)


def _child(
    role: str, job: Job, *, stage: int, fds: tuple[int, ...] = (), is_vital: bool = True
) -> Child:
    program = role.partition("-")[0]
    command = (sys.executable, "-m", "mercer.serving", program, msgspec.json.encode(job).decode())
    environment = _LEARNER_ENVIRONMENT if program == "learner" else ()
    return Child(role, (*command, LIFELINE), stage, fds, is_vital, environment)


def _write_status(
    folder: MarketFolder, url: str, workers: int, told: Supervisor, *, owner: int | None = None
) -> None:
    pids = told.pids()
    processes = {
        name: ProcessStatus(state, pids.get(name)) for name, state in told.states().items()
    }
    if owner is not None:
        processes = {"owner": ProcessStatus("up", owner), **processes}
    write_status(folder.run, Status(os.getpid(), url, workers, processes))


@contextmanager
def _stop_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set the event while the block runs."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _settle() -> None:
    """Prepare a process that answers requests: short turns, and little for the collector to look at.

    The thread that talks to clients needs the interpreter lock only for moments, but has to wait for it
    as long as a search may keep it.
    """
    gc.collect()
    gc.freeze()  # what was made at the start stays
    # Slates live for minutes and have no cycles. With Python's own thresholds all of them are looked
    # through every ten seconds, in 40 to 60 ms during which nothing else runs.
    gc.set_threshold(*GC_THRESHOLDS)
    # A request passes from thread to thread (its page is written by one of its own); with Python's
    # 5 ms each of them may wait as long as a search takes.
    sys.setswitchinterval(SWITCH_S)


def _serve(
    market: Market,
    folder: MarketFolder,
    front: Front,
    listener: socket.socket,
    *,
    on_ready: Callable[[str], None],
    log: Log | None = None,
    others: Callable[[], Mapping[str, bytes]] = dict,
    n_readers: int = 1,
    board: ReaderBoard | None = None,
    sharing: Sharing | None = None,
    on_app: Callable[[FastAPI], None] = lambda app: None,
) -> None:
    serve(
        market,
        listener=listener,
        settings=replace(
            settings_of(folder.config(), host=front.host, allow_hosts=front.allow_hosts),
            read_threads=read_threads(n_readers),
        ),
        access=access_of(folder, trust_proxies=front.trust_proxies),
        stored=ImageFolder(folder.images).read,
        draw=lambda ref, size_px: draw_reference(ref, size_px=size_px),
        log=log,
        others=others,
        board=board,
        sharing=sharing,
        on_app=on_app,
        on_ready=on_ready,
    )


def read_threads(n_readers: int) -> int:
    """Searches that one of so many readers runs at the same time.

    All readers together run as many as there are cores, and at least one each: more would share the
    same cores and caches, and each would take longer.
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    n_cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, min(ServeSettings().read_threads, n_cores // n_readers))


def run_owner(job: Job, lifeline: Lifeline) -> None:
    """Hold the writes of a market for the readers, until SIGTERM."""
    stop = threading.Event()
    with (
        _stop_signals(stop),
        owning(Path(job.market)) as (folder, _, _, owner),
        closing(RpcServer(folder.run / SOCKET, owner_calls(owner))),
    ):
        lifeline.ready()
        stop.wait()


def run_reader(job: Job, lifeline: Lifeline) -> None:
    """Answer requests, until SIGTERM and those under way have finished."""
    folder = MarketFolder(Path(job.market))
    config, run = folder.config(), folder.run
    name = f"reader-{job.slot}"
    with ExitStack() as stack:
        catalogue = stack.enter_context(closing(SqlCatalogue(folder.tables_url(config))))
        bell = stack.enter_context(closing(Bell(run / "bell")))
        owner = stack.enter_context(closing(RemoteOwner(run)))
        peers = stack.enter_context(closing(Peers(run, slot=job.slot, n=job.n_readers)))
        status = StatusReader(run)
        board = ReaderBoard(run / "readers", slot=job.slot, n=job.n_readers)
        stack.enter_context(closing(board))
        turn = stack.enter_context(closing(Turn(run, slot=job.slot, board=board)))
        seat = Seat(
            writes=owner,
            bell=bell,
            slot=job.slot,
            elsewhere=peers.search,
            processes=status.states,
            turn=turn.taken,
        )
        market = stack.enter_context(closing(serving_market(folder, config, catalogue, seat)))

        def look() -> None:
            status.ask()
            owner.ask()

        stack.enter_context(closing(Repeating("look", look, every_s=ASK_EVERY_S)))

        def version() -> int:
            return market.version

        def answer_peers(app: FastAPI) -> None:
            calls = {
                **reader_calls(market.search_here, app.state.meter.own),
                **sharing_calls(app.state.found_here, version),
            }
            stack.enter_context(closing(RpcServer(run / socket_of(job.slot), calls)))

        _settle()
        _serve(
            market,
            folder,
            job.front,
            stack.enter_context(closing(socket.socket(fileno=job.listener))),
            log=Log().bind(process=name),
            others=peers.metrics,
            n_readers=job.n_readers,
            board=board,
            sharing=Sharing(board, peers, version=version),
            on_app=answer_peers,
            on_ready=lambda url: lifeline.ready(),
        )


def run_learner(job: Job, lifeline: Lifeline) -> None:
    """Keep what is made from the log up to date, until SIGTERM."""
    folder, stop, log = MarketFolder(Path(job.market)), threading.Event(), Log()
    log = log.bind(process="learner")
    os.nice(_LEARNER_NICENESS)
    with _stop_signals(stop), ExitStack() as stack:
        steps = stack.enter_context(learner_steps(folder, folder.config()))
        running = [
            stack.enter_context(closing(Repeating(s.name, s.step, every_s=s.every_s)))
            for s in steps
        ]
        lifeline.ready()
        told: list[str] | None = None
        while not stop.wait(1.0):
            faults = [one.fault for one in running if one.fault]
            if faults == told:
                continue
            for fault in faults:
                if fault not in (told or ()):
                    log.warning("step_failed", fault=fault)
            with suppress(OSError):  # on a full disk it is told at the next look
                write_faults(folder.run, faults)
                told = faults


ROLES: Mapping[str, Callable[[Job, Lifeline], None]] = {
    "owner": run_owner,
    "reader": run_reader,
    "learner": run_learner,
}


def _orphaned() -> None:
    """The supervisor is gone: stop as if it had said so, and in any case soon."""
    end = threading.Timer(_ORPHAN_S, os._exit, (1,))
    end.daemon = True
    end.start()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """One child; what is wrong is said in a sentence on stderr."""
    role, job, lifeline = sys.argv[1:]
    try:
        ROLES[role](
            msgspec.json.decode(job, type=Job), Lifeline(int(lifeline), on_orphaned=_orphaned)
        )
    except MarketError as fault:
        sys.stderr.write(f"mercer serve, {role}: {fault}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
