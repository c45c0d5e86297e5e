"""What is understood of queries as simulated buyers write them, one JSON line per world.

    python benchmarks/quality/understanding.py [--worlds 21 22] [--queries 3000] [--listings 20000]

Of the queries that say a category: `right`, every one that they say was read; `none`, no category was;
`other`, others were; `besides`, more than they say. `f1`: micro F1 of all attributes, categories,
refusals and price limits, of these queries and of as many of `generate_queries`, all kinds alike often.
Words and values are learnt from the catalogue alone; it sees neither queries nor truth.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from mercer.bench.machine import provenance
from mercer.retrieve.lexicon import Lexicon
from mercer.retrieve.lexicon_build import lexicon_of
from mercer.retrieve.query import CATEGORY, ParsedQuery
from mercer.retrieve.understand import understand
from mercer.simulate import SimQuery, World, generate_catalogue, generate_queries
from mercer.simulate.query import QueryStyle, write_query

NOW_MS: Final = 1_750_000_000_000
# Of all searches, those that go on with a need included.
SHARES: Final[dict[QueryStyle, float]] = {
    "vague": 0.12, "plain": 0.34, "specific": 0.42, "niche": 0.08, "negated": 0.04,
}  # fmt: skip
_SIDES: Final = {"width": "width_cm", "height": "height_cm"}
Facts = set[tuple[object, ...]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, nargs="+", default=[21, 22], help="seeds")
    parser.add_argument("--queries", type=int, default=3_000)
    parser.add_argument("--listings", type=int, default=20_000)
    args = parser.parse_args()
    for seed in args.worlds:
        world = generate_catalogue(n_listings=args.listings, seed=seed, now_ms=NOW_MS)
        lexicon = lexicon_of(pa.Table.from_batches(list(world.batches())))
        asked = _as_buyers(world, args.queries, np.random.default_rng(5))
        generated = generate_queries(world, n=args.queries, seed=5)
        line = {
            "benchmark": "understanding", "world": seed, "listings": args.listings,
            "queries": len(asked), **_categories(asked, lexicon), "f1": _f1(asked, lexicon),
            "f1_generated": _f1(generated, lexicon), **provenance(),
        }  # fmt: skip
        print(json.dumps(line), flush=True)
    return 0


def _as_buyers(world: World, n: int, rng: np.random.Generator) -> list[SimQuery]:
    rows = np.flatnonzero((world.truth.quantity > 0) & ~world.truth.is_hidden)
    styles, shares = list(SHARES), list(SHARES.values())
    found: list[SimQuery] = []
    while len(found) < n:
        style = styles[int(rng.choice(len(styles), p=shares))]
        query = write_query(world.truth, int(rng.choice(rows)), rng, style=style)
        found += [query] if query is not None else []
    return found


def _categories(queries: Sequence[SimQuery], lexicon: Lexicon) -> dict[str, float]:
    """Shares of the queries that say a category."""
    count = Counter[str]()
    for query in queries:
        said = {value for name, value in query.wanted if name in (CATEGORY, "root")}
        if not said:
            continue
        read = {
            w.value for w in understand(query.text, lexicon=lexicon).wanted if w.field == CATEGORY
        }
        count["said"] += 1
        count["right" if said <= read else "other" if read else "none"] += 1
        count["besides"] += said < read
    names = ("right", "none", "other", "besides")
    return {name: round(count[name] / max(count["said"], 1), 4) for name in names}


def _f1(queries: Sequence[SimQuery], lexicon: Lexicon) -> float:
    both = either = 0
    for query in queries:
        meant, read = _meant(query), _read(understand(query.text, lexicon=lexicon))
        both += len(meant & read)
        either += len(meant) + len(read)
    return round(2 * both / max(either, 1), 4)


def _meant(query: SimQuery) -> Facts:
    facts: Facts = {(CATEGORY if f == "root" else f, v, True) for f, v in query.wanted}
    facts |= {(f, v, False) for f, v in query.unwanted}
    return facts | _limits(query)


def _read(parsed: ParsedQuery) -> Facts:
    facts: Facts = {(w.field, w.value, True) for w in parsed.wanted}
    facts |= {(w.field, w.value, False) for w in parsed.unwanted}
    for size in parsed.sizes:
        name = _SIDES.get(size.attribute or "")
        if name and size.unit == "cm" and (size.min is None) != (size.max is None):
            limit = f"<={size.max:g}" if size.min is None else f">={size.min:g}"
            facts.add((name, limit, True))
    return facts | _limits(parsed)


def _limits(one: Any) -> Facts:
    ends = ((">=", one.price_min_micros), ("<=", one.price_max_micros))
    return {("price", sign, micros) for sign, micros in ends if micros is not None}


if __name__ == "__main__":
    sys.exit(main())
