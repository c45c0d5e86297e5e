"""Files that an older version wrote stay readable, or the reader says what to do."""

import json
import shutil
from pathlib import Path

import pytest

from mercer.engines.embedded.index.encoder_files import EncoderChoice
from mercer.engines.embedded.index.generation import FORMAT, open_generation, read_manifest
from mercer.engines.embedded.index.live_index import LiveIndex
from mercer.retrieve.request import SearchRequest
from mercer.schema.errors import CorruptError
from mercer.schema.money import Rates
from mercer.serve.search.search import SearchService
from mercer.serve.search.stages import SearchParams
from mercer.text.analyze import stem, words
from mercer.text.synonyms import Synonyms

SYNONYMS = Synonyms.parse("", words=words, key=stem)
WRITTEN = sorted(Path(__file__).parent.glob("generation_*/g*"))


@pytest.mark.parametrize("folder", WRITTEN, ids=lambda p: p.parent.name)
def test_a_written_generation_opens_or_says_to_rebuild(folder: Path) -> None:
    """Those of the current format answer; of an older one the message names the command."""
    if folder.parent.name != f"generation_{FORMAT}":
        with pytest.raises(CorruptError, match="run `mercer index`"):
            open_generation(folder.parent, folder.name, encoder=EncoderChoice(), synonyms=SYNONYMS)
        return
    found = open_generation(folder.parent, folder.name, encoder=EncoderChoice(), synonyms=SYNONYMS)
    index = LiveIndex(found, Rates("USD", "", {}))
    service = SearchService(index, SearchParams())
    response = service.search(
        SearchRequest(
            q="silver oak", facets=("color",), per_page=50, mode="lexical", budget_ms=60_000
        )
    )
    titles = [hit.document["title"] for hit in response.hits]
    assert titles
    assert all({"silver", "oak"} & set(title.split()) for title in titles)
    assert service.search(SearchRequest(per_page=50)).found == 8
    assert sum(v.count for v in response.facet_counts["color"]) == len(titles)
    assert service.search(SearchRequest(q="lamp", mode="semantic", budget_ms=60_000)).hits


def test_the_current_format_is_among_them() -> None:
    """A new format comes with its files (make_generation.py), which are small."""
    (folder,) = [f for f in WRITTEN if f.parent.name == f"generation_{FORMAT}"]
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 100_000


@pytest.mark.parametrize("change", [{"format": 0}, {"format": FORMAT + 1}, {"format": None}])
def test_another_format_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    """Older and newer ones, with what was got, what is read and what to do."""
    folder = WRITTEN[-1]
    shutil.copytree(folder, tmp_path / folder.name)
    file = tmp_path / folder.name / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(CorruptError, match=f"this version reads {FORMAT}; run `mercer index`"):
        read_manifest(tmp_path, folder.name)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 3}', "\\ud800"])
def test_a_manifest_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    """Whatever stands in it, the message names the file and the command."""
    (tmp_path / "g1-0001").mkdir()
    (tmp_path / "g1-0001" / "manifest.json").write_text(text)
    with pytest.raises(CorruptError, match=r"manifest\.json.*mercer index"):
        read_manifest(tmp_path, "g1-0001")
