"""What a listing really is, before anybody wrote about it: one block of latent columns at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mercer.simulate.option import NONE, Floats, OptionTable, option_table, parse_options
from mercer.simulate.seller import DAY_MS, HOME_LEAVES, SELLERS_PER_BLOCK, Sellers
from mercer.simulate.words import attribute as words
from mercer.simulate.words.likelihood import (
    COLORS_OF,
    ERA_WEIGHT,
    FINISHES_OF,
    GIFT_RECIPIENT_WEIGHT,
    MATERIAL_CLASS,
    OCCASION_WEIGHT,
    PATTERNS_OF,
    ROOT_WEIGHT,
    STYLES_OF,
)
from mercer.simulate.words.motif import MOTIFS
from mercer.simulate.words.taxonomy import Leaf, taxonomy

BLOCK_ROWS: Final = 8_192
TASTE_DIM: Final = 8

# The attributes, in the order of the columns of `Truth.values`; `theme` is the motif.
VOCABULARIES: Final = (
    words.COLOR,
    words.MATERIAL,
    words.STYLE,
    words.OCCASION,
    words.RECIPIENT,
    words.SIZE,
    words.SHAPE,
    words.ERA,
    words.CLOSURE,
    words.PATTERN,
    words.FINISH,
    words.Vocabulary("theme", MOTIFS, tuple((m,) for m in MOTIFS)),
)
ATTRIBUTES: Final[tuple[str, ...]] = tuple(v.name for v in VOCABULARIES)
COLUMN: Final[dict[str, int]] = {name: i for i, name in enumerate(ATTRIBUTES)}

# How likely an existing value is stated in the text, and in the structured attributes, by a seller
# of middling care. The rest of the truth can only be seen in the picture, or not at all.
TEXT_SHARE: Final = {
    "color": 0.66, "material": 0.84, "style": 0.55, "occasion": 0.78, "recipient": 0.8, "size": 0.66,
    "shape": 0.6,
    "era": 0.88, "closure": 0.6, "pattern": 0.62, "finish": 0.7, "theme": 0.97,
}  # fmt: skip
ATTRIBUTE_SHARE: Final = {
    "color": 0.74, "material": 0.74, "style": 0.4, "occasion": 0.42, "recipient": 0.55, "size": 0.85,
    "shape": 0.5,
    "era": 0.75, "closure": 0.62, "pattern": 0.45, "finish": 0.4, "theme": 0.35,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Truth:
    """Latent columns of n listings; all arrays are (n,) unless said otherwise."""

    category: NDArray[np.int16]  # leaf number in taxonomy()
    values: NDArray[np.int16]  # (n, len(ATTRIBUTES)) value number, or -1: it has none
    second_color: NDArray[np.int16]  # -1: one colour only
    in_text: NDArray[np.bool_]  # (n, len(ATTRIBUTES)) the title, tags or description state it
    in_attributes: NDArray[np.bool_]  # (n, len(ATTRIBUTES)) the structured attributes state it
    is_vintage: NDArray[np.bool_]
    is_custom: NDArray[np.bool_]  # made to order with a name or a date
    width_cm: NDArray[np.float32]
    height_cm: NDArray[np.float32]
    shows_dimensions: NDArray[np.bool_]
    taste: NDArray[np.float32]  # (n, TASTE_DIM) unit vector: what kind of buyer likes it
    craft: NDArray[np.float32]  # in [0, 1]: how well it is made
    beauty: NDArray[np.float32]  # in [0, 1]: how much it appeals to anybody this season
    seller: NDArray[np.int64]  # number over all blocks
    price_micros: NDArray[np.int64]  # US dollars
    quantity: NDArray[np.int64]
    created_ms: NDArray[np.int64]
    is_hidden: NDArray[np.bool_]

    def head(self, n: int) -> "Truth":
        """The first n listings."""
        return Truth(*(getattr(self, f.name)[:n] for f in fields(self)))


def concat(blocks: Sequence[Truth]) -> Truth:
    """The blocks one below the other."""
    return Truth(*(np.concatenate([getattr(b, f.name) for b in blocks]) for f in fields(Truth)))


@dataclass(frozen=True, slots=True)
class _Tables:
    material: OptionTable  # by leaf
    shape: OptionTable
    closure: OptionTable
    recipient: OptionTable
    size: OptionTable
    style: OptionTable
    color: OptionTable  # by material
    pattern: OptionTable
    finish: OptionTable
    occasion: OptionTable  # one context
    era: OptionTable
    any_leaf: OptionTable
    theme: OptionTable
    leaf: dict[str, NDArray[Any]]  # plain numbers by leaf


def _by_leaf(
    pairs: Sequence[Sequence[tuple[str, float]]], vocabulary: words.Vocabulary
) -> OptionTable:
    return option_table([[(vocabulary.index(v), w) for v, w in row] for row in pairs])


def _sizes(leaf: Leaf) -> list[tuple[str, float]]:
    sizes = words.SIZE_SETS.get(leaf.size_set, ())
    middle = (len(sizes) - 1) / 2
    return [
        (s, float(np.exp(-(((i - middle) / max(middle, 1)) ** 2)))) for i, s in enumerate(sizes)
    ]


def _recipients(leaf: Leaf) -> list[tuple[int, float]]:
    if leaf.wear:
        return [(words.RECIPIENT.index(v), w) for v, w in leaf.wear]
    return parse_options(GIFT_RECIPIENT_WEIGHT, words.RECIPIENT.values)


def _by_material(source: dict[str, str], vocabulary: words.Vocabulary) -> OptionTable:
    rows = [source.get(m) or source[MATERIAL_CLASS[m]] for m in words.MATERIAL.values]
    return option_table([parse_options(row, vocabulary.values) for row in rows])


@cache
def _tables() -> _Tables:
    leaves = taxonomy()
    per_root = {r: sum(leaf.root == r for leaf in leaves) for r in ROOT_WEIGHT}
    rank = np.random.default_rng(7).permutation(len(MOTIFS))  # which themes are popular: fixed
    return _Tables(
        material=_by_leaf([leaf.materials for leaf in leaves], words.MATERIAL),
        shape=_by_leaf([leaf.shapes for leaf in leaves], words.SHAPE),
        closure=_by_leaf([leaf.closures for leaf in leaves], words.CLOSURE),
        recipient=option_table([_recipients(leaf) for leaf in leaves]),
        size=_by_leaf([_sizes(leaf) for leaf in leaves], words.SIZE),
        style=option_table([parse_options(STYLES_OF[x.root], words.STYLE.values) for x in leaves]),
        color=_by_material(COLORS_OF, words.COLOR),
        pattern=_by_material(PATTERNS_OF, words.PATTERN),
        finish=_by_material(FINISHES_OF, words.FINISH),
        occasion=option_table([parse_options(OCCASION_WEIGHT, words.OCCASION.values)]),
        era=option_table([parse_options(ERA_WEIGHT, words.ERA.values)]),
        any_leaf=option_table(
            [[(i, ROOT_WEIGHT[x.root] / per_root[x.root]) for i, x in enumerate(leaves)]]
        ),
        theme=option_table([[(i, 1.0 / (float(r) + 4.0)) for i, r in enumerate(rank)]]),
        leaf={
            "price": np.array([x.price for x in leaves]),
            "width": np.array([x.width_cm for x in leaves]),
            "height": np.array([x.height_cm for x in leaves]),
            "has_pattern": np.array([x.has_pattern for x in leaves]),
            "has_finish": np.array([x.has_finish for x in leaves]),
            "vintage": np.array([x.vintage_share for x in leaves]),
            "theme": np.array([x.theme_share for x in leaves]),
            "occasion": np.array(
                [words.OCCASION.index(x.occasion) if x.occasion else NONE for x in leaves], np.int16
            ),
        },
    )


@cache
def taste_of_styles() -> NDArray[np.float32]:
    """(n_styles, TASTE_DIM) unit vectors: who likes which style; the same for every seed."""
    drawn = np.random.default_rng(11).normal(size=(len(words.STYLE.values), TASTE_DIM))
    unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    rounded: NDArray[np.float32] = unit.astype(np.float32)
    return rounded


def draw_truth(rng: np.random.Generator, sellers: Sellers, *, block: int, now_ms: int) -> Truth:
    """The latent columns of the BLOCK_ROWS listings of one block."""
    n, tables = BLOCK_ROWS, _tables()
    seller = _sellers_of_listings(rng, n)
    category = _categories(rng, sellers, seller)
    is_vintage = rng.random(n) < _vintage_share(sellers, seller, category)
    values = _values(rng, sellers, seller, category, is_vintage)
    in_text, in_attributes = _visible(rng, values, sellers.care[seller])
    craft = np.clip(0.7 * sellers.quality[seller] + 0.3 * rng.beta(3.0, 2.0, n), 0.0, 1.0)
    scale = np.exp(rng.normal(0.0, 0.22, n))
    width = tables.leaf["width"][category] * scale * np.exp(rng.normal(0.0, 0.07, n))
    height = tables.leaf["height"][category] * scale * np.exp(rng.normal(0.0, 0.07, n))
    created = now_ms - (rng.random(n) ** 1.7 * (now_ms - sellers.opened_ms[seller])).astype(
        np.int64
    )
    return Truth(
        category=category,
        values=values,
        second_color=_second_colors(rng, values),
        in_text=in_text,
        in_attributes=in_attributes,
        is_vintage=is_vintage,
        is_custom=~is_vintage & (rng.random(n) < 0.3),
        width_cm=_tidy_cm(width),
        height_cm=_tidy_cm(height),
        shows_dimensions=rng.random(n) < 0.25 + 0.65 * sellers.care[seller],
        taste=_tastes(rng, values),
        craft=craft.astype(np.float32),
        beauty=rng.beta(2.2, 2.2, n).astype(np.float32),
        seller=block * SELLERS_PER_BLOCK + seller,
        price_micros=_prices(rng, sellers, seller, category, values, craft, scale),
        quantity=_quantities(rng, is_vintage),
        created_ms=created,
        is_hidden=rng.random(n) < 0.003,
    )


def _sellers_of_listings(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    weight = 1.0 / (np.arange(SELLERS_PER_BLOCK) + 6.0) ** 0.9  # few large shops, many small ones
    upto = np.cumsum(weight / weight.sum())
    return np.minimum(np.searchsorted(upto, rng.random(n)), SELLERS_PER_BLOCK - 1)


def _categories(
    rng: np.random.Generator, sellers: Sellers, seller: NDArray[np.int64]
) -> NDArray[np.int16]:
    n = len(seller)
    favourite = np.minimum(rng.geometric(0.4, n) - 1, HOME_LEAVES - 1)
    home = sellers.leaves[seller, favourite]
    anywhere = _tables().any_leaf.draw(np.zeros(n, np.int16), rng.random(n))
    return np.where(rng.random(n) < 0.8, home, anywhere)


def _vintage_share(
    sellers: Sellers, seller: NDArray[np.int64], category: NDArray[np.int16]
) -> Floats:
    share = _tables().leaf["vintage"][category]
    lift = np.where(sellers.is_vintage[seller], 3.2, 1.0)
    shared: Floats = np.where(share > 0.85, share, np.minimum(share * lift, 0.97))
    return shared


def _values(
    rng: np.random.Generator,
    sellers: Sellers,
    seller: NDArray[np.int64],
    category: NDArray[np.int16],
    is_vintage: NDArray[np.bool_],
) -> NDArray[np.int16]:
    n, t = len(seller), _tables()
    zero = np.zeros(n, np.int16)
    u = rng.random((16, n))
    out = np.full((n, len(ATTRIBUTES)), NONE, np.int16)
    material = t.material.draw(category, u[0])
    color = t.color.draw(material, u[1])
    own_color = (u[2] < 0.25) & (t.color.value[material] == sellers.color[seller][:, None]).any(
        axis=1
    )
    style = np.where(u[3] < 0.4, sellers.style[seller], t.style.draw(category, u[4]))
    leaning = t.leaf["occasion"][category]
    occasion = t.occasion.draw(zero, u[5])
    pattern = t.pattern.draw(material, u[6])
    theme_share = t.leaf["theme"][category] * np.where(sellers.is_fandom[seller], 2.2, 0.85)
    out[:, COLUMN["material"]] = material
    out[:, COLUMN["color"]] = np.where(own_color, sellers.color[seller], color)
    out[:, COLUMN["style"]] = style
    out[:, COLUMN["occasion"]] = np.where((leaning != NONE) & (u[7] < 0.5), leaning, occasion)
    out[:, COLUMN["recipient"]] = t.recipient.draw(category, u[8])
    out[:, COLUMN["size"]] = t.size.draw(category, u[9])
    out[:, COLUMN["shape"]] = t.shape.draw(category, u[10])
    out[:, COLUMN["era"]] = np.where(is_vintage, t.era.draw(zero, u[11]), NONE)
    out[:, COLUMN["closure"]] = t.closure.draw(category, u[12])
    out[:, COLUMN["pattern"]] = np.where(t.leaf["has_pattern"][category], pattern, NONE)
    finish = t.finish.draw(material, u[13])
    out[:, COLUMN["finish"]] = np.where(t.leaf["has_finish"][category], finish, NONE)
    theme = t.theme.draw(zero, u[14])
    out[:, COLUMN["theme"]] = np.where(u[15] < theme_share, theme, NONE)
    return out


def _visible(
    rng: np.random.Generator, values: NDArray[np.int16], care: Floats
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which values the text and the attributes state; careless sellers state fewer."""
    lift = (0.62 + 0.6 * care)[:, None]
    has = values != NONE
    text = np.array([TEXT_SHARE[a] for a in ATTRIBUTES])
    structured = np.array([ATTRIBUTE_SHARE[a] for a in ATTRIBUTES])
    in_text = has & (rng.random(values.shape) < text * lift)
    return in_text, has & (rng.random(values.shape) < structured * lift)


def _second_colors(rng: np.random.Generator, values: NDArray[np.int16]) -> NDArray[np.int16]:
    first = values[:, COLUMN["color"]]
    drawn = _tables().color.draw(values[:, COLUMN["material"]], rng.random(len(values)))
    keep = (rng.random(len(values)) < 0.22) & (drawn != first)
    return np.where(keep, drawn, np.int16(NONE))


def _tastes(rng: np.random.Generator, values: NDArray[np.int16]) -> NDArray[np.float32]:
    of_style = taste_of_styles()[values[:, COLUMN["style"]]]
    noise = rng.normal(0.0, 0.3, (len(values), TASTE_DIM)).astype(np.float32)
    mixed = of_style + noise
    unit: NDArray[np.float32] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return unit


_DEAR: Final = {
    "gold": 0.7, "silver": 0.15, "walnut": 0.25, "oak": 0.15, "marble": 0.35, "cashmere": 0.6, "silk": 0.3,
    "leather": 0.25, "plastic": -0.3, "polyester": -0.3, "acrylic": -0.15, "vegan leather": -0.15,
    "crystal": 0.2,
    "mohair": 0.2, "wool": 0.1,
}  # fmt: skip
_ENDINGS: Final = np.array([0, 990_000, 500_000, 950_000], np.int64)


def _prices(
    rng: np.random.Generator,
    sellers: Sellers,
    seller: NDArray[np.int64],
    category: NDArray[np.int16],
    values: NDArray[np.int16],
    craft: Floats,
    scale: Floats,
) -> NDArray[np.int64]:
    """Log-normal around the leaf's median, tidied to the ending that the seller likes."""
    dear = np.array([_DEAR.get(m, 0.0) for m in words.MATERIAL.values])
    log_price = (
        np.log(_tables().leaf["price"][category])
        + sellers.price_level[seller]
        + dear[values[:, COLUMN["material"]]]
        + 0.5 * (craft - 0.6)
        + 0.5 * np.log(scale)
        + rng.normal(0.0, 0.28, len(seller))
    )
    units = np.maximum(np.floor(np.exp(log_price)), 1.0).astype(np.int64)
    units = np.where(units > 200, units // 5 * 5, units)
    micros: NDArray[np.int64] = units * 1_000_000 + _ENDINGS[sellers.price_ending[seller]]
    return micros


def _quantities(rng: np.random.Generator, is_vintage: NDArray[np.bool_]) -> NDArray[np.int64]:
    several = np.minimum(rng.geometric(0.12, len(is_vintage)), 99)
    single = is_vintage | (rng.random(len(is_vintage)) < 0.35)  # one of a kind
    sold_out = rng.random(len(is_vintage)) < 0.03
    return np.where(sold_out, 0, np.where(single, 1, several)).astype(np.int64)


def _tidy_cm(cm: Floats) -> NDArray[np.float32]:
    """Half centimetres below 20, whole ones above: what a person would measure."""
    halves = np.maximum(np.round(cm * 2) / 2, 0.5)
    return np.where(cm < 20, halves, np.round(cm)).astype(np.float32)


def age_days(truth: Truth, *, now_ms: int) -> Floats:
    """(n,) days since each listing was created."""
    days: Floats = (now_ms - truth.created_ms) / DAY_MS
    return days
