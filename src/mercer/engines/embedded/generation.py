"""A generation: one immutable index of all that was for sale at a version of the catalogue.

index/
├── CURRENT                the name of the generation that serves
└── g000000000042-1a2b/    one folder per generation; written under a temporary name, then renamed
    ├── manifest.json      what it covers and with what it was made
    ├── columns/           postings, labels, numbers, documents: memory-mapped
    ├── text/              tantivy (only where the first pass does not score all matches)
    ├── vectors/           FAISS, or the plain matrix where it is small
    ├── encoder/           what turned words into vectors
    └── words/             lexicon, speller, completions

A crash at any point leaves the last generation serving: CURRENT is replaced last, in one step.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.durable import sync_folder, write_durably
from mercer.engines.embedded.encoder_files import (
    EncoderChoice,
    make_encoder,
    open_encoder,
    save_encoder,
    threshold_of,
)
from mercer.engines.embedded.lexicon_files import Words, load_words, save_words
from mercer.engines.embedded.segment_files import load_segment, save_segment
from mercer.engines.embedded.text_tantivy import TantivyIndex, build_text_index
from mercer.engines.embedded.vector_files import open_vectors, save_vectors
from mercer.retrieve.segment import Segment
from mercer.retrieve.segment_build import SegmentBuilder, SegmentColumns
from mercer.retrieve.suggestion import collect_phrases
from mercer.schema.errors import CorruptError
from mercer.schema.money import Rates
from mercer.text.encoder import Encoder
from mercer.text.synonyms import Synonyms

FORMAT = 1
# Up to so many listings all matches of any query are scored, and no text index is needed.
TEXT_INDEX_FROM = 5_000

Progress = Callable[[str, int], None]
"""Called with a step's name and the listings done in it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is; `manifest.json`."""

    format: int
    name: str
    version: int  # of the catalogue: changes after it are in the delta
    n: int
    encoder: str
    dim: int
    threshold: float  # cosine above which a semantic hit matches
    currency: str
    rates_as_of: str


@dataclass(frozen=True, slots=True)
class Generation:
    """An opened generation."""

    manifest: Manifest
    segment: Segment
    encoder: Encoder
    words: Words


def is_for_sale(changes: pa.RecordBatch) -> pa.Array:
    """(n,) which rows of CHANGED_LISTING belong into an index: not deleted, hidden or sold out."""
    gone = pc.or_(changes.column("is_deleted"), changes.column("is_hidden"))
    return pc.and_(pc.invert(gone), pc.greater(changes.column("quantity"), 0))


def build_generation(
    index: Path,
    changes: Iterable[pa.RecordBatch],
    *,
    version: int,
    rates: Rates,
    encoder: EncoderChoice,
    progress: Progress = lambda step, n: None,
) -> str:
    """Build a generation from the whole catalogue and make it the current one.

    Args:
        index: the market's index folder.
        changes: CHANGED_LISTING of all that stands, each id once.
        version: of the catalogue that they were read at.
        rates: into the reporting currency.
        encoder: which one to fit or load.
        progress: told about each step.
    Returns:
        The generation's name.
    """
    index.mkdir(parents=True, exist_ok=True)
    columns = _columns(changes, rates, progress)
    name = f"g{version:012d}-{_serial(index):04x}"
    folder = index / f".{name}.part"
    folder.mkdir()
    try:
        manifest = _write(folder, name, columns, version, rates, encoder, progress)
        write_durably(folder / "manifest.json", json.dumps(asdict(manifest), indent=1).encode())
        folder.rename(index / name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    sync_folder(index)
    write_durably(index / "CURRENT", name.encode())
    return name


def _columns(changes: Iterable[pa.RecordBatch], rates: Rates, progress: Progress) -> SegmentColumns:
    builder, n = SegmentBuilder(rates), 0
    for batch in changes:
        listings = batch.filter(is_for_sale(batch))
        builder.add(listings)
        n += len(listings)
        progress("read", n)
    return builder.finish()


def _write(
    folder: Path,
    name: str,
    columns: SegmentColumns,
    version: int,
    rates: Rates,
    choice: EncoderChoice,
    progress: Progress,
) -> Manifest:
    save_segment(folder / "columns", columns)
    progress("columns", columns.n)
    phrases = collect_phrases(columns.tokens["title"], columns.vocabulary, columns.labels)
    save_words(folder / "words", columns.tokens, columns.vocabulary, phrases)
    progress("words", columns.n)
    if columns.n >= TEXT_INDEX_FROM:
        build_text_index(
            folder / "text", columns.tokens, columns.postings.stems, columns.stem_of,
            columns.document_row,
        )  # fmt: skip
        progress("text", columns.n)
    fitted = make_encoder(choice, columns)
    threshold = threshold_of(fitted, columns)
    progress("encoder", columns.n)
    vectors = fitted.encode_listings(columns.documents, columns.tokens, columns.vocabulary)
    vectors = vectors[columns.document_row]
    progress("vectors", columns.n)
    save_encoder(folder / "encoder", fitted)
    save_vectors(folder / "vectors", vectors)
    progress("vector index", columns.n)
    return Manifest(
        FORMAT, name, version, columns.n, fitted.name, fitted.dim, threshold,
        rates.reporting, rates.as_of,
    )  # fmt: skip


def _serial(index: Path) -> int:
    """One more than any generation's; a rebuild at the same version has another name."""
    used = [int(p.name[-4:], 16) for p in index.glob("g*-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]")]
    return (max(used, default=0) + 1) % 0x10000


def current_generation(index: Path) -> str | None:
    """The name of the generation that serves; None where nothing was indexed yet."""
    try:
        return (index / "CURRENT").read_text().strip()
    except FileNotFoundError:
        return None


def read_manifest(index: Path, name: str) -> Manifest:
    """What a generation is.

    Raises:
        CorruptError: the manifest is missing, cut off or of another format.
    """
    file = index / name / "manifest.json"
    try:
        manifest = Manifest(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as fault:
        raise CorruptError(f"{file}: {fault}; run `mercer index`") from None
    if manifest.format != FORMAT:
        raise CorruptError(
            f"{file}: written in format {manifest.format}, this version reads {FORMAT}; "
            "run `mercer index`"
        )
    return manifest


def open_generation(
    index: Path, name: str, *, encoder: EncoderChoice, synonyms: Synonyms
) -> Generation:
    """Open a generation for searching; everything large stays on disk.

    Raises:
        CorruptError: a file is missing, cut off or of another format.
    """
    folder, manifest = index / name, read_manifest(index, name)
    text = TantivyIndex(folder / "text") if (folder / "text").exists() else None
    vectors = open_vectors(folder / "vectors")
    segment = load_segment(folder / "columns", vectors=vectors, text=text)
    words = load_words(folder / "words", segment.labels, synonyms)
    return Generation(manifest, segment, open_encoder(folder / "encoder", encoder), words)


def remove_stale(index: Path, *, keep: frozenset[str]) -> list[str]:
    """Remove generations that no one names, and what a crashed build left; their names."""
    removed = []
    for path in sorted(index.glob("g*-*")) + sorted(index.glob(".g*.part")):
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path.name)
    return removed
