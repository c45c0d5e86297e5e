"""The keys that item tokens are signed with: MARKET/secrets/token-keys.json.

    {"version": 1, "current": 2, "keys": [{"id": 1, "made_ms": 0, "key": "<base64>"}, ...]}

The owner makes and rotates it; every other process reads it again when it has changed.
The folder is 0700 and the file 0600. Whoever loses it loses the standing of the tokens that are out,
and nothing else; whoever reads it can forge a click.
"""

import base64
import binascii
import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import final

import msgspec

from mercer.engines.embedded.durable import write_durably
from mercer.events.token import KEY_BYTES, MAX_KEY_ID, KeyRing
from mercer.schema.errors import CorruptError, NotFoundError
from mercer.schema.time import DAY_MS

FILE_NAME = "token-keys.json"
COOKIE_KEY_FILE = "cookie-key"
ROTATE_MS = DAY_MS
MIN_KEYS = 32
"""A token that comes weeks late is told as expired, which it is, and not as forged."""
_VERSION = 1


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    id: int
    made_ms: int
    key: str


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    current: int
    keys: list[_Key]  # newest last


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the file looked like when it was read, to notice that it is another one now."""

    inode: int
    mtime_ns: int
    n_bytes: int


@final
class TokenKeys:
    """The key ring of one market. Thread-safe.

    Args:
        folder: MARKET/secrets.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / FILE_NAME
        self._lock = threading.Lock()
        self._seen: _Seen | None = None
        self._ring: KeyRing | None = None
        self._newest_ms: int | None = None  # of the key that signs; None before the first look

    def ring(self) -> KeyRing:
        """The keys as they are on disk now; one `stat` where nothing changed.

        Raises:
            NotFoundError: the owner never made them.
            CorruptError: the file is not what it should be.
        """
        try:
            at = self._path.stat()
        except FileNotFoundError:
            raise NotFoundError(
                f"{self._path} is missing; the owner of the market makes it when it starts"
            ) from None
        seen = _Seen(at.st_ino, at.st_mtime_ns, at.st_size)
        with self._lock:
            if self._ring is None or seen != self._seen:
                file = self._read()
                keys = {one.id: _secret(one.key, self._path) for one in file.keys}
                self._ring, self._seen = KeyRing(keys, file.current), seen
            return self._ring

    def rotate_if_due(self, *, now_ms: int, ttl_ms: int = DAY_MS) -> bool:
        """Make the first key, or a new one where the current is a day old. The owner's call.

        Args:
            now_ms: the server's clock.
            ttl_ms: how long a token counts; keys are kept until their last tokens have expired.
        Returns:
            Whether the file was written.
        """
        if self._newest_ms is not None and now_ms - self._newest_ms < ROTATE_MS:
            return False
        with self._lock:
            return self._rotate(now_ms, ttl_ms)

    def _rotate(self, now_ms: int, ttl_ms: int) -> bool:
        keys: list[_Key] = []
        if self._path.exists():
            os.chmod(self._path, 0o600)  # a copy that came back from a backup may be open to all
            keys = self._read().keys
            self._newest_ms = keys[-1].made_ms
            if now_ms - self._newest_ms < ROTATE_MS:
                return False
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(self._folder, 0o700)
        next_id = (keys[-1].id + 1) % (MAX_KEY_ID + 1) if keys else 1
        made = _Key(next_id, now_ms, base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        n_kept = max(MIN_KEYS, -(-ttl_ms // ROTATE_MS) + 2)
        file = _File(_VERSION, next_id, [*keys, made][-min(n_kept, MAX_KEY_ID) :])
        write_durably(self._path, msgspec.json.encode(file), mode=0o600)
        self._newest_ms = now_ms
        return True

    def _read(self) -> _File:
        """The file, checked. Raises CorruptError."""
        try:
            file = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except msgspec.MsgspecError as fault:
            raise _corrupt(self._path, str(fault)) from None
        ids = [one.id for one in file.keys]
        if file.version != _VERSION:
            raise _corrupt(self._path, f"version is {file.version}, {_VERSION} is read")
        if not ids or file.current != ids[-1] or len(set(ids)) != len(ids):
            raise _corrupt(self._path, f"current is {file.current}, the keys are {ids}")
        if not all(0 <= one <= MAX_KEY_ID for one in ids):
            raise _corrupt(self._path, f"ids must lie in 0..{MAX_KEY_ID}, got {ids}")
        return file


def _secret(text: str, path: Path) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _corrupt(path, "a key is not base64") from None
    if len(key) != KEY_BYTES:
        raise _corrupt(path, f"a key has {len(key)} bytes, {KEY_BYTES} are needed")
    return key


def _corrupt(path: Path, what: str) -> CorruptError:
    return CorruptError(
        f"{path}: {what}; remove it and start the owner again, which makes new keys: tokens that "
        "are out then count as forged"
    )


def cookie_key(folder: Path) -> bytes:
    """The key that seals cookies, 32 bytes; made where there is none yet, by whichever process is first.

    Whoever removes it logs every browser out, and nothing else.

    Args:
        folder: MARKET/secrets.
    Raises:
        CorruptError: the file holds something else.
    """
    path = folder / COOKIE_KEY_FILE
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(folder, 0o700)
        part = folder / f".{COOKIE_KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}"
        write_durably(part, secrets.token_bytes(KEY_BYTES), mode=0o600)
        try:
            os.link(part, path)  # unlike a rename it never replaces what another process made
        except FileExistsError:
            pass
        finally:
            part.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise CorruptError(
            f"{path} has {len(key)} bytes, {KEY_BYTES} are needed; remove it and start again"
        )
    return key
