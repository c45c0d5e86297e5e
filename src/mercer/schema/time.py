"""Time: int64 milliseconds since 1970 UTC."""

from datetime import UTC, datetime

DAY_MS = 86_400_000
MAX_TIME_MS = 4_102_444_800_000  # 2100-01-01; a later time is a wrong unit or a slip
# A clock may run ahead by so much. An updated time further ahead would lock out every later change.
MAX_AHEAD_MS = DAY_MS
# Numbers below this are seconds: as seconds it is the year 5138, as milliseconds the year 1973.
SECONDS_BELOW = 100_000_000_000


def iso(time_ms: int) -> str:
    """The instant as ISO 8601 in UTC with milliseconds, e.g. 2026-01-31T09:30:00.000Z."""
    at = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"
