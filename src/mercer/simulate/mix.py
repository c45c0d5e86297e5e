"""The query mix of the search benchmarks: 10 % head, 40 % torso, 30 % tail, 10 % misspelt, 10 % faceted."""

import json
import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from mercer.schema.errors import InputError
from mercer.schema.money import MICROS
from mercer.simulate.catalogue import World
from mercer.simulate.query import generate_queries
from mercer.simulate.truth import BLOCK_ROWS
from mercer.simulate.typing_error import mistype
from mercer.simulate.words.attribute import COLOR, MATERIAL, STYLE
from mercer.simulate.words.taxonomy import taxonomy

MixKind = Literal["head", "torso", "tail", "misspelt", "faceted"]
SHARES: Final[dict[MixKind, float]] = {
    "head": 0.1, "torso": 0.4, "tail": 0.3, "misspelt": 0.1, "faceted": 0.1,
}  # fmt: skip
HEAD_SHARE: Final = 0.3  # of the listings that a head query matches at least

_MAX_HEAD_WORDS: Final = 4
# A search engine may drop these, and then the query would be another one.
_SAYS_NOTHING: Final = frozenset(
    (
        "and",
        "are",
        "for",
        "from",
        "has",
        "its",
        "our",
        "that",
        "the",
        "this",
        "will",
        "with",
        "you",
        "your",
    )
)
_WORD = re.compile(r"[a-z]+")
_FACETS: Final = (("color", COLOR.values[:14]), ("style", STYLE.values[:14]))


@dataclass(frozen=True, slots=True)
class MixQuery:
    """One benchmark request."""

    text: str
    filter: str  # in the filter language; "" for none
    kind: MixKind


def query_mix(world: World, *, n: int, seed: int) -> list[MixQuery]:
    """n requests in the shares of SHARES, shuffled, all of them distinct.

    Args:
        world: the market that will be searched; its first block is read for word frequencies.
        n: how many, >= 0.
        seed: >= 0.
    Raises:
        InputError: n or seed is negative, or the world is too small to have head queries.
    """
    if n < 0 or seed < 0:
        raise InputError(f"n and seed must be >= 0, got {n} and {seed}")
    rng = np.random.default_rng([seed, world.seed, 1_000_037])
    count = {kind: round(n * share) for kind, share in SHARES.items()}
    count["torso"] += n - sum(count.values())
    head = _head(world, count["head"], rng)
    words_of_head = {query.text for query in head}
    torso = _torso(count["torso"], rng, avoid=words_of_head)
    tail = _tail(world, count["tail"], seed, avoid={*words_of_head, *torso})
    wrong = _misspelt(count["misspelt"], rng, avoid={*words_of_head, *torso, *tail})
    queries = [
        *head,
        *(MixQuery(text, "", "torso") for text in torso),
        *(MixQuery(text, "", "tail") for text in tail),
        *(MixQuery(text, "", "misspelt") for text in wrong),
        *_faceted(count["faceted"], rng),
    ]
    return [queries[i] for i in rng.permutation(len(queries))]


def word_shares(world: World, *, words: int = 64) -> tuple[list[str], NDArray[np.bool_]]:
    """The most frequent words and, for the first block, which listing has which.

    Returns:
        (k words, most frequent first; (n_rows, k) whether title, tags or description has the word)
    """
    rows = next(world.batches(BLOCK_ROWS)).to_pydict() if world.n_listings else {"title": []}
    texts = [
        set(_WORD.findall(f"{title} {' '.join(tags)} {description}".lower()))
        for title, tags, description in zip(
            rows["title"], rows.get("tags", []), rows.get("description", []), strict=True
        )
    ]
    counts: dict[str, int] = {}
    for text in texts:
        for word in text:
            counts[word] = counts.get(word, 0) + 1
    top = sorted(counts, key=lambda word: (-counts[word], word))[:words]
    return top, np.array([[word in text for word in top] for text in texts], bool)


def _head(world: World, n: int, rng: np.random.Generator) -> list[MixQuery]:
    """Requests that at least HEAD_SHARE of the listings match.

    So many listings share only a few words: when their combinations are used up, the same words
    come with a price limit that leaves enough of them.
    """
    if not n:
        return []
    words, has = word_shares(world)
    texts = _head_texts(words, has)
    price = world.truth.price_micros[: len(has)] / MICROS
    out = dict.fromkeys(MixQuery(text, "", "head") for text in list(texts)[: (n + 1) // 2])
    names = list(texts)
    tries = 0
    while len(out) < n:
        tries += 1
        if not names or tries > 100 * n + 1_000:
            raise InputError(f"this world has only {len(out)} head queries, {n} were asked for")
        text = names[int(rng.integers(len(names)))]
        of_text = price[texts[text]]
        lo, hi = np.quantile(of_text, [rng.uniform(0, 0.15), rng.uniform(0.85, 1.0)])
        low, high = float(np.floor(lo * 4) / 4), float(np.ceil(hi * 4) / 4)
        if ((of_text >= low) & (of_text <= high)).sum() < HEAD_SHARE * len(has):
            continue
        limit = (
            f"price >= {low:g}",
            f"price <= {high:g}",
            f"price >= {low:g} AND price <= {high:g}",
        )
        out[MixQuery(text, limit[int(rng.integers(3))], "head")] = None
    return list(out)


def _head_texts(words: list[str], has: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Sequences of up to four frequent words, and which listings have all of them."""
    long = [i for i, word in enumerate(words) if len(word) >= 3 and has[:, i].mean() >= HEAD_SHARE]
    together: list[list[int]] = [[i] for i in long]
    found: dict[str, NDArray[np.bool_]] = {words[i]: has[:, i] for i in long}
    for _ in range(_MAX_HEAD_WORDS - 1):  # grow the sets that are still frequent enough
        grown = [[*some, i] for some in together for i in long if i not in some]
        together = [s for s in grown if has[:, s].all(axis=1).mean() >= HEAD_SHARE]
        for some in together:
            found[" ".join(words[i] for i in some)] = np.logical_and.reduce(has[:, some], axis=1)
    says = {word for word in words if word not in _SAYS_NOTHING}
    return {text: rows for text, rows in found.items() if says & set(text.split())}


def _torso(n: int, rng: np.random.Generator, *, avoid: set[str]) -> list[str]:
    """One adjective and one noun: `white mug`, `leather tote`."""
    leaves = taxonomy()
    adjectives = (COLOR.values, MATERIAL.values, STYLE.values)
    out: dict[str, None] = {}
    while len(out) < n:
        leaf = leaves[int(rng.integers(len(leaves)))]
        noun = leaf.nouns[int(rng.integers(len(leaf.nouns)))]
        kind = int(rng.integers(4))
        if kind == 1:
            first = leaf.materials[int(rng.integers(len(leaf.materials)))][0]
        else:
            values = adjectives[kind % 3]
            first = values[int(rng.integers(len(values)))]
        text = f"{first} {noun}" if len(out) % 10 else noun
        if text in out:
            text = f"{first} {noun}"
        if text not in avoid:
            out[text] = None
    return list(out)


def _tail(world: World, n: int, seed: int, *, avoid: set[str]) -> list[str]:
    """What few listings answer: several attributes, themes, eras, sizes."""
    out: dict[str, None] = {}
    round_ = 0
    while len(out) < n:
        more = generate_queries(
            world, n=n - len(out) + 16, seed=seed + round_, kinds=("specific", "niche")
        )
        out.update(dict.fromkeys(q.text for q in more if q.text not in avoid and " " in q.text))
        round_ += 1
    return list(out)[:n]


def _misspelt(n: int, rng: np.random.Generator, *, avoid: set[str]) -> list[str]:
    clean = _torso(min(2 * n, 4_000), rng, avoid=set())
    out: dict[str, None] = {}
    while len(out) < n:
        text = clean[int(rng.integers(len(clean)))]
        wrong = mistype(text, rng)
        if wrong != text and wrong not in avoid:
            out[wrong] = None
    return list(out)


def _faceted(n: int, rng: np.random.Generator) -> list[MixQuery]:
    """A noun with two disjunctive facets that such things can have."""
    out: dict[MixQuery, None] = {}
    leaves = [leaf for leaf in taxonomy() if len(leaf.materials) >= 2]
    while len(out) < n:
        leaf = leaves[int(rng.integers(len(leaves)))]
        facets = [*_FACETS, ("material", tuple(name for name, _ in leaf.materials))]
        left_out = int(rng.integers(3))
        parts = []
        for name, values in facets[:left_out] + facets[left_out + 1 :]:
            size = min(int(rng.integers(2, 4)), len(values))
            chosen = rng.choice(len(values), size=size, replace=False)
            parts.append(f"{name} IN {json.dumps([values[k] for k in chosen])}")
        noun = leaf.nouns[int(rng.integers(len(leaf.nouns)))]
        out[MixQuery(noun, " AND ".join(parts), "faceted")] = None
    return list(out)
