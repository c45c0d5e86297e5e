"""The file of token keys: who may read it, when it changes, what is kept."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from mercer.engines.embedded.secrets import (
    COOKIE_KEY_FILE,
    FILE_NAME,
    MIN_KEYS,
    TokenKeys,
    cookie_key,
)
from mercer.events.token import sign_many, verify_many
from mercer.schema.errors import CorruptError, NotFoundError

DAY_MS = 86_400_000
PAGE = "019c2a3b-4c5d-7e8f-9a0b-1c2d3e4f5061"


def test_only_the_owner_of_the_file_reads_it(tmp_path: Path) -> None:
    """The folder is 0700 and the file 0600, whatever the umask, also when they were open before."""
    before = os.umask(0)
    try:
        keys = TokenKeys(tmp_path / "secrets")
        assert keys.rotate_if_due(now_ms=0)
        file = tmp_path / "secrets" / FILE_NAME
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        file.chmod(0o644)
        assert not TokenKeys(file.parent).rotate_if_due(now_ms=1)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert [p.name for p in file.parent.iterdir()] == [FILE_NAME]


def test_a_new_key_a_day_and_some_are_kept(tmp_path: Path) -> None:
    """The key that signs is at most a day old; a token verifies until its key is one too many."""
    keys = TokenKeys(tmp_path)
    served_ms = int(PAGE.replace("-", "")[:12], 16)
    token: list[str] = []
    standings = []
    for day in range(MIN_KEYS + 1):
        assert keys.rotate_if_due(now_ms=day * DAY_MS)
        assert not keys.rotate_if_due(now_ms=day * DAY_MS + DAY_MS - 1)
        ring = keys.ring()
        token = token or sign_many(ring, PAGE, ["mug"], [1], [False])
        found = verify_many(ring, token, ["mug"], now_ms=served_ms, ttl_ms=DAY_MS)
        standings.append(bool(found.is_signed[0]))
        assert len(ring.keys) == min(day + 1, MIN_KEYS)
    assert standings == [True] * MIN_KEYS + [False]


def test_keys_outlive_the_tokens(tmp_path: Path) -> None:
    """With a longer time to live more keys are kept, so that no good token is called forged."""
    keys = TokenKeys(tmp_path)
    for day in range(60):
        keys.rotate_if_due(now_ms=day * DAY_MS, ttl_ms=45 * DAY_MS)
    assert len(keys.ring().keys) == 47


def test_other_processes_follow(tmp_path: Path) -> None:
    """What the owner writes is what a reader has at its next look; ids stay in 0..255 for ever."""
    reader = TokenKeys(tmp_path)
    with pytest.raises(NotFoundError):
        reader.ring()
    TokenKeys(tmp_path).rotate_if_due(now_ms=0)
    file = tmp_path / FILE_NAME
    content = msgspec.json.decode(file.read_bytes())
    content["keys"][0]["id"] = content["current"] = 254
    file.write_bytes(msgspec.json.encode(content))
    owner, seen = TokenKeys(tmp_path), []
    for day in range(4):
        owner.rotate_if_due(now_ms=day * DAY_MS)
        assert reader.ring() == owner.ring()
        seen.append(reader.ring().current)
    assert seen == [254, 255, 0, 1]
    assert reader.ring() is reader.ring()


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"current": 9},
        {"keys": []},
        {"keys": [{"id": 1, "made_ms": 0, "key": "AAAA"}]},
        {"keys": [{"id": 1, "made_ms": 0, "key": "?"}]},
        {"keys": [{"id": 300, "made_ms": 0, "key": "?"}], "current": 300},
        {"more": 1},
    ],
)
def test_a_broken_file_says_what_to_do(tmp_path: Path, change: dict[str, object]) -> None:
    """A file that is not what it should be is refused with a sentence that names the way out."""
    TokenKeys(tmp_path).rotate_if_due(now_ms=0)
    file = tmp_path / FILE_NAME
    content = msgspec.json.decode(file.read_bytes()) | change
    file.write_bytes(msgspec.json.encode(content))
    with pytest.raises(CorruptError, match="remove it"):
        TokenKeys(tmp_path).ring()


def test_the_cookie_key_is_made_once_by_whoever_is_first(tmp_path: Path) -> None:
    """Any number of processes that start together seal with the same key, which only they can read."""
    folder = tmp_path / "secrets"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: cookie_key(folder), range(32)))
    assert len(keys) == 1
    assert [path.name for path in folder.iterdir()] == [COOKIE_KEY_FILE]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / COOKIE_KEY_FILE).stat().st_mode) == 0o600


def test_a_broken_cookie_key_says_what_to_do(tmp_path: Path) -> None:
    """Half a key seals nothing."""
    cookie_key(tmp_path)
    (tmp_path / COOKIE_KEY_FILE).write_bytes(b"half")
    with pytest.raises(CorruptError, match="remove it"):
        cookie_key(tmp_path)
