"""What titles call the things of a category names it, however the words are read one by one."""

import pyarrow as pa
import pytest

from mercer.retrieve.lexicon_build import lexicon_of
from mercer.retrieve.understand import understand
from mercer.schema.listing import LISTING

THINGS = [
    # title, leaf category, attributes; each ten times
    ("porcelain tea set", "Teapots", {}),
    ("stoneware coffee pot", "Teapots", {}),
    ("happy birthday card", "Greeting Cards", {"occasion": ["birthday"]}),
    ("birthday banner", "Garlands", {"occasion": ["birthday"]}),
    ("thank you card", "Greeting Cards", {}),
    ("recipe card holder", "Recipe Boxes", {}),
    ("poker card deck", "Games", {}),
    ("plain ring box", "Jewelry Boxes", {}),
    ("lace ring box", "Bearer Pillows", {}),
    ("opal ring", "Rings", {"size": ["ring size 6"]}),
    ("oak shelf", "Wall Shelves", {"material": ["oak"]}),
    ("floating shelf", "Wall Shelves", {}),
    ("ladder shelf", "Bookshelves", {}),
    ("dinner plate", "Plates", {}),
    ("dinner napkin", "Napkins", {}),
    ("linen bonnet", "Hats", {"material": ["linen"]}),
    ("linen bear", "Toys", {"material": ["linen"]}),
    ("brass disc", "Buttons", {"material": ["brass"]}),
    ("wool coat", "Coats", {"material": ["wool"], "closure": ["button"]}),
    ("wool cardigan", "Cardigans", {"material": ["wool"], "closure": ["button"]}),
    ("art deco poster", "Art", {"style": ["art deco"]}),
]


def table():
    none = dict.fromkeys(f.name for f in LISTING)
    zero = ("created_ms", "updated_ms", "rating_count", "sold_count", "favourite_count")
    rows = [
        {
            **none, **dict.fromkeys(zero, 0), "listing_id": f"{i}-{n}", "seller_id": "",
            "title": title, "description": "", "tags": [], "images": [], "quantity": 1,
            "is_hidden": False, "category_path": ["All", leaf], "attributes": list(known.items()),
        }
        for i, (title, leaf, known) in enumerate(THINGS)
        for n in range(10)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=LISTING)


LEXICON = lexicon_of(table())


def wanted(q):
    return {(w.field, w.value) for w in understand(q, lexicon=LEXICON).wanted}


def kinds(q):
    return {value for field, value in wanted(q) if field == "category"}


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("tea sets", {"Teapots"}),  # "set" alone says nothing
        ("ring box", {"Jewelry Boxes", "Bearer Pillows"}),  # and no ring
        ("shelf", {"Wall Shelves", "Bookshelves"}),  # of which one has two, the other one of three
        ("ladder shelf", {"Bookshelves"}),
        ("opal ring size 6", {"Rings"}),  # though "ring size 6" is a size
        ("ring", {"Rings"}),
    ],
)
def test_runs_of_words_name_categories(q, expected):
    """The categories of most listings that say the words; the longer run is heard first."""
    assert kinds(q) == expected


def test_what_a_run_states_stays_said():
    """A birthday card is a greeting card, and for a birthday."""
    assert wanted("birthday card") == {("category", "Greeting Cards"), ("occasion", "birthday")}
    assert wanted("birthday") == {("occasion", "birthday")}


@pytest.mark.parametrize("q", ["dinner", "linen", "floating", "card", "oak"])
def test_words_that_name_no_category(q):
    """What goes on to different things, what is a value, and what is said of many categories."""
    assert kinds(q) == set()


def test_one_word_may_be_a_category_and_a_value():
    """The category where it is spelled so, and where it is the thing; not behind "with"."""
    assert "Buttons" in kinds("brass buttons")
    assert kinds("wool coat with buttons") == {"Coats"}
    assert ("closure", "button") in wanted("wool coat with buttons")
    assert kinds("art deco") == set()
