"""The laws of `spread_sellers`."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from mercer.rank.seller_limit import spread_sellers


def spread(sellers, per_seller, per_page):
    codes = np.array(sellers, np.int64)
    return spread_sellers(codes, per_seller=per_seller, per_page=per_page).tolist()


def plain(sellers, per_seller, per_page):
    """The same, page by page over lists."""
    left, out = list(range(len(sellers))), []
    while left:
        page, on_page = [], Counter()
        for place in left:
            seller = sellers[place]
            if len(page) < per_page and (seller < 0 or on_page[seller] < per_seller):
                page.append(place)
                on_page[seller] += 1
        rest = [place for place in left if place not in page]
        fill = rest[: per_page - len(page)]
        out += page + fill
        left = [place for place in rest if place not in fill]
    return out


CASE = (st.lists(st.integers(-1, 4), max_size=40), st.integers(1, 4), st.integers(1, 8))


@limits(max_examples=200)
@given(*CASE)
def test_nothing_is_added_or_dropped(sellers, per_seller, per_page):
    """The result is a permutation, and the one that the plain definition gives."""
    order = spread(sellers, per_seller, per_page)
    assert sorted(order) == list(range(len(sellers)))
    assert order == plain(sellers, per_seller, per_page)


@limits(max_examples=200)
@given(*CASE)
def test_no_page_exceeds_the_limit_while_there_is_another(sellers, per_seller, per_page):
    """A page has more of a seller than allowed only where all listings behind it are of sellers
    that have no room on it either."""
    order = spread(sellers, per_seller, per_page)
    for first in range(0, len(order), per_page):
        page = Counter(sellers[i] for i in order[first : first + per_page] if sellers[i] >= 0)
        if any(n > per_seller for n in page.values()):
            behind = {sellers[i] for i in order[first + per_page :]}
            assert all(seller >= 0 and page[seller] >= per_seller for seller in behind)


def test_listings_of_nobody_are_never_limited():
    """Codes below 0 stay in their order."""
    assert spread([-1, -1, -1, -1], 1, 4) == [0, 1, 2, 3]


def test_an_example():
    """Three of one seller, two of others, two a page, one of each seller on it."""
    assert spread([7, 7, 7, 8, 9], 1, 2) == [0, 3, 1, 4, 2]
