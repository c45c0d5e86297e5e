"""Queries as people type them, with what they mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mercer.schema.errors import InputError
from mercer.schema.money import MICROS
from mercer.simulate.catalogue import World
from mercer.simulate.option import NONE
from mercer.simulate.truth import COLUMN, VOCABULARIES, Truth
from mercer.simulate.typing_error import mistype
from mercer.simulate.words.taxonomy import Leaf, taxonomy

QueryKind = Literal["vague", "specific", "misspelt", "negated", "limited", "niche"]
KINDS: Final[tuple[QueryKind, ...]] = (
    "vague",
    "specific",
    "misspelt",
    "negated",
    "limited",
    "niche",
)

QueryStyle = Literal["plain", "vague", "specific", "negated", "limited", "niche"]

Stated = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SimQuery:
    """A query and its meaning.

    `wanted` and `unwanted` hold (attribute, value); besides the attributes the names are "category"
    (a leaf), "root" (a top category) and "width_cm"/"height_cm" with values such as "<=30".
    """

    query_id: str
    text: str  # as typed
    clean_text: str  # the same without typos
    kind: QueryKind
    wanted: Stated
    unwanted: Stated
    price_min_micros: int | None  # inclusive, US dollars
    price_max_micros: int | None  # inclusive


@dataclass(frozen=True, slots=True)
class _Target:
    """The listing that the writer of a query has in mind."""

    leaf: Leaf
    value: dict[str, str]  # attribute -> value, only those it has
    price: float
    width_cm: float
    height_cm: float


@dataclass(frozen=True, slots=True)
class _Draft:
    text: str
    wanted: Stated = ()
    unwanted: Stated = ()
    low: float | None = None
    high: float | None = None


class _Writer:
    """Draws words with one generator; each method writes one kind, None where it cannot."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def one(self, options: Sequence[str]) -> str:
        return options[int(self.rng.integers(len(options)))]

    def flip(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def noun(self, leaf: Leaf) -> str:
        noun = leaf.nouns[0] if self.flip(0.5) else self.one(leaf.nouns)
        return plural(noun) if self.flip(0.25) else noun

    def said(self, name: str, value: str) -> str:
        """How a buyer names an attribute value; nearly always by its plain name."""
        if name == "color" and value == "gray":
            return self.one(("gray", "grey"))
        if name == "material" and value in _MATERIAL_SAID:
            return self.one(_MATERIAL_SAID[value])
        return value


_MATERIAL_SAID: Final = {
    "wood": ("wood", "wooden"), "silver": ("silver", "sterling silver"), "wool": ("wool", "woolen"),
    "dried flowers": ("dried flower",), "ceramic": ("ceramic", "ceramic", "stoneware"),
}  # fmt: skip
_ADJECTIVE_ATTRIBUTES: Final = ("color", "material", "style", "pattern", "finish", "shape")
_GIFT_FOR: Final = frozenset(
    {"mom", "dad", "grandma", "wife", "husband", "girlfriend", "boyfriend", "best friend", "sister",
    "teacher", "coworker"}
)  # fmt: skip
_WITH: Final = {
    "laces": ("with laces", "lace up"), "zipper": ("with zipper", "with a zipper", "zippered"),
    "velcro": ("with velcro",),
    "buckle": ("with buckle", "with a buckle"), "button": ("with buttons",),
    "magnetic snap": ("with magnetic snap",),
    "drawstring": ("with drawstring",), "slip-on": ("slip-on", "slip on"), "hinged lid": ("with hinged lid",),
    "lobster clasp": ("with lobster clasp",), "elastic": ("with elastic",), "pullover": ("pullover",),
    "toggle clasp": ("with toggle clasp",), "tie": ("with tie",), "clip-on": ("clip-on",),
    "open top": ("open top",),
}  # fmt: skip
_NEGATED_NOUN: Final = {
    "laces": "laces", "zipper": "zipper", "velcro": "velcro", "buckle": "buckle", "button": "buttons",
    "drawstring": "drawstring", "magnetic snap": "magnetic snap", "elastic": "elastic", "glitter": "glitter",
    "floral": "flowers", "striped": "stripes", "polka dot": "polka dots", "leopard": "leopard",
}  # fmt: skip


def plural(noun: str) -> str:
    """The English plural of a noun phrase, by its last word."""
    if noun.endswith(("s", "jewelry", "yarn", "fabric", "clothing")) and not noun.endswith(
        ("ss", "glass")
    ):
        return noun
    if noun.endswith(("ss", "sh", "ch", "x")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith("shelf"):
        return noun[:-1] + "ves"
    if noun.endswith("knife"):
        return noun[:-2] + "ves"
    return noun + "s"


def _vague(w: _Writer, t: _Target) -> _Draft | None:
    style, occasion = t.value["style"], t.value.get("occasion", "")
    recipient, theme = t.value.get("recipient", ""), t.value.get("theme", "")
    root = t.leaf.root.split(" & ")[0].lower()
    drafts = [
        _Draft(
            w.one((f"{style} decor", f"{style} style home decor", f"{style} home")),
            (("style", style),),
        ),
        _Draft(
            w.one((f"{style} {root}", f"{root} {style} style")),
            (("style", style), ("root", t.leaf.root)),
        ),
    ]
    if recipient in _GIFT_FOR:
        text = w.one(
            (
                f"gift for {recipient}",
                f"gifts for {recipient}",
                f"present for my {recipient}",
                f"{recipient} gift",
            )
        )
        drafts.append(_Draft(text, (("recipient", recipient),)))
        if occasion:
            both = w.one((f"{recipient} {occasion} gift", f"{occasion} gift for {recipient}"))
            drafts.append(_Draft(both, (("recipient", recipient), ("occasion", occasion))))
    if occasion:
        text = w.one(
            (
                f"{occasion} gift",
                f"{occasion} present ideas",
                f"unique {occasion} gift",
                f"something for {occasion}",
            )
        )
        drafts.append(_Draft(text, (("occasion", occasion),)))
    if theme:
        text = w.one(
            (f"{theme} lover gift", f"{theme} stuff", f"gift for {theme} fan", f"anything {theme}")
        )
        drafts.append(_Draft(text, (("theme", theme),)))
    if era := t.value.get("era"):
        drafts.append(
            _Draft(w.one((f"{era} decor", f"vintage {era}", f"from the {era}")), (("era", era),))
        )
    return drafts[int(w.rng.integers(len(drafts)))]


def _adjectives(w: _Writer, t: _Target, n: int) -> list[tuple[str, str]]:
    """Up to n of the target's adjectives, in the order in which English puts them."""
    have = [a for a in _ADJECTIVE_ATTRIBUTES if t.value.get(a, "plain") != "plain"]
    if t.value["color"] == t.value["material"]:  # nobody writes "gold gold ring"
        have.remove("color")
    weight = np.array([{"color": 4.0, "material": 4.0, "style": 1.5}.get(a, 1.0) for a in have])
    chosen = w.rng.choice(len(have), size=min(n, len(have)), replace=False, p=weight / weight.sum())
    names = sorted(
        (have[i] for i in chosen),
        key=("style", "finish", "shape", "pattern", "color", "material").index,
    )
    return [(a, t.value[a]) for a in names]


def _phrase(w: _Writer, t: _Target, n_adjectives: int) -> _Draft:
    """`white ceramic mug`, sometimes the other way round."""
    adjectives, noun = _adjectives(w, t, n_adjectives), w.noun(t.leaf)
    said = " ".join(w.said(a, v) for a, v in adjectives)
    text = f"{noun} {said}" if w.flip(0.12) else f"{said} {noun}"
    return _Draft(text.strip(), (("category", t.leaf.name), *adjectives))


def _tail(w: _Writer, t: _Target) -> tuple[str, tuple[str, str]] | None:
    """One more thing behind the noun: closure, size, wearer or era."""
    tails: list[tuple[str, tuple[str, str]]] = []
    if closure := t.value.get("closure"):
        tails.append((w.one(_WITH[closure]), ("closure", closure)))
    if size := t.value.get("size"):
        said = size.replace("ring ", "").replace("US", "size").replace("pet ", "")
        tails.append((f"size {said}" if len(said) <= 3 else said, ("size", size)))
    recipient = t.value.get("recipient", "")
    if recipient in ("women", "men", "girls", "boys", "kids", "baby", "toddler"):
        tails.append((w.one((f"for {recipient}", recipient)), ("recipient", recipient)))
    if recipient in _GIFT_FOR:
        tails.append((f"for {recipient}", ("recipient", recipient)))
    if era := t.value.get("era"):
        tails.append((w.one((era, f"from the {era}")), ("era", era)))
    return tails[int(w.rng.integers(len(tails)))] if tails else None


def _specific(w: _Writer, t: _Target) -> _Draft | None:
    draft = _phrase(w, t, 1 + int(w.rng.integers(3)))
    if w.flip(0.45) and (more := _tail(w, t)):
        return _Draft(f"{draft.text} {more[0]}", (*draft.wanted, more[1]))
    return draft


def _negated(w: _Writer, t: _Target) -> _Draft | None:
    """The target is fine; another value that such things often have is not."""
    if t.leaf.root == "Shoes" and w.flip(0.3) and t.value.get("closure", "laces") != "laces":
        text = w.one(
            (
                "nike-like shoes without laces",
                "shoes like nike but no laces",
                "nike style sneakers without laces",
            )
        )
        who = t.value.get("recipient", "")
        if who in ("women", "men") and w.flip(0.5):
            return _Draft(
                f"{text} {who}",
                (("category", "Sneakers"), ("recipient", who)),
                (("closure", "laces"),),
            )
        return _Draft(text, (("category", "Sneakers"),), (("closure", "laces"),))
    options = _refusable(t)
    if not options:
        return None
    name, value = options[int(w.rng.integers(len(options)))]
    stated = _phrase(w, t, int(w.rng.integers(2)))
    if any(a == name for a, _ in stated.wanted):
        stated = _Draft(w.noun(t.leaf), (("category", t.leaf.name),))
    return _Draft(_refuse(w, stated.text, name, value), stated.wanted, ((name, value),))


def _refusable(t: _Target) -> list[tuple[str, str]]:
    options = [("closure", v) for v, _ in t.leaf.closures if v in _NEGATED_NOUN]
    options += [("material", v) for v, _ in t.leaf.materials]
    options += [
        ("color", c) for c in ("white", "black", "brown", "pink", "gold", "silver", "blue", "red")
    ]
    if t.leaf.has_finish:
        options.append(("finish", "glitter"))
    if t.leaf.has_pattern:
        options += [("pattern", p) for p in ("floral", "striped", "polka dot", "leopard")]
    return [(a, v) for a, v in options if t.value.get(a) != v]


def _refuse(w: _Writer, text: str, name: str, value: str) -> str:
    if name in ("color", "material"):
        forms = [f"{text} not {value}", f"{text} but not {value}", f"{text} no {value}",
        f"non {value} {text}",
                 f"{text}, anything but {value}", f"{text} except {value}",
                 f"{text} that is not {value}"]  # fmt: skip
        if name == "material":
            forms += [
                f"{text} without {value}",
                f"{value} free {text}",
                f"{text} not made of {value}",
            ]
        return w.one(forms)
    thing = _NEGATED_NOUN[value]
    return w.one(
        (f"{text} without {thing}", f"{text} no {thing}", f"no {thing} {text}", f"{text} w/o {thing}",
         f"{text} with no {thing}", f"{text}, without any {thing}", f"{text} minus {thing}")
    )  # fmt: skip


def _limited(w: _Writer, t: _Target) -> _Draft | None:
    draft = _phrase(w, t, int(w.rng.integers(3)))
    if w.flip(0.15) and max(t.width_cm, t.height_cm) >= 10:
        return _sized(w, t, draft)
    above = float(_round_price(t.price * w.rng.uniform(1.05, 2.2), up=True))
    below = float(_round_price(t.price * w.rng.uniform(0.3, 0.9), up=False))
    hi, lo = f"{above:g}", f"{below:g}"
    if w.flip(0.62):
        limit = w.one((f"under {hi}", f"under ${hi}", f"less than ${hi}", f"below {hi} dollars",
        f"max {hi}", f"up to {hi} usd",
                       f"cheaper than {hi}", f"${hi} or less", f"at most {hi} dollars",
                       f"no more than ${hi}"))  # fmt: skip
        return replace(draft, text=f"{draft.text} {limit}", high=above)
    if w.flip(0.6):
        limit = w.one(
            (
                f"between {lo} and {hi}",
                f"${lo}-${hi}",
                f"from {lo} to {hi} dollars",
                f"${lo} to ${hi}",
                f"between ${lo} and ${hi}",
            )
        )
        return replace(draft, text=f"{draft.text} {limit}", low=below, high=above)
    limit = w.one(
        (
            f"over {lo} dollars",
            f"over ${lo}",
            f"more than ${lo}",
            f"above {lo}",
            f"at least ${lo}",
            f"from ${lo}",
        )
    )
    return replace(draft, text=f"{draft.text} {limit}", low=below)


def _sized(w: _Writer, t: _Target, draft: _Draft) -> _Draft:
    name, cm = ("width_cm", t.width_cm) if w.flip(0.5) else ("height_cm", t.height_cm)
    word = w.one(("wide",)) if name == "width_cm" else w.one(("tall", "high"))
    if w.flip(0.6):
        limit = int(np.ceil(cm * 1.25 / 5) * 5)
        text = w.one(
            (f"under {limit} cm {word}", f"max {limit} cm {word}", f"less than {limit}cm {word}")
        )
        return replace(
            draft, text=f"{draft.text} {text}", wanted=(*draft.wanted, (name, f"<={limit}"))
        )
    limit = max(int(cm * 0.8 / 5) * 5, 1)
    text = w.one(
        (f"at least {limit} cm {word}", f"over {limit} cm {word}", f"min {limit}cm {word}")
    )
    return replace(draft, text=f"{draft.text} {text}", wanted=(*draft.wanted, (name, f">={limit}")))


def _round_price(price: float, *, up: bool) -> int:
    step = 5 if price < 60 else 10 if price < 200 else 50
    return max(
        int(np.ceil(price / step) if up else np.floor(price / step)) * step, 1 if not up else step
    )


def _niche(w: _Writer, t: _Target) -> _Draft | None:
    theme = t.value.get("theme")
    if not theme:
        return None
    noun, wanted = w.noun(t.leaf), (("theme", theme), ("category", t.leaf.name))
    if w.flip(0.3) and (extra := _adjectives(w, t, 1)):
        said = w.said(*extra[0])
        return _Draft(
            w.one((f"{said} {theme} {noun}", f"{theme} {said} {noun}")), (*wanted, extra[0])
        )
    return _Draft(
        w.one(
            (f"{theme} {noun}", f"{theme} {noun}", f"{noun} with {theme}", f"{theme} themed {noun}")
        ),
        wanted,
    )


def _plain(w: _Writer, t: _Target) -> _Draft | None:
    return _phrase(w, t, int(w.rng.integers(2)))


_WRITERS: Final[dict[str, Callable[[_Writer, _Target], _Draft | None]]] = {
    "plain": _plain,
    "vague": _vague, "specific": _specific, "negated": _negated, "limited": _limited, "niche": _niche,
}  # fmt: skip


def generate_queries(
    world: World, *, n: int, seed: int, kinds: Sequence[QueryKind] = KINDS
) -> list[SimQuery]:
    """n queries that somebody looking for a listing of this world might type, kinds in turn.

    Args:
        world: queries are about its listings, so each has at least one good answer there.
        n: how many, >= 0. Texts are distinct as long as the world has enough to ask for.
        seed: >= 0; the same world and seed give the same queries.
        kinds: which kinds, at least one.
    Raises:
        InputError: n or seed negative, no or unknown kinds, or a world without listings for sale.
    """
    unknown = set(kinds) - set(KINDS)
    if n < 0 or seed < 0 or not kinds or unknown:
        raise InputError(
            f"n and seed must be >= 0 and kinds out of {KINDS}, got {n}, {seed}, {kinds}"
        )
    t = world.truth
    for_sale = np.flatnonzero((t.quantity > 0) & ~t.is_hidden)
    themed = for_sale[t.values[for_sale, COLUMN["theme"]] != NONE]
    if n and (not len(for_sale) or ("niche" in kinds and not len(themed))):
        raise InputError("the world is too small to ask for anything: generate more listings")
    writer = _Writer(np.random.default_rng([seed, world.seed, 1_000_003]))
    queries: list[SimQuery] = []
    seen: set[str] = set()
    while len(queries) < n:
        kind = kinds[len(queries) % len(kinds)]
        rows = themed if kind == "niche" else for_sale
        for _ in range(60):
            query = _one_query(writer, world, rows, kind, f"q{len(queries):06d}")
            if query.text not in seen:
                break
        seen.add(query.text)
        queries.append(query)
    return queries


def _one_query(
    writer: _Writer, world: World, rows: NDArray[np.int64], kind: QueryKind, query_id: str
) -> SimQuery:
    source = writer.one(("specific", "specific", "niche", "vague")) if kind == "misspelt" else kind
    while True:
        target = _target(world.truth, int(rows[int(writer.rng.integers(len(rows)))]))
        draft = _WRITERS[source](writer, target)
        if draft is None:
            continue
        text = mistype(draft.text, writer.rng) if kind == "misspelt" else draft.text
        if kind != "misspelt" or text != draft.text:
            break
    low, high = (None if x is None else int(x * MICROS) for x in (draft.low, draft.high))
    return SimQuery(query_id, text, draft.text, kind, draft.wanted, draft.unwanted, low, high)


def write_query(
    truth: Truth, row: int, rng: np.random.Generator, *, style: QueryStyle
) -> SimQuery | None:
    """A clean query of somebody who has the listing of a row in mind.

    Args:
        truth: of the catalogue that `row` is a row of.
        style: a kind but "misspelt", or "plain": a noun, at most with one adjective.
    Returns:
        None where this thing cannot be asked for in that style; another draw may succeed.
    """
    draft = _WRITERS[style](_Writer(rng), _target(truth, row))
    if draft is None:
        return None
    low, high = (None if x is None else int(x * MICROS) for x in (draft.low, draft.high))
    kind: QueryKind = "specific" if style == "plain" else style
    return SimQuery("", draft.text, draft.text, kind, draft.wanted, draft.unwanted, low, high)


def _target(t: Truth, row: int) -> _Target:
    value = {
        name: VOCABULARIES[c].values[v]
        for name, c in COLUMN.items()
        if (v := int(t.values[row, c])) != NONE
    }
    return _Target(
        leaf=taxonomy()[int(t.category[row])],
        value=value,
        price=int(t.price_micros[row]) / MICROS,
        width_cm=float(t.width_cm[row]),
        height_cm=float(t.height_cm[row]),
    )
