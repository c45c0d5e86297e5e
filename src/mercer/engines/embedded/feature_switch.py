"""Features that are switched off in a market: one small file that servers look at.

    models/features/off.json    {"off": ["name", ...]}

A feature that is off has its missing value; no model is trained anew for that.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import final

from mercer.engines.embedded.durable import write_durably
from mercer.schema.errors import CorruptError

FILE = "off.json"


@final
class FeatureSwitch:
    """Which features of a market are off.

    Args:
        models: the folder `models/` of the market.
    """

    def __init__(self, models: Path) -> None:
        self.path = models / "features" / FILE
        self._seen: tuple[int, int] | None = None
        self.off: frozenset[str] = frozenset()

    def poll(self) -> bool:
        """Look at the file: one `stat` while it stays as it is. Whether `off` changed.

        Raises:
            CorruptError: the file is not what it should be; `off` stays as it was.
        """
        try:
            stat = self.path.stat()
            mark = (stat.st_mtime_ns, stat.st_ino)
        except FileNotFoundError:
            mark = None
        if mark == self._seen:
            return False
        before, self.off = self.off, frozenset() if mark is None else self._read()
        self._seen = mark
        return before != self.off

    def set(self, off: Iterable[str]) -> None:
        """Switch exactly these off; durable when it returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(self.path, json.dumps({"off": sorted(set(off))}).encode() + b"\n")
        self.poll()

    def _read(self) -> frozenset[str]:
        try:
            names = json.loads(self.path.read_bytes())["off"]
            if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
                raise TypeError(f"off is {names!r}, must be a list of names")
        except (ValueError, KeyError, TypeError) as fault:
            raise CorruptError(
                f'{self.path}: {fault}; write {{"off": []}} into it, or remove it: all are on'
            ) from None
        return frozenset(names)
