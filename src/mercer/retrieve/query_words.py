"""The words that mean something in any query: limits, units, negations, and words that say little.

They are never corrected, even where no listing has them.
"""

from collections.abc import Mapping

MAX, MIN, AROUND = "max", "min", "around"


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(kind: str, text: str) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.split()): kind for phrase in text.split(",")}


# Before a quantity.
CUES: Mapping[tuple[str, ...], str] = {
    **_phrases(
        MAX,
        "under,below,less than,lower than,cheaper than,smaller than,shorter than,lighter than,"
        "narrower than,up to,upto,at most,no more than,not more than,not over,not above,not exceeding,"
        "no higher than,no bigger than,no larger than,no wider than,max,maximum,within,<,<=,budget,"
        "less then,cheaper then,underneath",
    ),
    **_phrases(
        MIN,
        "over,above,more than,greater than,higher than,larger than,bigger than,longer than,wider than,"
        "taller than,heavier than,at least,min,minimum,starting at,starting from,"
        "no less than,not less than,not under,not below,no smaller than,upwards of,exceeding,beyond,"
        "pricier than,from,>,>=,more then",
    ),
    **_phrases(AROUND, "around,about,approx,approximately,roughly,circa,close to,near,~"),
}
MAX_CUE_WORDS = 3
CUE_STARTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    first: tuple(sorted((c for c in CUES if c[0] == first), key=len, reverse=True))
    for first in {c[0] for c in CUES}
}
"""First word -> the cues that begin with it, longest first."""

# After a quantity.
POST_CUES: Mapping[tuple[str, ...], str] = {
    **_phrases(
        MAX,
        "or less,or under,or below,or cheaper,or lower,or smaller,or shorter,and under,and below,"
        "and less,& under,max,maximum,or fewer",
    ),
    **_phrases(
        MIN,
        "or more,or over,or above,or larger,or longer,or bigger,and up,and over,and above,and more,"
        "& up,min,minimum,+,upwards",
    ),
}

# A cue that says of what it speaks; a bare number behind it is no price.
CUE_DIMENSIONS: Mapping[str, str | None] = {
    "wider": "width",
    "narrower": "width",
    "taller": "height",
    "longer": "length",
    "shorter": "length",
    "heavier": "weight",
    "lighter": "weight",
    **dict.fromkeys(("smaller", "bigger", "larger")),
}

# "max" and "min" behind these are the name of a product: "air max 90", "iphone 15 pro max 256".
PRODUCT_BEFORE_MAX = frozenset(
    ("air", "pro", "iphone", "ultra", "hero", "vapor", "mad", "xs", "ipad")
)
AGE_BEFORE = frozenset(("age", "ages", "aged", "kids", "kid", "children", "child", "toddlers", "toddler",
                        "boys", "girls", "boy", "girl", "adults", "people"))  # fmt: skip
MAX_ADULT_AGE = 18  # "ages 8 and up" without the word "ages"
MAX_AGE = 12  # "toys for kids under 10" speaks of years, "gifts for kids under 20" of money

# Words around a limit that go with it: "priced under 20", "for less than 20", "price range 10-20".
PRICE_WORDS = frozenset(
    ("price", "prices", "priced", "cost", "costs", "costing", "budget", "spend")
)
LEADING_FILLERS = frozenset((*PRICE_WORDS, "for", "at", "is", "of", "range", "and", "but", "that",
                             "within", "anything", "something", "only"))  # fmt: skip

CURRENCY_SIGNS: Mapping[str, str] = {"$": "USD", "€": "EUR", "£": "GBP"}
CURRENCY_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("usd", "dollar", "dollars", "bucks", "buck"), "USD"),
    **dict.fromkeys(("eur", "euro", "euros"), "EUR"),
    **dict.fromkeys(("gbp", "quid"), "GBP"),
}
TRAILING_FILLERS = frozenset(
    ("price", "prices", "budget", "each", "total", "only", "apiece", "max")
)
# "100 dollar bill pillow", "$50 gift card": the amount is what the thing is, not what it costs.
AMOUNT_IS_THE_THING = frozenset(("bill", "bills", "coin", "coins", "note", "notes", "gift", "sign"))

_UNITS = {
    "cm": "cm centimeter centimeters centimetre centimetres",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "m": "m meter meters metre metres",
    "in": "in inch inches",
    "ft": "ft foot feet",
    "yd": "yd yard yards yds",
    "oz": "oz ounce ounces ozs",
    "fl_oz": "floz",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "cl": "cl",
    "l": "l liter liters litre litres ltr",
    "gal": "gal gallon gallons",
    "qt": "qt quart quarts",
    "pt": "pint pints",
    "g": "g gram grams gr gm",
    "mg": "mg milligram milligrams",
    "kg": "kg kilo kilos kilogram kilograms kgs",
    "lb": "lb lbs pound pounds",
    "w": "w watt watts",
    "v": "v volt volts",
    "mah": "mah",
    "mb": "mb",
    "gb": "gb",
    "tb": "tb",
    "hz": "hz",
}
UNITS: Mapping[str, str] = {w: unit for unit, ws in _UNITS.items() for w in ws.split()}
# Letters that mean something else when glued to a small number: "5g phone", "4k", "3d", "2m".
_GENERATIONS = ("2g", "3g", "4g", "5g", "6g")
GLUED_BUT_NO_UNIT = frozenset(_GENERATIONS)

# What else can be counted: a number before one of these is neither a price nor a size.
COUNTED = _set(
    """year years yr yrs month months mo mos week weeks day days hour hours hr hrs minute minutes min mins
    second seconds piece pieces pc pcs pack packs count ct people persons person players player guests
    drawer drawers shelf shelves tier tiers seat seats door doors light lights watts lumens lumen rpm psi
    calories carat carats karat ct thread threads tc ply dpi percent stars star degrees degree k karats
    birthday pages page cards sheets sheet rounds pairs pair sets channels ports megapixels mp mph spf
    cups cup servings serving dozen size sizes gauge gang panel panels speed speeds grit ohm ohms cents
    cent th st nd rd mile miles km"""
)  # "min" behind a number: minutes unless a limit

DIMENSIONS: Mapping[str, str] = {
    **dict.fromkeys(("wide", "width", "across"), "width"),
    **dict.fromkeys(("tall", "high", "height"), "height"),
    **dict.fromkeys(("long", "length"), "length"),
    **dict.fromkeys(("deep", "depth"), "depth"),
    **dict.fromkeys(("thick", "thickness"), "thickness"),
    **dict.fromkeys(("diameter", "dia"), "diameter"),
    **dict.fromkeys(("weight", "weighing", "heavy"), "weight"),
    **dict.fromkeys(("capacity", "volume"), "capacity"),
}
DIMENSION_NOUNS = _set(
    "width height length depth thickness diameter weight weighing capacity volume"
)

STOP_WORDS = _set(
    """a an the of for with in on at to from by and or my your our his is are be that this these those
    which it its as s t very into onto"""
)
# What shoppers say around the thing they look for.
FILLERS = _set(
    """best cheap cheapest cheaper affordable inexpensive good nice great buy shop shopping looking need
    want find some any please me i im something anything price prices priced budget only just about
    would like show get"""
)
RECIPIENTS = _set(
    """him her them mom mum mother dad father wife husband boyfriend girlfriend friend friends sister
    brother grandma grandpa grandmother grandfather teacher teachers coworker coworkers boss someone
    everyone anyone myself son daughter nephew niece aunt uncle"""
)

# -- negation ---------------------------------------------------------------------------------------
NEGATIONS: tuple[tuple[str, ...], ...] = (
    ("nothing", "with"), ("free", "of"), ("free", "from"), ("but", "not"), ("and", "not"), ("and", "no"),
    ("with", "no"), ("not", "with"), ("not", "in"), ("not", "made", "of"), ("not", "made", "from"),
    ("with", "out"), ("does", "not", "have"), ("that", "is", "not"), ("anything", "but"), ("other", "than"),
    ("without",), ("no",), ("not",), ("non",), ("except",), ("excluding",), ("exclude",), ("minus",),
    ("nor",), ("sans",),
)  # fmt: skip
WITHOUT_LIKE = frozenset(("without", "with out", "nothing with", "with no", "free of", "free from",
                          "does not have", "excluding", "exclude", "except", "minus", "nor", "sans",
                          "not with", "and no"))  # fmt: skip
# The word behind "no" with which it is one thing: "no show socks", "no bake", "no man's sky".
NO_IDIOMS = _set(
    """show bake sew drill pull slip tie iron heat touch rinse prep soliciting smoking mess stick tears
    spill knead crease limit limits more one way man mans place problem name face fuss skid snag wire bra
    parking trespassing entry exit pain gain longer fly fog frost carb sugar added tangle roll kink cook
    chew bark dig trace rest diggity filter nonsense"""
)
WITHOUT_IDIOMS = _set("you me him her us them doubt borders walls end limit limits fear hats a")
NOT_AFTER = _set("do does did forget me why if is are can could will or whether am its")
NOT_BEFORE = _set("too very so only just for today your my a the now all yet sure")
SIGN_NOUNS = _set("sign signs poster posters sticker stickers decal decals plaque book shirt")
# "X free" that is no statement about X.
FREE_AFTER = _set("standing shipping size people form range style spirit motion gift delivery")
FREE_BEFORE = _set("hands toll worry hassle stress get for is care buy tax wrinkle carefree")
# Where what is not wanted ends.
SCOPE_END = (
    STOP_WORDS
    | _set("with without but except only please under over below above between around no not")
) - {"s", "t"}
# Attributes that English puts behind the thing: "mug no handle blue".
POSTPOSED = frozenset(("color", "colour", "size", "shade"))

_HELD_TOGETHER = (
    [w for phrase in (*CUES, *POST_CUES, *NEGATIONS) for w in phrase],
    CURRENCY_WORDS,
    UNITS,
    COUNTED,
    DIMENSIONS,
    STOP_WORDS,
    FILLERS,
    RECIPIENTS,
    PRICE_WORDS,
    ("between", "x"),
)
FUNCTION_WORDS = frozenset(w for group in _HELD_TOGETHER for w in group)
"""Never corrected."""
MISTYPED = ("without", "under", "below", "above", "between", "cheaper", "except", "excluding")
"""Looked for behind an unknown word that is one edit away."""
