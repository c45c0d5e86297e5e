"""What a run leaves in files: buyers' photos, and who the visitors really were."""

import json
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mercer.schema.errors import ConfigError
from mercer.simulate import World, draw_buyer_photo
from mercer.simulate.people.plan import Arrival
from mercer.simulate.people.step import Review
from mercer.simulate.relevance import listing_id

PHOTO_LIST: Final = "photos.jsonl"
VISITS: Final = pa.schema(
    [
        pa.field("session_id", pa.string(), nullable=False),
        pa.field("visitor_id", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),  # person, crawler, scraper, ...
        pa.field("begin_ms", pa.int64(), nullable=False),  # simulated
    ]
)


@final
class PhotoFolder:
    """Draws the photo of every review that has one into a folder, with a list of what they show."""

    def __init__(self, folder: Path, world: World) -> None:
        """Raises ConfigError where the path is a file."""
        if folder.exists() and not folder.is_dir():
            raise ConfigError(f"--photos: {folder} is a file; name a folder")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._world = folder, world

    def __call__(self, review: Review) -> None:
        """Keep the review's photo."""
        if review.photo_seed is None:
            return
        look, rng = self._world.look(review.row), np.random.default_rng(review.photo_seed)
        name = f"{listing_id(review.row)}-{review.photo_seed:016x}.jpg"
        (self._folder / name).write_bytes(draw_buyer_photo(look, rng))
        line: dict[str, Any] = {"file": name, "listing_id": listing_id(review.row)}
        with (self._folder / PHOTO_LIST).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line | {"stars": review.stars, "at_ms": review.at_ms}) + "\n")


@final
class VisitList:
    """Which session was whose: a Parquet file of VISITS, for judging a bot filter."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError where the file cannot be made there."""
        if not path.parent.is_dir() or path.is_dir():
            raise ConfigError(
                f"--visits: {path} cannot be written; name a file in a folder that exists"
            )
        self._path = path
        self._rows: list[tuple[str, str, str, int]] = []

    def __call__(self, arrival: Arrival) -> None:
        """Note a visit."""
        who = arrival.who
        self._rows.append((who.session_id, who.visitor_id, arrival.role, arrival.at_ms))

    def write(self) -> None:
        """Write the file."""
        columns = list(zip(*self._rows, strict=True)) or [()] * len(VISITS)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, VISITS, strict=True)]
        pq.write_table(pa.Table.from_arrays(arrays, schema=VISITS), self._path)
