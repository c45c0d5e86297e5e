"""Which requests a fuzzing run sends, and how often each kind."""

import random
from collections.abc import Callable, Iterator
from typing import Final

from mercer.bench.fuzz_rank import rank
from mercer.bench.fuzz_request import (
    FuzzRequest,
    door,
    events,
    listing_by_id,
    listings,
    search_by_body,
    search_by_url,
    suggest,
)
from mercer.bench.fuzz_shop import form, page
from mercer.bench.fuzz_text import Vocabulary

Maker = Callable[[random.Random, Vocabulary], FuzzRequest]
# (maker, weight): of a thousand inputs about 290 are queries and filters, 290 listings, 290 events.
MIX: Final[tuple[tuple[Maker, int], ...]] = (
    (search_by_url, 100),
    (search_by_body, 100),
    (suggest, 30),
    (listing_by_id, 40),
    (rank, 15),
    (page, 20),
    (form, 12),
    (listings, 12),
    (events, 6),
    (door, 50),
)


def requests(rng: random.Random, known: Vocabulary, *, n_inputs: int) -> Iterator[FuzzRequest]:
    """Requests that together count for at least `n_inputs`."""
    makers, weights = zip(*MIX, strict=True)
    left = n_inputs
    while left > 0:
        request = rng.choices(makers, weights)[0](rng, known)
        left -= request.n_inputs
        yield request
