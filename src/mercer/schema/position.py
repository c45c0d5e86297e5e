"""A place in the log, as views store it: opaque text that only the log's engine can read."""

from typing import NewType

Position = NewType("Position", str)

START = Position("")
"""Before the first record, whatever the engine."""
