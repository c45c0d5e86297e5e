"""A function in a process of its own that may be killed; it must not need threads that run here."""

import os
import warnings
from collections.abc import Callable


def status_of(child: Callable[[], None]) -> int:
    """The signal that ended it; 0 where it came to its end or raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        pid = os.fork()
    if not pid:
        try:
            child()
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] & 0x7F
