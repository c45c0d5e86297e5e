"""From a look to a picture: silhouettes, coloured, lit and set on a background.

Edges are antialiased by drawing each part twice as large as needed. The same look, view and size
give the same pixels in any process.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mercer.schema.errors import InputError, NotFoundError
from mercer.simulate.picture.geometry import Outline, heart, oval, poly, smooth, star
from mercer.simulate.picture.household import HOUSEHOLD
from mercer.simulate.picture.look import Look, look_of_listing, parse_reference
from mercer.simulate.picture.part import Part, Parts, Shade, part
from mercer.simulate.picture.played import PLAYED
from mercer.simulate.picture.texture import N_GRAINS, axes, glitter, pattern, surface
from mercer.simulate.picture.worn import BY_CLOSURE, WORN
from mercer.simulate.words.likelihood import MATERIAL_CLASS
from mercer.simulate.words.motif import MOTIF_GROUP, MOTIFS

MIN_SIZE, MAX_SIZE = 16, 2_048
VIEWS: Final = ("front", "angle", "detail", "turned", "styled")  # a higher view starts again

Format = Literal["PNG", "WEBP"]
Rgb = tuple[int, int, int]
Pixels = NDArray[np.float32]  # (h, w, 3), 0..255

SILHOUETTES: Final[Mapping[str, Callable[[str], Parts]]] = {**HOUSEHOLD, **WORN, **PLAYED}

RGB: Final[dict[str, Rgb]] = {
    "white": (242, 239, 233), "black": (52, 50, 54), "gray": (148, 148, 150), "brown": (126, 84, 56),
    "beige": (219, 199, 168), "red": (188, 52, 48), "orange": (214, 118, 52), "yellow": (228, 184, 66),
    "green": (104, 138, 98), "blue": (78, 128, 182), "navy": (42, 58, 96), "teal": (54, 142, 142),
    "purple": (136, 104, 166), "pink": (226, 158, 166), "burgundy": (116, 38, 56), "gold": (212, 172, 92),
    "silver": (196, 198, 203), "rose gold": (218, 164, 146), "copper": (190, 116, 78), "clear": (212,
    228, 230),
    "multicolor": (214, 128, 112),
}  # fmt: skip
_RAINBOW: Final = np.array(
    [
        (206, 92, 84),
        (226, 158, 84),
        (228, 198, 100),
        (112, 160, 118),
        (86, 136, 184),
        (146, 112, 172),
    ],
    np.float32,
)
_STUFF: Final[dict[str, Rgb]] = {
    "dark": (50, 46, 48), "metal": (198, 192, 180), "wood": (182, 138, 98), "cream": (243, 236, 222),
    "glow": (255, 228, 158), "leaf": (124, 148, 108), "gem": (186, 214, 226), "white": (250, 248, 244),
}  # fmt: skip
_GLOSS: Final[dict[str, float]] = {
    "ceramic": 0.55, "glass": 1.0, "metal": 1.1, "plastic": 0.7, "leather": 0.3, "wood": 0.12,
    "stone": 0.45, "wax": 0.2,
}  # fmt: skip
_SHADOW_AT: Final = np.array([0.018, 0.03])
_WALLS: Final[tuple[tuple[Rgb, Rgb], ...]] = (
    ((246, 243, 238), (226, 219, 209)), ((243, 240, 240), (219, 216, 218)), ((238, 232, 222), (205,
    192, 174)),
    ((233, 238, 236), (202, 212, 208)), ((242, 232, 228), (218, 198, 190)), ((250, 249, 247), (236,
    233, 229)),
    ((228, 232, 239), (196, 204, 216)), ((247, 241, 228), (224, 210, 184)),
)  # fmt: skip


def draw_reference(reference: str, *, view: int | None = None, size_px: int) -> bytes:
    """The picture of an image reference that carries its look, as encoded bytes (WebP).

    Args:
        reference: `sim:<number>:<view>:<look code>`.
        view: another view than the reference's own.
        size_px: side, MIN_SIZE..MAX_SIZE.
    Raises:
        NotFoundError: the reference cannot be drawn.
        InputError: view or size out of range.
    """
    look, _, own_view = parse_reference(reference)
    if look is None:
        raise NotFoundError(f"{reference[:80]!r} says nothing of how the thing looks")
    return encode(draw_look(look, view=own_view if view is None else view, size_px=size_px))


def draw_listing(row: Mapping[str, Any], *, view: int = 0, size_px: int = 320) -> bytes:
    """The picture of a LISTING row as encoded bytes (WebP); any catalogue's row will do.

    Raises InputError where view or size is out of range.
    """
    return encode(draw_look(look_of_listing(row), view=view, size_px=size_px))


def encode(image: Image.Image, *, form: Format = "WEBP") -> bytes:
    """The image as a file."""
    out = io.BytesIO()
    if form == "PNG":
        image.save(out, "PNG", compress_level=1)
    else:
        image.save(out, "WEBP", quality=84, method=0)
    return out.getvalue()


def draw_look(look: Look, *, view: int, size_px: int) -> Image.Image:
    """The picture as an RGB image of size_px x size_px.

    Args:
        look: what to draw.
        view: >= 0; views past VIEWS start again.
        size_px: side, MIN_SIZE..MAX_SIZE.
    Raises:
        InputError: view or size out of range.
    """
    if not MIN_SIZE <= size_px <= MAX_SIZE or view < 0:
        raise InputError(
            f"a picture has {MIN_SIZE}..{MAX_SIZE} pixels a side and a view >= 0, "
            f"got {size_px} and {view}"
        )
    name = VIEWS[view % len(VIEWS)]
    canvas = _background(size_px, (look.number * 7 + view) % len(_WALLS), name != "front").copy()
    paint_look(canvas, look, place=lambda outline: _placed(outline, name, look.number))
    return Image.fromarray(np.clip(canvas + 0.5, 0, 255).astype(np.uint8), "RGB")


def paint_look(canvas: Pixels, look: Look, *, place: Callable[[Outline], Outline]) -> None:
    """Draw the thing and its shadow over a square canvas, in place.

    Args:
        canvas: (size, size, 3) float32.
        look: what to draw.
        place: where an outline in the unit square comes to lie; the same for all of them.
    """
    size_px = len(canvas)
    parts = [Part(p.role, tuple(place(o) for o in p.outlines), p.shade) for p in _parts(look)]
    _cast_shadow(canvas, parts, size_px)
    paint = _Paint(look, size_px)
    for one in parts:
        _lay(canvas, one, paint, size_px)


def _parts(look: Look) -> list[Part]:
    draw = SILHOUETTES[look.leaf.picture]
    parts = list(draw(look.closure if look.leaf.picture in BY_CLOSURE else look.shape))
    return [*parts, *_emblem(look, parts)]


def _emblem(look: Look, parts: Sequence[Part]) -> list[Part]:
    """A sign of the theme in the middle of the largest body part, where there is room."""
    bodies = [o for p in parts if p.role == "body" for o in p.outlines]
    if not look.theme or not bodies:
        return []
    largest = max(bodies, key=lambda o: float(np.prod(np.ptp(o, axis=0))))
    (x0, y0), (x1, y1) = largest.min(axis=0), largest.max(axis=0)
    r = float(min(x1 - x0, y1 - y0)) * 0.24
    if r < 0.045:
        return []
    number = MOTIFS.index(look.theme)
    higher = 0.17 if look.leaf.picture == "poster" else -0.02  # a poster's hills stay free
    cx, cy = float(x0 + x1) / 2, float(y0 + y1) / 2 - higher
    return [part("second", *_glyph(MOTIF_GROUP[number], number, cx, cy, r), shade="none")]


def _glyph(group: str, number: int, cx: float, cy: float, r: float) -> list[Outline]:
    match group:
        case "animal":
            toes = ((-0.62, -0.25), (-0.24, -0.68), (0.24, -0.68), (0.62, -0.25))
            pad = oval(cx, cy + r * 0.32, r * (0.42 + 0.02 * (number % 5)), r * 0.4)
            return [pad, *(oval(cx + r * x, cy + r * y, r * 0.19, r * 0.25) for x, y in toes)]
        case "plant":
            return [
                star(cx, cy - r * 0.25, r * 0.62, points=5 + number % 5, inner=0.62),
                poly((cx - r * 0.05, cy), (cx + r * 0.05, cy), (cx + r * 0.05, cy + r), (cx - r * 0.05,
                cy + r)),
                smooth((cx, cy + r * 0.8), (cx + r * 0.35, cy + r * 0.4), (cx + r * 0.6, cy + r * 0.4),
                (cx + r * 0.3, cy + r * 0.75)),
            ]  # fmt: skip
        case "sky":
            return [
                star(cx, cy, r * 0.85, points=4 + number % 4, inner=0.35),
                star(cx + r * 0.8, cy - r * 0.6, r * 0.25, points=4, inner=0.35),
            ]
        case "story":
            lower = poly((cx - r * 0.6, cy), (cx + r * 0.6, cy), (cx, cy + r * 0.9))
            return [lower, star(cx, cy - r * 0.3, r * 0.6, points=6 + number % 3, inner=0.5)]
        case "place":
            return [
                poly((cx - r, cy + r * 0.6), (cx - r * 0.3, cy - r * 0.5), (cx + r * 0.35, cy + r * 0.6)),
                poly((cx, cy + r * 0.6), (cx + r * 0.5, cy - r * 0.1), (cx + r, cy + r * 0.6)),
                oval(cx + r * 0.45, cy - r * 0.55, r * 0.2, r * 0.2),
            ]  # fmt: skip
        case _:
            return [heart(cx, cy, r * 0.7, r * 0.7)] if number % 2 else [
                oval(cx, cy, r * 0.7, r * 0.7, n=3 + number % 6)
            ]  # fmt: skip


def _placed(outline: Outline, view: str, number: int) -> Outline:
    """The outline as the view sees it: leaning, nearer, turned, or farther away."""
    centre, lean = np.array([0.5, 0.5]), 1.0 if number % 2 else -1.0
    match view:
        case "front":
            scale, turn, squeeze, shift = 0.92, 0.0, 1.0, (0.0, 0.0)
        case "angle":
            scale, turn, squeeze, shift = 0.94, 0.10 * lean, 0.82, (0.02 * lean, 0.0)
        case "detail":
            scale, turn, squeeze, shift = 1.9, 0.16 * lean, 1.0, (0.1 * lean, -0.08)
        case "turned":
            scale, turn, squeeze, shift = 0.9, -0.14 * lean, -0.9, (0.0, 0.01)
        case _:
            scale, turn, squeeze, shift = 0.7, 0.04 * lean, 1.0, (-0.12 * lean, 0.07)
    c, s = np.cos(turn), np.sin(turn)
    matrix = np.array([[c, s], [-s, c]]) * scale * np.array([squeeze, 1.0])[:, None]
    placed: Outline = (outline - centre) @ matrix + centre + np.array(shift)
    return placed


@lru_cache(maxsize=64)
def _background(size: int, wall: int, is_styled: bool) -> Pixels:
    """A wall and a table that meet softly, brighter where the light comes from."""
    x, y = axes(size)
    near, far = (np.array(c, np.float32) for c in _WALLS[wall])
    table = 1.0 / (1.0 + np.exp(-(y - 0.74) * 60.0)) if is_styled else np.zeros_like(y)
    light = 1.0 - 0.10 * np.hypot(x - 0.35, y - 0.3) ** 1.5
    mix = np.clip(y * 0.75 + x * 0.15, 0, 1)[..., None]
    plane = near * (1 - mix) + far * mix
    plane = plane * (1 - 0.09 * table[..., None]) * light[..., None]
    if is_styled:  # light through a window, out of focus
        beam = np.exp(-(((x - y * 0.5 - 0.12 - 0.07 * wall % 0.5) / 0.13) ** 2)) * (1 - table)
        plane = plane + 11.0 * beam[..., None]
    out = np.ascontiguousarray(np.clip(plane, 0, 255).astype(np.float32))
    out.setflags(write=False)
    return out


def _cast_shadow(canvas: Pixels, parts: Parts, size: int) -> None:
    """A soft shadow of everything, to the lower right."""
    small = max(size // 4, 8)
    mask = Image.new("L", (small, small), 0)
    draw = ImageDraw.Draw(mask)
    for one in parts:
        if one.role != "glow":
            for outline in one.outlines:
                draw.polygon(((outline + _SHADOW_AT) * small).ravel().tolist(), fill=255)
    soft = mask.filter(ImageFilter.GaussianBlur(small * 0.035)).resize(
        (size, size), Image.Resampling.BILINEAR
    )
    canvas *= 1.0 - np.asarray(soft, np.float32)[..., None] * (0.34 / 255)


class _Paint:
    """The listing's colours and surfaces at one size; each is made when first needed."""

    def __init__(self, look: Look, size: int) -> None:
        self.kind = MATERIAL_CLASS.get(look.material, "plastic")
        self.gloss = _GLOSS.get(self.kind, 0.0)
        self.gloss = {"matte": 0.3 * self.gloss, "glossy": self.gloss + 0.4}.get(
            look.finish, self.gloss
        )
        self.is_glass = look.material in ("glass", "crystal") or look.color == "clear"
        self._look, self._size = look, size
        self._grain = surface(size, look.material, self.kind, look.number % N_GRAINS)
        self._cache: dict[str, Pixels] = {}

    def of(self, role: str) -> Pixels:
        """(size, size, 3) the stuff of a role, unlit."""
        if role not in self._cache:
            self._cache[role] = self._make(role)
        return self._cache[role]

    def _make(self, role: str) -> Pixels:
        match role:
            case "body":
                return self._body()
            case "deep":
                return self.of("body") * np.float32(0.78)
            case "inner":
                return self.of("body") * np.float32(0.66)
            case "second":
                return np.array(self._second_rgb(), np.float32) * self._grain[..., None]
            case "wood":
                return (
                    np.array(_STUFF["wood"], np.float32)
                    * surface(self._size, "wood", "wood", 1)[..., None]
                )
            case "metal":
                tone = RGB["gold"] if self._look.number % 3 == 0 else _STUFF["metal"]
                return (
                    np.array(tone, np.float32) * surface(self._size, "brass", "metal", 2)[..., None]
                )
            case _:
                plain = np.array(_STUFF[role], np.float32)
                return np.broadcast_to(plain, (self._size, self._size, 3))

    def _second_rgb(self) -> Rgb:
        if self._look.second_color:
            return RGB[self._look.second_color]
        first = RGB[self._look.color or "beige"]
        lighter = sum(first) < 380
        r, g, b = (int(c + (244 - c) * 0.62) if lighter else int(c * 0.66) for c in first)
        return r, g, b

    def _body(self) -> Pixels:
        look, size = self._look, self._size
        if look.color == "multicolor":
            x, y = axes(size)
            band = (np.floor((x + y * 0.4) * 13.0) + look.number).astype(np.int64) % len(_RAINBOW)
            base: NDArray[Any] = _RAINBOW[band]
        else:
            base = np.broadcast_to(
                np.array(RGB[look.color or "beige"], np.float32), (size, size, 3)
            )
        if look.pattern and look.pattern != "plain":
            where = pattern(size, look.pattern)[..., None]
            second = np.array(self._second_rgb(), np.float32)
            base = base * (1 - where) + second * where
        lit = base * self._grain[..., None]
        if look.finish == "glitter":
            lit = lit + glitter(size)[..., None] * np.float32(80)
        rounded: Pixels = lit.astype(np.float32)
        return rounded


def _lay(canvas: Pixels, one: Part, paint: _Paint, size: int) -> None:
    """Draw one part over the canvas, in place."""
    points = np.concatenate(one.outlines) * size
    x0, y0 = np.maximum(np.floor(points.min(axis=0)).astype(int), 0).tolist()
    x1, y1 = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 1, size).tolist()
    if x0 >= x1 or y0 >= y1:
        return
    mask = Image.new("L", (2 * (x1 - x0), 2 * (y1 - y0)), 0)
    draw = ImageDraw.Draw(mask)
    for outline in one.outlines:
        flat = (outline * size - (x0, y0)) * 2
        draw.polygon(flat.ravel().tolist(), fill=255)
    alpha = np.asarray(mask.reduce(2), np.float32)[..., None] * np.float32(1 / 255)
    own = one.role in ("body", "deep", "inner")
    if own and paint.is_glass:
        alpha = alpha * np.float32(0.62)
    gloss = paint.gloss if own else (0.6 if one.role in ("metal", "gem") else 0.1)
    factor, shine = _light(one.shade, y1 - y0, x1 - x0, gloss)
    stuff = paint.of(one.role)[y0:y1, x0:x1] * factor[..., None] + shine[..., None]
    region = canvas[y0:y1, x0:x1]
    region += (stuff - region) * alpha


def _light(
    shade: Shade, height: int, width: int, gloss: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """(brightness factor, added shine) over a part's box; light comes from the upper left."""
    u = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    v = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    dull = np.zeros((1, 1), np.float32)
    match shade:
        case "round":
            factor = np.broadcast_to(1.07 - 0.26 * u**2 - 0.10 * u, (1, width)) - 0.05 * v
            return factor, 62 * gloss * np.exp(-(((u + 0.5) / 0.12) ** 2)) * (1 - 0.4 * v**2)
        case "ball":
            factor = 1.09 - 0.15 * (u**2 + v**2) - 0.07 * (u + v)
            return factor, 74 * gloss * np.exp(-((u + 0.42) ** 2 + (v + 0.45) ** 2) / 0.035)
        case "flat":
            return 1.04 - 0.05 * u - 0.07 * v, 30 * gloss * np.exp(
                -(((u + v * 0.6 + 0.5) / 0.2) ** 2)
            )
        case _:
            return np.ones((1, 1), np.float32), dull
