"""Silhouettes of things that people wear or carry. Each takes the shape or the closure attribute."""

# ruff: noqa: E501, RUF005 - numpy shifts; tables of coordinates, one part of the drawing per line

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from mercer.simulate.picture.geometry import (
    Outline,
    hoop,
    mirror,
    oval,
    poly,
    rect,
    shaped,
    smooth,
    stroke,
)
from mercer.simulate.picture.part import Part, Parts, part


def ring(shape: str) -> Parts:
    """A band with a stone."""
    return [
        part("body", hoop(0.5, 0.6, 0.24, 0.26, 0.05), shade="ball"),
        part("deep", hoop(0.5, 0.6, 0.2, 0.22, 0.012)),
        part("body", oval(0.5, 0.34, 0.1, 0.05)),
        part("gem", shaped(shape or "oval", 0.5, 0.27, 0.105, 0.105), shade="ball"),
        part("white", poly((0.46, 0.22), (0.5, 0.2), (0.48, 0.27)), shade="none"),
    ]


def _chain(drop: float) -> Outline:
    return stroke([(0.2, 0.02), (0.24, 0.24), (0.5, drop), (0.76, 0.24), (0.8, 0.02)], 0.012)


def necklace(shape: str) -> Parts:
    """A chain with a pendant."""
    beads = [
        oval(x, y, 0.013, 0.013, n=14)
        for x, y in ((0.29, 0.35), (0.71, 0.35), (0.37, 0.46), (0.63, 0.46))
    ]
    return [
        part("metal", _chain(0.54), *beads, hoop(0.5, 0.565, 0.022, 0.03, 0.008), shade="flat"),
        part(
            "body",
            shaped(shape or "round", 0.5, 0.72, 0.08 if shape == "bar" else 0.135, 0.14),
            shade="ball",
        ),
        part("second", oval(0.5, 0.73, 0.04, 0.04), shade="ball"),
    ]


def earrings(shape: str) -> Parts:
    """A pair that hangs, or a pair of hoops."""
    parts: list[Part] = []
    for x in (0.32, 0.68):
        if shape == "hoop":
            parts.append(part("body", hoop(x, 0.54, 0.15, 0.22, 0.035), shade="ball"))
            continue
        hook = stroke([(x + 0.03, 0.2), (x - 0.01, 0.12), (x, 0.3)], 0.012)
        parts += [
            part("metal", hook, oval(x, 0.33, 0.03, 0.03), shade="ball"),
            part("body", shaped(shape or "teardrop", x, 0.55, 0.13, 0.19), shade="ball"),
            part("second", oval(x, 0.6, 0.04, 0.04), shade="ball"),
        ]
    return parts


def bracelet(shape: str) -> Parts:
    """Beads on a loop."""
    angles = [2 * math.pi * i / 22 for i in range(22)]
    beads = [
        oval(0.5 + 0.33 * math.cos(a), 0.53 + 0.24 * math.sin(a), 0.045, 0.045, n=20)
        for a in angles
    ]
    return [
        part("body", *beads, shade="flat"),
        part(
            "white",
            *(
                oval(0.488 + 0.33 * math.cos(a), 0.517 + 0.24 * math.sin(a), 0.011, 0.011, n=10)
                for a in angles
            ),
            shade="none",
        ),
        part("second", *beads[3::7], shade="flat"),
        part("metal", oval(0.5, 0.77, 0.035, 0.03), shade="ball"),
    ]


def watch(shape: str) -> Parts:
    """A dial on a strap."""
    return [
        part("body", rect(0.4, 0.06, 0.6, 0.94, 0.03), shade="round"),
        part("metal", shaped(shape or "round", 0.5, 0.5, 0.2, 0.2), rect(0.69, 0.48, 0.73, 0.53, 0.008), shade="ball"),
        part("cream", shaped(shape or "round", 0.5, 0.5, 0.165, 0.165)),
        part("dark", stroke([(0.5, 0.5), (0.43, 0.43)], 0.016, curved=False), stroke([(0.5, 0.5), (0.6, 0.45)], 0.011, curved=False),
             *(oval(0.5 + 0.14 * math.cos(a), 0.5 + 0.14 * math.sin(a), 0.008, 0.008, n=8) for a in (math.pi / 6 * i for i in range(12))), shade="none"),
    ]  # fmt: skip


def pin(shape: str) -> Parts:
    """A badge with a rim."""
    name = shape or "round"
    return [
        part("metal", shaped(name, 0.5, 0.5, 0.3, 0.3), shade="ball"),
        part("body", shaped(name, 0.5, 0.5, 0.265, 0.265), shade="ball"),
        part("second", shaped(name, 0.5, 0.5, 0.15, 0.15)),
    ]


def beads(shape: str) -> Parts:
    """Loose ones on a table."""
    spots = [
        (0.3, 0.34),
        (0.5, 0.28),
        (0.7, 0.36),
        (0.24, 0.55),
        (0.44, 0.5),
        (0.64, 0.55),
        (0.8, 0.56),
        (0.36, 0.7),
        (0.56, 0.73),
        (0.72, 0.74),
    ]
    return [
        part(
            "body",
            *(shaped(shape or "round", x, y, 0.085, 0.085) for x, y in spots[::2]),
            shade="flat",
        ),
        part(
            "second",
            *(shaped(shape or "round", x, y, 0.08, 0.08) for x, y in spots[1::2]),
            shade="flat",
        ),
        part("dark", *(oval(x, y, 0.016, 0.016, n=10) for x, y in spots), shade="none"),
    ]


def tshirt(shape: str) -> Parts:
    """Short sleeves and a round neck."""
    left = poly(
        (0.38, 0.16), (0.27, 0.2), (0.1, 0.36), (0.19, 0.47), (0.27, 0.4), (0.27, 0.86), (0.5, 0.87)
    )
    right = mirror(left)[::-1]
    return [
        part("body", _closed(left, right, (0.5, 0.2))),
        part("deep", stroke([(0.385, 0.155), (0.44, 0.215), (0.56, 0.215), (0.615, 0.155)], 0.022)),
        part("deep", poly((0.262, 0.4), (0.275, 0.4), (0.275, 0.6)), poly((0.738, 0.4), (0.725, 0.4), (0.725, 0.6))),
    ]  # fmt: skip


def _closed(left: Outline, right: Outline, neck: tuple[float, float]) -> Outline:
    return np.concatenate([left, right, np.array([neck])])


def sweater(shape: str) -> Parts:
    """Long sleeves, cuffs and a hem."""
    left = poly(
        (0.39, 0.16),
        (0.28, 0.2),
        (0.18, 0.34),
        (0.1, 0.74),
        (0.2, 0.77),
        (0.27, 0.48),
        (0.27, 0.84),
        (0.5, 0.84),
    )
    right = mirror(left)[::-1]
    return [
        part("body", _closed(left, right, (0.5, 0.2))),
        part("deep", stroke([(0.39, 0.16), (0.45, 0.21), (0.55, 0.21), (0.61, 0.16)], 0.03), rect(0.27, 0.79, 0.73, 0.845, 0.01),
             poly((0.11, 0.69), (0.21, 0.72), (0.2, 0.775), (0.1, 0.745)), poly((0.89, 0.69), (0.79, 0.72), (0.8, 0.775), (0.9, 0.745))),
    ]  # fmt: skip


def jacket(closure: str) -> Parts:
    """A front that opens, with lapels and its closure."""
    left = poly(
        (0.4, 0.14),
        (0.27, 0.19),
        (0.17, 0.34),
        (0.1, 0.74),
        (0.2, 0.77),
        (0.26, 0.5),
        (0.24, 0.88),
        (0.5, 0.88),
    )
    right = mirror(left)[::-1]
    front: list[Part] = (
        [part("metal", rect(0.493, 0.3, 0.507, 0.88))]
        if closure == "zipper"
        else [
            part("deep", rect(0.497, 0.3, 0.503, 0.88)),
            part(
                "metal",
                *(oval(0.525, y, 0.014, 0.014) for y in (0.42, 0.54, 0.66, 0.78)),
                shade="ball",
            ),
        ]
    )
    return [
        part("body", _closed(left, right, (0.5, 0.3))),
        part("deep", poly((0.4, 0.14), (0.36, 0.26), (0.42, 0.36), (0.5, 0.32)), poly((0.6, 0.14), (0.64, 0.26), (0.58, 0.36), (0.5, 0.32)), rect(0.29, 0.62, 0.42, 0.64), rect(0.58, 0.62, 0.71, 0.64)),
        *front,
    ]  # fmt: skip


def robe(closure: str) -> Parts:
    """Wide sleeves and a belt."""
    left = poly(
        (0.42, 0.1), (0.3, 0.14), (0.08, 0.4), (0.16, 0.56), (0.31, 0.42), (0.27, 0.92), (0.5, 0.92)
    )
    right = mirror(left)[::-1]
    return [
        part("body", _closed(left, right, (0.5, 0.22))),
        part("second", stroke([(0.42, 0.1), (0.55, 0.42)], 0.035, curved=False), stroke([(0.58, 0.1), (0.47, 0.36)], 0.035, curved=False), rect(0.285, 0.46, 0.715, 0.51)),
        part("deep", poly((0.49, 0.51), (0.53, 0.51), (0.56, 0.66), (0.51, 0.66)), rect(0.497, 0.51, 0.503, 0.92)),
    ]  # fmt: skip


def dress(closure: str) -> Parts:
    """A bodice, a waist and a wide skirt."""
    body = smooth((0.4, 0.1), (0.42, 0.17), (0.5, 0.21), (0.58, 0.17), (0.6, 0.1), (0.645, 0.12), (0.64, 0.26), (0.6, 0.42),
                  (0.68, 0.66), (0.77, 0.9), (0.5, 0.93), (0.23, 0.9), (0.32, 0.66), (0.4, 0.42), (0.36, 0.26), (0.355, 0.12))  # fmt: skip
    folds = [
        stroke([(0.5 + d * 0.3, 0.48), (0.5 + d * 0.7, 0.7), (0.5 + d, 0.9)], 0.006)
        for d in (-0.16, -0.05, 0.06, 0.17)
    ]
    return [
        part("body", body),
        part("deep", *folds),
        part("second", rect(0.4, 0.405, 0.6, 0.44, 0.01)),
    ]


def skirt(closure: str) -> Parts:
    """A waistband and pleats."""
    pleats = [
        stroke([(0.5 + d * 0.42, 0.27), (0.5 + d, 0.82)], 0.008, curved=False)
        for d in (-0.24, -0.12, 0.0, 0.12, 0.24)
    ]
    return [
        part(
            "body",
            smooth(
                (0.36, 0.22),
                (0.64, 0.22),
                (0.74, 0.5),
                (0.84, 0.83),
                (0.5, 0.86),
                (0.16, 0.83),
                (0.26, 0.5),
            ),
        ),
        part("deep", *pleats),
        part("second", rect(0.36, 0.2, 0.64, 0.27, 0.01)),
    ]


def pants(closure: str) -> Parts:
    """Two legs."""
    return [
        part("body", poly((0.33, 0.1), (0.67, 0.1), (0.72, 0.4), (0.74, 0.92), (0.56, 0.92), (0.5, 0.42), (0.44, 0.92), (0.26, 0.92), (0.28, 0.4))),
        part("deep", rect(0.33, 0.1, 0.67, 0.15), stroke([(0.36, 0.16), (0.34, 0.24), (0.3, 0.27)], 0.008), stroke([(0.64, 0.16), (0.66, 0.24), (0.7, 0.27)], 0.008), rect(0.497, 0.15, 0.503, 0.3)),
        part("metal", oval(0.5, 0.126, 0.014, 0.014), shade="ball"),
    ]  # fmt: skip


def socks(closure: str) -> Parts:
    """A pair."""

    def sock(dx: float) -> Outline:
        return smooth((0.28, 0.12), (0.42, 0.12), (0.42, 0.5), (0.46, 0.62), (0.62, 0.7), (0.64, 0.8), (0.5, 0.84), (0.32, 0.74), (0.27, 0.6)) + (dx, 0.0)  # fmt: skip

    return [
        part("deep", sock(0.16)),
        part("body", sock(0.0), shade="round"),
        part(
            "second",
            rect(0.27, 0.12, 0.43, 0.19, 0.01),
            smooth((0.55, 0.67), (0.64, 0.71), (0.64, 0.81), (0.54, 0.83)),
        ),
    ]


def swimsuit(closure: str) -> Parts:
    """One piece."""
    return [
        part("body", smooth((0.37, 0.12), (0.41, 0.28), (0.5, 0.33), (0.59, 0.28), (0.63, 0.12), (0.67, 0.3), (0.62, 0.5), (0.7, 0.72), (0.56, 0.82), (0.5, 0.88), (0.44, 0.82), (0.3, 0.72), (0.38, 0.5), (0.33, 0.3))),
        part("second", rect(0.39, 0.49, 0.61, 0.53, 0.01)),
    ]  # fmt: skip


def scarf(closure: str) -> Parts:
    """A loop with two hanging ends and fringes."""
    fringe = [rect(0.33 + 0.022 * i, 0.8, 0.338 + 0.022 * i, 0.88) for i in range(7)]
    other = [rect(0.54 + 0.022 * i, 0.72, 0.548 + 0.022 * i, 0.8) for i in range(7)]
    return [
        part("body", rect(0.53, 0.4, 0.69, 0.73, 0.01), *other, shade="round"),
        part("body", hoop(0.5, 0.32, 0.28, 0.2, 0.12), shade="ball"),
        part("deep", rect(0.32, 0.42, 0.48, 0.81, 0.01), *fringe, shade="round"),
        part("second", rect(0.32, 0.7, 0.48, 0.74), rect(0.53, 0.63, 0.69, 0.67)),
    ]


def hat(closure: str) -> Parts:
    """A knitted cap with a bobble."""
    return [
        part("second", oval(0.5, 0.2, 0.09, 0.09), shade="ball"),
        part(
            "body",
            smooth(
                (0.22, 0.66),
                (0.24, 0.44),
                (0.36, 0.28),
                (0.5, 0.24),
                (0.64, 0.28),
                (0.76, 0.44),
                (0.78, 0.66),
                (0.5, 0.69),
            ),
            shade="ball",
        ),
        part("deep", rect(0.2, 0.6, 0.8, 0.75, 0.04), shade="round"),
    ]


def gloves(closure: str) -> Parts:
    """A pair of mittens."""
    left = smooth(
        (0.2, 0.8),
        (0.18, 0.5),
        (0.22, 0.28),
        (0.33, 0.2),
        (0.43, 0.3),
        (0.44, 0.46),
        (0.5, 0.4),
        (0.54, 0.46),
        (0.46, 0.6),
        (0.43, 0.66),
        (0.42, 0.8),
    )
    return [
        part("deep", mirror(left) + (0.08, 0.03)),
        part("body", left - (0.04, 0.0), shade="ball"),
        part("second", rect(0.155, 0.72, 0.385, 0.82, 0.02)),
    ]


def belt(closure: str) -> Parts:
    """A rolled strap with a buckle."""
    return [
        part(
            "body",
            hoop(0.46, 0.46, 0.3, 0.26, 0.06),
            hoop(0.46, 0.46, 0.2, 0.165, 0.05),
            rect(0.46, 0.66, 0.92, 0.74, 0.02),
        ),
        part(
            "metal", hoop(0.5, 0.7, 0.085, 0.075, 0.02), rect(0.5, 0.69, 0.585, 0.706), shade="ball"
        ),
        part(
            "dark",
            *(oval(x, 0.7, 0.009, 0.009, n=8) for x in (0.68, 0.74, 0.8, 0.86)),
            shade="none",
        ),
    ]


def glasses(shape: str) -> Parts:
    """Two lenses."""
    name = {"round": "round", "square": "square", "heart": "heart"}.get(shape, "oval")
    return [
        part("body", stroke([(0.14, 0.46), (0.08, 0.4), (0.05, 0.34)], 0.025), stroke([(0.86, 0.46), (0.92, 0.4), (0.95, 0.34)], 0.025),
             stroke([(0.44, 0.46), (0.5, 0.43), (0.56, 0.46)], 0.025), *(shaped(name, x, 0.52, 0.19, 0.17) for x in (0.29, 0.71))),
        part("dark", *(shaped(name, x, 0.52, 0.155, 0.137) for x in (0.29, 0.71)), shade="flat"),
        part("gem", *(poly((x - 0.08, 0.52), (x + 0.02, 0.42), (x + 0.05, 0.43), (x - 0.06, 0.56)) for x in (0.29, 0.71)), shade="none"),
    ]  # fmt: skip


def bow(closure: str) -> Parts:
    """A bow."""
    left = smooth((0.5, 0.5), (0.32, 0.34), (0.14, 0.32), (0.13, 0.5), (0.14, 0.68), (0.32, 0.66))
    return [
        part("body", left, mirror(left), shade="ball"),
        part("deep", stroke([(0.46, 0.5), (0.3, 0.47), (0.2, 0.42)], 0.01), stroke([(0.54, 0.5), (0.7, 0.47), (0.8, 0.42)], 0.01), rect(0.44, 0.42, 0.56, 0.58, 0.04)),
    ]  # fmt: skip


def keychain(shape: str) -> Parts:
    """A fob on a split ring."""
    return [
        part(
            "metal",
            hoop(0.5, 0.22, 0.12, 0.12, 0.022),
            rect(0.488, 0.33, 0.512, 0.44),
            shade="ball",
        ),
        part(
            "body",
            shaped(shape, 0.5, 0.65, 0.2, 0.22) if shape else rect(0.38, 0.42, 0.62, 0.9, 0.07),
        ),
        part("second", oval(0.5, 0.66, 0.06, 0.06)),
    ]


def _front_closure(closure: str, *, y: float, x0: float, x1: float) -> list[Part]:
    match closure:
        case "zipper":
            return [
                part(
                    "metal",
                    rect(x0, y - 0.008, x1, y + 0.008),
                    rect(x1 - 0.05, y, x1 - 0.03, y + 0.06, 0.008),
                )
            ]
        case "buckle":
            return [
                part("deep", rect(0.46, y - 0.06, 0.54, y + 0.16, 0.02)),
                part("metal", hoop(0.5, y + 0.06, 0.05, 0.04, 0.012)),
            ]
        case "drawstring":
            return [part("cream", stroke([(0.44, y), (0.4, y + 0.1), (0.42, y + 0.2)], 0.014), stroke([(0.56, y), (0.6, y + 0.1), (0.57, y + 0.2)], 0.014))]  # fmt: skip
        case "magnetic snap" | "button":
            return [part("metal", oval(0.5, y + 0.08, 0.025, 0.025), shade="ball")]
        case _:
            return []


def tote(closure: str) -> Parts:
    """A large bag with two handles."""
    return [
        part(
            "deep", stroke([(0.36, 0.4), (0.38, 0.16), (0.5, 0.1), (0.62, 0.16), (0.64, 0.4)], 0.03)
        ),
        part("body", poly((0.19, 0.36), (0.81, 0.36), (0.77, 0.86), (0.23, 0.86)), shade="flat"),
        part(
            "deep",
            rect(0.192, 0.36, 0.808, 0.385),
            rect(0.34, 0.38, 0.37, 0.46),
            rect(0.63, 0.38, 0.66, 0.46),
        ),
        *_front_closure(closure, y=0.41, x0=0.24, x1=0.76),
    ]


def backpack(closure: str) -> Parts:
    """A bag with a flap or zip and a front pocket."""
    return [
        part("deep", hoop(0.5, 0.16, 0.08, 0.07, 0.025), rect(0.17, 0.5, 0.24, 0.78, 0.03), rect(0.76, 0.5, 0.83, 0.78, 0.03)),
        part("body", smooth((0.26, 0.3), (0.34, 0.18), (0.5, 0.155), (0.66, 0.18), (0.74, 0.3), (0.77, 0.6), (0.74, 0.86), (0.5, 0.88), (0.26, 0.86), (0.23, 0.6))),
        part("second", rect(0.32, 0.58, 0.68, 0.8, 0.04)),
        *_front_closure(closure, y=0.44, x0=0.28, x1=0.72),
    ]  # fmt: skip


def purse(closure: str) -> Parts:
    """A flap bag on a strap."""
    return [
        part(
            "deep",
            stroke([(0.22, 0.46), (0.24, 0.18), (0.5, 0.08), (0.76, 0.18), (0.78, 0.46)], 0.022),
        ),
        part("body", rect(0.18, 0.42, 0.82, 0.82, 0.08)),
        part(
            "deep",
            smooth(
                (0.18, 0.44), (0.5, 0.42), (0.82, 0.44), (0.81, 0.58), (0.5, 0.66), (0.19, 0.58)
            ),
        ),
        *_front_closure(closure, y=0.58, x0=0.24, x1=0.76),
    ]


def pouch(closure: str) -> Parts:
    """A small flat bag."""
    if closure == "drawstring":
        return [
            part("body", smooth((0.34, 0.26), (0.66, 0.26), (0.63, 0.34), (0.74, 0.56), (0.7, 0.8), (0.5, 0.84), (0.3, 0.8), (0.26, 0.56), (0.37, 0.34)), shade="ball"),
            part("second", rect(0.35, 0.32, 0.65, 0.36, 0.01)),
            *_front_closure(closure, y=0.34, x0=0.3, x1=0.7),
        ]  # fmt: skip
    return [
        part("body", rect(0.14, 0.34, 0.86, 0.74, 0.05), shade="ball"),
        part("deep", rect(0.14, 0.34, 0.86, 0.38, 0.01)),
        *_front_closure(closure or "zipper", y=0.385, x0=0.16, x1=0.88),
    ]


def wallet(closure: str) -> Parts:
    """A folded wallet with two cards in it."""
    return [
        part("second", rect(0.26, 0.26, 0.7, 0.5, 0.015)),
        part("cream", rect(0.3, 0.3, 0.74, 0.5, 0.015)),
        part("body", rect(0.17, 0.35, 0.83, 0.77, 0.03)),
        part(
            "deep",
            rect(0.185, 0.365, 0.815, 0.372),
            rect(0.185, 0.748, 0.815, 0.755),
            rect(0.66, 0.5, 0.83, 0.6, 0.04),
        ),
        part("metal", oval(0.71, 0.55, 0.02, 0.02), shade="ball"),
    ]


def duffel(closure: str) -> Parts:
    """A barrel with handles."""
    return [
        part(
            "deep",
            stroke([(0.32, 0.5), (0.36, 0.26), (0.5, 0.2), (0.64, 0.26), (0.68, 0.5)], 0.028),
        ),
        part("body", rect(0.1, 0.4, 0.9, 0.78, 0.14), shade="ball"),
        part("deep", rect(0.29, 0.4, 0.33, 0.78), rect(0.67, 0.4, 0.71, 0.78)),
        *_front_closure(closure or "zipper", y=0.44, x0=0.18, x1=0.82),
    ]


_UPPER: Final = (
    (0.1, 0.7),
    (0.11, 0.5),
    (0.16, 0.4),
    (0.3, 0.38),
    (0.4, 0.42),
    (0.52, 0.52),
    (0.7, 0.58),
    (0.87, 0.63),
    (0.92, 0.72),
    (0.5, 0.73),
)


def shoe(closure: str) -> Parts:
    """A low shoe from the side: laces, straps, or nothing on top."""
    top: list[Part] = []
    if closure == "laces":
        top = [part("white", *(stroke([(0.36 + 0.055 * i, 0.43 + 0.035 * i), (0.43 + 0.055 * i, 0.41 + 0.042 * i)], 0.016, curved=False) for i in range(5)))]  # fmt: skip
    elif closure == "velcro":
        top = [part("second", *(poly((0.36 + d, 0.4 + d * 0.6), (0.44 + d, 0.43 + d * 0.6), (0.37 + d, 0.62), (0.29 + d, 0.6)) for d in (0.0, 0.12)))]  # fmt: skip
    elif closure == "buckle":
        top = [part("deep", poly((0.34, 0.41), (0.42, 0.43), (0.36, 0.64), (0.28, 0.62))), part("metal", hoop(0.36, 0.53, 0.035, 0.035, 0.01))]  # fmt: skip
    return [
        part("body", smooth(*_UPPER), shade="ball"),
        part("second", smooth((0.1, 0.68), (0.11, 0.54), (0.2, 0.55), (0.26, 0.69)), smooth((0.72, 0.6), (0.86, 0.63), (0.92, 0.71), (0.74, 0.72))),
        part("white", smooth((0.09, 0.7), (0.5, 0.715), (0.93, 0.7), (0.94, 0.76), (0.5, 0.785), (0.1, 0.77))),
        part("inner", oval(0.225, 0.4, 0.09, 0.025)),
        *top,
    ]  # fmt: skip


def boot(closure: str) -> Parts:
    """A high shoe."""
    top: list[Part] = []
    if closure == "laces":
        top = [
            part(
                "cream",
                *(
                    stroke([(0.42, 0.22 + 0.07 * i), (0.55, 0.24 + 0.07 * i)], 0.014, curved=False)
                    for i in range(6)
                ),
            )
        ]
    elif closure == "zipper":
        top = [part("metal", rect(0.4, 0.14, 0.412, 0.66))]
    elif closure == "buckle":
        top = [
            part("deep", rect(0.25, 0.3, 0.54, 0.35)),
            part("metal", hoop(0.46, 0.325, 0.035, 0.035, 0.01)),
        ]
    return [
        part("body", smooth((0.27, 0.1), (0.53, 0.1), (0.54, 0.4), (0.58, 0.55), (0.78, 0.64), (0.86, 0.76), (0.5, 0.79), (0.24, 0.77), (0.26, 0.5)), shade="round"),
        part("dark", smooth((0.23, 0.76), (0.5, 0.78), (0.87, 0.76), (0.87, 0.81), (0.5, 0.82), (0.44, 0.83), (0.43, 0.9), (0.24, 0.9)), shade="none"),
        part("deep", rect(0.27, 0.1, 0.53, 0.13)),
        *top,
    ]  # fmt: skip


def sandal(closure: str) -> Parts:
    """A sole with straps, from above."""
    sole = smooth(
        (0.5, 0.08),
        (0.62, 0.18),
        (0.64, 0.36),
        (0.59, 0.56),
        (0.61, 0.78),
        (0.5, 0.92),
        (0.39, 0.78),
        (0.41, 0.56),
        (0.35, 0.34),
        (0.38, 0.16),
    )
    other = sole + (0.16, 0.02)
    straps = [rect(0.33, 0.26, 0.66, 0.35, 0.03), rect(0.37, 0.6, 0.64, 0.67, 0.02)]
    return [
        part("cream", mirror(other, cx=0.66) + (0.0, 0.0), sole - (0.16, 0.0), shade="flat"),
        part("body", *(s - (0.16, 0.0) for s in straps), *(s + (0.16, 0.02) for s in straps), shade="ball"),
        part("metal", oval(0.46, 0.635, 0.018, 0.018), oval(0.78, 0.655, 0.018, 0.018), shade="ball") if closure == "buckle" else part("deep", rect(0.19, 0.3, 0.48, 0.305), rect(0.51, 0.32, 0.8, 0.325)),
    ]  # fmt: skip


def loafer(closure: str) -> Parts:
    """A slip-on with a strap over the foot."""
    return [
        part("body", smooth(*_UPPER), shade="ball"),
        part("deep", poly((0.38, 0.43), (0.5, 0.5), (0.47, 0.62), (0.33, 0.58))),
        part("dark", smooth((0.09, 0.7), (0.5, 0.72), (0.93, 0.71), (0.93, 0.745), (0.5, 0.76), (0.3, 0.75), (0.29, 0.79), (0.1, 0.79)), shade="none"),
        part("inner", oval(0.225, 0.4, 0.09, 0.025)),
    ]  # fmt: skip


def slipper(closure: str) -> Parts:
    """Soft and round."""
    return [
        part("body", smooth((0.1, 0.66), (0.13, 0.52), (0.3, 0.5), (0.46, 0.4), (0.66, 0.4), (0.85, 0.5), (0.9, 0.66), (0.5, 0.72)), shade="ball"),
        part("cream", smooth((0.12, 0.54), (0.3, 0.47), (0.46, 0.39), (0.5, 0.45), (0.34, 0.56), (0.16, 0.6)), shade="ball"),
        part("deep", smooth((0.09, 0.66), (0.5, 0.69), (0.91, 0.66), (0.9, 0.72), (0.5, 0.75), (0.1, 0.72))),
    ]  # fmt: skip


def heel(closure: str) -> Parts:
    """A pump with a heel."""
    return [
        part("deep", poly((0.14, 0.5), (0.24, 0.56), (0.2, 0.84), (0.16, 0.84))),
        part("body", smooth((0.12, 0.34), (0.2, 0.36), (0.34, 0.5), (0.52, 0.62), (0.68, 0.62), (0.84, 0.74), (0.9, 0.82), (0.66, 0.83), (0.46, 0.76), (0.28, 0.62), (0.13, 0.54)), shade="ball"),
        part("inner", smooth((0.14, 0.36), (0.2, 0.38), (0.36, 0.53), (0.54, 0.63), (0.44, 0.63), (0.26, 0.5))),
        *([part("metal", hoop(0.3, 0.42, 0.05, 0.03, 0.01), stroke([(0.16, 0.38), (0.3, 0.36), (0.42, 0.46)], 0.018))] if closure == "buckle" else []),
    ]  # fmt: skip


def collar(closure: str) -> Parts:
    """A ring with a buckle and a tag."""
    return [
        part("body", hoop(0.5, 0.44, 0.34, 0.24, 0.07), shade="ball"),
        part(
            "metal",
            rect(0.4, 0.61, 0.47, 0.71, 0.015),
            hoop(0.5, 0.73, 0.04, 0.045, 0.012),
            shade="ball",
        ),
        part("second", oval(0.5, 0.82, 0.065, 0.065), shade="ball"),
    ]


WORN: Final[dict[str, Callable[[str], Parts]]] = {
    "ring": ring, "necklace": necklace, "earrings": earrings, "bracelet": bracelet, "watch": watch, "pin": pin,
    "beads": beads, "tshirt": tshirt, "sweater": sweater, "jacket": jacket, "robe": robe, "dress": dress,
    "skirt": skirt, "pants": pants, "socks": socks, "swimsuit": swimsuit, "scarf": scarf, "hat": hat,
    "gloves": gloves, "belt": belt, "glasses": glasses, "bow": bow, "keychain": keychain, "tote": tote,
    "backpack": backpack, "purse": purse, "pouch": pouch, "wallet": wallet, "duffel": duffel, "shoe": shoe,
    "boot": boot, "sandal": sandal, "loafer": loafer, "slipper": slipper, "heel": heel, "collar": collar,
}  # fmt: skip

# Silhouettes whose argument is the closure, not the shape.
BY_CLOSURE: Final = frozenset(
    {"tshirt", "sweater", "jacket", "robe", "dress", "skirt", "pants", "socks", "swimsuit", "scarf", "hat", "gloves",
     "belt", "bow", "tote", "backpack", "purse", "pouch", "wallet", "duffel", "shoe", "boot", "sandal", "loafer",
     "slipper", "heel", "collar"}
)  # fmt: skip
