"""What sellers write: titles, descriptions and tags of one block, from what they choose to state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mercer.simulate.option import NONE, Floats
from mercer.simulate.pool import PLAIN, TITLE, TYPO, PhrasePool, Pieces
from mercer.simulate.seller import SELLERS_PER_BLOCK, Sellers
from mercer.simulate.template import Templates, parse_templates, sentence_pieces, title_pieces
from mercer.simulate.truth import ATTRIBUTES, COLUMN, VOCABULARIES, Truth
from mercer.simulate.words import phrase as phrases
from mercer.simulate.words.attribute import MATERIAL, RECIPIENT, STYLE
from mercer.simulate.words.likelihood import HOME_ROOTS, MATERIAL_CLASS, TECHNIQUES_OF
from mercer.simulate.words.taxonomy import taxonomy

# Slots that a template may name: the attributes and what is made of them and of fillers.
SLOTS: Final[dict[str, int]] = {
    name: i
    for i, name in enumerate(
        [
            *ATTRIBUTES, "noun", "noun2", "technique", "with_closure", "gift", "gift_plain", "dims",
            "width", "height", "head", "vintage",
            "custom", "adjective", "filler", "rare", "condition", "care",
        ]
    )
}  # fmt: skip
MAX_TAGS: Final = 13

_WEARERS: Final = frozenset(
    ("women", "men", "girls", "boys", "baby", "toddler", "kids", "unisex", "dog", "cat")
)
_OLD_LOOKS: Final = frozenset(
    {
        "retro",
        "mid-century modern",
        "art deco",
        "victorian",
        "farmhouse",
        "western",
        "boho",
        "rustic",
    }
)
_CLOSURE_WORDS: Final = {
    "laces": "with laces", "velcro": "with velcro straps", "slip-on": "in an easy slip-on fit",
    "zipper": "with zipper",
    "buckle": "with buckle", "button": "with buttons", "magnetic snap": "with magnetic snap",
    "drawstring": "with drawstring", "open top": "with open top", "lobster clasp": "with lobster clasp",
    "toggle clasp": "with toggle clasp", "clip-on": "with clip", "pullover": "in a pullover fit",
    "tie": "with tie",
    "elastic": "with elastic band", "hinged lid": "with hinged lid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Language:
    pool: PhrasePool
    surfaces: tuple[Pieces, ...]  # per attribute (n_values, k)
    nouns: Pieces  # (n_leaves, k)
    n_nouns: NDArray[np.int64]
    technique: Pieces  # (n_leaves * n_materials, k)
    with_closure: Pieces
    is_wearer: NDArray[np.bool_]  # by recipient: stated after the noun, never as a gift
    fillers: dict[str, Pieces]
    care_of: NDArray[np.int64]  # by material
    care: Pieces  # (n_classes, k) sentences
    craft_titles: Templates
    vintage_titles: Templates
    sentences: dict[str, Templates]
    lengths: dict[str, Pieces]  # (1602,) by ending; see _lengths
    tag_fixed: dict[str, Pieces]
    root_tag: Pieces  # (n_leaves,)
    home_tag: Pieces  # (n_leaves,) "home decor" for what stands in a home, else -1
    old_look: NDArray[np.bool_]  # by style: new things in it are sold as "vintage style"
    space: int


def _techniques(pool: PhrasePool) -> Pieces:
    rows = [
        leaf.techniques or TECHNIQUES_OF.get(m) or TECHNIQUES_OF[MATERIAL_CLASS[m]]
        for leaf in taxonomy()
        for m in MATERIAL.values
    ]
    return pool.add_table(rows)


def _lengths(pool: PhrasePool) -> dict[str, Pieces]:
    """Length phrases by half centimetre (0 to 400 cm), first the metric ones, then in inches."""
    halves = np.arange(801)
    metric = [f"{i / 2:g} cm" for i in halves]
    inches = [f"{round(i / 2 / 2.54 * 4) / 4:g} inches" for i in halves]
    return {
        end: pool.add_all(f"{length} {end}".strip() for length in [*metric, *inches])
        for end in ("", "wide", "tall", "long")
    }


def _root_word(root: str) -> str:
    return root.split(" & ")[0].lower()


@cache
def language() -> _Language:
    """All phrases and templates, numbered in a fixed order."""
    pool, leaves = PhrasePool(), taxonomy()
    care = list(phrases.CARE_SENTENCES)
    groups: dict[str, Sequence[str]] = {
        "opening": phrases.OPENINGS,
        "vintage_opening": phrases.VINTAGE_OPENINGS,
        "material": phrases.MATERIAL_SENTENCES,
        "look": phrases.LOOK_SENTENCES,
        "detail": phrases.DETAIL_SENTENCES,
        "size": phrases.SIZE_SENTENCES,
        "gift": phrases.GIFT_SENTENCES,
        "custom": phrases.CUSTOM_SENTENCES,
        "care": ("{care}",),
        "policy": phrases.POLICY_SENTENCES,
    }
    built = _Language(
        pool=pool,
        space=pool.add(" "),
        surfaces=tuple(pool.add_table(v.surfaces) for v in VOCABULARIES),
        nouns=pool.add_table([leaf.nouns for leaf in leaves]),
        n_nouns=np.array([len(leaf.nouns) for leaf in leaves]),
        technique=_techniques(pool),
        with_closure=pool.add_all(_CLOSURE_WORDS.values()),
        is_wearer=np.array([r in _WEARERS for r in RECIPIENT.values]),
        fillers={name: pool.add_all(words) for name, words in phrases.FILLERS.items()},
        care_of=np.array([care.index(MATERIAL_CLASS[m]) for m in MATERIAL.values]),
        care=pool.add_table(list(phrases.CARE_SENTENCES.values())),
        craft_titles=parse_templates(phrases.CRAFT_TITLES, SLOTS, pool),
        vintage_titles=parse_templates(phrases.VINTAGE_TITLES, SLOTS, pool),
        sentences={name: parse_templates(texts, SLOTS, pool) for name, texts in groups.items()},
        lengths=_lengths(pool),
        tag_fixed={
            "common": pool.add_all(phrases.COMMON_TAGS),
            "vintage": pool.add_all(phrases.VINTAGE_TAGS),
            "stuffed": pool.add_all(phrases.STUFFED_TAGS),
            "old_style": pool.add_all(("vintage style", "vintage inspired", "retro style")),
        },
        home_tag=np.array(
            [pool.add("home decor") if x.root in HOME_ROOTS else -1 for x in leaves], np.int32
        ),
        old_look=np.array([s in _OLD_LOOKS for s in STYLE.values]),
        root_tag=pool.add_all(_root_word(leaf.root) for leaf in leaves),
    )
    pool.strings()
    return built


@dataclass(frozen=True, slots=True)
class Writing:
    """The texts of one block, all (n,)."""

    title: pa.StringArray
    description: pa.StringArray
    tags: pa.ListArray


def write(rng: np.random.Generator, truth: Truth, sellers: Sellers) -> Writing:
    """Titles, descriptions and tags of all the rows of one block."""
    shop = truth.seller % SELLERS_PER_BLOCK
    filling = _filling(rng, truth, sellers.writes_inches[shop])
    pool = language().pool
    return Writing(
        title=pool.join(_titles(rng, truth, sellers, shop, filling)),
        description=pool.join(_descriptions(rng, truth, sellers, shop, filling)),
        tags=_tags(rng, truth, sellers, shop, filling),
    )


def _pick(rng: np.random.Generator, table: Pieces, row: NDArray[Any]) -> Pieces:
    """(n,) one phrase of each given row of a (rows, k) table, uniformly; -1 where the row is -1."""
    column = rng.integers(0, table.shape[1], len(row))
    return np.where(row >= 0, table[np.maximum(row, 0), column], -1).astype(np.int32)


def _any_of(rng: np.random.Generator, phrases_: Pieces, n: int, *, share: float = 1.0) -> Pieces:
    """(n,) uniformly one of the phrases for a `share` of the rows, -1 for the others."""
    drawn = phrases_[rng.integers(0, len(phrases_), n)]
    return np.where(rng.random(n) < share, drawn, -1).astype(np.int32)


def _filling(rng: np.random.Generator, truth: Truth, writes_inches: NDArray[np.bool_]) -> Pieces:
    """(n, n_slots) what stands in each slot; -1 where the seller does not state it."""
    lang, n = language(), len(truth.category)
    out = np.full((n, len(SLOTS)), -1, np.int32)
    stated = np.where(truth.in_text, truth.values, NONE)
    for name, column in COLUMN.items():
        out[:, SLOTS[name]] = _pick(rng, lang.surfaces[column], stated[:, column])
    _fill_nouns(rng, truth, out)
    _fill_gifts(rng, stated, out)
    _fill_lengths(truth, writes_inches, out)
    material = truth.values[:, COLUMN["material"]]
    pair = truth.category.astype(np.int64) * len(MATERIAL.values) + material
    technique = _pick(rng, lang.technique, pair)
    out[:, SLOTS["technique"]] = np.where(truth.is_vintage, -1, technique)
    closure = stated[:, COLUMN["closure"]]
    out[:, SLOTS["with_closure"]] = np.where(closure >= 0, lang.with_closure[closure], -1)
    out[:, SLOTS["care"]] = _pick(rng, lang.care, lang.care_of[material])
    for name, share in (("head", 0.9), ("vintage", 0.95), ("adjective", 0.8), ("filler", 0.7)):
        out[:, SLOTS[name]] = _any_of(rng, lang.fillers[name], n, share=share)
    for name in ("rare", "condition"):
        out[:, SLOTS[name]] = _any_of(rng, lang.fillers[name], n)
    custom = _any_of(rng, lang.fillers["custom"], n)
    out[:, SLOTS["custom"]] = np.where(truth.is_custom, custom, -1)
    return out


def _fill_nouns(rng: np.random.Generator, truth: Truth, out: Pieces) -> None:
    lang, n = language(), len(truth.category)
    count = lang.n_nouns[truth.category]
    # The plain noun comes first in the table and is the one most sellers use.
    first = np.where(rng.random(n) < 0.4, 0, rng.integers(0, count))
    second = (first + rng.integers(1, np.maximum(count, 2))) % count
    out[:, SLOTS["noun"]] = lang.nouns[truth.category, first]
    out[:, SLOTS["noun2"]] = lang.nouns[truth.category, second]


def _fill_gifts(rng: np.random.Generator, stated: NDArray[np.int16], out: Pieces) -> None:
    """`gift` is either the occasion's or the recipient's phrase; wearers are no gift phrase."""
    recipient = stated[:, COLUMN["recipient"]]
    is_wearer = language().is_wearer[recipient] & (recipient != NONE)
    to_whom = np.where(is_wearer, -1, out[:, SLOTS["recipient"]])
    occasion = out[:, SLOTS["occasion"]]
    prefers_occasion = rng.random(len(out)) < 0.5
    first, second = (
        np.where(prefers_occasion, occasion, to_whom),
        np.where(prefers_occasion, to_whom, occasion),
    )
    out[:, SLOTS["gift"]] = np.where(first >= 0, first, second)
    out[:, SLOTS["gift_plain"]] = to_whom


def _fill_lengths(truth: Truth, writes_inches: NDArray[np.bool_], out: Pieces) -> None:
    lengths = language().lengths
    offset = np.where(writes_inches, len(lengths[""]) // 2, 0)
    width = np.minimum(np.rint(truth.width_cm * 2).astype(np.int64), 800) + offset
    height = np.minimum(np.rint(truth.height_cm * 2).astype(np.int64), 800) + offset
    is_tall = truth.height_cm >= truth.width_cm
    shown = truth.shows_dimensions & (np.maximum(truth.width_cm, truth.height_cm) >= 5)
    widest = np.where(is_tall, lengths["tall"][height], lengths["wide"][width])
    out[:, SLOTS["dims"]] = np.where(shown, widest, -1)
    out[:, SLOTS["width"]] = np.where(truth.shows_dimensions, lengths[""][width], -1)
    out[:, SLOTS["height"]] = np.where(truth.shows_dimensions, lengths[""][height], -1)


def _habitual(
    rng: np.random.Generator, habit: NDArray[np.int64], n_choices: int, *, share: float
) -> NDArray[np.int64]:
    """(n,) the seller's own choice for a `share` of the listings, any other time another."""
    free = rng.integers(0, n_choices, len(habit))
    return np.where(rng.random(len(habit)) < share, habit % n_choices, free)


def _titles(
    rng: np.random.Generator,
    truth: Truth,
    sellers: Sellers,
    shop: NDArray[np.int64],
    filling: Pieces,
) -> Pieces:
    """(n, k) pieces: craft and vintage titles differ in templates, sellers in spelling."""
    lang = language()
    case = np.array([PLAIN, TITLE, PLAIN])[sellers.title_case[shop]]
    pieces = []
    for templates in (lang.craft_titles, lang.vintage_titles):
        chosen = _habitual(rng, sellers.habit[shop, 0], len(templates.after), share=0.55)
        pieces.append(
            title_pieces(templates, chosen, filling, variant=case, pool_size=len(lang.pool))
        )
    out = _either(truth.is_vintage, pieces[1], pieces[0])
    return _mistype(rng, out, 0.10 * (1.0 - sellers.care[shop]))


def _either(first: NDArray[np.bool_], a: Pieces, b: Pieces) -> Pieces:
    """Row-wise a where `first`, else b; the narrower one is padded with -1."""
    width = max(a.shape[1], b.shape[1])
    padded = [np.pad(x, ((0, 0), (0, width - x.shape[1])), constant_values=-1) for x in (a, b)]
    return np.where(first[:, None], padded[0], padded[1]).astype(np.int32)


def _mistype(rng: np.random.Generator, pieces: Pieces, share: Floats) -> Pieces:
    """Misspell one phrase of a `share` of the rows; fixed text and capitals stay as they are."""
    size = len(language().pool)
    column = rng.integers(0, pieces.shape[1], len(pieces))
    rows = np.arange(len(pieces))
    chosen = pieces[rows, column]
    hit = (rng.random(len(pieces)) < share * 3) & (chosen >= 0) & (chosen < size)
    out = pieces.copy()
    out[rows, column] = np.where(hit, chosen + TYPO * size, chosen)
    return out


def _descriptions(
    rng: np.random.Generator,
    truth: Truth,
    sellers: Sellers,
    shop: NDArray[np.int64],
    filling: Pieces,
) -> Pieces:
    """(n, k) pieces: one sentence of each group where its slots are stated."""
    n, care = len(shop), sellers.care[shop]
    plan = (
        ("material", 0.9, 1), ("look", 0.85, 2), ("detail", 0.9, 3), ("size", 0.9, 1), ("gift", 0.6, 2),
        ("custom", 1.0, 1), ("care", 0.5, 0), ("policy", 0.9, 3),
    )  # fmt: skip
    parts = [
        _either(
            truth.is_vintage,
            _sentence(rng, "vintage_opening", sellers.habit[shop, 1], filling, np.ones(n, bool)),
            _sentence(rng, "opening", sellers.habit[shop, 1], filling, np.ones(n, bool)),
        )
    ]
    for group, share, habit in plan:
        use = rng.random(n) < share * (0.55 + 0.45 * care)
        if group == "custom":
            use &= truth.is_custom
        parts.append(_space_before(_sentence(rng, group, sellers.habit[shop, habit], filling, use)))
    return _mistype(rng, np.concatenate(parts, axis=1), 0.3 * (1.0 - care))


def _sentence(
    rng: np.random.Generator,
    group: str,
    habit: NDArray[np.int64],
    filling: Pieces,
    use: NDArray[np.bool_],
) -> Pieces:
    lang = language()
    templates = lang.sentences[group]
    chosen = _habitual(rng, habit, len(templates.after), share=0.4)
    pieces = sentence_pieces(templates, chosen, filling, pool_size=len(lang.pool))
    return np.where(use[:, None], pieces, -1).astype(np.int32)


def _space_before(pieces: Pieces) -> Pieces:
    space = np.where((pieces >= 0).any(axis=1), language().space, -1)
    return np.concatenate([space[:, None], pieces], axis=1).astype(np.int32)


def _tags(
    rng: np.random.Generator,
    truth: Truth,
    sellers: Sellers,
    shop: NDArray[np.int64],
    filling: Pieces,
) -> pa.ListArray:
    """Up to MAX_TAGS tags of one or two phrases: what is stated, then what everybody writes."""
    lang, n = language(), len(shop)
    care = sellers.care[shop]
    noun = filling[:, SLOTS["noun"]]
    nothing = np.full(n, -1, np.int32)
    size = len(lang.pool)

    def stated(slot: str) -> Pieces:
        return filling[:, SLOTS[slot]]

    fixed = {
        name: _any_of(rng, tags, n, share=share)
        for (name, tags), share in zip(lang.tag_fixed.items(), (0.95, 0.95, 0.9, 1.0), strict=True)
    }
    also = _any_of(rng, lang.tag_fixed["common"], n, share=0.8)
    old = truth.is_vintage
    style = truth.values[:, COLUMN["style"]]
    old_style = lang.tag_fixed["old_style"][rng.integers(0, 3, n)]
    always_old = np.where(old, lang.fillers["vintage"][0], -1)
    stuffed = np.where(sellers.stuffs_tags[shop], fixed["stuffed"], -1)
    more_stuffed = np.where(
        sellers.stuffs_tags[shop], _any_of(rng, lang.tag_fixed["stuffed"], n), -1
    )
    pairs: list[tuple[Pieces, Pieces, float]] = [  # first phrase, second phrase, share of use
        (noun, nothing, 1.0),
        (stated("noun2"), nothing, 0.7),
        (stated("color"), noun, 0.6),
        (stated("material"), noun, 0.6),
        (stated("style"), stated("noun2"), 0.5),
        (stated("theme"), noun, 0.7),
        (stated("theme"), nothing, 0.5),
        (stated("gift"), nothing, 0.8),
        (stated("occasion"), nothing, 0.6),
        (stated("recipient"), nothing, 0.6),
        (stated("pattern"), nothing, 0.5),
        (stated("era"), noun, 0.5),
        (stated("finish"), nothing, 0.4),
        (lang.root_tag[truth.category], nothing, 0.5),
        (lang.home_tag[truth.category], nothing, 0.75),
        (np.where(lang.old_look[style] & ~old, old_style, -1), nothing, 0.5),
        (np.where(old, fixed["vintage"], fixed["common"]), nothing, 0.95),
        (np.where(old, always_old, also), nothing, 0.9),
        (stuffed, nothing, 1.0),
        (more_stuffed, nothing, 1.0),
        (stated("custom"), noun, 0.5),
    ]
    first = np.stack([a for a, _, _ in pairs], axis=1)
    second = np.stack([b for _, b, _ in pairs], axis=1)
    share = np.array([s for _, _, s in pairs])[None, :] * (0.6 + 0.4 * care)[:, None]
    share[:, 0] = 1.0
    is_pair = np.array([b is not nothing for _, b, _ in pairs])[None, :]
    use = (rng.random(first.shape) < share) & (first >= 0) & (~is_pair | (second >= 0))
    use &= np.cumsum(use, axis=1) <= MAX_TAGS
    left, right = first[use], second[use]
    typo = rng.random(len(left)) < 0.02
    left = np.where(typo, left + TYPO * size, left)
    between = np.where(right >= 0, lang.space, -1)
    text = lang.pool.join(np.stack([left, between, right], axis=1).astype(np.int32))
    offsets = np.concatenate([[0], np.cumsum(use.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), text)
