"""Texts, numbers, filters and JSON values that a careless or hostile client may send.

Half of what is drawn is nearly right: what is wrong everywhere is refused at the door, and only what is
almost right gets far enough to break something. All of it comes from one `random.Random`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MARK: Final = "fzq7"  # in every piece of markup that is sent: a page that shows it raw is faulty

NASTY: Final[tuple[str, ...]] = (
    "", " ", "\x00", "\t\n\r", "\ufeff", "\u200b\u200d", "\u202e", "\ud800", "\udfff\ud800",
    "\U0001f600", "e\u0301" * 20, "\u0345\u0390", "ß", "ﬁ", "İ", "\u0131", "٣٤", "½", "①", "漢字",
    "ก็็็", "\x1b[31m", "\x7f", "\x85", f"<script>{MARK}()</script>",
    f"\"><img src=x onerror={MARK}>", f"'-{MARK}-'", f"javascript:{MARK}", "{{7*7}}",
    "${jndi:ldap://a}", "%s%n%x", "' OR 1=1 --", "; drop table listing; --", "../../../etc/passwd",
    "..%2f..%2f", "http://169.254.169.254/", "file:///etc/passwd", "sim:", "sim:0:0", "NaN",
    "Infinity", "-0", "1e999", "0x10", "1_000", "9" * 25, "9" * 400, "0." + "0" * 30 + "1", "null",
    "true", "[]", "{}", "\\", "\"", "'", "`", "((((", "))))", "[" * 40, "under", "over -5",
    "between 9 and 1", "not", "NOT NOT", "AND", "OR", "size", "-", "--", "*", "?", "~", "^", ":",
    ">", "a" * 64, "aa " * 200, "no " * 60, "without", "€", "$5",
)  # fmt: skip
_OPERATORS: Final = ("=", "!=", ":", "<", "<=", ">", ">=", "<", ">", ":<", "=", "~", "==")
_WORD_OPERATORS: Final = ("=", "!=", ":", ":=", "=", "!=", ":", "<", " IN ", "")
_GLUE: Final = (" AND ", " OR ", " && ", " || ", " AND NOT ", " and ", " OR ", ",")
_NUMBERS: Final[tuple[Any, ...]] = (
    0, 1, -1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**18, 10**40, 0.5, -0.0, 1e308, 1e-320, 12.5,
    1_770_000_000_000, 5_000_000_000_000, "12.50", "-3", "1,5",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the market that is fuzzed talks about, so that some of the inputs find something."""

    words: Sequence[str] = ("mug",)
    fields: Sequence[str] = ("category", "color")  # of words, that a filter may name
    numbers: Sequence[str] = ("price",)  # fields that are compared
    values: Sequence[str] = ("white",)
    listing_ids: Sequence[str] = ("l1",)
    # Filled while the run goes on with what was answered: cursors, page ids, tokens.
    seen: list[str] = field(default_factory=list)

    def remember(self, value: str, *, at: int) -> None:
        """Keep what was answered; a bounded number, the older ones go."""
        if len(self.seen) < 256:
            self.seen.append(value)
        else:
            self.seen[at % 256] = value


def characters(rng: random.Random, n: int) -> str:
    """`n` characters from anywhere in Unicode, half of them ASCII; surrogates too."""
    return "".join(
        chr(rng.randrange(128) if rng.random() < 0.5 else rng.randrange(0x110000)) for _ in range(n)
    )


def text(rng: random.Random, known: Vocabulary) -> str:
    """Words of the catalogue, mangled words, nasty pieces, or noise."""
    draw = rng.random()
    if draw < 0.45:
        return " ".join(rng.choices(known.words, k=rng.randint(1, 5)))
    if draw < 0.65:
        return mutated(rng, " ".join(rng.choices(known.words, k=rng.randint(1, 4))))
    if draw < 0.85:
        pieces = [*rng.choices(NASTY, k=rng.randint(1, 3)), rng.choice(known.words)]
        rng.shuffle(pieces)
        return rng.choice((" ", "")).join(pieces)
    if draw < 0.99:
        return characters(rng, rng.randint(0, 24))
    return rng.choice((*known.words, "a", "é", "1", "-x ")) * rng.randint(100, 1_500)


def mutated(rng: random.Random, value: str) -> str:
    """A text with one to three of its places cut, doubled, swapped or filled."""
    for _ in range(rng.randint(1, 3)):
        at, until = sorted((rng.randint(0, len(value)), rng.randint(0, len(value))))
        draw = rng.random()
        if draw < 0.3:
            value = value[:at] + value[until:]
        elif draw < 0.5:
            value = value[:until] + value[at:until] + value[until:]
        elif draw < 0.8:
            value = value[:at] + rng.choice(NASTY) + value[at:]
        else:
            value = value[:at] + value[at:until][::-1] + value[until:]
    return value[:20_000]


def filter_text(rng: random.Random, known: Vocabulary) -> str:
    """A filter, more often right than wrong."""
    made = _clauses(rng, known, rng.randint(0, 3))
    return mutated(rng, made) if rng.random() < 0.25 else made


def _clauses(rng: random.Random, known: Vocabulary, depth: int) -> str:
    if depth == 0 or rng.random() < 0.3:
        return _clause(rng, known)
    parts = [_clauses(rng, known, depth - 1) for _ in range(rng.randint(1, 3))]
    joined = rng.choice(_GLUE).join(parts)
    return rng.choice(("({})", "NOT ({})", "{}", "!{}")).format(
        joined.replace("{", "").replace("}", "")
    )


def _clause(rng: random.Random, known: Vocabulary) -> str:
    draw = rng.random()
    if draw < 0.35:
        number = rng.choice(known.numbers)
        if rng.random() < 0.4:
            return f"{number}: {_amount(rng)}..{_amount(rng)}"
        return f"{number} {rng.choice(_OPERATORS)} {_amount(rng)}"
    name = rng.choice(known.fields) if rng.random() < 0.93 else text(rng, known)
    draw = rng.random()
    if draw < 0.04:
        return f"{name}: {_value(rng, known)}..{_value(rng, known)}"
    if draw < 0.22:
        return rng.choice((f"EXISTS {name}", f"{name} NOT EXISTS", f"{name} EXISTS"))
    if draw < 0.4:
        values = ", ".join(_value(rng, known) for _ in range(rng.randint(0, 5)))
        return f"{name} {rng.choice(('IN', 'NOT IN', ':', 'in'))} [{values}]"
    return f"{name}{rng.choice(_WORD_OPERATORS)}{_value(rng, known)}"


def _amount(rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.6:
        return str(rng.randint(0, 200))
    return str(rng.choice(_NUMBERS)) if draw < 0.9 else rng.choice(("", "2024-01-31", "x", '"'))


def _value(rng: random.Random, known: Vocabulary) -> str:
    draw = rng.random()
    if draw < 0.7:
        return '"' + rng.choice(known.values) + '"'
    if draw < 0.8:
        return str(
            rng.choice((*_NUMBERS, rng.randint(-9, 200), "2024-01-31", "true", "2024-13-99"))
        )
    return '"' + text(rng, known).replace('"', '\\"') + '"' if draw < 0.95 else text(rng, known)


def json_value(rng: random.Random, known: Vocabulary, *, depth: int = 2) -> Any:
    """Any JSON value; shallow more often than deep."""
    draw = rng.random()
    if draw < 0.35:
        return text(rng, known)
    if draw < 0.6:
        return rng.choice((*_NUMBERS, rng.randint(-5, 10**6), rng.random()))
    if draw < 0.7 or depth == 0:
        return rng.choice((None, True, False))
    n = rng.randint(0, 4)
    if draw < 0.85:
        return [json_value(rng, known, depth=depth - 1) for _ in range(n)]
    return {text(rng, known): json_value(rng, known, depth=depth - 1) for _ in range(n)}


def mutated_bytes(rng: random.Random, body: bytes) -> bytes:
    """A body with some of its bytes flipped, cut, doubled or replaced."""
    for _ in range(rng.randint(1, 3)):
        at, until = sorted((rng.randint(0, len(body)), rng.randint(0, len(body))))
        draw = rng.random()
        if draw < 0.25:
            body = body[:at]
        elif draw < 0.45:
            body = body[:at] + body[min(until, at + 8) :]
        elif draw < 0.7:
            body = body[:at] + rng.randbytes(rng.randint(1, 4)) + body[at + 1 :]
        elif draw < 0.9:
            token = rng.choice(
                (b"NaN", b"9" * 500, b"[" * 600, b'"\\ud800"', b"\xff", b"\x00", b"{}", b",")
            )
            body = body[:at] + token + body[at:]
        else:
            body = body[:until] + body[at : min(until, at + 400)] + body[until:]
    return body[:200_000]
