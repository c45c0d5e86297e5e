"""A market is a folder; this is where everything in it lies, and who may write."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mercer.engines.embedded.config import CONFIG_TEXT, MarketConfig, parse_config
from mercer.engines.embedded.durable import write_durably
from mercer.schema.errors import ConfigError, InputError, MarketBusyError, NotFoundError


@dataclass(frozen=True, slots=True)
class MarketFolder:
    """The paths of one market."""

    path: Path

    @property
    def config_file(self) -> Path:
        """mercer.toml: its presence makes a folder a market."""
        return self.path / "mercer.toml"

    @property
    def log(self) -> Path:
        """What all other state is a view of; the one folder to back up."""
        return self.path / "log"

    @property
    def index(self) -> Path:
        """Index generations."""
        return self.path / "index"

    @property
    def models(self) -> Path:
        """Published models."""
        return self.path / "models"

    @property
    def runs(self) -> Path:
        """Saved evaluations."""
        return self.path / "runs"

    @property
    def views(self) -> Path:
        """What consumers of the log have computed; made anew from it where it is lost."""
        return self.path / "views"

    @property
    def secrets(self) -> Path:
        """Keys that sign; for the market's own processes only."""
        return self.path / "secrets"

    @property
    def images(self) -> Path:
        """Real pictures of the listings, by the names that `images` of a listing gives."""
        return self.path / "images"

    @property
    def rejects(self) -> Path:
        """Rows that were set aside, with their reasons."""
        return self.path / "rejects"

    @property
    def run(self) -> Path:
        """What the processes that serve it tell each other; worth nothing when none runs."""
        return self.path / "run"

    def tables_url(self, config: MarketConfig) -> str:
        """Of the catalogue view: what the config says, or tables.db in this folder."""
        return config.tables_url or f"sqlite:///{self.path.absolute() / 'tables.db'}"

    def create(self) -> None:
        """Make the folder a market with a commented mercer.toml.

        Raises:
            InputError: it is one already, or the path is no folder; nothing was changed.
        """
        if self.config_file.exists():
            raise InputError(
                f"{self.config_file} is there already; edit it, or name another folder"
            )
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; name a folder")
        self.path.mkdir(parents=True, exist_ok=True)
        write_durably(self.config_file, CONFIG_TEXT.encode())

    def config(self) -> MarketConfig:
        """What mercer.toml says.

        Raises:
            NotFoundError: the folder is no market.
            ConfigError: mercer.toml has faults; all are listed.
        """
        try:
            text = self.config_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFoundError(
                f"{self.path.absolute()} is no market (it has no mercer.toml); "
                f"run mercer init {self.path}, or name another with --market"
            ) from None
        except UnicodeDecodeError as fault:
            raise ConfigError(f"{self.config_file} is not UTF-8: {fault}") from None
        return parse_config(text, at=str(self.config_file))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one owner that writes this market while the block runs.

        The lock goes with the process, also when that is killed.

        Raises:
            MarketBusyError: another process, or another opener of this one, owns it.
        """
        handle = os.open(self.path / ".owner", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
                raise MarketBusyError(
                    f"{self.path.absolute()} is owned by process {owner}, and only one may write; "
                    "stop it, or wait until it is done"
                ) from None
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(handle)
