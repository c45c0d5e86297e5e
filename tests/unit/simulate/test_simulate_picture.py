"""Drawn pictures: the same every time, different where the thing is different."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mercer.schema.errors import InputError, NotFoundError
from mercer.simulate import draw_listing, draw_look, draw_reference, generate_catalogue
from mercer.simulate.picture.draw import RGB, SILHOUETTES, VIEWS, encode
from mercer.simulate.picture.look import Look, look_of_listing, parse_reference
from mercer.simulate.picture.worn import BY_CLOSURE
from mercer.simulate.words.attribute import COLOR, SHAPE
from mercer.simulate.words.taxonomy import taxonomy

LEAF = {leaf.name: leaf for leaf in taxonomy()}
MUG = Look(5, LEAF["Mugs"], color="blue", material="ceramic")


def _pixels(look: Look, *, view: int = 0, size: int = 96) -> np.ndarray:
    return np.asarray(draw_look(look, view=view, size_px=size)).astype(int)


def test_the_same_look_is_the_same_picture() -> None:
    """Drawing has no memory and no chance."""
    assert (_pixels(MUG) == _pixels(MUG)).all()


@pytest.mark.parametrize(
    "other",
    [
        {"color": "red"},
        {"leaf": LEAF["Vases"]},
        {"material": "glass"},
        {"pattern": "striped"},
        {"theme": "fox"},
        {"finish": "glitter"},
    ],
)
def test_what_differs_can_be_seen(other: dict[str, object]) -> None:
    """Colour, kind, material, pattern, theme and finish each change the picture."""
    assert np.abs(_pixels(MUG) - _pixels(replace(MUG, **other))).max() > 25


def test_the_colour_is_the_colour() -> None:
    """The middle of a plain pillow is nearest to the colour it is said to have."""
    names = [c for c in COLOR.values if c not in ("multicolor", "clear")]
    table = np.array([RGB[c] for c in names], float)
    right = 0
    for color in names:
        look = Look(2, LEAF["Throw Pillows"], color=color, material="cotton", shape="square")
        middle = _pixels(look, size=160)[70:90, 70:90].mean(axis=(0, 1))
        right += names[int(np.abs(table - middle).sum(axis=1).argmin())] == color
    assert right >= 0.85 * len(names)


def test_views_differ() -> None:
    """Each view shows the thing in another way."""
    pictures = [_pixels(MUG, view=v).tobytes() for v in range(len(VIEWS))]
    assert len(set(pictures)) == len(VIEWS)


@pytest.mark.parametrize("name", sorted(SILHOUETTES))
def test_every_silhouette_fills_the_picture(name: str) -> None:
    """Each silhouette draws for every shape and closure, and covers a fair part of the picture."""
    leaf = next(leaf for leaf in taxonomy() if leaf.picture == name)
    for shape in ("", *SHAPE.values[:: 3 if name in BY_CLOSURE else 1]):
        look = Look(1, leaf, color="red", material="wood", shape=shape)
        assert draw_look(look, view=0, size_px=24).size == (24, 24)
    seen = _pixels(Look(1, leaf, color="red", material="wood"))
    background = _pixels(Look(1, leaf, color="red", material="wood"))[:2].mean(axis=(0, 1))
    assert (np.abs(seen - background).sum(axis=2) > 60).mean() > 0.02


def test_a_reference_draws_what_the_world_knows() -> None:
    """The catalogue's reference carries the true look; the server needs nothing else."""
    world = generate_catalogue(n_listings=40, seed=2, now_ms=1_780_000_000_000)
    for i, row in enumerate(next(world.batches()).to_pylist()):
        look, number, view = parse_reference(row["images"][0])
        assert (look, number, view) == (world.look(i), i, 0)
        assert look_of_listing(row) == world.look(i)
    drawn = draw_reference(row["images"][0], size_px=48)
    assert (
        drawn
        == draw_listing(row, view=0, size_px=48)
        == encode(draw_look(world.look(39), view=0, size_px=48))
    )
    with pytest.raises(InputError, match="does not exist"):
        world.look(40)


def test_a_foreign_row_gets_a_picture_too() -> None:
    """A row without references is drawn from its attributes, else from its title."""
    row = {
        "listing_id": "B07",
        "title": "Large red leather tote bag",
        "attributes": [("size", ["XL"])],
    }
    look = look_of_listing(row)
    assert (look.leaf.name, look.color, look.material) == ("Tote Bags", "red", "leather")
    stated = look_of_listing(
        {**row, "attributes": {"color": ["blue"]}, "category_path": ["Home", "Mugs"]}
    )
    assert (stated.leaf.name, stated.color) == ("Mugs", "blue")
    image = Image.open(io.BytesIO(draw_listing({"listing_id": "x"}, size_px=64)))
    assert (image.format, image.size) == ("WEBP", (64, 64))


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "sim:1:0:",
        "sim:x:0",
        "http://a/b.png",
        "sim:1:0:9999.1.1.1.1.1.1.1.1",
        "sim:1:0:1.2",
        "sim:1:0:x.x.x.x.x.x.x.x.99",
        "sim:1:0",
    ],
)
def test_a_reference_that_says_nothing_is_not_found(reference: str) -> None:
    """No such look is an error with the reference in it, never a crash."""
    with pytest.raises(NotFoundError):
        draw_reference(reference, size_px=32)


@pytest.mark.parametrize(("view", "size"), [(-1, 64), (0, 8), (0, 5_000)])
def test_sizes_and_views_are_bounded(view: int, size: int) -> None:
    """Nobody can ask for a picture that fills the memory."""
    with pytest.raises(InputError):
        draw_look(MUG, view=view, size_px=size)
