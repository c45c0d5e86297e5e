"""API keys in the market's tables; SQLite and PostgreSQL.

Keys are no view of the log: `mercer rebuild` leaves them alone, and a lost table means new keys.
A row is never removed, so that a market which ever had a key never again is one without any.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import sqlalchemy as sa

from mercer.engines.embedded.sql import open_engines
from mercer.schema.api_key import SCOPES, ApiKey
from mercer.schema.errors import MarketBusyError, NotFoundError

_META = sa.MetaData()
_KEY = sa.Table(
    "api_key",
    _META,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # with a space between
    sa.Column("secret_sha256", sa.LargeBinary, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("rate_per_s", sa.Double),
    sa.Column("expires_ms", sa.BigInteger),
    sa.Column("revoked_ms", sa.BigInteger),
)


@final
class SqlKeys:
    """The keys of one market. Thread-safe; several processes may write.

    Args:
        url: of the market's tables.
    Raises:
        ConfigError: the tables cannot be reached. Later calls raise MarketBusyError then.
    """

    def __init__(self, url: str) -> None:
        # A revocation must outlive a power cut, and nothing could make it again.
        self._write, self._read = open_engines(url, synchronous="full")
        _META.create_all(self._write)

    def add(self, key: ApiKey) -> None:
        """Store a new key; durable when this returns."""
        row = {
            "key_id": key.key_id,
            "name": key.name,
            "scopes": " ".join(scope for scope in SCOPES if scope in key.scopes),
            "secret_sha256": key.secret_sha256,
            "created_ms": key.created_ms,
            "rate_per_s": key.rate_per_s,
            "expires_ms": key.expires_ms,
            "revoked_ms": key.revoked_ms,
        }
        with _begin(self._write) as db:
            db.execute(sa.insert(_KEY), [row])

    def revoke(self, key_id: str, *, now_ms: int) -> ApiKey:
        """Let a key count no more; revoked twice it keeps the first time.

        Raises:
            NotFoundError: there is no such key.
        """
        with _begin(self._write) as db:
            is_it = _KEY.c.key_id == key_id
            update = sa.update(_KEY).where(is_it, _KEY.c.revoked_ms.is_(None))
            db.execute(update.values(revoked_ms=now_ms))
            row = db.execute(sa.select(_KEY).where(is_it)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no key {key_id!r}; mercer keys list shows them")
        return _key(row)

    def find(self, key_id: str) -> ApiKey | None:
        """The key of an id, also one that no longer counts."""
        with _begin(self._read) as db:
            row = db.execute(sa.select(_KEY).where(_KEY.c.key_id == key_id)).one_or_none()
        return None if row is None else _key(row)

    def all(self) -> Sequence[ApiKey]:
        """Every key that ever was, oldest first."""
        with _begin(self._read) as db:
            rows = db.execute(sa.select(_KEY).order_by(_KEY.c.created_ms, _KEY.c.key_id)).all()
        return [_key(row) for row in rows]

    def is_empty(self) -> bool:
        """Whether there never was a key."""
        with _begin(self._read) as db:
            return db.execute(sa.select(_KEY.c.key_id).limit(1)).first() is None

    def close(self) -> None:
        """Give all connections back."""
        self._write.dispose()
        self._read.dispose()


@contextmanager
def _begin(engine: sa.Engine) -> Iterator[sa.Connection]:
    try:
        with engine.begin() as db:
            yield db
    except sa.exc.DBAPIError as fault:
        raise MarketBusyError(f"the keys cannot be reached: {fault.orig}; try again") from fault


def _key(row: Any) -> ApiKey:
    names = set(row.scopes.split(" "))
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        scopes=frozenset(scope for scope in SCOPES if scope in names),
        secret_sha256=bytes(row.secret_sha256),
        created_ms=row.created_ms,
        rate_per_s=row.rate_per_s,
        expires_ms=row.expires_ms,
        revoked_ms=row.revoked_ms,
    )
