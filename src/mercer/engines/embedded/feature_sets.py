"""Feature sets with their fitted state, kept under the hash that pages and models name them by.

    models/features/<hash>/features.toml    the declaration
    models/features/<hash>/features.state   what was fitted
    models/features/logged                  the hash of the one that is logged without a model

Whatever was ever served stays, so that the log can be read with the names its values had.
"""

import os
import shutil
from pathlib import Path
from typing import final

from mercer.engines.embedded.durable import sync_folder, sync_tree, write_durably
from mercer.features.declare import FeatureSet
from mercer.features.plan import Plan, compile_plan
from mercer.features.state import FittedState
from mercer.learn.model_file import FEATURE_STATE, FEATURES
from mercer.schema.errors import CorruptError, NotFoundError

FOLDER = "features"
LOGGED = "logged"  # the file that names the set whose values are logged while no model ranks


@final
class FeatureSetFolder:
    """All feature sets of a market.

    Args:
        models: the folder `models/` of a market.
    """

    def __init__(self, models: Path) -> None:
        self.path = models / FOLDER

    def hashes(self) -> list[str]:
        """Of all sets that are there, in no particular order."""
        if not self.path.is_dir():
            return []
        there = (one for one in self.path.iterdir() if not one.name.startswith("."))
        return sorted(one.name for one in there if (one / FEATURES).is_file())

    def keep(self, plan: Plan) -> str:
        """Add a set, whole or not at all; its hash. One that is there is left as it is."""
        target = self.path / plan.hash
        if not target.exists():
            part = self.path / f".{plan.hash}.{os.getpid()}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            for name, data in files_of(plan).items():
                (part / name).write_bytes(data)
            sync_tree(part)
            try:
                part.rename(target)
            except OSError:  # somebody else kept the same set meanwhile
                shutil.rmtree(part)
            sync_folder(self.path)
        return plan.hash

    def logged(self) -> str | None:
        """The hash of the set whose values are logged while no model ranks; None: none is."""
        try:
            return (self.path / LOGGED).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def log(self, set_hash: str | None) -> None:
        """Log the values of that set from now on, while no model ranks; None: of none."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_durably(self.path / LOGGED, (set_hash or "").encode())

    def plan(self, set_hash: str) -> Plan:
        """The compiled set of that hash.

        Raises:
            NotFoundError: there is none.
            CorruptError: its files are not what they were.
        """
        folder = self.path / set_hash
        if "/" in set_hash or not (folder / FEATURES).is_file():
            there = ", ".join(one[:12] for one in self.hashes()) or "none"
            raise NotFoundError(
                f"{self.path}: there is no feature set {set_hash!r}; there are: {there}"
            )
        made = plan_of(
            {name: (folder / name).read_bytes() for name in (FEATURES, FEATURE_STATE)},
            at=str(folder),
        )
        if made.hash != set_hash:
            raise CorruptError(
                f"{folder}: has the feature set {made.hash} in place of {set_hash}; it was changed "
                "after it served, so restore it from a backup"
            )
        return made


def files_of(plan: Plan) -> dict[str, bytes]:
    """A plan as the files that a model carries."""
    return {
        FEATURES: plan.feature_set.to_toml().encode(),
        FEATURE_STATE: plan.state.to_bytes(),
    }


def plan_of(files: dict[str, bytes], *, at: str) -> Plan:
    """The plan of those files.

    Raises:
        CorruptError, FeatureError: they are not what `files_of` made.
    """
    try:
        text = files[FEATURES].decode()
    except UnicodeDecodeError as fault:
        raise CorruptError(f"{at}/{FEATURES}: not UTF-8: {fault}") from None
    return compile_plan(FeatureSet.from_toml(text), FittedState.from_bytes(files[FEATURE_STATE]))
