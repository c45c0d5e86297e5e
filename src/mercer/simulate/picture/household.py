"""Silhouettes of things that stand, hang or lie in a home. Each takes the shape attribute."""

# ruff: noqa: E501, RUF005 - numpy shifts; tables of coordinates, one part of the drawing per line

import math
from collections.abc import Callable
from typing import Final

from mercer.simulate.picture.geometry import (
    Outline,
    hoop,
    lathe,
    oval,
    poly,
    rect,
    shaped,
    smooth,
    star,
    stroke,
)
from mercer.simulate.picture.part import Parts, part


def mug(shape: str) -> Parts:
    """A cup with a handle."""
    return [
        part("deep", hoop(0.72, 0.53, 0.13, 0.16, 0.045)),
        part("body", lathe((0.235, 0.3), (0.24, 0.5), (0.235, 0.68), (0.2, 0.77), (0.0, 0.785), cx=0.46), shade="round"),
        part("second", oval(0.46, 0.3, 0.235, 0.055)),
        part("inner", oval(0.46, 0.303, 0.215, 0.044)),
    ]  # fmt: skip


def glass(shape: str) -> Parts:
    """A tumbler."""
    return [
        part("body", poly((0.3, 0.25), (0.7, 0.25), (0.65, 0.78), (0.35, 0.78)), shade="round"),
        part("inner", oval(0.5, 0.25, 0.2, 0.04)),
    ]


def wineglass(shape: str) -> Parts:
    """A bowl on a stem."""
    return [
        part("body", oval(0.5, 0.82, 0.15, 0.03), rect(0.487, 0.52, 0.513, 0.82)),
        part("body", lathe((0.13, 0.17), (0.17, 0.32), (0.14, 0.46), (0.02, 0.54)), shade="round"),
        part("inner", oval(0.5, 0.17, 0.13, 0.028)),
    ]


def bowl(shape: str) -> Parts:
    """A wide open vessel."""
    return [
        part("body", lathe((0.34, 0.42), (0.31, 0.56), (0.2, 0.68), (0.12, 0.71), (0.11, 0.74), (0.0, 0.745)), shade="round"),
        part("second", oval(0.5, 0.42, 0.34, 0.085)),
        part("inner", oval(0.5, 0.424, 0.315, 0.07)),
    ]  # fmt: skip


def plate(shape: str) -> Parts:
    """A flat thing seen from above, with a rim."""
    name = shape or "round"
    return [
        part("body", shaped(name, 0.5, 0.5, 0.36, 0.34), shade="ball"),
        part("deep", shaped(name, 0.5, 0.5, 0.265, 0.25)),
        part("body", shaped(name, 0.5, 0.5, 0.255, 0.24)),
    ]


def teapot(shape: str) -> Parts:
    """Spout, lid and handle."""
    return [
        part("deep", hoop(0.2, 0.52, 0.13, 0.16, 0.04), stroke([(0.68, 0.62), (0.8, 0.55), (0.86, 0.38)], 0.075)),
        part("body", lathe((0.11, 0.36), (0.25, 0.48), (0.26, 0.62), (0.17, 0.76), (0.0, 0.78), cx=0.48), shade="ball"),
        part("second", oval(0.48, 0.365, 0.13, 0.035), oval(0.48, 0.31, 0.03, 0.03), shade="ball"),
    ]  # fmt: skip


_VASES: Final = {
    "tall": ((0.09, 0.14), (0.075, 0.24), (0.14, 0.42), (0.17, 0.62), (0.14, 0.82), (0.0, 0.83)),
    "round": ((0.1, 0.24), (0.08, 0.31), (0.2, 0.42), (0.27, 0.58), (0.19, 0.78), (0.0, 0.8)),
    "teardrop": ((0.06, 0.14), (0.06, 0.28), (0.12, 0.46), (0.22, 0.66), (0.16, 0.81), (0.0, 0.82)),
    "arch": ((0.16, 0.24), (0.18, 0.34), (0.18, 0.6), (0.15, 0.8), (0.0, 0.81)),
}


def vase(shape: str) -> Parts:
    """A vessel for flowers, with two dried stems."""
    profile = _VASES.get(shape, _VASES["tall"])
    rx, top = profile[0]
    stems = [
        stroke([(0.5, top), (x, top - 0.06), (x2, 0.04)], 0.008)
        for x, x2 in ((0.48, 0.42), (0.53, 0.6))
    ]
    buds = [
        oval(x, y, 0.018, 0.03) for x, y in ((0.42, 0.06), (0.44, 0.1), (0.6, 0.06), (0.575, 0.11))
    ]
    return [
        part("leaf", *stems, *buds, shade="none"),
        part("body", lathe(*profile), shade="round"),
        part("inner", oval(0.5, top + 0.004, rx * 0.9, 0.018)),
    ]  # fmt: skip


def planter(shape: str) -> Parts:
    """A pot with a plant in it."""
    leaves = [
        smooth((0.5, 0.5), (0.5 + 0.3 * math.cos(a) - 0.05, 0.4 - 0.2 * math.sin(a)),
               (0.5 + 0.36 * math.cos(a), 0.42 - 0.34 * math.sin(a)), (0.5 + 0.26 * math.cos(a) + 0.04, 0.46 - 0.2 * math.sin(a)))
        for a in (0.25, 0.75, 1.2, 1.7, 2.25, 2.8)
    ]  # fmt: skip
    body = (
        rect(0.3, 0.5, 0.7, 0.82, 0.02)
        if shape == "square"
        else lathe((0.22, 0.5), (0.21, 0.6), (0.17, 0.8), (0.0, 0.83))
    )
    return [
        part("leaf", *leaves, shade="ball"),
        part("body", body, shade="round"),
        part("deep", rect(0.27, 0.49, 0.73, 0.535, 0.015)),
    ]


def jar(shape: str) -> Parts:
    """A jar with a lid."""
    return [
        part("body", rect(0.29, 0.32, 0.71, 0.82, 0.06), shade="round"),
        part(
            "wood", rect(0.31, 0.23, 0.69, 0.325, 0.02), oval(0.5, 0.22, 0.035, 0.03), shade="round"
        ),
        part("cream", rect(0.37, 0.5, 0.63, 0.66, 0.015)),
    ]


def bottle(shape: str) -> Parts:
    """A dropper bottle with a label."""
    return [
        part("dark", rect(0.455, 0.1, 0.545, 0.3, 0.03), rect(0.44, 0.22, 0.56, 0.31, 0.01)),
        part("body", lathe((0.06, 0.3), (0.1, 0.34), (0.16, 0.4), (0.165, 0.78), (0.14, 0.83), (0.0, 0.83)), shade="round"),
        part("cream", rect(0.34, 0.5, 0.66, 0.7, 0.008), shade="round"),
    ]  # fmt: skip


def candle(shape: str) -> Parts:
    """A candle with a flame; hearts and pillars too."""
    flame = smooth((0.5, 0.13), (0.53, 0.22), (0.5, 0.27), (0.47, 0.22))
    if shape == "heart":
        return [
            part("glow", flame, shade="none"),
            part("body", shaped("heart", 0.5, 0.57, 0.27, 0.27), shade="ball"),
        ]
    half = 0.11 if shape == "tall" else 0.2
    top = 0.32 if shape == "tall" else 0.42
    return [
        part("glow", flame + (0.0, top - 0.31), shade="none"),
        part("dark", rect(0.495, top - 0.05, 0.505, top + 0.01)),
        part("body", rect(0.5 - half, top, 0.5 + half, 0.82, 0.02), shade="round"),
        part("white", oval(0.5, top, half, 0.03), shade="none"),
        part("cream", rect(0.5 - half * 0.62, 0.57, 0.5 + half * 0.62, 0.71, 0.006), shade="round"),
    ]  # fmt: skip


def candlestick(shape: str) -> Parts:
    """A stick holding a taper."""
    return [
        part("cream", rect(0.465, 0.1, 0.535, 0.42, 0.01), shade="round"),
        part("glow", smooth((0.5, 0.015), (0.522, 0.07), (0.5, 0.1), (0.478, 0.07)), shade="none"),
        part("body", lathe((0.07, 0.4), (0.05, 0.45), (0.025, 0.52), (0.05, 0.58), (0.025, 0.66), (0.06, 0.75),
                           (0.17, 0.8), (0.17, 0.83), (0.0, 0.84)), shade="round"),
    ]  # fmt: skip


def lamp(shape: str) -> Parts:
    """Shade, base, a warm bulb."""
    base = ((0.03, 0.42), (0.06, 0.5), (0.17, 0.62), (0.15, 0.76), (0.1, 0.83), (0.0, 0.84))
    slim = ((0.02, 0.42), (0.03, 0.6), (0.02, 0.77), (0.14, 0.81), (0.14, 0.84), (0.0, 0.845))
    return [
        part("body", lathe(*(slim if shape == "tall" else base)), shade="round"),
        part("cream", poly((0.36, 0.13), (0.64, 0.13), (0.76, 0.44), (0.24, 0.44)), shade="round"),
        part("glow", oval(0.5, 0.43, 0.21, 0.022), shade="none"),
    ]


def floorlamp(shape: str) -> Parts:
    """A lamp on a long pole."""
    return [
        part("body", rect(0.49, 0.28, 0.51, 0.88), oval(0.5, 0.89, 0.13, 0.022)),
        part("cream", poly((0.4, 0.07), (0.6, 0.07), (0.67, 0.29), (0.33, 0.29)), shade="round"),
        part("glow", oval(0.5, 0.285, 0.14, 0.014), shade="none"),
    ]


def pendantlamp(shape: str) -> Parts:
    """A lamp that hangs."""
    dome = ((0.04, 0.32), (0.2, 0.42), (0.3, 0.62), (0.3, 0.64))
    drop = ((0.04, 0.3), (0.13, 0.42), (0.22, 0.6), (0.15, 0.72))
    return [
        part("dark", rect(0.496, 0.0, 0.504, 0.32)),
        part("body", lathe(*(drop if shape == "teardrop" else dome)), shade="round"),
        part("glow", oval(0.5, 0.72 if shape == "teardrop" else 0.64, 0.15 if shape == "teardrop" else 0.3, 0.035), shade="none"),
    ]  # fmt: skip


def sconce(shape: str) -> Parts:
    """A lamp on a wall."""
    return [
        part("body", shaped("oval", 0.4, 0.6, 0.08, 0.14), stroke([(0.4, 0.6), (0.52, 0.66), (0.58, 0.5)], 0.03), shade="round"),
        part("cream", poly((0.5, 0.22), (0.68, 0.22), (0.74, 0.47), (0.44, 0.47)), shade="round"),
        part("glow", oval(0.59, 0.465, 0.13, 0.016), shade="none"),
    ]  # fmt: skip


def lampshade(shape: str) -> Parts:
    """A shade alone."""
    return [
        part("body", poly((0.33, 0.27), (0.67, 0.27), (0.8, 0.72), (0.2, 0.72)), shade="round"),
        part("glow", oval(0.5, 0.715, 0.28, 0.03), shade="none"),
    ]


def lantern(shape: str) -> Parts:
    """A frame with panes and a light inside."""
    return [
        part("body", hoop(0.5, 0.16, 0.08, 0.08, 0.02), poly((0.5, 0.18), (0.7, 0.31), (0.3, 0.31)), rect(0.31, 0.31, 0.69, 0.81, 0.01)),
        part("glow", rect(0.35, 0.35, 0.49, 0.76), rect(0.51, 0.35, 0.65, 0.76), shade="ball"),
        part("cream", rect(0.45, 0.55, 0.55, 0.76)),
    ]  # fmt: skip


def nightlight(shape: str) -> Parts:
    """A glowing form on a wooden foot."""
    return [
        part("glow", shaped(shape or "round", 0.5, 0.46, 0.29, 0.29), shade="none"),
        part("body", shaped(shape or "round", 0.5, 0.46, 0.26, 0.26), shade="ball"),
        part("wood", rect(0.33, 0.74, 0.67, 0.82, 0.02), shade="round"),
    ]


def pillow(shape: str) -> Parts:
    """A stuffed square with soft corners."""
    if shape == "round":
        return [
            part("body", oval(0.5, 0.52, 0.34, 0.33), shade="ball"),
            part("deep", oval(0.5, 0.52, 0.02, 0.02)),
        ]
    h = 0.21 if shape == "rectangular" else 0.33
    x0, x1, y0, y1 = 0.5 - 0.36, 0.5 + 0.36, 0.52 - h, 0.52 + h
    edge = smooth((x0, y0), (0.5, y0 + 0.035), (x1, y0), (x1 - 0.035, 0.52), (x1, y1), (0.5, y1 - 0.03), (x0, y1),
                  (x0 + 0.035, 0.52))  # fmt: skip
    return [part("body", edge, shade="ball")]


def blanket(shape: str) -> Parts:
    """A folded pile with fringes."""
    fringe = [rect(x, 0.76, x + 0.012, 0.83) for x in (0.2 + 0.03 * i for i in range(20))]
    return [
        part("body", rect(0.17, 0.56, 0.83, 0.77, 0.06), shade="flat"),
        part("deep", rect(0.19, 0.55, 0.81, 0.575, 0.01), *fringe),
        part("body", rect(0.19, 0.36, 0.81, 0.56, 0.07)),
        part("second", rect(0.62, 0.37, 0.68, 0.55)),
    ]


def rug(shape: str) -> Parts:
    """A carpet from above, bordered."""
    name = shape or "rectangular"
    rx, ry = (0.29, 0.39) if name == "rectangular" else (0.37, 0.37)
    fringe = [rect(0.22 + 0.029 * i, 0.08, 0.228 + 0.029 * i, 0.92) for i in range(20)]
    parts = [
        part("body", shaped(name, 0.5, 0.5, rx, ry)),
        part("second", shaped(name, 0.5, 0.5, rx * 0.86, ry * 0.89)),
        part("body", shaped(name, 0.5, 0.5, rx * 0.8, ry * 0.85)),
        part("second", shaped("hexagon", 0.5, 0.5, 0.1, 0.1)),
    ]
    return [part("cream", *fringe), *parts] if name == "rectangular" else parts


def wallhanging(shape: str) -> Parts:
    """Knotted cords on a stick."""
    cords = [
        rect(0.24 + 0.026 * i, 0.2, 0.258 + 0.026 * i, 0.62 + 0.22 * (1 - abs(i - 9.5) / 10), 0.004)
        for i in range(21)
    ]
    return [
        part("dark", stroke([(0.22, 0.2), (0.5, 0.07), (0.78, 0.2)], 0.006, curved=False)),
        part("body", *cords, shade="flat"),
        part(
            "second",
            poly((0.24, 0.34), (0.5, 0.5), (0.785, 0.34), (0.785, 0.4), (0.5, 0.57), (0.24, 0.4)),
        ),
        part("wood", rect(0.18, 0.185, 0.83, 0.215, 0.015)),
    ]


def clock(shape: str) -> Parts:
    """A dial with two hands."""
    ticks = [
        oval(0.5 + 0.245 * math.cos(a), 0.5 + 0.245 * math.sin(a), 0.013, 0.013, n=12)
        for a in (math.pi / 6 * i for i in range(12))
    ]
    return [
        part("body", shaped(shape or "round", 0.5, 0.5, 0.35, 0.35), shade="ball"),
        part("cream", shaped(shape or "round", 0.5, 0.5, 0.295, 0.295)),
        part("dark", *ticks, stroke([(0.5, 0.5), (0.4, 0.38)], 0.024, curved=False),
             stroke([(0.5, 0.5), (0.66, 0.36)], 0.016, curved=False), oval(0.5, 0.5, 0.02, 0.02), shade="none"),
    ]  # fmt: skip


def mirror(shape: str) -> Parts:
    """A frame around a pale glass."""
    name = shape or "round"
    rx, ry = (0.26, 0.38) if name in ("oval", "arch", "rectangular") else (0.35, 0.35)
    return [
        part("body", shaped(name, 0.5, 0.5, rx, ry), shade="ball"),
        part("gem", shaped(name, 0.5, 0.5, rx * 0.86, ry * 0.89), shade="flat"),
        part("white", poly((0.42, 0.42), (0.56, 0.3), (0.6, 0.32), (0.42, 0.48)), shade="none"),
    ]


def frame(shape: str) -> Parts:
    """A frame with a passe-partout."""
    rx, ry = (0.34, 0.34) if shape == "square" else (0.29, 0.36)
    return [
        part("body", shaped(shape or "rectangular", 0.5, 0.5, rx, ry)),
        part("white", shaped(shape or "rectangular", 0.5, 0.5, rx - 0.05, ry - 0.05)),
        part("second", shaped(shape or "rectangular", 0.5, 0.5, rx - 0.12, ry - 0.12)),
    ]


def poster(shape: str) -> Parts:
    """A sheet in a thin frame: sky, sun and hills in the listing's colours."""
    return [
        part("wood", rect(0.2, 0.1, 0.8, 0.9, 0.005)),
        part("white", rect(0.22, 0.12, 0.78, 0.88)),
        part("body", rect(0.27, 0.18, 0.73, 0.82)),
        part("second", oval(0.58, 0.36, 0.085, 0.085), poly((0.27, 0.62), (0.4, 0.5), (0.55, 0.64), (0.66, 0.55), (0.73, 0.62), (0.73, 0.82), (0.27, 0.82))),
        part("deep", smooth((0.27, 0.72), (0.4, 0.68), (0.56, 0.74), (0.73, 0.67), (0.73, 0.67), (0.73, 0.82), (0.73, 0.82), (0.27, 0.82), (0.27, 0.82))),
    ]  # fmt: skip


def wreath(shape: str) -> Parts:
    """Leaves and flowers on a ring."""
    leaves, blooms = [], []
    for i in range(26):
        a = 2 * math.pi * i / 26
        x, y = 0.5 + 0.28 * math.cos(a), 0.5 + 0.28 * math.sin(a)
        tip = (0.5 + 0.4 * math.cos(a + 0.25), 0.5 + 0.4 * math.sin(a + 0.25))
        leaves.append(
            smooth(
                (x, y), (x + 0.05 * math.cos(a), y + 0.09 * math.sin(a)), tip, (x - 0.04, y + 0.02)
            )
        )
        if i % 3 == 0:
            blooms.append(star(x, y, 0.06, points=7, inner=0.65))
    return [
        part("leaf", hoop(0.5, 0.5, 0.32, 0.32, 0.07), *leaves, shade="flat"),
        part("body", *blooms, shade="flat"),
        part("second", *(oval(0.5 + 0.27 * math.cos(a), 0.5 + 0.27 * math.sin(a), 0.022, 0.022) for a in (0.3, 1.4, 2.6, 3.7, 5.0))),
    ]  # fmt: skip


def bouquet(shape: str) -> Parts:
    """A bunch tied with a ribbon."""
    heads = [
        (0.5, 0.2),
        (0.36, 0.27),
        (0.64, 0.27),
        (0.28, 0.4),
        (0.72, 0.4),
        (0.5, 0.36),
        (0.42, 0.46),
        (0.6, 0.46),
    ]
    stems = [stroke([(x, y), (0.5, 0.62), (1 - x * 0.4 - 0.3, 0.88)], 0.01) for x, y in heads]
    return [
        part("leaf", *stems, *(oval(x + 0.05, y + 0.08, 0.02, 0.06) for x, y in heads)),
        part("body", *(star(x, y, 0.085, points=9, inner=0.75) for x, y in heads[::2])),
        part("second", *(star(x, y, 0.07, points=8, inner=0.7) for x, y in heads[1::2])),
        part(
            "cream", rect(0.44, 0.6, 0.56, 0.66, 0.01), *(oval(x, y, 0.02, 0.02) for x, y in heads)
        ),
    ]


def garland(shape: str) -> Parts:
    """Pennants, stars or balls on a string."""
    first: list[Outline] = []
    second: list[Outline] = []
    for i in range(7):
        x = 0.1 + 0.133 * i
        y = 0.34 + 0.3 * (1 - ((x - 0.5) / 0.4) ** 2) * 0.5
        one = star(x, y + 0.08, 0.075) if shape == "star" else (
            oval(x, y + 0.06, 0.06, 0.06) if shape == "round" else poly((x - 0.058, y), (x + 0.058, y), (x, y + 0.18))
        )  # fmt: skip
        (first if i % 2 else second).append(one)
    line = [
        (x, 0.34 + 0.15 * (1 - ((x - 0.5) / 0.4) ** 2))
        for x in (0.02, 0.2, 0.35, 0.5, 0.65, 0.8, 0.98)
    ]
    return [part("dark", stroke(line, 0.007)), part("body", *first), part("second", *second)]


def basket(shape: str) -> Parts:
    """A woven vessel with two handles."""
    return [
        part("deep", hoop(0.27, 0.4, 0.07, 0.1, 0.025), hoop(0.73, 0.4, 0.07, 0.1, 0.025)),
        part(
            "body",
            lathe((0.27, 0.36), (0.29, 0.5), (0.28, 0.7), (0.22, 0.82), (0.0, 0.83)),
            shade="round",
        ),
        part("second", rect(0.22, 0.56, 0.78, 0.64), shade="round"),
        part("inner", oval(0.5, 0.36, 0.27, 0.05)),
    ]


def suncatcher(shape: str) -> Parts:
    """Coloured glass on a chain."""
    rays = [poly((0.5, 0.46), (0.5 + 0.22 * math.cos(a), 0.46 + 0.22 * math.sin(a)),
                 (0.5 + 0.22 * math.cos(a + 0.4), 0.46 + 0.22 * math.sin(a + 0.4))) for a in (0, 1.05, 2.1, 3.14, 4.2, 5.24)]  # fmt: skip
    return [
        part("dark", rect(0.497, 0.02, 0.503, 0.2)),
        part("body", shaped(shape or "round", 0.5, 0.46, 0.28, 0.28), shade="ball"),
        part("second", *rays),
        part("gem", oval(0.5, 0.46, 0.07, 0.07), smooth((0.5, 0.77), (0.535, 0.86), (0.5, 0.9), (0.465, 0.86)), shade="ball"),
    ]  # fmt: skip


def ornament(shape: str) -> Parts:
    """A bauble on a loop."""
    return [
        part("dark", stroke([(0.5, 0.22), (0.49, 0.1), (0.51, 0.02)], 0.006)),
        part("metal", rect(0.46, 0.18, 0.54, 0.25, 0.01)),
        part("body", shaped(shape or "round", 0.5, 0.53, 0.29, 0.29), shade="ball"),
        part("second", rect(0.225, 0.5, 0.775, 0.56, 0.02)) if shape in ("", "round") else part("second", oval(0.5, 0.55, 0.05, 0.05)),
    ]  # fmt: skip


def shelf(shape: str) -> Parts:
    """A board with a plant and two books on it."""
    return [
        part("leaf", *(oval(0.3 + 0.03 * i, 0.38 - 0.02 * (i % 2), 0.03, 0.06) for i in range(4))),
        part("cream", rect(0.28, 0.44, 0.42, 0.54, 0.01)),
        part("second", rect(0.6, 0.3, 0.65, 0.54), rect(0.66, 0.34, 0.7, 0.54)),
        part("body", rect(0.12, 0.54, 0.88, 0.6, 0.008)),
        part("deep", rect(0.2, 0.6, 0.23, 0.7), rect(0.77, 0.6, 0.8, 0.7)),
    ]


def bookend(shape: str) -> Parts:
    """Two blocks with books between."""
    return [
        part("second", rect(0.34, 0.36, 0.41, 0.78)),
        part("cream", rect(0.41, 0.32, 0.47, 0.78)),
        part("deep", rect(0.47, 0.4, 0.55, 0.78)),
        part("second", rect(0.55, 0.35, 0.62, 0.78)),
        part("body", smooth((0.16, 0.78), (0.17, 0.6), (0.26, 0.44), (0.34, 0.5), (0.34, 0.78), (0.25, 0.785)),
             smooth((0.84, 0.78), (0.83, 0.6), (0.72, 0.44), (0.62, 0.5), (0.62, 0.78), (0.75, 0.785)), shade="ball"),
    ]  # fmt: skip


def box(shape: str) -> Parts:
    """A lidded box in perspective."""
    return [
        part("body", rect(0.2, 0.46, 0.8, 0.78, 0.015)),
        part("deep", poly((0.2, 0.46), (0.28, 0.33), (0.72, 0.33), (0.8, 0.46))),
        part("second", rect(0.2, 0.5, 0.8, 0.525)),
        part("metal", rect(0.465, 0.48, 0.535, 0.56, 0.012)),
    ]


def board(shape: str) -> Parts:
    """A board with a handle, from above."""
    if shape in ("round", "heart", "arch", "oval"):
        return [
            part("body", rect(0.46, 0.08, 0.54, 0.3, 0.04), shaped(shape, 0.5, 0.55, 0.33, 0.33)),
            part("deep", oval(0.5, 0.13, 0.018, 0.018)),
        ]
    return [
        part("body", rect(0.26, 0.28, 0.74, 0.9, 0.06), rect(0.44, 0.08, 0.56, 0.34, 0.05)),
        part("second", rect(0.26, 0.66, 0.74, 0.69)),
        part("dark", oval(0.5, 0.145, 0.022, 0.022)),
    ]


def fabric(shape: str) -> Parts:
    """A hanging cloth with folds."""
    return [
        part("body", smooth((0.18, 0.2), (0.5, 0.23), (0.82, 0.2), (0.82, 0.2), (0.8, 0.5), (0.83, 0.82), (0.83, 0.82), (0.5, 0.79), (0.17, 0.82), (0.17, 0.82), (0.2, 0.5))),
        part("deep", *(stroke([(x, 0.24), (x + 0.02, 0.5), (x - 0.01, 0.79)], 0.008) for x in (0.36, 0.62))),
        part("second", rect(0.19, 0.72, 0.81, 0.75)),
    ]  # fmt: skip


def spoon(shape: str) -> Parts:
    """A long spoon."""
    return [
        part("body", stroke([(0.42, 0.36), (0.6, 0.66), (0.74, 0.92)], 0.045), oval(0.35, 0.25, 0.12, 0.16), shade="ball"),
        part("deep", oval(0.345, 0.25, 0.08, 0.115), shade="ball"),
    ]  # fmt: skip


def knife(shape: str) -> Parts:
    """Blade and handle."""
    return [
        part(
            "metal",
            smooth((0.5, 0.06), (0.58, 0.2), (0.6, 0.42), (0.58, 0.56), (0.46, 0.56), (0.47, 0.3)),
        ),
        part("body", rect(0.46, 0.56, 0.56, 0.92, 0.035), shade="round"),
        part("metal", *(oval(0.51, y, 0.013, 0.013) for y in (0.64, 0.74, 0.84))),
    ]


def chair(shape: str) -> Parts:
    """Back, seat and four legs."""
    return [
        part("deep", poly((0.32, 0.58), (0.36, 0.58), (0.35, 0.9), (0.32, 0.9)), poly((0.64, 0.58), (0.68, 0.58), (0.68, 0.9), (0.65, 0.9))),
        part("body", smooth((0.3, 0.14), (0.5, 0.1), (0.7, 0.14), (0.72, 0.34), (0.68, 0.5), (0.5, 0.52), (0.32, 0.5), (0.28, 0.34)), shade="ball"),
        part("wood", poly((0.26, 0.6), (0.3, 0.6), (0.24, 0.93), (0.21, 0.93)), poly((0.7, 0.6), (0.74, 0.6), (0.79, 0.93), (0.76, 0.93))),
        part("body", smooth((0.27, 0.52), (0.5, 0.5), (0.73, 0.52), (0.78, 0.6), (0.7, 0.66), (0.5, 0.67), (0.3, 0.66), (0.22, 0.6))),
    ]  # fmt: skip


def stool(shape: str) -> Parts:
    """A seat on three legs."""
    return [
        part("deep", poly((0.47, 0.42), (0.53, 0.42), (0.52, 0.82), (0.48, 0.82))),
        part("body", poly((0.3, 0.42), (0.36, 0.42), (0.27, 0.9), (0.22, 0.9)), poly((0.64, 0.42), (0.7, 0.42), (0.78, 0.9), (0.73, 0.9)), rect(0.3, 0.66, 0.7, 0.69)),
        part("body", rect(0.22, 0.33, 0.78, 0.43, 0.02) if shape == "square" else oval(0.5, 0.38, 0.28, 0.07)),
        part("second", oval(0.5, 0.365, 0.25, 0.05)),
    ]  # fmt: skip


def table(shape: str) -> Parts:
    """A low table."""
    top = (
        rect(0.1, 0.4, 0.9, 0.47, 0.01)
        if shape in ("rectangular", "")
        else oval(0.5, 0.43, 0.4, 0.075)
    )
    return [
        part("deep", poly((0.3, 0.46), (0.34, 0.46), (0.36, 0.72), (0.33, 0.72)), poly((0.66, 0.46), (0.7, 0.46), (0.67, 0.72), (0.64, 0.72))),
        part("wood", poly((0.18, 0.46), (0.23, 0.46), (0.18, 0.82), (0.15, 0.82)), poly((0.77, 0.46), (0.82, 0.46), (0.85, 0.82), (0.82, 0.82))),
        part("body", top),
    ]  # fmt: skip


def sidetable(shape: str) -> Parts:
    """A small table with a drawer."""
    return [
        part("wood", rect(0.28, 0.4, 0.32, 0.88), rect(0.68, 0.4, 0.72, 0.88)),
        part("body", rect(0.26, 0.34, 0.74, 0.54, 0.01)),
        part(
            "deep",
            oval(0.5, 0.33, 0.28, 0.04)
            if shape == "round"
            else rect(0.22, 0.31, 0.78, 0.345, 0.008),
        ),
        part("metal", oval(0.5, 0.45, 0.022, 0.022), shade="ball"),
        part("body", rect(0.28, 0.76, 0.72, 0.79)),
    ]


def bookshelf(shape: str) -> Parts:
    """Four boards with books."""
    books = [
        (0.32, 0.2),
        (0.36, 0.18),
        (0.6, 0.19),
        (0.34, 0.41),
        (0.56, 0.42),
        (0.61, 0.4),
        (0.33, 0.63),
        (0.64, 0.62),
    ]
    return [
        part("inner", rect(0.27, 0.1, 0.73, 0.9)),
        part("second", *(rect(x, y, x + 0.032, y + 0.1 + (0.28 - y) % 0.22) for x, y in books)),
        part("cream", *(rect(x + 0.045, y + 0.02, x + 0.075, y + 0.1 + (0.28 - y) % 0.22) for x, y in books[::2])),
        part("body", rect(0.25, 0.08, 0.29, 0.92), rect(0.71, 0.08, 0.75, 0.92), *(rect(0.25, y, 0.75, y + 0.03) for y in (0.08, 0.3, 0.52, 0.74, 0.87))),
    ]  # fmt: skip


def dresser(shape: str) -> Parts:
    """A chest with six drawers."""
    drawers = [
        rect(x, y, x + 0.34, y + 0.12, 0.008) for x in (0.15, 0.51) for y in (0.36, 0.5, 0.64)
    ]
    return [
        part("wood", rect(0.16, 0.76, 0.2, 0.88), rect(0.8, 0.76, 0.84, 0.88)),
        part("deep", rect(0.11, 0.32, 0.89, 0.79, 0.012)),
        part("body", *drawers, rect(0.09, 0.29, 0.91, 0.335, 0.008)),
        part(
            "metal",
            *(oval(x, y, 0.015, 0.015) for x in (0.32, 0.68) for y in (0.42, 0.56, 0.7)),
            shade="ball",
        ),
    ]


def bench(shape: str) -> Parts:
    """A long seat."""
    return [
        part("wood", *(rect(x, 0.55, x + 0.04, 0.8) for x in (0.13, 0.3, 0.66, 0.83))),
        part("body", rect(0.08, 0.46, 0.92, 0.56, 0.025)),
        part("second", rect(0.1, 0.44, 0.4, 0.5, 0.03)),
    ]


def headboard(shape: str) -> Parts:
    """The head of a bed with two pillows."""
    back = (
        shaped("arch", 0.5, 0.42, 0.36, 0.3)
        if shape == "arch"
        else rect(0.12, 0.2, 0.88, 0.7, 0.03)
    )
    return [
        part("body", back, shade="flat"),
        part(
            "cream",
            rect(0.18, 0.48, 0.48, 0.68, 0.06),
            rect(0.52, 0.48, 0.82, 0.68, 0.06),
            shade="ball",
        ),
        part("white", rect(0.1, 0.64, 0.9, 0.86, 0.03)),
    ]


def petbed(shape: str) -> Parts:
    """A round nest."""
    return [
        part("body", oval(0.5, 0.6, 0.38, 0.22), shade="ball"),
        part("deep", oval(0.5, 0.54, 0.28, 0.13)),
        part("cream", oval(0.5, 0.57, 0.25, 0.1), shade="ball"),
    ]


def soap(shape: str) -> Parts:
    """A stack of two bars, or balls."""
    if shape in ("round", "heart", "star"):
        return [
            part("second", shaped(shape, 0.6, 0.6, 0.2, 0.2), shade="ball"),
            part("body", shaped(shape, 0.4, 0.52, 0.22, 0.22), shade="ball"),
        ]
    return [
        part("second", rect(0.24, 0.56, 0.82, 0.74, 0.05), shade="flat"),
        part("body", rect(0.18, 0.38, 0.74, 0.57, 0.05)),
        part("cream", rect(0.33, 0.375, 0.58, 0.575)),
    ]  # fmt: skip


def stand(shape: str) -> Parts:
    """A stand with headphones on it."""
    return [
        part("body", rect(0.47, 0.3, 0.53, 0.8), rect(0.28, 0.79, 0.72, 0.85, 0.02), rect(0.4, 0.26, 0.6, 0.31, 0.02)),
        part("dark", stroke([(0.28, 0.5), (0.34, 0.26), (0.5, 0.19), (0.66, 0.26), (0.72, 0.5)], 0.03), rect(0.24, 0.45, 0.33, 0.64, 0.04), rect(0.67, 0.45, 0.76, 0.64, 0.04)),
    ]  # fmt: skip


HOUSEHOLD: Final[dict[str, Callable[[str], Parts]]] = {
    "mug": mug, "glass": glass, "wineglass": wineglass, "bowl": bowl, "plate": plate, "teapot": teapot, "vase": vase,
    "planter": planter, "jar": jar, "bottle": bottle, "candle": candle, "candlestick": candlestick, "lamp": lamp,
    "floorlamp": floorlamp, "pendantlamp": pendantlamp, "sconce": sconce, "shade": lampshade, "lantern": lantern,
    "nightlight": nightlight, "pillow": pillow, "blanket": blanket, "rug": rug, "wallhanging": wallhanging,
    "clock": clock, "mirror": mirror, "frame": frame, "poster": poster, "wreath": wreath, "bouquet": bouquet,
    "garland": garland, "basket": basket, "suncatcher": suncatcher, "ornament": ornament, "shelf": shelf,
    "bookend": bookend, "box": box, "board": board, "fabric": fabric, "spoon": spoon, "knife": knife, "chair": chair,
    "stool": stool, "table": table, "sidetable": sidetable, "bookshelf": bookshelf, "dresser": dresser,
    "bench": bench, "headboard": headboard, "petbed": petbed, "soap": soap, "stand": stand,
}  # fmt: skip
