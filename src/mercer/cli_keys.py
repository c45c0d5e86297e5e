"""`mercer keys`: who may use the HTTP interface of a market."""

import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mercer.cli_words import AsJson, MarketDir, say, told
from mercer.engines.embedded.keys import SqlKeys
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.api_key import ID_BYTES, SCOPES, SECRET_BYTES, ApiKey, new_key
from mercer.schema.errors import ConfigError, NotFoundError
from mercer.schema.time import DAY_MS

MAX_DAYS = 3_650

app = typer.Typer(no_args_is_help=True, help="API keys of a market.")


@contextmanager
def _keys(market: Path) -> Iterator[SqlKeys]:
    folder = MarketFolder(market)
    keys = SqlKeys(folder.tables_url(folder.config()))
    try:
        yield keys
    finally:
        keys.close()


@app.command("create")
def create_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call it.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help=f"What it may do: {', '.join(SCOPES)}; repeat it.")
    ],
    market: MarketDir = Path(),
    rate: Annotated[
        float | None, typer.Option(help="Requests a second; by default the server's.")
    ] = None,
    expires: Annotated[
        int | None, typer.Option(metavar="DAYS", help="Days until it ends; by default never.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only its hash is stored.

    From the first key on the API asks for one; the pages of the shop stay open to all. A running server
    takes the key within seconds.

    Examples:

        mercer keys create storefront --scope search --scope events --market shop
        mercer keys create importer --scope catalogue --rate 20 --expires 90 --market shop
        mercer keys create me --scope admin --market shop --json
    """
    with told("keys create"):
        if expires is not None and not 1 <= expires <= MAX_DAYS:
            raise ConfigError(f"--expires: 1 to {MAX_DAYS:,} days, got {expires}")
        now_ms = _now_ms()
        key, text = new_key(
            secrets.token_bytes(ID_BYTES + SECRET_BYTES),
            name=name,
            scopes=scope,
            now_ms=now_ms,
            rate_per_s=rate,
            expires_ms=None if expires is None else now_ms + expires * DAY_MS,
        )
        with _keys(market) as keys:
            was_empty = keys.is_empty()
            keys.add(key)
    if was_empty:
        sys.stderr.write("mercer keys create: from now on the API of this market asks for a key\n")
    say({"key": text, **_line(key, now_ms=now_ms)}, text, as_json=as_json)


@app.command("list")
def list_command(market: MarketDir = Path(), as_json: AsJson = False) -> None:
    """Show all keys, those that no longer count too.

    Examples:

        mercer keys list --market shop
    """
    with told("keys list"), _keys(market) as keys:
        lines = [_line(key, now_ms=_now_ms()) for key in keys.all()]
    if as_json:
        say({"keys": lines}, "", as_json=True)
        return
    if not lines:
        say(
            {},
            "No keys: the server listens on this machine only, and allows everything.",
            as_json=False,
        )
        return
    table = Table("id", "name", "scopes", "rate/s", "created", "ends", "state", box=None)
    for line in lines:
        rate = "" if line["rate_per_s"] is None else f"{line['rate_per_s']:g}"
        scopes = ", ".join(line["scopes"])
        ends = _day(line["revoked_ms"] or line["expires_ms"])
        table.add_row(
            line["key_id"],
            line["name"],
            scopes,
            rate,
            _day(line["created_ms"]),
            ends,
            line["state"],
        )
    Console().print(table)


@app.command("revoke")
def revoke_command(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `mercer keys list` shows it.")],
    market: MarketDir = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which key it would be; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let a key count no more; every running server knows within two seconds.

    Examples:

        mercer keys revoke 4tq6x2mznb3ya --market shop --dry-run
        mercer keys revoke 4tq6x2mznb3ya --market shop
    """
    with told("keys revoke"), _keys(market) as keys:
        found = keys.find(key_id)
        if found is None:
            raise NotFoundError(f"there is no key {key_id!r}; mercer keys list shows them")
        before = found.state(now_ms=_now_ms())
        key = found if dry_run else keys.revoke(key_id, now_ms=_now_ms())
    line = _line(key, now_ms=_now_ms()) | {"state_before": before, "is_dry_run": dry_run}
    verb = "would be revoked" if dry_run else "is revoked"
    text = f"{key.key_id} ({key.name}; {', '.join(line['scopes'])}; {before}) {verb}"
    say(line, text, as_json=as_json)


def _line(key: ApiKey, *, now_ms: int) -> dict[str, Any]:
    """A key as `--json` shows it; nothing of its secret."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": [scope for scope in SCOPES if scope in key.scopes],
        "rate_per_s": key.rate_per_s,
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
        "revoked_ms": key.revoked_ms,
        "state": key.state(now_ms=now_ms),
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _day(at_ms: int | None) -> str:
    return "" if at_ms is None else datetime.fromtimestamp(at_ms / 1e3, UTC).date().isoformat()
