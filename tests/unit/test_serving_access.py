"""A market that is served, from its first key to its last: `mercer serve` and `mercer keys`."""

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mercer.app import access_note, access_of, settings_of
from mercer.cli import app as cli
from mercer.engines.embedded.config import parse_config
from mercer.engines.embedded.keys import SqlKeys
from mercer.engines.embedded.market_folder import MarketFolder
from mercer.schema.errors import ConfigError
from mercer.serve.access.access import Verifier
from mercer.serve.http import create_app
from mercer.serve.log import Log
from mercer.serve.run import listen, server_of
from mercer.serve.settings import ServeSettings
from support.plain_market import PlainMarket, listing


@pytest.fixture
def folder(tmp_path: Path) -> MarketFolder:
    made = MarketFolder(tmp_path / "m")
    made.create()
    return made


def _keys(folder: MarketFolder, *words: str) -> str:
    done = CliRunner().invoke(cli, ["keys", *words, "--market", str(folder.path)])
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def _eventually(check: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if check():
            return True
        time.sleep(0.02)
    return False


def test_a_running_server_takes_and_drops_keys(folder: MarketFolder) -> None:
    """Open, then closed by the first key that another opener of the tables makes, then opened by that
    key, then closed to it: nobody restarts anything."""
    access = access_of(folder)
    keys = SqlKeys(folder.tables_url(folder.config()))
    access = replace(access, verifier=Verifier(keys, fresh_s=0.05))
    app = create_app(PlainMarket([listing("m1", "Mug")]), access=access, log=Log(lambda _: None))
    with listen("127.0.0.1", 0) as listener:
        server = server_of(app, ServeSettings())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        port = listener.getsockname()[1]

        def status(text: str = "") -> int:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            headers = {"Authorization": f"Bearer {text}"} if text else {}
            connection.request("GET", "/v1/search", headers=headers)
            found = connection.getresponse().status
            connection.close()
            return found

        try:
            assert _eventually(lambda: server.started)
            assert status() == 200
            text = _keys(folder, "create", "k", "--scope", "search")
            assert _eventually(lambda: status() == 401)
            assert status(text) == 200
            _keys(folder, "revoke", text.split("_")[1])
            assert _eventually(lambda: status(text) == 401)
            assert status() == 401
        finally:
            server.should_exit = True
            thread.join(10)
    keys.close()


def test_what_serve_says_of_keys(folder: MarketFolder) -> None:
    """One line tells whether anybody but this machine could come in."""
    assert "no keys: this machine only" in access_note(folder.path)
    _keys(folder, "create", "k", "--scope", "search")
    assert access_note(folder.path) == "keys are asked for"


def test_the_config_says_who_may_come(folder: MarketFolder) -> None:
    """Names, proxies, origins and rates of the config and of the options are together."""
    text = """
        [serve]
        allowed_hosts = ["Shop.example"]
        cors_origins = ["https://app.example"]
        address_rate_per_s = 5
    """
    config = parse_config(text, at="test")
    made = settings_of(config, host="192.0.2.7", allow_hosts=["other.example."])
    assert {"localhost", "shop.example", "other.example", "192.0.2.7"} <= set(made.allowed_hosts)
    assert made.cors_origins == ("https://app.example",)
    assert made.address_rate_per_s == 5


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('cors_origins = ["*"]', "cors_origins"),
        ('cors_origins = ["https://a.example/path"]', "cors_origins"),
        ('allowed_hosts = ["a b"]', "allowed_hosts"),
        ("address_rate_per_s = 0", "address_rate_per_s"),
        ("nothing = 1", "serve.nothing is unknown"),
    ],
)
def test_a_slip_in_the_config_is_told(line: str, said: str) -> None:
    """No origin of all, no path, no rate of nothing."""
    with pytest.raises(ConfigError, match=said):
        parse_config(f"[serve]\n{line}\n", at="test")
