"""The tables of the catalogue view and the few statements that SQLite and PostgreSQL say differently."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from mercer.schema.errors import ConfigError, CorruptError
from mercer.schema.position import START, Position

FORMAT = 2

# SQLite keeps a table in the order of its key only if that is called INTEGER.
_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_META = sa.MetaData()

LISTING_ROW = sa.Table(
    "listing",
    _META,
    sa.Column("row_id", _KEY, primary_key=True, autoincrement=False),
    sa.Column("listing_id", sa.Text, nullable=False, unique=True),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, index=True),
    sa.Column("is_deleted", sa.SmallInteger, nullable=False),
    sa.Column("content_hash", sa.BigInteger, nullable=False),
    sa.Column("chunk_id", sa.BigInteger, nullable=False),  # -1 where deleted
    sa.Column("chunk_row", sa.Integer, nullable=False),
)
CHUNK = sa.Table(
    "chunk",
    _META,
    sa.Column("chunk_id", _KEY, primary_key=True, autoincrement=False),
    sa.Column("n_live", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
SELLER_ROW = sa.Table(
    "seller",
    _META,
    sa.Column("seller_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("opened_ms", sa.BigInteger),
    sa.Column("country", sa.Text),
    sa.Column("rating", sa.Double),
    sa.Column("rating_count", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
)
STATE = sa.Table(
    "state",
    _META,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
# The place in the log that the rows stand at: its text is the log's business.
PLACE = sa.Table(
    "place",
    _META,
    sa.Column("only", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Text, nullable=False),
)
_START = {"format": FORMAT, "version": 0, "next_row_id": 1, "next_chunk_id": 1}


def open_engines(url: str, *, synchronous: str = "normal") -> tuple[sa.Engine, sa.Engine]:
    """A writing and a reading engine over the same tables, which are created where missing.

    Args:
        synchronous: SQLite's; "full" for what nothing else could make again after a power cut.
    Raises:
        ConfigError: a URL of another database, or one that cannot be reached.
        CorruptError: tables of another format.
    """
    try:
        made = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigError(f"tables.url {url!r} is no URL; sqlite:///FILE is one") from None
    kind = made.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise ConfigError(f"tables.url: got {kind}, allowed are sqlite and postgresql")
    if kind == "postgresql":
        made = made.set(drivername="postgresql+psycopg")
        write = sa.create_engine(made)
        # Keys and their chunks are read by two statements that must see the same state.
        read = sa.create_engine(made, isolation_level="REPEATABLE READ")
    else:
        write, read = (sa.create_engine(made) for _ in range(2))
        _sqlite_transactions(write, "BEGIN IMMEDIATE", synchronous)
        _sqlite_transactions(read, "BEGIN", synchronous)
    try:
        _create(write)
    except sa.exc.DBAPIError as fault:
        where = made.render_as_string(hide_password=True)
        raise ConfigError(f"tables.url {where} cannot be opened: {fault.orig}") from fault
    return write, read


def _sqlite_transactions(engine: sa.Engine, begin: str, synchronous: str) -> None:
    """Say BEGIN ourselves: the driver would begin late and let two writers meet."""

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        # The log is what must be durable; after a power cut the view catches up from it.
        for pragma in ("journal_mode=wal", f"synchronous={synchronous}", "cache_size=-65536"):
            connection.execute(f"pragma {pragma}")

    @sa.event.listens_for(engine, "begin")
    def began(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)


def _create(engine: sa.Engine) -> None:
    _META.create_all(engine)
    with engine.begin() as db:
        state = read_state(db)
        if not state:
            db.execute(sa.insert(STATE), [{"name": k, "value": v} for k, v in _START.items()])
            db.execute(sa.insert(PLACE), {"only": 1, "position": START})
        elif state.get("format") == 1:
            _migrate_1(db, state)
        elif state.get("format") != FORMAT:
            raise CorruptError(
                f"the tables have format {state.get('format')}, this version of Mercer reads {FORMAT}; "
                "run mercer rebuild"
            )


def _migrate_1(db: sa.Connection, state: Mapping[str, int]) -> None:
    """Format 1 knew one partition of the log, and its offset as a number."""
    at = state["position"]
    position = f"catalogue:{at}" if at else START
    db.execute(sa.insert(PLACE), {"only": 1, "position": position})
    db.execute(sa.delete(STATE).where(STATE.c.name == "position"))
    write_state(db, {"format": FORMAT})


def drop_tables(engine: sa.Engine) -> None:
    """Remove the view and make it empty again."""
    _META.drop_all(engine)
    _create(engine)


def fetch(
    db: sa.Connection, select: Any, values: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """The rows as the driver's own tuples: half the time of SQLAlchemy's row objects.

    Args:
        values: of the select's parameters.
    """
    result = db.execute(select, values)
    rows = list(result.cursor.fetchall())
    result.close()
    return rows


# Made once: SQLAlchemy remembers what it found out about a statement in the statement itself.
_ALL_STATE = sa.select(STATE)
_SET_STATE = (
    sa.update(STATE).where(STATE.c.name == sa.bindparam("at")).values(value=sa.bindparam("to"))
)
_PLACE = sa.select(PLACE.c.position)
_SET_PLACE = sa.update(PLACE).values(position=sa.bindparam("to"))


def read_state(db: sa.Connection) -> dict[str, int]:
    """The counters that are stored beside the rows, in the same transaction."""
    return dict(fetch(db, _ALL_STATE))


def write_state(db: sa.Connection, state: Mapping[str, int]) -> None:
    """Store the counters."""
    db.execute(_SET_STATE, [{"at": k, "to": v} for k, v in state.items()])


def read_place(db: sa.Connection) -> Position:
    """The log position that is stored beside the rows, in the same transaction."""
    return Position(db.execute(_PLACE).scalar_one())


def write_place(db: sa.Connection, position: Position) -> None:
    """Store the log position."""
    db.execute(_SET_PLACE, {"to": position})


def members(db: sa.Connection, values: Sequence[Any], type_: Any) -> Any:
    """A column expression of the values, to join with or to select from; one bind, any number."""
    if db.dialect.name == "sqlite":
        text = msgspec.json.encode(values).decode()
        return (
            sa.func.json_each(text).table_valued(sa.column("value", type_), name="wanted").c.value
        )
    array = sa.cast(sa.literal(list(values), postgresql.ARRAY(type_)), postgresql.ARRAY(type_))
    return sa.func.unnest(array).column_valued("wanted")


@lru_cache(maxsize=32)
def _sqlite_upsert(table: sa.Table, key: str, names: tuple[str, ...]) -> str:
    """The statement, with a place for each column in the table's order."""
    made = sqlite.insert(table)
    update = {n: made.excluded[n] for n in names if n != key}
    statement = made.on_conflict_do_update(index_elements=[key], set_=update)
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=names))


def upsert_columns(
    db: sa.Connection, table: sa.Table, key: str, columns: Mapping[str, Sequence[Any]]
) -> None:
    """Insert rows given as columns; a row whose key is there takes the new values."""
    names = list(columns)
    if db.dialect.name == "sqlite":
        order = [c.name for c in table.columns if c.name in columns]
        # Straight to the driver: building a dictionary per row would cost more than the insert.
        rows = list(zip(*(columns[n] for n in order), strict=True))
        db.exec_driver_sql(_sqlite_upsert(table, key, tuple(names)), rows)
        return
    arrays = [
        sa.cast(
            sa.literal(list(values), postgresql.ARRAY(table.c[n].type)),
            postgresql.ARRAY(table.c[n].type),
        )
        for n, values in columns.items()
    ]
    source = sa.func.unnest(*arrays).table_valued(*names, name="given").render_derived()
    into = postgresql.insert(table).from_select(names, sa.select(*(source.c[n] for n in names)))
    update = {n: into.excluded[n] for n in names if n != key}
    db.execute(into.on_conflict_do_update(index_elements=[key], set_=update))
