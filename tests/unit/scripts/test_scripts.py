"""The project's own scripts do what they say, on files of their own."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


def _script(name: str) -> ModuleType:
    """A script of the project as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_changelog_moves_fragments_under_the_new_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fragments are grouped by kind above the last version and are gone afterwards; the readme stays."""
    script = _script("changelog")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    (tmp_path / "changes").mkdir()
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\nHead.\n\n## 0.1.0 (2026-01-01)\n\nOld.\n"
    )
    (tmp_path / "changes" / "README.md").write_text("# Fragments\n")
    (tmp_path / "changes" / "b.fixed.md").write_text("A bug is gone.\n")
    (tmp_path / "changes" / "a.added.md").write_text("One thing.\nAnother.\n")
    assert script.main("0.2.0") == 0
    text = (tmp_path / "CHANGELOG.md").read_text()
    parts = ["Head.", "## 0.2.0", "### Added", "- One thing.\n- Another.", "### Fixed", "## 0.1.0"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert [path.name for path in (tmp_path / "changes").iterdir()] == ["README.md"]
    assert script.main("0.3.0") == 1, "nothing left to move"


def test_changelog_refuses_what_is_no_version() -> None:
    """A slip in the version changes no file."""
    assert _script("changelog").main("next") == 2


def test_bench_compare_reports_the_change_of_what_both_files_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The change is of the medians, and an interval needs three runs on both sides."""
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    line = {"bench": "search", "listings": 1000, "seed": 1, "kinds": {"head": {"p50_ms": 4.0}}}
    before.write_text("".join(f"{json.dumps(line | {'p50_ms': v})}\n" for v in (10.0, 10.0, 10.0)))
    after.write_text("".join(f"{json.dumps(line | {'p50_ms': v})}\n" for v in (5.0, 5.0, 5.0)))
    assert _script("bench_compare").main([str(before), str(after)]) == 0
    shown = capsys.readouterr().out
    assert "-50.0 %  [-50.0, -50.0]" in shown
    assert "kinds.head.p50_ms" in shown
    assert "seed " not in shown


def test_bench_compare_keeps_machines_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A time of one machine says nothing about another: such lines are listed, not compared."""
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    before.write_text(json.dumps({"bench": "search", "machine": {"cpu": "A"}, "p50_ms": 4.0}))
    after.write_text(json.dumps({"bench": "search", "machine": {"cpu": "B"}, "p50_ms": 2.0}))
    assert _script("bench_compare").main([str(before), str(after)]) == 0
    shown = capsys.readouterr().out
    assert "%" not in shown
    assert "only in base" in shown
    assert "only in new" in shown


def test_bench_compare_names_the_line_that_is_not_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that was cut off fails with its place."""
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"bench": "search"}\n{"bench": \n')
    assert _script("bench_compare").main([str(broken), str(broken)]) == 1
    assert "line 2" in capsys.readouterr().err
