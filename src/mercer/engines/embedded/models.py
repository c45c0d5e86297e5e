"""The models of a market: folders that are whole or not there, and a pointer that is replaced whole.

models/<role>/<name>-<hash12>/    see learn/model_file.py
models/<role>/current             which one serves, and the history (learn/history.py)
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from mercer.engines.embedded.durable import sync_folder, sync_tree, write_durably
from mercer.engines.embedded.scorer.kinds import SCORER_KINDS
from mercer.learn.history import History
from mercer.learn.loading import LoadedModel, loaded
from mercer.learn.model_file import MANIFEST, Manifest, ModelFile, check_files, check_name, model_id
from mercer.schema.errors import CorruptError, MarketError, NotFoundError

POINTER = "current"


@final
class ModelFolder:
    """All models of one role. Any process may read; writers take turns.

    Args:
        models: the folder `models/` of a market.
        role: which stage they serve, such as "ranker".
    """

    def __init__(self, models: Path, role: str) -> None:
        check_name(role, what="role")
        self.path, self.role = models / role, role

    def ids(self) -> list[str]:
        """Of all models that are there, oldest first."""
        if not self.path.is_dir():
            return []
        there = (one for one in self.path.iterdir() if not one.name.startswith("."))
        found = [one for one in there if (one / MANIFEST).is_file()]
        return [one.name for one in sorted(found, key=lambda p: (_made(p), p.name))]

    def manifest(self, model: str) -> Manifest:
        """What a model says of itself; only the manifest is checked.

        Raises:
            NotFoundError: no such model.
            CorruptError: the manifest was changed, or is none.
        """
        file = self.path / model / MANIFEST
        try:
            data = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(self._no_such(model)) from None
        found = Manifest.from_bytes(data, at=str(file))
        if model_id(found.name, data) != model:
            raise CorruptError(
                f"{file}: was changed after the model was made (its hash is not {model}); "
                "train the model anew"
            )
        return found

    def _no_such(self, model: str) -> str:
        there = self.ids()
        shown = ", ".join(there[-5:]) if there else "none"
        return f"{self.path}: there is no model {model!r}; the last are: {shown}"

    def read(self, model: str) -> ModelFile:
        """A model with all its files, their sums checked.

        Raises:
            NotFoundError, CorruptError: as `manifest`, or a file is missing, cut off or changed.
        """
        manifest = self.manifest(model)
        files = {}
        for name in manifest.files:
            path = self.path / model / name
            if Path(name).name == name and path.is_file():
                files[name] = path.read_bytes()
        check_files(manifest, files, at=str(self.path / model))
        return ModelFile(manifest, files)

    def load(self, model: str) -> LoadedModel:
        """A model ready to score: whole, and scoring as it did when made.

        Raises:
            MarketError: a sentence that says what is wrong.
        """
        at = str(self.path / model)
        return loaded(self.read(model), at=at, kinds=SCORER_KINDS)

    def write(self, made: ModelFile) -> str:
        """Add a model, whole or not at all; its id. One that is there is left as it is."""
        with self._writing():
            target = self.path / made.id
            if target.exists():
                return made.id
            part = self.path / f".{made.id}.{os.getpid()}.part"
            part.mkdir()
            for name, data in made.files.items():
                (part / name).write_bytes(data)
            (part / MANIFEST).write_bytes(made.manifest.to_bytes())
            sync_tree(part)
            part.rename(target)
            sync_folder(self.path)
        return made.id

    def history(self) -> History:
        """What served when; empty where nothing ever did.

        Raises:
            CorruptError: the pointer file is damaged.
        """
        file = self.path / POINTER
        try:
            return History.from_bytes(file.read_bytes(), at=str(file))
        except FileNotFoundError:
            return History()

    def change(self, step: Callable[[History], History]) -> History:
        """Replace the pointer by what `step` makes of it, in one step that no crash can halve."""
        with self._writing():
            after = step(self.history())
            write_durably(self.path / POINTER, after.to_bytes())
        return after

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer at a time; the lock goes with the process."""
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            for left in self.path.glob(".*.part"):  # by writers that died: nobody else writes now
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
            yield
        finally:
            os.close(handle)


def _made(folder: Path) -> int:
    """When a model was made, for sorting; damaged ones come first."""
    try:
        return Manifest.from_bytes((folder / MANIFEST).read_bytes(), at=str(folder)).created_ms
    except (MarketError, OSError):
        return 0


Fits = Callable[[LoadedModel], object]
"""Raises a MarketError where a market cannot serve a model."""


def fits_anywhere(model: LoadedModel) -> None:
    """A model that nobody is asked about."""


def standing(folder: ModelFolder, *, fits: Fits = fits_anywhere) -> tuple[LoadedModel | None, str]:
    """The promoted model, or where it cannot serve the last one before it that can, and why not it.

    Raises:
        CorruptError: the pointer file is damaged.
    """
    faults: list[str] = []
    for model in reversed(folder.history().stack):
        try:
            found = folder.load(model)
            fits(found)
        except (MarketError, OSError) as fault:
            faults.append(str(fault))
        else:
            return found, "; ".join([*faults, f"{model} serves in its place"] if faults else [])
    return None, "; ".join([*faults, "no model serves"] if faults else [])


Stat = tuple[str, int, int, int]
"""Of a file: its name, inode, time of change, size."""


@final
class ModelWatch:
    """The model that serves, swapped in when the pointer changes; for one process, from any thread.

    `model` is one attribute read. `poll` is a few `stat`s while nothing changes, and is meant to be called
    once a second by one thread beside the requests, because loading takes milliseconds. What cannot be
    served (damaged, scoring differently, of another feature set) is never swapped in: the old model
    stays, or where this process had none, the one that was promoted before; and `fault` says why until
    the files change again.
    """

    def __init__(self, folder: ModelFolder, *, fits: Fits = fits_anywhere) -> None:
        self._folder, self._fits = folder, fits
        self._model: LoadedModel | None = None
        self._wanted: str | None = None
        self._seen: tuple[Stat | None, tuple[Stat | None, ...]] | None = None, ()  # pointer, files
        self.fault = ""

    @property
    def model(self) -> LoadedModel | None:
        """What serves; None: the stage is left out."""
        return self._model

    def poll(self) -> bool:
        """Look at the pointer and the files of its model; whether another (or none) serves from now on."""
        pointer, files = _stat(self._folder.path / POINTER), self._files()
        if (pointer, files) == self._seen:
            return False
        before = self._model
        try:
            self._wanted = self._folder.history().current
            files = self._files()  # before they are read, so that no change is missed
            self._model, self.fault = self._next(before)
            self._seen = pointer, files
        except MarketError as fault:
            self._seen, self.fault = (pointer, files), str(fault)
        except OSError as fault:  # such as too many open files: it is tried again
            self._seen, self.fault = None, str(fault)
        return self._model is not before

    def _next(self, before: LoadedModel | None) -> tuple[LoadedModel | None, str]:
        """The model that serves from now on, and what is wrong with the wanted one."""
        if before is None:
            return standing(self._folder, fits=self._fits)
        if self._wanted is None:
            return None, ""
        found = self._folder.load(self._wanted)
        self._fits(found)
        return (before if found.id == before.id else found), ""

    def _files(self) -> tuple[Stat | None, ...]:
        if self._wanted is None:
            return ()
        folder = self._folder.path / self._wanted
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            return ()
        return tuple(_stat(folder / name) for name in names)


def _stat(file: Path) -> Stat | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return file.name, found.st_ino, found.st_mtime_ns, found.st_size
