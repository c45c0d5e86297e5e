"""`mercer keys`: made, shown once, listed, revoked."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mercer.cli import app
from mercer.engines.embedded.keys import SqlKeys
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.api_key import read_key_text


@pytest.fixture
def market(tmp_path: Path) -> Path:
    MarketFolder(tmp_path / "m").create()
    return tmp_path / "m"


def keys(*words: object, market: Path) -> Result:
    return CliRunner().invoke(app, ["keys", *map(str, words), "--market", str(market)])


def test_a_key_is_shown_once_and_its_secret_is_stored_nowhere(market: Path) -> None:
    """What is printed opens the door; what is stored does not."""
    done = keys("create", "shop", "--scope", "search", "--scope", "events", market=market)
    assert done.exit_code == 0, done.output
    text = done.stdout.strip()
    read = read_key_text(text)
    assert read is not None
    tables = SqlKeys(MarketFolder(market).tables_url(MarketFolder(market).config()))
    key = tables.find(read[0])
    tables.close()
    assert key is not None
    assert key.is_of(read[1])
    secret = text.split("_", 2)[2].encode()  # its own letters may hold a "_" as well
    stored = b"".join(path.read_bytes() for path in market.rglob("*") if path.is_file())
    assert secret not in stored
    assert read[1] not in stored
    assert secret.decode() not in keys("list", "--json", market=market).stdout


def test_list_shows_what_was_asked_for(market: Path) -> None:
    """Name, scopes, rate, end and state; an empty market says what that means."""
    assert "this machine only" in keys("list", market=market).stdout
    assert json.loads(keys("list", "--json", market=market).stdout) == {"keys": []}
    words = ("create", "robot", "--scope", "catalogue", "--rate", "5", "--expires", "30", "--json")
    made = json.loads(keys(*words, market=market).stdout)
    (line,) = json.loads(keys("list", "--json", market=market).stdout)["keys"]
    assert line == {name: value for name, value in made.items() if name != "key"}
    assert line["rate_per_s"] == 5
    assert line["expires_ms"] - line["created_ms"] == 30 * 86_400_000
    assert "robot" in keys("list", market=market).stdout


def test_revoke_says_first_and_does_then(market: Path) -> None:
    """A dry run changes nothing; the revoked key stays in the list."""
    made = json.loads(keys("create", "k", "--scope", "admin", "--json", market=market).stdout)
    key_id = made["key_id"]
    dry = keys("revoke", key_id, "--dry-run", market=market)
    assert "would be revoked" in dry.stdout
    assert json.loads(keys("list", "--json", market=market).stdout)["keys"][0]["state"] == "live"
    assert keys("revoke", key_id, market=market).exit_code == 0
    assert json.loads(keys("list", "--json", market=market).stdout)["keys"][0]["state"] == "revoked"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "x", "--scope", "root"), "allowed are search, events, catalogue, admin"),
        (("create", "x", "--scope", "search", "--rate", "0"), "rate"),
        (("create", "x", "--scope", "search", "--expires", "0"), "--expires"),
        (("revoke", "nobody"), "mercer keys list"),
    ],
)
def test_wrong_words_are_status_2(market: Path, words: tuple[str, ...], said: str) -> None:
    """What cannot be is said before anything is stored."""
    done = keys(*words, market=market)
    assert done.exit_code == 2
    assert said in done.stderr
    assert json.loads(keys("list", "--json", market=market).stdout) == {"keys": []}


def test_no_market_is_status_2(tmp_path: Path) -> None:
    """A folder that is no market is told, and gets no tables."""
    done = keys("list", market=tmp_path)
    assert done.exit_code == 2
    assert "no market" in done.stderr
    assert list(tmp_path.iterdir()) == []
