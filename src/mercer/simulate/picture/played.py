"""Silhouettes of toys, paper goods, supplies, machines and the rest."""

# ruff: noqa: E501, RUF005 - numpy shifts; tables of coordinates, one part of the drawing per line

import math
from collections.abc import Callable
from typing import Final

from mercer.simulate.picture.geometry import (
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


def plush(shape: str) -> Parts:
    """A sitting animal with round ears."""
    return [
        part("body", oval(0.33, 0.2, 0.09, 0.09), oval(0.67, 0.2, 0.09, 0.09), oval(0.27, 0.62, 0.09, 0.13), oval(0.73, 0.62, 0.09, 0.13),
             oval(0.34, 0.84, 0.12, 0.08), oval(0.66, 0.84, 0.12, 0.08), shade="flat"),
        part("body", oval(0.5, 0.68, 0.23, 0.21), shade="ball"),
        part("body", oval(0.5, 0.35, 0.24, 0.21), shade="ball"),
        part("cream", oval(0.5, 0.72, 0.13, 0.13), oval(0.5, 0.41, 0.1, 0.075), oval(0.33, 0.2, 0.045, 0.045), oval(0.67, 0.2, 0.045, 0.045)),
        part("dark", oval(0.41, 0.33, 0.02, 0.024), oval(0.59, 0.33, 0.02, 0.024), oval(0.5, 0.385, 0.03, 0.02), shade="none"),
    ]  # fmt: skip


def doll(shape: str) -> Parts:
    """Head, dress, arms and legs."""
    return [
        part("second", oval(0.5, 0.21, 0.17, 0.17)),
        part("cream", oval(0.5, 0.24, 0.125, 0.13), stroke([(0.38, 0.44), (0.24, 0.6)], 0.05, curved=False), stroke([(0.62, 0.44), (0.76, 0.6)], 0.05, curved=False),
             rect(0.41, 0.74, 0.47, 0.9, 0.02), rect(0.53, 0.74, 0.59, 0.9, 0.02), shade="ball"),
        part("body", smooth((0.4, 0.38), (0.6, 0.38), (0.66, 0.56), (0.75, 0.78), (0.5, 0.81), (0.25, 0.78), (0.34, 0.56))),
        part("dark", oval(0.455, 0.24, 0.014, 0.016), oval(0.545, 0.24, 0.014, 0.016), rect(0.4, 0.87, 0.48, 0.91, 0.02), rect(0.52, 0.87, 0.6, 0.91, 0.02), shade="none"),
        part("second", smooth((0.37, 0.2), (0.5, 0.08), (0.63, 0.2), (0.5, 0.165))),
    ]  # fmt: skip


def woodentoy(shape: str) -> Parts:
    """A little car of wood."""
    return [
        part("body", smooth((0.12, 0.66), (0.13, 0.52), (0.3, 0.48), (0.38, 0.33), (0.62, 0.33), (0.72, 0.48), (0.88, 0.53), (0.89, 0.66), (0.5, 0.67))),
        part("second", poly((0.35, 0.48), (0.42, 0.38), (0.49, 0.38), (0.49, 0.48)), poly((0.52, 0.48), (0.52, 0.38), (0.6, 0.38), (0.66, 0.48))),
        part("wood", oval(0.29, 0.67, 0.105, 0.105), oval(0.71, 0.67, 0.105, 0.105), shade="ball"),
        part("cream", oval(0.29, 0.67, 0.035, 0.035), oval(0.71, 0.67, 0.035, 0.035)),
    ]  # fmt: skip


def puzzle(shape: str) -> Parts:
    """Four pieces, one apart."""
    piece = [
        rect(0.18, 0.2, 0.49, 0.51, 0.02),
        rect(0.51, 0.2, 0.82, 0.51, 0.02),
        rect(0.18, 0.53, 0.49, 0.84, 0.02),
    ]
    return [
        part("body", piece[0], oval(0.335, 0.53, 0.05, 0.05)),
        part("second", piece[1], oval(0.49, 0.35, 0.05, 0.05)),
        part("deep", piece[2], oval(0.49, 0.68, 0.05, 0.05)),
        part(
            "wood", rect(0.56, 0.58, 0.87, 0.89, 0.02) + (0.0, -0.01), oval(0.71, 0.57, 0.05, 0.05)
        ),
    ]


def game(shape: str) -> Parts:
    """A chequered board with pieces."""
    cells = [
        rect(0.2 + 0.1 * c, 0.24 + 0.1 * r, 0.3 + 0.1 * c, 0.34 + 0.1 * r)
        for r in range(6)
        for c in range(6)
        if (r + c) % 2
    ]
    return [
        part("body", rect(0.16, 0.2, 0.84, 0.88, 0.015)),
        part("cream", rect(0.2, 0.24, 0.8, 0.84)),
        part("deep", *cells),
        part(
            "dark",
            *(oval(x, y, 0.035, 0.035) for x, y in ((0.25, 0.29), (0.45, 0.29), (0.35, 0.39))),
            shade="ball",
        ),
        part(
            "white",
            *(oval(x, y, 0.035, 0.035) for x, y in ((0.55, 0.79), (0.75, 0.79), (0.65, 0.69))),
            shade="ball",
        ),
    ]


def rattle(shape: str) -> Parts:
    """A ring with a soft head."""
    return [
        part("wood", hoop(0.5, 0.7, 0.19, 0.19, 0.05), shade="ball"),
        part("body", shaped(shape or "round", 0.5, 0.33, 0.2, 0.2), shade="ball"),
        part("second", oval(0.5, 0.36, 0.07, 0.05), shade="ball"),
        part("dark", oval(0.44, 0.29, 0.017, 0.02), oval(0.56, 0.29, 0.017, 0.02), shade="none"),
    ]


def dice(shape: str) -> Parts:
    """Three polyhedra."""
    out = []
    for x, y, r, role in (
        (0.34, 0.56, 0.2, "body"),
        (0.68, 0.6, 0.17, "second"),
        (0.54, 0.3, 0.15, "body"),
    ):
        out += [
            part("deep" if role == "body" else "second", oval(x, y, r, r, n=6), shade="ball"),
            part(
                "body" if role == "body" else "second",
                poly((x, y - r * 0.62), (x + r * 0.55, y + r * 0.36), (x - r * 0.55, y + r * 0.36)),
            ),
            part("white", star(x, y + r * 0.05, r * 0.18), shade="none"),
        ]
    return out


def figurine(shape: str) -> Parts:
    """A bird on a base."""
    return [
        part("wood", rect(0.33, 0.78, 0.67, 0.85, 0.015), rect(0.49, 0.66, 0.51, 0.8)),
        part("body", smooth((0.2, 0.36), (0.26, 0.26), (0.38, 0.25), (0.48, 0.36), (0.66, 0.44), (0.86, 0.4), (0.72, 0.58), (0.54, 0.7), (0.38, 0.66), (0.3, 0.52), (0.28, 0.4)), shade="ball"),
        part("deep", smooth((0.44, 0.46), (0.6, 0.48), (0.74, 0.5), (0.6, 0.62), (0.48, 0.58)), shade="ball"),
        part("dark", oval(0.34, 0.33, 0.015, 0.015), shade="none"),
        part("second", poly((0.2, 0.35), (0.25, 0.31), (0.255, 0.37))),
    ]  # fmt: skip


def sticker(shape: str) -> Parts:
    """A white-edged cut-out."""
    name = shape or "round"
    return [
        part("white", shaped(name, 0.5, 0.5, 0.36, 0.36)),
        part("body", shaped(name, 0.5, 0.5, 0.32, 0.32)),
        part("second", shaped(name, 0.5, 0.5, 0.21, 0.21)),
    ]


def needlehoop(shape: str) -> Parts:
    """An embroidery hoop with flowers on linen."""
    flowers = [(0.4, 0.45), (0.58, 0.4), (0.52, 0.6)]
    return [
        part(
            "wood",
            shaped(shape or "round", 0.5, 0.52, 0.36, 0.36),
            rect(0.46, 0.1, 0.54, 0.18, 0.01),
            shade="ball",
        ),
        part("cream", shaped(shape or "round", 0.5, 0.52, 0.325, 0.325)),
        part("leaf", *(stroke([(0.5, 0.76), (x, y + 0.1), (x, y)], 0.012) for x, y in flowers)),
        part("body", *(star(x, y, 0.1, points=8, inner=0.6) for x, y in flowers)),
        part("second", *(oval(x, y, 0.03, 0.03) for x, y in flowers)),
    ]


def coin(shape: str) -> Parts:
    """A medal."""
    return [
        part("body", oval(0.5, 0.5, 0.36, 0.36), shade="ball"),
        part("deep", hoop(0.5, 0.5, 0.31, 0.31, 0.02)),
        part("deep", star(0.5, 0.5, 0.18), shade="ball"),
    ]


def card(shape: str) -> Parts:
    """A card before its envelope."""
    return [
        part("wood", rect(0.3, 0.18, 0.84, 0.62, 0.01)),
        part("deep", poly((0.3, 0.18), (0.84, 0.18), (0.57, 0.44))),
        part("white", rect(0.2, 0.26, 0.66, 0.88, 0.008)),
        part("body", rect(0.235, 0.295, 0.625, 0.845)),
        part("cream", rect(0.29, 0.5, 0.57, 0.64, 0.01)),
        part("dark", rect(0.34, 0.55, 0.52, 0.556), rect(0.37, 0.58, 0.49, 0.586), shade="none"),
    ]


def book(shape: str) -> Parts:
    """A bound book with a band."""
    return [
        part("white", rect(0.29, 0.15, 0.775, 0.88, 0.01)),
        part("body", rect(0.24, 0.13, 0.755, 0.87, 0.02)),
        part("deep", rect(0.24, 0.13, 0.3, 0.87, 0.02)),
        part("second", rect(0.66, 0.13, 0.685, 0.87)),
        part("cream", rect(0.36, 0.28, 0.6, 0.4, 0.008)),
    ]


def stamp(shape: str) -> Parts:
    """A stamp with its print."""
    return [
        part(
            "wood",
            lathe((0.06, 0.14), (0.09, 0.22), (0.05, 0.36), (0.07, 0.5), (0.15, 0.54), cx=0.42),
            shade="round",
        ),
        part("wood", rect(0.25, 0.52, 0.59, 0.62, 0.015), shade="round"),
        part("body", rect(0.26, 0.62, 0.58, 0.66)),
        part("body", shaped(shape or "round", 0.7, 0.78, 0.13, 0.13)),
        part("white", shaped(shape or "round", 0.7, 0.78, 0.1, 0.1)),
        part("body", star(0.7, 0.78, 0.06)),
    ]


def bookmark(shape: str) -> Parts:
    """A strip with a tassel."""
    return [
        part("second", stroke([(0.5, 0.18), (0.56, 0.08), (0.64, 0.06)], 0.012), poly((0.62, 0.05), (0.68, 0.03), (0.74, 0.14), (0.68, 0.17))),
        part("body", rect(0.39, 0.14, 0.61, 0.92, 0.02)),
        part("deep", rect(0.41, 0.2, 0.59, 0.207), rect(0.41, 0.87, 0.59, 0.877)),
        part("dark", oval(0.5, 0.18, 0.014, 0.014), shade="none"),
    ]  # fmt: skip


def yarn(shape: str) -> Parts:
    """A twisted skein with a label."""
    strands = [
        stroke([(0.2 + 0.03 * i, 0.8), (0.36 + 0.03 * i, 0.52), (0.58 + 0.03 * i, 0.2)], 0.008)
        for i in range(7)
    ]
    return [
        part("body", smooth((0.16, 0.8), (0.22, 0.58), (0.44, 0.36), (0.56, 0.14), (0.76, 0.14), (0.84, 0.24), (0.74, 0.5), (0.52, 0.72), (0.4, 0.88), (0.22, 0.9)), shade="ball"),
        part("deep", *strands),
        part("cream", poly((0.32, 0.5), (0.46, 0.34), (0.7, 0.56), (0.56, 0.71))),
    ]  # fmt: skip


def ribbon(shape: str) -> Parts:
    """A roll with a loose end."""
    return [
        part("body", stroke([(0.6, 0.62), (0.76, 0.76), (0.92, 0.7)], 0.14)),
        part("body", oval(0.45, 0.48, 0.3, 0.3), shade="ball"),
        part("deep", hoop(0.45, 0.48, 0.24, 0.24, 0.008), hoop(0.45, 0.48, 0.19, 0.19, 0.008)),
        part("cream", oval(0.45, 0.48, 0.13, 0.13)),
        part("dark", oval(0.45, 0.48, 0.06, 0.06), shade="flat"),
    ]


def hide(shape: str) -> Parts:
    """A piece of leather."""
    return [
        part("body", smooth((0.2, 0.18), (0.34, 0.24), (0.5, 0.14), (0.66, 0.24), (0.82, 0.2), (0.74, 0.42), (0.86, 0.66), (0.68, 0.72), (0.58, 0.88), (0.4, 0.8), (0.2, 0.84), (0.26, 0.56), (0.14, 0.4))),
    ]  # fmt: skip


def comb(shape: str) -> Parts:
    """A comb."""
    teeth = [rect(0.17 + 0.03 * i, 0.48, 0.185 + 0.03 * i, 0.76, 0.006) for i in range(22)]
    return [
        part(
            "body",
            smooth((0.13, 0.5), (0.16, 0.34), (0.5, 0.28), (0.84, 0.34), (0.87, 0.5), (0.5, 0.52)),
            *teeth,
        )
    ]


def skateboard(shape: str) -> Parts:
    """A deck from below."""
    return [
        part("body", rect(0.37, 0.05, 0.63, 0.95, 0.13)),
        part("second", rect(0.37, 0.4, 0.63, 0.6)),
        part("metal", rect(0.4, 0.2, 0.6, 0.23), rect(0.4, 0.77, 0.6, 0.8)),
        part(
            "cream",
            *(
                rect(x, y, x + 0.045, y + 0.08, 0.015)
                for x in (0.34, 0.615)
                for y in (0.175, 0.745)
            ),
            shade="round",
        ),
    ]


def radio(shape: str) -> Parts:
    """A set with a grille and a dial."""
    return [
        part("metal", stroke([(0.74, 0.32), (0.88, 0.06)], 0.012, curved=False)),
        part("body", rect(0.12, 0.3, 0.88, 0.8, 0.06)),
        part("cream", rect(0.17, 0.36, 0.54, 0.74, 0.02)),
        part("dark", *(rect(0.19, 0.39 + 0.045 * i, 0.52, 0.405 + 0.045 * i) for i in range(8)), shade="none"),
        part("cream", oval(0.7, 0.5, 0.11, 0.11), shade="ball"),
        part("dark", stroke([(0.7, 0.5), (0.76, 0.44)], 0.014, curved=False), oval(0.64, 0.7, 0.03, 0.03), oval(0.76, 0.7, 0.03, 0.03), shade="ball"),
    ]  # fmt: skip


def turntable(shape: str) -> Parts:
    """A record on a player, from above."""
    return [
        part("body", rect(0.12, 0.2, 0.88, 0.8, 0.03)),
        part("dark", oval(0.43, 0.5, 0.26, 0.26), shade="ball"),
        part("second", oval(0.43, 0.5, 0.085, 0.085)),
        part(
            "metal",
            stroke([(0.78, 0.3), (0.77, 0.55), (0.62, 0.66)], 0.02),
            oval(0.78, 0.3, 0.045, 0.045),
            shade="ball",
        ),
        part("cream", oval(0.43, 0.5, 0.012, 0.012)),
    ]


def camera(shape: str) -> Parts:
    """A body with a lens."""
    return [
        part("metal", rect(0.36, 0.24, 0.64, 0.36, 0.02), rect(0.17, 0.29, 0.28, 0.36, 0.015)),
        part("metal", rect(0.12, 0.33, 0.88, 0.78, 0.04)),
        part("body", rect(0.12, 0.43, 0.88, 0.71)),
        part("metal", oval(0.5, 0.57, 0.19, 0.19), shade="ball"),
        part("dark", oval(0.5, 0.57, 0.145, 0.145), shade="ball"),
        part("gem", oval(0.5, 0.57, 0.08, 0.08), rect(0.44, 0.27, 0.56, 0.33, 0.01), shade="ball"),
    ]


def typewriter(shape: str) -> Parts:
    """Keys, body and a sheet."""
    keys = [
        oval(0.27 + 0.066 * i + 0.02 * r, 0.66 + 0.06 * r, 0.022, 0.02, n=16)
        for r in range(3)
        for i in range(8 - r)
    ]
    return [
        part("white", rect(0.32, 0.1, 0.68, 0.4)),
        part("dark", rect(0.16, 0.34, 0.84, 0.41, 0.03), shade="round"),
        part(
            "body",
            smooth(
                (0.2, 0.4),
                (0.8, 0.4),
                (0.82, 0.58),
                (0.9, 0.84),
                (0.5, 0.87),
                (0.1, 0.84),
                (0.18, 0.58),
            ),
        ),
        part("cream", *keys),
        part("deep", rect(0.3, 0.45, 0.7, 0.52, 0.02)),
    ]


def phone(shape: str) -> Parts:
    """A telephone with a dial."""
    holes = [
        oval(0.5 + 0.1 * math.cos(a), 0.62 + 0.1 * math.sin(a), 0.022, 0.022, n=14)
        for a in (0.62 * i for i in range(10))
    ]
    return [
        part("body", smooth((0.3, 0.4), (0.7, 0.4), (0.76, 0.6), (0.86, 0.82), (0.5, 0.85), (0.14, 0.82), (0.24, 0.6)), shade="ball"),
        part("deep", smooth((0.1, 0.42), (0.1, 0.26), (0.3, 0.2), (0.5, 0.19), (0.7, 0.2), (0.9, 0.26), (0.9, 0.42), (0.78, 0.42), (0.72, 0.3), (0.28, 0.3), (0.22, 0.42)), shade="ball"),
        part("cream", oval(0.5, 0.62, 0.145, 0.145), shade="ball"),
        part("dark", *holes, shade="none"),
        part("metal", oval(0.5, 0.62, 0.05, 0.05), shade="ball"),
    ]  # fmt: skip


def phonecase(shape: str) -> Parts:
    """A case from the back."""
    return [
        part("body", rect(0.3, 0.08, 0.7, 0.92, 0.07)),
        part("dark", rect(0.34, 0.12, 0.5, 0.28, 0.04)),
        part(
            "gem",
            oval(0.385, 0.17, 0.027, 0.027),
            oval(0.385, 0.235, 0.027, 0.027),
            oval(0.455, 0.2, 0.027, 0.027),
            shade="ball",
        ),
    ]


def record(shape: str) -> Parts:
    """A sleeve with the record half out."""
    return [
        part("dark", oval(0.64, 0.5, 0.3, 0.3), shade="ball"),
        part("second", oval(0.64, 0.5, 0.1, 0.1)),
        part("body", rect(0.1, 0.18, 0.66, 0.82, 0.008)),
        part("second", oval(0.38, 0.46, 0.15, 0.15)),
        part("cream", rect(0.16, 0.7, 0.5, 0.735), rect(0.16, 0.75, 0.4, 0.77)),
    ]


PLAYED: Final[dict[str, Callable[[str], Parts]]] = {
    "plush": plush, "doll": doll, "woodentoy": woodentoy, "puzzle": puzzle, "game": game, "rattle": rattle,
    "dice": dice, "figurine": figurine, "sticker": sticker, "hoop": needlehoop, "coin": coin, "card": card,
    "book": book, "stamp": stamp, "bookmark": bookmark, "yarn": yarn, "ribbon": ribbon, "hide": hide, "comb": comb,
    "skateboard": skateboard, "radio": radio, "turntable": turntable, "camera": camera, "typewriter": typewriter,
    "phone": phone, "phonecase": phonecase, "record": record,
}  # fmt: skip
