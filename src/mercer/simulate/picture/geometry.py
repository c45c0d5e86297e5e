"""Outlines in the unit square: x to the right, y down, (0, 0) at the top left."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Outline: TypeAlias = NDArray[np.float64]  # (n, 2) closed polygon

Point: TypeAlias = tuple[float, float]


def poly(*points: Point) -> Outline:
    """The polygon through the points."""
    return np.array(points, np.float64)


def rect(x0: float, y0: float, x1: float, y1: float, r: float = 0.0) -> Outline:
    """A rectangle with corners of radius r."""
    r = min(r, (x1 - x0) / 2, (y1 - y0) / 2)
    if r <= 0:
        return poly((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    quarter = np.linspace(0, np.pi / 2, 8)
    corners = ((x1 - r, y0 + r, -np.pi / 2), (x1 - r, y1 - r, 0.0), (x0 + r, y1 - r, np.pi / 2),
               (x0 + r, y0 + r, np.pi))  # fmt: skip
    arcs = [
        np.stack([cx + r * np.cos(a + quarter), cy + r * np.sin(a + quarter)], axis=1)
        for cx, cy, a in corners
    ]
    return np.concatenate(arcs)


def oval(cx: float, cy: float, rx: float, ry: float, *, n: int = 56) -> Outline:
    """An ellipse."""
    a = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([cx + rx * np.cos(a), cy + ry * np.sin(a)], axis=1)


def hoop(cx: float, cy: float, rx: float, ry: float, width: float) -> Outline:
    """An elliptic ring, `width` broad, as one polygon with a seam."""
    outer, inner = oval(cx, cy, rx, ry), oval(cx, cy, rx - width, ry - width)[::-1]
    return np.concatenate([outer, outer[:1], inner[-1:], inner])


def smooth(*points: Point, closed: bool = True, n: int = 10) -> Outline:
    """A Catmull-Rom curve through the points, n steps between two of them."""
    p = np.array(points, np.float64)
    ends = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    a, b, c, d = (ends[i : len(ends) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, n, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    flat = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, p[-1:]])


def lathe(*profile: Point, cx: float = 0.5) -> Outline:
    """What a potter turns: (half width, y) from top to bottom, mirrored at x = cx."""
    side = smooth(*profile, closed=False)
    right = np.stack([cx + side[:, 0], side[:, 1]], axis=1)
    left = np.stack([cx - side[::-1, 0], side[::-1, 1]], axis=1)
    return np.concatenate([right, left])


def stroke(points: Sequence[Point] | Outline, width: float, *, curved: bool = True) -> Outline:
    """A ribbon of the given width along the points."""
    listed = [(float(x), float(y)) for x, y in points]
    line = smooth(*listed, closed=False) if curved else np.array(listed)
    step = np.gradient(line, axis=0)
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / length[:, None] * (width / 2)
    return np.concatenate([line + normal, (line - normal)[::-1]])


def mirror(outline: Outline, *, cx: float = 0.5) -> Outline:
    """The same on the other side of x = cx."""
    flipped = outline.copy()
    flipped[:, 0] = 2 * cx - flipped[:, 0]
    return flipped


def star(cx: float, cy: float, r: float, *, points: int = 5, inner: float = 0.45) -> Outline:
    """A star with its first point up."""
    a = np.linspace(0, 2 * np.pi, 2 * points, endpoint=False) - np.pi / 2
    radius = np.where(np.arange(2 * points) % 2 == 0, r, r * inner)
    return np.stack([cx + radius * np.cos(a), cy + radius * np.sin(a)], axis=1)


def heart(cx: float, cy: float, rx: float, ry: float) -> Outline:
    """A heart inside the given half sizes."""
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x = 16 * np.sin(t) ** 3 / 16
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    return np.stack([cx + rx * x, cy + ry * (y - 0.08)], axis=1)


def shaped(shape: str, cx: float, cy: float, rx: float, ry: float) -> Outline:
    """The outline of a shape attribute inside the given half sizes; unknown ones are round."""
    r = min(rx, ry)
    match shape:
        case "square":
            return rect(cx - r, cy - r, cx + r, cy + r, r * 0.08)
        case "rectangular" | "bar" | "tall":
            return rect(cx - rx, cy - ry, cx + rx, cy + ry, r * 0.08)
        case "oval":
            return oval(cx, cy, rx, ry * 0.78 if rx >= ry else ry)
        case "heart":
            return heart(cx, cy, r, r)
        case "star":
            return star(cx, cy, r * 1.08, inner=0.5)
        case "hexagon":
            return oval(cx, cy, r, r, n=6)
        case "triangle":
            return poly((cx - rx, cy - ry * 0.8), (cx + rx, cy - ry * 0.8), (cx, cy + ry))
        case "arch":
            top = cy - ry + rx
            half = np.linspace(np.pi, 2 * np.pi, 30)
            arc = np.stack([cx + rx * np.cos(half), top + rx * np.sin(half)], axis=1)
            return np.concatenate([arc, poly((cx + rx, cy + ry), (cx - rx, cy + ry))])
        case "teardrop":
            return smooth((cx, cy - ry), (cx + r * 0.45, cy - ry * 0.1), (cx + r * 0.62, cy + ry * 0.5),
                          (cx, cy + ry), (cx - r * 0.62, cy + ry * 0.5), (cx - r * 0.45,
                          cy - ry * 0.1))  # fmt: skip
        case "crescent":
            return _crescent(cx, cy, r)
        case "flower":
            a = np.linspace(0, 2 * np.pi, 90, endpoint=False)
            radius = r * (0.78 + 0.22 * np.cos(6 * a))
            return np.stack([cx + radius * np.cos(a), cy + radius * np.sin(a)], axis=1)
        case "hoop":
            return hoop(cx, cy, r, r, r * 0.16)
        case _:
            return oval(cx, cy, r, r)


def _crescent(cx: float, cy: float, r: float) -> Outline:
    outer = np.linspace(np.pi * 0.28, np.pi * 1.72, 40)
    inner = np.linspace(np.pi * 1.66, np.pi * 0.34, 40)
    a = np.stack([cx + r * np.cos(outer), cy + r * np.sin(outer)], axis=1)
    b = np.stack([cx + r * 0.32 + r * 0.76 * np.cos(inner), cy + r * 0.86 * np.sin(inner)], axis=1)
    return np.concatenate([a, b])
