"""A model as it is kept: a manifest and files, whose id is a hash of all of them.

    <role>/<name>-<hash12>/
        manifest.json      what it is, from what it was made, and the size and hash of every other file
        model              the model itself, as its kind reads it; it learned from all lists
        judged             the same without the lists that judge: what metrics and the gate speak of
        golden_rows.npy    (1000, n_features) float32
        golden_scores.npy  (1000,) float64: what the model gave for them when it was made
        held_out.npz       lists that `judged` never learned from, by which the gate judges it
        report.json        what the training said
        report.html        the same for people
        features.toml      the feature set, and
        features.state     its fitted state, where the columns come from one

The id ends in a hash of the manifest, and the manifest has the hashes of the files, so no byte of a
model can change without its id becoming wrong.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec

from mercer.schema.errors import CorruptError, InputError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
MODEL: Final = "model"
JUDGED: Final = "judged"  # of the same kind
GOLDEN_ROWS: Final = "golden_rows.npy"
GOLDEN_SCORES: Final = "golden_scores.npy"
HELD_OUT: Final = "held_out.npz"
REPORT: Final = "report.json"
REPORT_PAGE: Final = "report.html"
FEATURES: Final = "features.toml"
FEATURE_STATE: Final = "features.state"
REQUIRED: Final = (MODEL, GOLDEN_ROWS, GOLDEN_SCORES)
# Of an encoder (learn/tower_file.py) the golden rows are listings and queries with their vectors.
ENCODER_ROLE: Final = "retrieval"
GOLDEN_LISTINGS: Final = "golden_listings.arrow"
GOLDEN_QUERIES: Final = "golden_queries.arrow"
HELD_SEARCHES: Final = "held_out.arrow"
REQUIRED_OF_ENCODER: Final = (MODEL, GOLDEN_LISTINGS, GOLDEN_QUERIES, HELD_SEARCHES)
_ID_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class FileSum:
    """By which a changed file is known."""

    size: int  # bytes
    blake2b: str  # 16 bytes, hex

    @classmethod
    def of(cls, data: bytes) -> "FileSum":
        """The sum of a file's content."""
        return cls(len(data), blake2b(data, digest_size=16).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that is known of a model without reading it."""

    role: str  # which stage it serves: "ranker"
    name: str
    kind: str  # how `model` is read
    created_ms: int
    feature_set: str  # hash of the feature set and its fitted state
    features: tuple[str, ...]  # the columns it wants, in order
    missing: tuple[str, ...]  # what each column does with a missing value
    files: Mapping[str, FileSum]
    source: str  # "log", "letor", "judgments"
    window: Mapping[str, Any] = field(default_factory=dict)  # from_ms, to_ms, position of the log
    metrics: Mapping[str, Any] = field(default_factory=dict)  # on what was held out
    params: Mapping[str, Any] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[str, ...] = ()  # ids of the models it was compared with or began from
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        """JSON with sorted keys; the same manifest gives the same bytes."""
        plain = msgspec.to_builtins(asdict(self))
        return msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=1)

    @classmethod
    def from_bytes(cls, data: bytes, *, at: str) -> "Manifest":
        """Raises CorruptError where it is no manifest of a format that is known."""
        try:
            found = msgspec.json.decode(data)
            kept = found.get("format") if isinstance(found, dict) else None
            if kept != FORMAT:
                raise CorruptError(
                    f"{at}: the format is {kept!r}, this Mercer reads {FORMAT}; "
                    "train the model anew, or use the Mercer that made it"
                )
            return msgspec.convert(found, cls)
        except msgspec.MsgspecError as fault:
            raise CorruptError(f"{at}: is no manifest of a model: {fault}") from None


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that was read or made, whole."""

    manifest: Manifest
    files: Mapping[str, bytes]  # all but the manifest

    @property
    def id(self) -> str:
        """`<name>-<hash12>`."""
        return model_id(self.manifest.name, self.manifest.to_bytes())


def model_id(name: str, manifest: bytes) -> str:
    """The id that a manifest gives its model."""
    return f"{name}-{blake2b(manifest, digest_size=_ID_BYTES).hexdigest()}"


def check_name(name: str, *, what: str) -> None:
    """Names become folders, so they are held short and plain.

    Raises:
        InputError: other characters than a-z, 0-9 and -, or more than 40.
    """
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    if not name or len(name) > 40 or not set(name) <= allowed or name[0] == "-":
        raise InputError(
            f"{what} {name!r}: allowed are 1 to 40 of the characters a-z, 0-9 and -, not beginning with -"
        )


def check_files(manifest: Manifest, files: Mapping[str, bytes], *, at: str) -> None:
    """Every file is what the manifest says.

    Raises:
        CorruptError: names every file that is missing, cut off or changed.
    """
    required = REQUIRED_OF_ENCODER if manifest.role == ENCODER_ROLE else REQUIRED
    faults = [
        f"{name} is not listed in the manifest" for name in required if name not in manifest.files
    ]
    for name, want in manifest.files.items():
        if name not in files:
            faults.append(f"{name} is missing")
        elif len(files[name]) != want.size:
            faults.append(f"{name} has {len(files[name]):,} bytes in place of {want.size:,}")
        elif FileSum.of(files[name]) != want:
            faults.append(f"{name} was changed after the model was made")
    if faults:
        raise CorruptError(f"{at}: {'; '.join(faults)}; train the model anew")
