"""Pages on disk: frames, journals with torn tails and damage, segments."""

import os
import random
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings

from mercer.engines.embedded.log import page_folder, page_journal
from mercer.engines.embedded.log.journal_index import InJournal, JournalIndex
from mercer.engines.embedded.log.page_folder import PageFolder
from mercer.engines.embedded.log.page_frame import (
    HEAD,
    decode_page,
    encode_page,
    page_of,
    summary_in,
)
from mercer.engines.embedded.log.page_journal import Journal, frames_of, is_open
from mercer.engines.embedded.log.page_log import PageLog
from mercer.engines.embedded.log.page_rows import STORED_PAGE, page_at, rows_of, summary_at
from mercer.engines.embedded.log.page_segment import (
    content_fits,
    find_row,
    id_ms,
    read_segment,
    segment_batches,
    write_segment,
)
from mercer.schema.errors import CorruptError
from support.page_kit import summary_of
from support.page_samples import big_page, page_id_at, pages, plain_page, same_page

NOW_MS = 1_790_000_000_000


def journal_of(folder, made, *, first=1):
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder, first=first)
    for page in made:
        journal.append(encode_page(page))
    journal.close()
    return journal.path


def stored(page):
    return decode_page(encode_page(page)[HEAD.size :])


def segment_of(folder, made, *, first=1, **more):
    folder.mkdir(parents=True, exist_ok=True)
    rows = rows_of([stored(p) for p in made], range(first, first + len(made)))
    told = {"n": len(made), "n_rows": len(made), "revision": 0, "n_erased": 0} | more
    name = write_segment(folder, [rows], first=first, **told)
    return folder / str(name)


@settings(max_examples=60, deadline=None)
@given(page=pages())
def test_a_page_comes_back_equal(page):
    """Any page is equal to what its frame holds, and to what its row holds."""
    assert same_page(page_of(stored(page)), page)
    assert same_page(page_at(rows_of([stored(page)], [1]), 0), page)
    summary = summary_of(page_of(stored(page)))
    assert summary_in(encode_page(page)[HEAD.size :]) == summary
    assert summary_at(rows_of([stored(page)], [1]), 0) == summary


@settings(max_examples=8, deadline=None)
@given(page=pages())
def test_a_page_comes_back_equal_from_its_files(page, tmp_path_factory):
    """Any page is equal when read from a journal, and from a segment among others."""
    folder = tmp_path_factory.mktemp("pages")
    path = journal_of(folder, [page])
    (frame,) = frames_of(path)
    assert same_page(page_of(decode_page(frame.payload)), page)
    path = segment_of(folder, [plain_page(1), page, big_page(2)])
    assert same_page(page_at(find_row(path, page.page_id), 0), page)


def test_text_that_is_no_text_is_written_anyway():
    """Half of a surrogate pair becomes the replacement character; the page is not refused."""
    page = plain_page(q="a\ud800b", request={"\udfff": ["\ud800"]}, degraded=("\ud800",))
    got = page_of(stored(page))
    assert got.q == "a\ufffd\ufffd\ufffdb" or got.q == "a\ufffdb"
    assert got.page_id == page.page_id


def test_matrices_lie_flat_row_by_row():
    """A matrix is kept row by row, whatever its memory order."""
    import numpy as np

    matrix = np.asfortranarray(np.arange(6, dtype=np.float64).reshape(3, 2))
    got = page_of(stored(plain_page(candidate_scores=matrix)))
    assert got.candidate_scores.tolist() == [0, 1, 2, 3, 4, 5]
    assert got.candidate_scores.dtype == np.float32


def test_a_torn_tail_is_cut_at_every_byte(tmp_path):
    """A journal that ends anywhere gives the frames that are whole, and nothing else."""
    path = journal_of(tmp_path, [plain_page(n) for n in range(3)])
    data = path.read_bytes()
    ends = [frame.end for frame in frames_of(path)]
    assert ends[-1] == len(data)
    for size in range(len(data) - len(data) // 2, len(data)):
        path.write_bytes(data[:size])
        frames = list(frames_of(path))
        assert [f.end for f in frames] == [end for end in ends if end <= size]
        assert all(f.payload is not None for f in frames)


def test_a_journal_is_the_same_whatever_is_read_at_a_time(tmp_path, monkeypatch):
    """Blocks of any size, also smaller than a frame or ending with one, give the same frames."""
    path = journal_of(tmp_path, [plain_page(n) for n in range(5)])
    data = bytearray(path.read_bytes())
    ends = [frame.end for frame in frames_of(path)]
    data[ends[1] - 1] ^= 1  # the second is damaged, and the last torn
    path.write_bytes(data[:-1])

    def seen(start=0):
        found = frames_of(path, start=start)
        return [(f.start, f.end, f.payload and bytes(f.payload)) for f in found]

    whole = seen()
    assert [payload is None for _, _, payload in whole] == [False, True, False, False]
    header = whole[0][0]
    for n in (1, 7, 100, 1000, *(end - header for end in ends), *(b - a for a, b, _ in whole)):
        monkeypatch.setattr(page_journal, "_BLOCK", n)
        assert seen() == whole
        assert seen(ends[1]) == whole[2:]


def test_a_flipped_byte_loses_its_page_only(tmp_path):
    """A damaged payload loses that page; the others keep their ordinals."""
    made = [plain_page(n) for n in range(3)]
    path = journal_of(tmp_path, made)
    data = bytearray(path.read_bytes())
    frames = list(frames_of(path))
    for at in range(frames[1].start + HEAD.size, frames[1].end, 37):
        broken = bytearray(data)
        broken[at] ^= 0x10
        path.write_bytes(broken)
        assert [f.payload is None for f in frames_of(path)] == [False, True, False]


def test_a_foreign_file_is_no_journal(tmp_path):
    """A file that is no journal, or was renamed, is told by its name."""
    path = tmp_path / f"{5:020d}.journal"
    path.write_bytes(b"x" * 100)
    with pytest.raises(CorruptError, match=r"is no journal"):
        list(frames_of(path))
    journal_of(tmp_path, [plain_page()]).rename(path)
    with pytest.raises(CorruptError, match="was renamed"):
        list(frames_of(path))


def test_who_writes_holds_the_lock(tmp_path):
    """A journal is open exactly as long as its writer has it."""
    journal = Journal(tmp_path, first=1)
    assert is_open(journal.path)
    journal.close()
    assert not is_open(journal.path)


def test_a_segment_is_read_from_any_ordinal(tmp_path):
    """The rows after an ordinal, in order, in batches of many."""
    made = [plain_page(n) for n in range(300)]
    path = segment_of(tmp_path, made, first=11)
    for after in (0, 10, 11, 150, 309, 310):
        got = [n for b in segment_batches(path, after=after) for n in b["ordinal"].to_pylist()]
        assert got == list(range(max(after + 1, 11), 311))
    assert sum(1 for _ in segment_batches(path)) == 3


def test_the_name_of_a_segment_is_its_index(tmp_path):
    """The name says ordinals, times and content; a changed byte does not fit it."""
    made = [plain_page(n, ms=NOW_MS + n) for n in range(5)]
    path = segment_of(tmp_path, made, first=7)
    (file,) = PageFolder(tmp_path).files()
    assert (file.first, file.last) == (7, 11)
    assert (file.segment.min_ms, file.segment.max_ms) == (NOW_MS, NOW_MS + 4)
    assert content_fits(path, file.segment)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert not content_fits(path, file.segment)


def test_a_damaged_segment_is_told(tmp_path):
    """A segment whose end is gone raises CorruptError with its name."""
    path = segment_of(tmp_path, [plain_page(n) for n in range(5)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptError, match="restore it from a backup"):
        read_segment(path)


def test_an_older_segment_reads_with_defaults(tmp_path):
    """A column that an older version did not have is read as null."""
    path = segment_of(tmp_path, [plain_page()])
    table = pa.ipc.open_file(path).read_all()
    older = table.drop_columns(["buyer_id"])
    with pa.ipc.new_file(path, older.schema) as file:
        file.write_table(older)
    (batch,) = segment_batches(path)
    assert batch.schema.equals(STORED_PAGE)
    assert batch["buyer_id"].to_pylist() == [None]


def test_the_time_of_an_id():
    """A UUIDv7 has its time; another id has none."""
    assert id_ms(page_id_at(NOW_MS, 5)) == NOW_MS
    assert id_ms("d2a3f0f6-6f65-4b1f-9b57-0f6f5e4b1f9b") is None
    assert id_ms("x") is None
    assert id_ms("zzzzzzzz-zzzz-7zzz-8zzz-zzzzzzzzzzzz") is None


def test_a_segment_takes_the_place_of_its_journals(tmp_path):
    """Where both lie there, the segment counts, and of two revisions the later."""
    made = [plain_page(n) for n in range(4)]
    first = journal_of(tmp_path, made[:2])
    second = journal_of(tmp_path, made[2:], first=3)
    old = segment_of(tmp_path, made, n=4)
    new = segment_of(tmp_path, made[:3], n=4, revision=1, n_erased=1)
    newest = journal_of(tmp_path, made[:1], first=5)
    folder = PageFolder(tmp_path)
    assert [file.path for file in folder.files()] == [new, newest]
    assert folder.superseded() == sorted([first, second, old])
    assert folder.end() == 5


def test_a_listing_is_kept_until_the_folder_changes(tmp_path):
    """A folder that lies still is listed once; what is new in it is seen at the next look."""
    journal_of(tmp_path, [plain_page()])
    folder = PageFolder(tmp_path)
    long_ago_s = time.time() - 60
    os.utime(tmp_path, (long_ago_s, long_ago_s))
    assert len(folder.files()) == 1
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page_folder, "_listed", None)  # must not be called
        assert len(folder.files()) == 1
    journal_of(tmp_path, [plain_page()], first=2)
    assert len(folder.files()) == 2
    journal_of(tmp_path, [plain_page()], first=3)  # in the same grain of time, perhaps
    assert len(folder.files()) == 3


def test_the_index_forgets_sealed_journals(tmp_path):
    """A journal that is gone is held no longer than until another one comes; pages are found in each."""
    index = JournalIndex()
    made = [plain_page(k) for k in range(4)]
    paths = [journal_of(tmp_path / f"pages-{k}", [page]) for k, page in enumerate(made[:3])]
    for path, page in zip(paths, made[:3], strict=True):
        assert index.find(path, page.page_id).load() == stored(page)
        assert index.find(path, "another") is None
    paths[0].unlink()
    paths[1].unlink()
    new = journal_of(tmp_path / "pages-9", made[3:])
    assert list(index.pages(new)) == [made[3].page_id]
    assert set(index._known) == {paths[2], new}
    with pytest.raises(FileNotFoundError):
        index.find(paths[0], "another")


def test_the_newest_of_a_journal(tmp_path):
    """As a sort of all pages would give, also where they lie out of order and where some are unwanted."""
    rng = random.Random(4)
    made = [plain_page(k, ms=NOW_MS + 10 * k + rng.randint(-200, 200)) for k in range(300)]
    path, index = journal_of(tmp_path, made), JournalIndex()
    for limit, least_ms, odd in (
        (1, 0, False),
        (20, 0, True),
        (20, NOW_MS + 2_950, False),
        (999, 0, True),
    ):
        expected = [
            page.page_id
            for page in sorted(made, key=lambda p: (p.served_ms, p.page_id), reverse=True)
            if page.served_ms >= least_ms and (not odd or page.served_ms % 2)
        ]
        found = index.newest(
            path,
            limit=limit,
            from_ms=least_ms,
            is_wanted=lambda one, odd=odd: not odd or one.served_ms % 2,
        )
        assert [one.page_id for one in found] == expected[:limit]
    assert found[0].summary() == summary_of(next(p for p in made if p.page_id == found[0].page_id))


def test_only_what_is_shown_is_unpacked(tmp_path):
    """Of many pages in many journals and partitions, `recent` reads as many as it gives."""
    made = [plain_page(k, ms=NOW_MS + k) for k in range(200)]
    for at in range(10):
        folder = tmp_path / f"pages-{at % 2}"
        journal_of(folder, made[20 * at : 20 * at + 20], first=1 + 20 * (at // 2))
    n_read = 0
    payload = InJournal._payload

    def counted(self):
        nonlocal n_read
        n_read += 1
        return payload(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(InJournal, "_payload", counted)
        found = PageLog(tmp_path).recent(limit=7)
    assert [one.page_id for one in found] == [page.page_id for page in made[:-8:-1]]
    assert n_read == 7
