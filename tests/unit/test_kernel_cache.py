"""Compiled kernels never outlive a change of what they have in them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mercer
from mercer.kernel_cache import drop_stale_kernels

FILES = {
    "low/leaf.py": "import numba as nb\n@nb.njit\ndef leaf(): ...\n",
    "low/base.py": "BASE = 1\n",
    "low/plain.py": "from mercer.low.base import BASE\nLIMIT = 2 * BASE\nclass Plain: ...\n",
    "low/inner.py": "from numba.extending import intrinsic\ninner = intrinsic(print)\n",
    "high/inlines.py": "from mercer.low.inner import inner\n@nb.njit\ndef inlines(): inner()\n",
    "high/calls.py": "import numba as nb\nfrom mercer.low.leaf import leaf\n@nb.njit\ndef calls(): leaf()\n",
    "high/above.py": "from mercer.high import calls\n@nb.njit\ndef above(): calls.calls()\n",
    "high/reads.py": "from mercer.low.plain import (\n    LIMIT,\n)\n@nb.njit\ndef reads(): ...\n",
    "high/apart.py": "from mercer.low.plain import Plain\n@nb.njit\ndef apart(): ...\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A package all of whose kernels are compiled, as it was left by the last start."""
    for file, code in FILES.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(code)
    drop_stale_kernels(tmp_path)
    for file in FILES:
        cache = (tmp_path / file).parent / "__pycache__"
        cache.mkdir(exist_ok=True)
        for name in ("f-1.py311.nbi", "f-1.py311.1.nbc"):
            (cache / f"{Path(file).stem}.{name}").touch()
    return tmp_path


def compiled(root: Path) -> set[str]:
    return {path.name.split(".")[0] for path in root.rglob("*.nb?")}


@pytest.mark.parametrize(
    ("file", "gone"),
    [
        ("low/leaf.py", {"leaf", "calls", "above"}),
        ("high/calls.py", {"calls", "above"}),
        ("low/plain.py", {"plain", "reads"}),
        ("low/base.py", {"base", "plain", "reads"}),
        ("low/inner.py", {"inner", "inlines"}),
        ("high/apart.py", {"apart"}),
    ],
)
def test_a_change_drops_its_own_kernels_and_those_that_have_it_in_them(
    root: Path, file: str, gone: set[str]
) -> None:
    """However far up; who imports a class alone has nothing of it in its kernels."""
    before = compiled(root)
    (root / file).write_text(FILES[file] + "# other\n")
    dropped = drop_stale_kernels(root)
    assert compiled(root) == before - gone
    assert {Path(one).stem for one in dropped} == gone
    assert drop_stale_kernels(root) == []


def test_a_file_that_goes_is_a_change(root: Path) -> None:
    """Who called it is compiled anew, and fails as it should."""
    (root / "low/leaf.py").unlink()
    drop_stale_kernels(root)
    assert compiled(root) == {Path(file).stem for file in FILES} - {"leaf", "calls", "above"}


def test_a_new_time_alone_is_none(root: Path) -> None:
    """A copy or a checkout of the same content keeps what is compiled."""
    before = compiled(root)
    for file, code in FILES.items():
        (root / file).unlink()
        (root / file).write_text(code)
    assert drop_stale_kernels(root) == []
    assert compiled(root) == before


@pytest.mark.parametrize("stamp", [b"", b"[1]", b'{"low/leaf.py": [1]}', None])
def test_where_nothing_is_known_all_go(root: Path, stamp: bytes | None) -> None:
    """A stamp that is missing or damaged vouches for nothing."""
    (path,) = root.rglob("kernels.json")
    path.unlink()
    if stamp is not None:
        path.write_bytes(stamp)
    drop_stale_kernels(root)
    assert compiled(root) == set()


CALLER = """import numba as nb
from mercer.callee import callee
@nb.njit(nb.i8(), cache=True)
def caller():
    return callee()
print(caller())
"""
CALLEE = """import numba as nb
@nb.njit(nb.i8(), cache=True)
def callee():
    return {}
"""


def test_a_checkout_runs_the_code_that_is_there(tmp_path: Path) -> None:
    """With real kernels: the caller's file does not change, what it calls does."""
    package = tmp_path / "src" / "mercer"
    package.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    ours = Path(mercer.__file__).parent
    for name in ("__init__.py", "kernel_cache.py"):
        shutil.copy(ours / name, package / name)
    (package / "caller.py").write_text(CALLER)
    said = []
    for number in (1, 2):
        (package / "callee.py").write_text(CALLEE.format(number))
        run = subprocess.run(
            [sys.executable, "-m", "mercer.caller"],
            cwd=tmp_path / "src", capture_output=True, text=True, check=True,
        )  # fmt: skip
        said.append(run.stdout.strip())
    assert said == ["1", "2"]
