"""Surfaces as numbers: brightness factors of materials and masks of patterns, (size, size) float32.

All of it is computed from cached noise, so a picture costs a few array operations.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[Any]  # of float32


@lru_cache(maxsize=64)
def noise(size: int, cells: int, seed: int) -> Plane:
    """Smooth noise in [0, 1] with about `cells` blobs a side."""
    raw = np.random.default_rng([seed, cells]).random((cells + 1, cells + 1)).astype(np.float32)
    smooth = Image.fromarray(raw, "F").resize((size, size), Image.Resampling.BICUBIC)
    plane: Plane = np.clip(np.asarray(smooth), 0.0, 1.0)
    plane.setflags(write=False)
    return plane


@lru_cache(maxsize=8)
def axes(size: int) -> tuple[Plane, Plane]:
    """x as (1, size) and y as (size, 1), both in [0, 1)."""
    step = ((np.arange(size) + 0.5) / size).astype(np.float32)
    return step[None, :], step[:, None]


def _wood(size: int, seed: int) -> Plane:
    x, y = axes(size)
    bend = noise(size, 4, seed) * 1.6 + x * 0.5
    rings = np.sin((y * 9.0 + bend) * 9.0) * 0.07 + np.sin((y * 31.0 + bend * 3.0) * 9.0) * 0.035
    return (0.98 + rings + (noise(size, 90, seed) - 0.5) * 0.06).astype(np.float32)


def _weave(size: int, seed: int) -> Plane:
    x, y = axes(size)
    threads = np.sin(x * 2 * np.pi * 62) * 0.04 + np.sin(y * 2 * np.pi * 62) * 0.04
    return (0.97 + threads + (noise(size, 100, seed) - 0.5) * 0.10).astype(np.float32)


def _knit(size: int, seed: int) -> Plane:
    x, y = axes(size)
    column = x * 24
    slant = np.abs((column % 1.0) - 0.5)
    stitch = np.sin((y * 26 + slant * 1.4) * 2 * np.pi) * 0.10 - (slant < 0.06) * 0.10
    return (0.96 + stitch + (noise(size, 100, seed) - 0.5) * 0.08).astype(np.float32)


def _wicker(size: int, seed: int) -> Plane:
    x, y = axes(size)
    odd = (np.floor(y * 26) % 2) * np.pi
    bumps = np.sin(x * 2 * np.pi * 13 + odd) * 0.16 + np.sin(y * 2 * np.pi * 26) * 0.08
    plane: Plane = 0.94 + bumps + (noise(size, 60, seed) - 0.5) * 0.10
    return plane.astype(np.float32)


def _leather(size: int, seed: int) -> Plane:
    cells = noise(size, 95, seed) * 0.16 + noise(size, 9, seed) * 0.14
    return (0.86 + cells).astype(np.float32)


def _stone(size: int, seed: int) -> Plane:
    field = noise(size, 6, seed) + 0.5 * noise(size, 14, seed + 1)
    veins = np.exp(-(((field - 0.75) / 0.03) ** 2)) * 0.28
    return (1.0 - veins + (noise(size, 30, seed) - 0.5) * 0.05).astype(np.float32)


def _metal(size: int, seed: int) -> Plane:
    x, y = axes(size)
    bands = np.sin((x * 1.3 + y * 0.9) * 2 * np.pi * 1.6 + seed % 7) * 0.17
    return (1.0 + bands + (noise(size, 3, seed) - 0.5) * 0.15).astype(np.float32)


def _fluff(size: int, seed: int) -> Plane:
    return (0.82 + noise(size, 70, seed) * 0.22 + noise(size, 25, seed) * 0.12).astype(np.float32)


def _grain(size: int, seed: int) -> Plane:
    return (0.97 + (noise(size, 110, seed) - 0.5) * 0.05 + noise(size, 5, seed) * 0.04).astype(
        np.float32
    )


def _facets(size: int, seed: int) -> Plane:
    steps = np.round(noise(size, 7, seed) * 6) / 6
    return (0.75 + steps * 0.5).astype(np.float32)


_KNITTED: Final = frozenset({"wool", "mohair", "cashmere"})
_FLUFFY: Final = frozenset({"fleece", "felt", "dried flowers"})
_FACETED: Final = frozenset({"crystal", "gemstone", "stained glass"})
_SURFACES: Final[dict[str, Callable[[int, int], Plane]]] = {
    "wood": _wood, "textile": _weave, "fibre": _wicker, "leather": _leather, "stone": _stone, "metal": _metal,
    "ceramic": _grain, "paper": _grain, "plastic": _grain, "wax": _grain, "glass": _grain, "flower": _fluff,
}  # fmt: skip
N_GRAINS: Final = 5  # different pieces of each material; more would only fill the cache


@lru_cache(maxsize=256)
def surface(size: int, material: str, kind: str, grain: int) -> Plane:
    """Brightness factor of a material around 1; `grain` in 0..N_GRAINS-1 picks the piece."""
    make: Callable[[int, int], Plane]
    if material in _KNITTED:
        make = _knit
    elif material in _FLUFFY:
        make = _fluff
    elif material in _FACETED:
        make = _facets
    else:
        make = _SURFACES[kind]
    plane = make(size, 17 + grain)
    plane.setflags(write=False)
    return plane


def _dots(size: int, spacing: int, radius: float) -> Plane:
    x, y = axes(size)
    row = np.floor(y * spacing)
    dx = (x * spacing + 0.5 * (row % 2)) % 1.0 - 0.5
    dy = (y * spacing) % 1.0 - 0.5
    return _edge(radius - np.hypot(dx, dy), spacing / size)


def _edge(signed: Plane, pixel: float) -> Plane:
    """0 outside, 1 inside, one pixel of ramp: an antialiased threshold."""
    return np.clip(signed / max(pixel, 1e-6) + 0.5, 0.0, 1.0).astype(np.float32)


def _floral(size: int) -> Plane:
    x, y = axes(size)
    n = 6
    row = np.floor(y * n)
    dx = (x * n + 0.5 * (row % 2)) % 1.0 - 0.5
    dy = (y * n) % 1.0 - 0.5
    angle, r = np.arctan2(dy, dx), np.hypot(dx, dy)
    petals = 0.25 + 0.11 * np.cos(5 * angle + row)
    plane: Plane = _edge(petals - r, n / size) * (1 - _edge(0.08 - r, n / size))
    return plane


def _leopard(size: int) -> Plane:
    field = noise(size, 26, 5)
    return _edge(0.05 - np.abs(field - 0.62), 6 / size)


@lru_cache(maxsize=128)
def pattern(size: int, name: str) -> Plane:
    """Where the pattern's second colour is, in [0, 1]; all zero for plain and unknown names."""
    x, y = axes(size)
    match name:
        case "striped":
            plane = _edge(np.broadcast_to((y * 13) % 1.0 - 0.5, (size, size)), 13 / size)
        case "checkered":
            plane = 0.5 * _edge(np.broadcast_to((y * 11) % 1.0 - 0.5, (size, size)), 11 / size)
            plane = plane + 0.5 * _edge(
                np.broadcast_to((x * 11) % 1.0 - 0.5, (size, size)), 11 / size
            )
        case "polka dot":
            plane = _dots(size, 11, 0.22)
        case "floral":
            plane = _floral(size)
        case "geometric":
            zigzag = (y * 8 + np.abs((x * 8) % 1.0 - 0.5)) % 1.0
            plane = _edge(0.16 - np.abs(zigzag - 0.5), 8 / size)
        case "speckled":
            plane = _edge(noise(size, 75, 3) - 0.80, 0.10) * 0.8
        case "marbled":
            field = noise(size, 5, 4) + 0.4 * noise(size, 12, 4)
            plane = _edge(np.sin(field * 22).astype(np.float32) - 0.35, 0.5) * 0.8
        case "leopard":
            plane = _leopard(size)
        case "tie dye":
            r = np.hypot(x - 0.5, y - 0.5) + 0.12 * noise(size, 8, 6)
            plane = (0.5 + 0.5 * np.sin(r * 38)).astype(np.float32)
        case _:
            plane = np.zeros((size, size), np.float32)
    plane = plane.astype(np.float32)
    plane.setflags(write=False)
    return plane


@lru_cache(maxsize=8)
def glitter(size: int) -> Plane:
    """Bright sparks, in [0, 1]."""
    sparks = np.random.default_rng(9).random((size, size)).astype(np.float32)
    return np.where(sparks > 0.955, 1.0, 0.0).astype(np.float32)
