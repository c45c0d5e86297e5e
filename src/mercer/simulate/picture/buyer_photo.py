"""What a buyer's phone makes of a bought thing: another angle, light, background, blur and noise."""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mercer.schema.errors import InputError
from mercer.simulate.option import Floats
from mercer.simulate.picture.draw import MAX_SIZE, MIN_SIZE, Pixels, Rgb, paint_look
from mercer.simulate.picture.geometry import Outline
from mercer.simulate.picture.look import Look

# Where people put things down: a table, a carpet, a bed, a kitchen top, a lawn, a dark desk.
_PLACES: Final[tuple[tuple[Rgb, Rgb], ...]] = (
    ((168, 126, 84), (132, 94, 60)), ((146, 138, 132), (116, 108, 102)),
    ((214, 212, 220), (182, 184, 198)), ((196, 190, 178), (158, 152, 142)),
    ((96, 124, 72), (70, 98, 52)), ((74, 66, 62), (48, 42, 40)), ((188, 150, 140), (150, 108, 100)),
)  # fmt: skip
_CLUTTER: Final[tuple[Rgb, ...]] = (
    (196, 60, 54), (52, 84, 140), (232, 228, 220), (44, 44, 48), (212, 168, 74), (92, 140, 108),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shot:
    """How the phone is held."""

    turn: float  # radians
    scale: float
    squeeze: float  # seen from the side: < 1
    keystone: float  # nearer below: > 0
    shift: Floats  # (2,) of the unit square


def draw_buyer_photo(look: Look, rng: np.random.Generator, *, size_px: int = 320) -> bytes:
    """A photo of the thing as encoded bytes (JPEG), size_px x size_px.

    The same look, state of rng and size give the same bytes. No seller's picture of the listing has
    this angle, background or light.

    Args:
        look: of the listing, from its truth: `world.look(number)`.
        rng: decides everything else.
        size_px: side, MIN_SIZE..MAX_SIZE of the drawn pictures.
    Raises:
        InputError: size out of range.
    """
    if not MIN_SIZE <= size_px <= MAX_SIZE:
        raise InputError(f"a picture has {MIN_SIZE}..{MAX_SIZE} pixels a side, got {size_px}")
    canvas = _background(rng, size_px)
    shot = _Shot(
        turn=float(rng.choice((-1.0, 1.0)) * rng.uniform(0.12, 0.5)),
        scale=float(rng.uniform(0.55, 0.85)),
        squeeze=float(rng.uniform(0.78, 1.0)),
        keystone=float(rng.uniform(0.02, 0.22)),
        shift=rng.uniform(-0.07, 0.07, 2),
    )
    paint_look(canvas, look, place=lambda outline: _placed(outline, shot))
    lit = _lit(canvas, rng)
    image = Image.fromarray(np.clip(lit + 0.5, 0, 255).astype(np.uint8), "RGB")
    blur_px = size_px * float(rng.uniform(0.0008, 0.006))
    noisy = _noisy(image.filter(ImageFilter.GaussianBlur(blur_px)), rng)
    out = io.BytesIO()
    noisy.save(out, "JPEG", quality=int(rng.integers(55, 85)))
    return out.getvalue()


def _placed(outline: Outline, shot: _Shot) -> Outline:
    """Turned, narrowed, wider below, smaller and off the centre."""
    c, s = np.cos(shot.turn), np.sin(shot.turn)
    matrix = np.array([[c * shot.squeeze, s], [-s * shot.squeeze, c]]) * shot.scale
    moved: Outline = (outline - 0.5) @ matrix
    near = 1.0 + shot.keystone * moved[:, 1:]  # y grows downwards
    placed: Outline = moved * near + 0.5 + shot.shift
    return placed


def _background(rng: np.random.Generator, size: int) -> Pixels:
    """A surface with a grain, and what else lies around, out of focus."""
    near, far = (np.array(c, np.float32) for c in _PLACES[int(rng.integers(len(_PLACES)))])
    y = np.linspace(0.0, 1.0, size, dtype=np.float32)[:, None, None]
    plane = far * (1.0 - y) + near * y
    stripes = np.sin(np.linspace(0.0, float(rng.uniform(20.0, 90.0)), size, dtype=np.float32))
    grain = rng.normal(0.0, 4.0, (size, size, 1)) + 3.0 * stripes[None, :, None]
    base = np.clip(plane + grain, 0, 255).astype(np.uint8)
    image = Image.fromarray(np.broadcast_to(base, (size, size, 3)).copy(), "RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 5))):  # at the edges: the thing lies in the middle
        at = 0.5 + rng.choice((-1.0, 1.0), 2) * rng.uniform(0.36, 0.5, 2)
        half = rng.uniform(0.05, 0.16, 2)
        box = [float(v) * size for v in (*(at - half), *(at + half))]
        fill = _CLUTTER[int(rng.integers(len(_CLUTTER)))]
        if rng.random() < 0.5:
            draw.ellipse(box, fill=fill)
        else:
            draw.rectangle(box, fill=fill)
    soft = image.filter(ImageFilter.GaussianBlur(size * 0.02))
    return np.asarray(soft, np.float32).copy()


def _lit(canvas: Pixels, rng: np.random.Generator) -> Pixels:
    """Dim or bright, warm or cold, from one side, darker in the corners."""
    size = len(canvas)
    axis = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    angle = float(rng.uniform(0.0, 2.0 * np.pi))
    side = 1.0 + 0.28 * float(rng.uniform(0.3, 1.0)) * (x * np.cos(angle) + y * np.sin(angle))
    corners = 1.0 - 0.16 * (x * x + y * y)
    warmth = float(rng.uniform(-0.12, 0.18))
    tint = np.array([1.0 + warmth, 1.0 + 0.2 * warmth, 1.0 - warmth], np.float32)
    level = float(rng.uniform(0.62, 1.08))
    lit: Pixels = (canvas * (side * corners)[..., None] * tint * level).astype(np.float32)
    return lit


def _noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """With the grain of a small sensor."""
    pixels = np.asarray(image, np.float32)
    noise = rng.normal(0.0, float(rng.uniform(1.0, 6.0)), pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8), "RGB")
