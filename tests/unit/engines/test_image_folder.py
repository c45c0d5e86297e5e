"""Pictures of the market's folder: by name, and never from beyond it."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercer.engines.embedded.image_folder import ImageFolder
from mercer.schema.errors import NotFoundError

PART = st.sampled_from(["..", ".", "mugs", "up", "", "17.png", "mercer.toml", "\x00", "images"])
PNG = b"\x89PNG\r\n\x1a\nrest"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    (images / "mugs").mkdir(parents=True)
    (images / "mugs" / "17.png").write_bytes(PNG)
    (images / ".hidden.png").write_bytes(PNG)
    (tmp_path / "mercer.toml").write_text("secret")
    (images / "link.png").symlink_to(tmp_path / "mercer.toml")
    (images / "up").symlink_to(tmp_path)
    os.mkfifo(images / "pipe.png")
    return images


def test_a_picture_is_read_by_its_name(folder: Path) -> None:
    """Also below folders."""
    assert ImageFolder(folder).read("mugs/17.png") == PNG


@pytest.mark.parametrize(
    "name",
    ["../mercer.toml", "mugs/../../mercer.toml", "/etc/passwd", "link.png", "up/mercer.toml", ".hidden.png",
     "mugs", "mugs/", "", ".", "..", "mugs//17.png", "mugs\\17.png", "mugs/17.png\x00", "none.png",
     "pipe.png", "a/" * 20 + "x.png", "x" * 5_000],
)  # fmt: skip
def test_nothing_else_is(folder: Path, name: str) -> None:
    """No way up, no link, no hidden file, no folder, no pipe, no name of ours to tell a path by."""
    with pytest.raises(NotFoundError) as error:
        ImageFolder(folder).read(name)
    assert str(folder.parent) not in str(error.value)


def test_a_large_file_is_not_read(folder: Path) -> None:
    """The bound is on the file, before it is in memory."""
    (folder / "big.png").write_bytes(PNG * 100)
    with pytest.raises(NotFoundError):
        ImageFolder(folder, max_bytes=1_000).read("big.png")


def test_a_market_without_the_folder_has_no_pictures(tmp_path: Path) -> None:
    """That is no error of the server."""
    with pytest.raises(NotFoundError):
        ImageFolder(tmp_path / "none").read("a.png")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PART, max_size=6))
def test_no_path_leaves_the_folder(folder: Path, parts: list[str]) -> None:
    """Whatever the path, what is read is a picture of the folder."""
    try:
        content = ImageFolder(folder).read("/".join(parts))
    except NotFoundError:
        return
    assert content == PNG


def test_nothing_stays_open(folder: Path) -> None:
    """Neither a hit nor a miss leaves a file open."""
    images = ImageFolder(folder)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        images.read("mugs/17.png")
        for name in ("mugs/none.png", "link.png", "mugs", "pipe.png"):
            with pytest.raises(NotFoundError):
                images.read(name)
    assert len(os.listdir("/proc/self/fd")) == before
