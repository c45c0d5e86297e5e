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
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mercer.engines.embedded.durable import sync_folder, sync_tree, write_durably
from mercer.engines.embedded.index.encoder_files import (
    EncoderChoice,
    encode_rows,
    make_encoder,
    open_encoder,
    save_encoder,
    threshold_of,
)
from mercer.engines.embedded.index.generation_files import building, check_files, sizes_of
from mercer.engines.embedded.index.large_pages import read_in_large_pages
from mercer.engines.embedded.index.lexicon_files import Words, load_words, save_words
from mercer.engines.embedded.index.segment_files import load_segment, save_documents, save_segment
from mercer.engines.embedded.index.text_tantivy import TantivyBuilder, TantivyIndex
from mercer.engines.embedded.index.vector_files import open_vectors, save_vectors
from mercer.retrieve.facet_reference import References, count_references
from mercer.retrieve.neighbours import Neighbours
from mercer.retrieve.segment import I64s, Segment
from mercer.retrieve.segment_build import SegmentBuilder, SegmentColumns
from mercer.retrieve.suggestion import collect_phrases
from mercer.schema.catalogue import STORED_LISTING
from mercer.schema.errors import CorruptError
from mercer.schema.money import Rates
from mercer.text.analyze import Tokens
from mercer.text.encoder import Encoder
from mercer.text.encoder_threshold import pseudo_query_vectors
from mercer.text.synonyms import Synonyms

FORMAT = 3
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
    files: Mapping[str, int]  # bytes of each file, by its path in the folder


@dataclass(frozen=True, slots=True)
class Generation:
    """An opened generation."""

    manifest: Manifest
    segment: Segment
    encoder: Encoder
    words: Words
    references: References  # counted when it is opened


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
    beside: Callable[[Path, pa.Table], None] = lambda folder, documents: None,
    progress: Progress = lambda step, n: None,
) -> str:
    """Build a generation from the whole catalogue and make it the current one.

    Args:
        index: the market's index folder.
        changes: CHANGED_LISTING of all that stands, each id once.
        version: of the catalogue that they were read at.
        rates: into the reporting currency.
        encoder: which one to fit or load.
        beside: writes what belongs to the generation and is no part of it.
        progress: told about each step.
    Returns:
        The generation's name.
    """
    index.mkdir(parents=True, exist_ok=True)
    with building(index):
        name = f"g{version:012d}-{_serial(index):04x}"
        folder = index / f".{name}.part"
        folder.mkdir()
        try:
            with building_words(folder, changes, rates=rates, progress=progress) as columns:
                manifest = _write_vectors(folder, name, columns, version, rates, encoder, progress)
            manifest = replace(manifest, files=sizes_of(folder))
            write_durably(folder / "manifest.json", json.dumps(asdict(manifest), indent=1).encode())
            beside(folder, columns.documents)
            sync_tree(folder)
            read_in_large_pages(folder)
            folder.rename(index / name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        sync_folder(index)
        write_durably(index / "CURRENT", name.encode())
    return name


@contextmanager
def building_words(
    folder: Path, changes: Iterable[pa.RecordBatch], *, rates: Rates, progress: Progress
) -> Iterator[SegmentColumns]:
    """Write what a search by words needs: columns, words and the text index.

    Gives the columns as soon as they are there. Files, words and text index are written beside the
    block, and are complete when it ends.
    """
    with TextStage(folder / "text") as text, ThreadPoolExecutor(2) as beside:
        builder = _read(changes, rates, text, progress)
        files = [beside.submit(save_documents, folder / "columns", builder.documents())]
        columns = builder.finish()
        progress("columns", columns.n)
        text.close(columns.document_row)
        words = beside.submit(_write_words, folder, columns, progress)
        files.append(beside.submit(save_segment, folder / "columns", columns))
        yield columns
        for written in files:
            written.result()
        progress("files", columns.n)
        words.result()
        text.wait()
        progress("text", columns.n)


def _write_words(folder: Path, columns: SegmentColumns, progress: Progress) -> None:
    phrases = collect_phrases(columns.tokens["title"], columns.vocabulary, columns.labels)
    save_words(folder / "words", columns, phrases)
    progress("words", columns.n)


class TextStage:
    """Feeds the text index in a thread of its own; small catalogues get none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._builder: TantivyBuilder | None = None
        self._held: list[tuple[Mapping[str, Tokens], Sequence[str]]] = []
        self._n = 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="text-index")
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> "TextStage":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, tokens: Mapping[str, Tokens], new_words: Sequence[str]) -> None:
        """The next listings; waits where the text index is more than two batches behind."""
        self._held.append((tokens, new_words))
        self._n += len(tokens["title"].offsets) - 1
        if self._n < TEXT_INDEX_FROM:
            return
        if self._builder is None:
            self._builder = TantivyBuilder(self._folder)
        for held in self._held:
            self._pending.append(self._pool.submit(self._builder.add, *held))
        self._held.clear()
        while len(self._pending) > 2:
            self._pending.popleft().result()

    def close(self, listing_of_row: I64s) -> None:
        """No more listings come; finish the index beside what the caller does next."""
        if self._builder is not None:
            self._pending.append(self._pool.submit(self._builder.finish, listing_of_row))

    def wait(self) -> None:
        """Until the index is complete; raises what went wrong."""
        while self._pending:
            self._pending.popleft().result()


def _read(
    changes: Iterable[pa.RecordBatch], rates: Rates, text: TextStage, progress: Progress
) -> SegmentBuilder:
    builder, n = SegmentBuilder(rates), 0
    for batch in changes:
        listings = batch.filter(is_for_sale(batch))
        text.add(*builder.add(listings))
        n += len(listings)
        progress("read", n)
    if not n:
        builder.add(_NOTHING)
    return builder


_NOTHING = pa.RecordBatch.from_pylist([], schema=STORED_LISTING)


def _write_vectors(
    folder: Path,
    name: str,
    columns: SegmentColumns,
    version: int,
    rates: Rates,
    choice: EncoderChoice,
    progress: Progress,
) -> Manifest:
    fitted = make_encoder(choice, columns)
    threshold = threshold_of(fitted, columns)
    progress("encoder", columns.n)
    vectors = encode_rows(fitted, columns)
    progress("vectors", columns.n)
    save_encoder(folder / "encoder", fitted)
    queries = pseudo_query_vectors(fitted, columns.tokens["title"], columns.vocabulary)
    save_vectors(folder / "vectors", vectors, queries=queries)
    progress("vector index", columns.n)
    return Manifest(
        FORMAT, name, version, columns.n, fitted.name, fitted.dim, threshold,
        rates.reporting, rates.as_of, {},
    )  # fmt: skip


def _serial(index: Path) -> int:
    """One more than any generation's, also of one that a crash left unfinished."""
    names = [p.name.removesuffix(".part") for p in (*index.glob("g*-*"), *index.glob(".g*.part"))]
    used = [int(name[-4:], 16) for name in names]
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
        values = json.loads(file.read_text())
        if values["format"] != FORMAT:
            raise CorruptError(
                f"{file}: written in format {values['format']}, this version reads {FORMAT}; "
                "run `mercer index`"
            )
        return Manifest(**values)
    except (OSError, ValueError, TypeError, KeyError) as fault:
        raise CorruptError(f"{file}: {fault}; run `mercer index`") from None


def open_generation(
    index: Path, name: str, *, encoder: EncoderChoice, synonyms: Synonyms
) -> Generation:
    """Open a generation for searching; everything large stays on disk.

    Raises:
        CorruptError: a file is missing, cut off or of another format.
    """
    folder, manifest = index / name, read_manifest(index, name)
    check_files(folder, manifest.files)
    text = TantivyIndex(folder / "text") if (folder / "text").exists() else None
    vectors = open_vectors(folder / "vectors")
    segment = load_segment(folder / "columns", vectors=vectors, text=text)
    neighbours = Neighbours(segment.postings, segment.title_offsets, segment.title_stems)
    words = load_words(folder / "words", synonyms, neighbours)
    fitted = open_encoder(folder / "encoder", encoder)
    return Generation(manifest, segment, fitted, words, count_references(segment))


def remove_stale(index: Path, *, keep: frozenset[str]) -> list[str]:
    """Remove generations that no one names, and what a crashed build left; their names."""
    removed = []
    with building(index, wait=False) as is_mine:
        # Somebody who builds has a folder that nobody names yet; the next one cleans up.
        for path in (*sorted(index.glob("g*-*")), *sorted(index.glob(".g*.part"))) * is_mine:
            if path.name not in keep and path.name != current_generation(index):
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path.name)
    return removed
