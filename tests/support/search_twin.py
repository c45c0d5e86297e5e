"""Search by brute force, in plain Python over dicts: what the fast one has to agree with.

Written from the documented meaning (DESIGN "The match set", the head of `rank.first_pass`,
`retrieve.match`, `retrieve.prior`), not from the arrays. Slow, and meant to be.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mercer.rank.first_pass import FirstPassParams
from mercer.retrieve.filter_ast import Filter, disjunctive_fields
from mercer.retrieve.filter_match import fold_value, matches
from mercer.retrieve.query import ParsedQuery
from mercer.text.analyze import stem, words

Row = Mapping[str, Any]  # a listing as `Catalogue` gives it, with `row_id`

P = FirstPassParams()  # the weights are tuned; what they weigh is written down here anew
FIELD_CAPS = (7, 15, 7, 63)  # a word counts at most so often in a field
NEGATORS = {stem(w) for w in ("without", "no", "non", "free", "less")}
SYNONYM, PREFIX = 0.8, 0.7


def texts(row: Row) -> tuple[list[str], ...]:
    """The stems of title, labels, category and description, in order."""
    labels = [*row["tags"], *(v for _, values in attributes(row) for v in values)]
    parts = ([row["title"]], labels, row["category_path"], [row["description"]])
    return tuple([stem(w) for text in part for w in words(text)] for part in parts)


def attributes(row: Row) -> list[tuple[str, list[str]]]:
    """(name, values); Arrow gives a map as pairs."""
    found = row["attributes"]
    return list(found.items()) if isinstance(found, Mapping) else list(found)


def price(row: Row, rates: Mapping[str, float]) -> int | None:
    """Micros of the reporting currency (rate 1), None where unknown."""
    if row["price_micros"] is None or row["currency"] not in rates:
        return None
    rate = rates[row["currency"]]
    return row["price_micros"] if rate == 1 else round(row["price_micros"] * rate)


def prior(row: Row) -> float:
    """Quality in [0, 1]."""
    popularity = math.log1p(
        row["sold_count"] + row["favourite_count"] / 3 + row["rating_count"] / 2
    ) / math.log1p(1000)
    rating = 4.0 if row["rating"] is None else row["rating"]
    smoothed = (rating * row["rating_count"] + 40) / (row["rating_count"] + 10)
    complete = (
        bool(row["images"]) + (row["price_micros"] is not None) + (row["description"] != "")
    ) / 3
    return 0.45 * min(popularity, 1.0) + 0.40 * smoothed / 5 + 0.15 * complete


def labels(row: Row) -> dict[str, set[str]]:
    """Field -> values that facets count."""
    path = row["category_path"]
    found = {
        "category": {" > ".join(path[: i + 1]) for i in range(len(path))},
        "tags": set(row["tags"]),
        "seller": {row["seller_id"]} - {""},
        "currency": {row["currency"]} - {None},
    }
    return found | {name: set(values) for name, values in attributes(row)}


@dataclass(frozen=True)
class Way:
    stems: tuple[str, ...]
    weight: float


@dataclass
class TwinQuery:
    """The parts of a parsed query that retrieval uses, read anew from it."""

    groups: list[list[Way]]
    typed: list[str]
    phrases: list[tuple[str, ...]]
    banned: list[tuple[str, ...]]
    excluded: list[tuple[str, ...]]
    query: ParsedQuery

    @classmethod
    def of(cls, query: ParsedQuery, known_stems: Iterable[str]) -> "TwinQuery":
        terms = [t for t in query.terms if not t.is_optional] or list(query.terms)
        groups = []
        for term in terms:
            ways = [Way((stem(term.word),), 1.0)]
            ways += [Way(tuple(map(stem, a)), SYNONYM) for a in term.alternatives]
            if term.is_prefix and not term.is_known:
                ways += [Way((s,), PREFIX) for s in known_stems if s.startswith(term.word)]
            groups.append(ways)
        typed = [stem(t.word) for t in terms]
        minus = {
            tuple(words(a or b)) for a, b in re.findall(r'(?:^|\s)-(?:"([^"]*)"|(\S+))', query.text)
        }
        banned = [tuple(map(stem, e)) for e in query.excluded_terms if e in minus]
        excluded = [tuple(map(stem, e)) for e in query.excluded_terms if e not in minus]
        excluded += [tuple(map(stem, w.text.split())) for w in query.unwanted]
        return cls(
            groups, typed, [tuple(map(stem, p)) for p in query.phrases], banned,
            [e for e in excluded if not set(e) <= set(typed)], query,
        )  # fmt: skip


@dataclass
class Twin:
    """A catalogue to search by brute force.

    Args:
        live: what is for sale, by row id.
        standing: all rows that stand in segments, dead ones too: the statistics are over those.
        cosine: between a query's vector and a listing.
    """

    live: dict[int, Row]
    standing: Sequence[Row]
    rates: Mapping[str, float]
    enough: int = 100
    min_share: float = 0.4
    _texts: dict[int, tuple[list[str], ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._texts = {row_id: texts(row) for row_id, row in self.live.items()}
        self._standing = [texts(row) for row in self.standing]
        self.known_stems = sorted({s for t in self._standing for part in t for s in part})

    # -- the match set --------------------------------------------------------------------------

    def live_stems(self) -> set[str]:
        """Of what is for sale now; a segment still knows the words of what is gone."""
        return {s for row_id in self._texts for s in self.stems(row_id)}

    def stems(self, row_id: int) -> set[str]:
        return {s for part in self._texts[row_id] for s in part}

    def allowed(self, asked: TwinQuery) -> set[int]:
        query = asked.query
        kept = set()
        for row_id, row in self.live.items():
            have, cost = self.stems(row_id), price(row, self.rates)
            low, high = query.price_min_micros, query.price_max_micros
            if low is not None or high is not None:
                if cost is None or (low is not None and cost < low):
                    continue
                if high is not None and cost > high:
                    continue
            if any(not set(p) <= have for p in asked.phrases):
                continue
            if any(set(b) <= have for b in asked.banned):
                continue
            if any(self.has_value(row, wish) for wish in query.unwanted):
                continue
            kept.add(row_id)
        return kept

    @staticmethod
    def has_value(row: Row, wish: Any) -> bool:
        values = labels(row).get(wish.field, set())
        if wish.field == "category":
            values = {v.rpartition(" > ")[2] for v in values}
        return fold_value(wish.value) in {fold_value(v) for v in values}

    def n_groups(self, row_id: int, asked: TwinQuery) -> int:
        have = self.stems(row_id)
        return sum(any(set(w.stems) <= have for w in ways) for ways in asked.groups)

    def lexical(self, asked: TwinQuery) -> set[int]:
        allowed = self.allowed(asked)
        if not asked.groups:
            return allowed
        counts = {row_id: self.n_groups(row_id, asked) for row_id in allowed}
        lowest = max(1, math.ceil(len(asked.groups) * self.min_share))
        for level in range(len(asked.groups), lowest - 1, -1):
            found = {row_id for row_id, n in counts.items() if n >= level}
            if len(found) >= self.enough or level == lowest:
                return found
        raise AssertionError("unreachable")

    def unfiltered(self, asked: TwinQuery, near: Iterable[int]) -> set[int]:
        """Lexical matches and the allowed ones of the semantic hits."""
        return self.lexical(asked) | (set(near) & self.allowed(asked))

    def filtered(self, tree: Filter | None, found: Iterable[int]) -> set[int]:
        return {r for r in found if matches(tree, self.filter_row(r))}

    def filter_row(self, row_id: int) -> dict[str, Any]:
        row = self.live[row_id]
        return {
            **row,
            "price_micros": price(row, self.rates),
            "attributes": dict(attributes(row)),
        }

    # -- facets -----------------------------------------------------------------------------------

    def facets(
        self, fields: Sequence[str], tree: Filter | None, unfiltered: set[int]
    ) -> dict[str, dict[str, int]]:
        rest = dict(disjunctive_fields(tree))
        counts: dict[str, dict[str, int]] = {}
        for name in fields:
            found = self.filtered(rest.get(name, tree), unfiltered)
            counts[name] = {}
            for row_id in found:
                for value in labels(self.live[row_id]).get(name, ()):
                    counts[name][value] = counts[name].get(value, 0) + 1
        return counts

    def prices(self, found: Iterable[int]) -> list[int]:
        each = (price(self.live[r], self.rates) for r in found)
        return sorted(p for p in each if p is not None)

    # -- the first pass ---------------------------------------------------------------------------

    def scores(
        self, asked: TwinQuery, found: Iterable[int], cosine: Callable[[int], float] | None
    ) -> dict[int, float]:
        """lexical^2, semantic, title, unwanted, wish and prior, weighted as documented."""
        n = len(self._standing)
        mean = [max(sum(len(t[f]) for t in self._standing) / max(n, 1), 1e-9) for f in range(4)]
        df: dict[str, int] = {}
        for t in self._standing:
            for s in {s for part in t for s in part}:
                df[s] = df.get(s, 0) + 1

        def idf(s: str) -> float:
            return math.log(1 + (n - df[s] + 0.5) / (df[s] + 0.5)) if s in df else 0.0

        def of_way(way: Way) -> float:
            return sum(map(idf, way.stems)) / len(way.stems)

        group_idf = [
            of_way(ways[0]) or max((of_way(w) for w in ways if of_way(w)), default=0.0)
            for ways in asked.groups
        ]
        total = max(sum(group_idf), 1e-9)
        out = {}
        for row_id in found:
            text = self._texts[row_id]
            of_groups = [
                max((w.weight * of_way(w) * self._bm25f(w, text, mean) for w in ways), default=0.0)
                for ways in asked.groups
            ]
            coverage = sum(i for i, s in zip(group_idf, of_groups, strict=True) if s > 0) / total
            lexical = sum(of_groups) * (0.3 + coverage) / (1.3 * (P.k1 + 1) * total)
            score = P.lexical * lexical**2 + P.prior * prior(self.live[row_id])
            score += self._title(asked, text[0]) + P.wish * self._wishes(asked, row_id)
            if cosine is not None:
                n_words = max(len(asked.groups) - P.sufficient_words, 0.0)
                weight = min(P.semantic_max, P.semantic_per_word * n_words)
                score += weight * max(cosine(row_id), 0.0)
            out[row_id] = score
        return out

    @staticmethod
    def _bm25f(way: Way, text: tuple[list[str], ...], mean: Sequence[float]) -> float:
        each = []
        for s in way.stems:
            tf = 0.0
            for f in range(4):
                count = min(text[f].count(s), FIELD_CAPS[f])
                tf += P.field_weights[f] * count / (1 - P.b + P.b * len(text[f]) / mean[f])
            each.append(tf * (P.k1 + 1) / (P.k1 + tf))
        return sum(each) / len(each) if all(each) else 0.0

    @staticmethod
    def _title(asked: TwinQuery, title: list[str]) -> float:
        pairs = list(zip(asked.typed, asked.typed[1:], strict=False))
        beside = set(itertools.pairwise(title))
        score = P.title * sum(p in beside for p in pairs) / len(pairs) if pairs else 0.0
        unwanted = {s for e in asked.excluded for s in e}
        plain = negated = False
        for at, s in enumerate(title):
            if s in unwanted:
                around = title[max(0, at - 3) : at] + title[at + 1 : at + 2]
                is_negated = bool(NEGATORS & set(around))
                plain, negated = plain or not is_negated, negated or is_negated
        return score - P.unwanted * plain + P.negated * negated

    def _wishes(self, asked: TwinQuery, row_id: int) -> int:
        row, total = self.live[row_id], 0
        for wish in asked.query.wanted:
            if labels(row).get(wish.field):
                total += 1 if self.has_value(row, wish) else -1
        return total
