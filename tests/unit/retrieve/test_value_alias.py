"""Other words for values are learnt where the catalogue is clear about them, and only there."""

import numpy as np
import pyarrow as pa
import pytest

from mercer.retrieve.lexicon import TableLexicon, phrase_key, singular, value_table
from mercer.retrieve.lexicon_build import lexicon_of, word_counts
from mercer.retrieve.understand import understand
from mercer.retrieve.value_alias import AliasRules
from mercer.schema.errors import SchemaError
from mercer.schema.listing import LISTING

THINGS = [
    # title, category, attributes; each ten times
    ("ivory plate", "Plates", {"color": ["white"]}),
    ("ivory bowl", "Bowls", {"color": ["white"]}),
    ("sky blue bowl", "Bowls", {"color": ["blue"]}),
    ("sky blue plate", "Plates", {"color": ["blue"]}),
    ("navy blue bowl", "Bowls", {"color": ["navy"]}),
    ("red rubber doormat", "Mats", {"color": ["red"], "shape": ["rectangular"]}),
    ("black jute doormat", "Mats", {"color": ["black"], "shape": ["rectangular"]}),
    ("black flower pot", "Planters", {"color": ["black"], "shape": ["round"]}),
    ("white flower pot", "Planters", {"color": ["white"], "shape": ["square"]}),
    ("white flower brooch", "Brooches", {"color": ["white"], "shape": ["flower"]}),
    ("black clay figure", "Sculptures", {"material": ["clay"]}),
    ("red clay bowl", "Bowls", {"material": ["clay"]}),
    ("white wool beanie", "Hats", {"material": ["wool"]}),
    ("red pot", "Cookware", {"color": ["red"]}),
]


def table():
    rows = [
        {
            **{f.name: None for f in LISTING},
            "listing_id": f"{i}-{n}",
            "seller_id": "",
            "title": title,
            "description": "",
            "tags": ["Nice Thing"],
            "category_path": ["Home & Garden", category],
            "attributes": list(attributes.items()),
            "quantity": 1,
            "images": [],
            **dict.fromkeys(("created_ms", "updated_ms", "rating_count", "sold_count", "favourite_count"), 0),
            "is_hidden": False,
        }
        for i, (title, category, attributes) in enumerate(THINGS)
        for n in range(10)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=LISTING)


LEXICON = lexicon_of(table(), rules=AliasRules(min_lift=2.0))


def named(phrase):
    return [(v.field, v.value) for v in LEXICON.values(phrase)]


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("ivory", ("color", "white")),
        ("navy blue", ("color", "navy")),  # though "blue" alone is blue
        ("doormat", ("category", "Mats")),
        ("beanies", ("category", "Hats")),
        ("flower pots", ("category", "Planters")),  # and no flower shape is meant
        ("garden", ("category", "Home & Garden")),
    ],
)
def test_words_name_values(phrase, expected):
    """Words that nearly all listings with a value share name it, alone or as a run."""
    assert named(phrase) == [expected]


@pytest.mark.parametrize(
    "phrase",
    [
        "sky",  # always part of "sky blue", which says no more than "blue"
        "sky blue",
        "ivory bowl",  # its parts say the same
        "red clay",  # would hide the material
        "red doormat",
        "nice",  # of all things
    ],
)
def test_words_that_name_nothing(phrase):
    """Parts of longer names, runs that hide what their words say, and words of all things."""
    assert named(phrase) == []


def test_a_value_of_the_whole_category_is_not_meant_by_its_name():
    """All mats are rectangular, yet "doormat" means the category only."""
    assert [w.field for w in understand("red doormat", lexicon=LEXICON).wanted] == [
        "color",
        "category",
    ]


def test_compounds_hide_what_is_not_meant():
    """A flower pot is no flower-shaped thing; a flower brooch is."""
    assert ("shape", "flower") not in {
        (w.field, w.value) for w in understand("white flower pot", lexicon=LEXICON).wanted
    }
    assert ("shape", "flower") in {
        (w.field, w.value) for w in understand("white flower brooch", lexicon=LEXICON).wanted
    }


def test_a_category_is_refused_by_its_own_name_only():
    """What was learnt may say what is wanted; it never shuts a category out."""
    parsed = understand("red bowl without doormat", lexicon=LEXICON)
    assert (parsed.unwanted, parsed.excluded_terms) == ((), (("doormat",),))
    assert [w.value for w in understand("red bowl without mats", lexicon=LEXICON).unwanted] == [
        "Mats"
    ]
    wishes = understand("ivory doormat for mats", lexicon=LEXICON).wanted
    assert [(w.value, w.is_exact) for w in wishes] == [("white", False), ("Mats", False)]


def test_a_value_said_twice_counts_once():
    """A listing that states a value twice is one listing."""
    doubled = pa.concat_tables([table()])
    paths = [[*p, *p] for p in doubled["category_path"].to_pylist()]
    doubled = doubled.set_column(
        LISTING.get_field_index("category_path"), LISTING.field("category_path"), pa.array(paths)
    )
    assert lexicon_of(doubled).values("mats") == lexicon_of(table()).values("mats")


def test_word_counts_are_listings():
    """A word counts once per listing, whatever the columns that say it."""
    vocabulary, counts = word_counts(table())
    count = dict(zip(vocabulary, counts.tolist(), strict=True))
    assert count["nice"] == len(THINGS) * 10
    assert count["ivory"] == 20
    assert count["clay"] == 20  # in the title and in the attribute
    assert count["flower"] == 30


def test_corrections_come_from_the_catalogue():
    """Without another corrector the listings' own words are what was meant."""
    assert understand("ivroy plate", lexicon=LEXICON).did_you_mean == "ivory plate"


def test_a_table_without_the_columns_is_refused():
    """The fault names the column."""
    with pytest.raises(SchemaError, match="attributes"):
        lexicon_of(table().drop(["attributes"]))


def test_an_empty_catalogue_has_an_empty_lexicon():
    """No listings: no words, no values, and queries are still read."""
    lexicon = lexicon_of(table().slice(0, 0))
    parsed = understand("white mug under 20", lexicon=lexicon)
    assert [t.word for t in parsed.terms] == ["white", "mug"]
    assert parsed.price_max_micros == 20_000_000


@pytest.mark.parametrize(
    "group",
    [
        ("mug", "mugs"), ("dress", "dresses"), ("box", "boxes"), ("candy", "candies"), ("cookie", "cookies"),
        ("shelf", "shelves"), ("women", "woman", "womens"), ("bikini", "bikinis"), ("shoe", "shoes"),
        ("gray", "grey"), ("wood", "wooden"), ("glass", "glasses"), ("glove", "gloves"), ("brush", "brushes"),
    ],
)  # fmt: skip
def test_one_key_for_the_forms_of_a_word(group):
    """Singular, plural and the British spelling have one key."""
    assert len({singular(w) for w in group}) == 1


@pytest.mark.parametrize("pair", [("bed", "bedding"), ("slide", "sliding"), ("glass", "gloss")])
def test_other_words_have_other_keys(pair):
    """The key is lighter than a stem."""
    assert phrase_key([pair[0]]) != phrase_key([pair[1]])


def test_value_table_adds_spellings_up():
    """Spellings with one key are one value, written as most listings write it."""
    known = value_table(
        ["color", "color", "brand", "color", "note"],
        ["Black & White", "black and white", "White", "white", "far too many words for a value"],
        np.array([3, 5, 2, 9, 1]),
    )
    assert [(v.field, v.value, v.count) for v in known["black white"]] == [
        ("color", "black and white", 8)
    ]
    assert [v.field for v in known["white"]] == ["color", "brand"]
    assert len(known) == 2


def test_regroup_finds_splits_and_joins():
    """An unknown word becomes its most frequent known parts; neighbours become a known word."""
    lexicon = TableLexicon(
        {"air": 50, "pods": 40, "airpods": 9, "watch": 30, "strap": 30, "or": 900}, {}
    )
    found = {
        (r.start, r.end): r.words for r in lexicon.regroup(["air", "pods", "watchstrap", "orair"])
    }
    assert found == {(0, 2): ("airpods",), (2, 3): ("watch", "strap")}
