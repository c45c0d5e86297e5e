"""Where a figure was measured: without it no two figures can be compared."""

import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

LIBRARIES: Final = ("faiss-cpu", "numba", "numpy", "pyarrow", "tantivy")


def provenance() -> dict[str, Any]:
    """`machine` (CPU model, cores, memory), how busy it is, `commit` and `versions`."""
    return {
        "load_1m": round(os.getloadavg()[0], 2),  # above the cores, others took their part of them
        "machine": {
            "cpu": _cpu_model(),
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1,
            "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
            "system": f"{platform.system()} {platform.release()}",
        },
        "commit": _commit(),
        "versions": {
            "mercer": version("mercer"),
            "python": platform.python_version(),
            **{name: version(name) for name in LIBRARIES},
        },
    }


def peak_rss_mib() -> float:
    """The most memory this process has held resident so far, files mapped into it counted."""
    status = _status()
    if "VmHWM" in status:
        return status["VmHWM"]
    # Elsewhere than on Linux; there it would count what ran in this process before exec.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / (2**20 if sys.platform == "darwin" else 2**10))


def rss_parts_mib() -> dict[str, float]:
    """What is resident now: `now` in all, `anonymous` its own, `files` mapped; Linux only."""
    status = _status()
    names = {"now": "VmRSS", "anonymous": "RssAnon", "files": "RssFile"}
    return {name: round(status[field], 1) for name, field in names.items() if field in status}


def _status() -> dict[str, float]:
    """The sizes of /proc/self/status in MiB; empty where there is none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = [line.split() for line in lines if line.endswith(" kB")]
    return {words[0].rstrip(":"): int(words[1]) / 1024 for words in pairs}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _commit() -> str | None:
    """The commit of the source, with -dirty where files differ from it; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    here = Path(__file__).parent
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
