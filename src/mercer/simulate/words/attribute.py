"""Attribute values and the words that sellers use for them.

One line per value: `value: surface, surface, ...`. The value is what an attribute holds and what a
query asks for; the surfaces are what titles say, so that title and attribute differ as in real shops.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The values of one attribute and, per value, the phrases that state it."""

    name: str
    values: tuple[str, ...]
    surfaces: tuple[
        tuple[str, ...], ...
    ]  # same order; the value itself unless other words are given

    def index(self, value: str) -> int:
        """The value's number; ValueError where it is none of this attribute."""
        return self.values.index(value)


def _vocabulary(name: str, lines: str) -> Vocabulary:
    values, surfaces = [], []
    for line in lines.strip().splitlines():
        value, _, rest = line.partition(":")
        values.append(value.strip())
        surfaces.append(tuple(s.strip() for s in rest.split(",") if s.strip()) or (value.strip(),))
    return Vocabulary(name, tuple(values), tuple(surfaces))


COLOR: Final = _vocabulary(
    "color",
    """
white: white, white, ivory, off-white, snow white
black: black, black, jet black, charcoal black
gray: gray, grey, slate gray, dove grey
brown: brown, chocolate brown, walnut brown, chestnut, cognac
beige: beige, cream, oatmeal, sand, tan
red: red, red, cherry red, crimson, brick red
orange: orange, burnt orange, rust, tangerine
yellow: yellow, mustard yellow, lemon yellow, butter yellow
green: green, sage green, forest green, olive green, emerald green, moss green
blue: blue, sky blue, cobalt blue, powder blue, denim blue
navy: navy, navy blue, midnight blue
teal: teal, turquoise, aqua, sea green
purple: purple, lavender, plum, lilac
pink: pink, blush pink, dusty rose, hot pink
burgundy: burgundy, wine red, maroon
gold: gold, golden, gold tone
silver: silver, silver tone, silver
rose gold: rose gold
copper: copper, copper tone
multicolor: multicolor, rainbow, colorful
clear: clear, transparent, see-through
""",
)

MATERIAL: Final = _vocabulary(
    "material",
    """
ceramic: ceramic, stoneware, porcelain, pottery, glazed ceramic
terracotta: terracotta, red clay
glass: glass, blown glass, borosilicate glass
stained glass: stained glass
wood: wood, wooden, solid wood, reclaimed wood
walnut: walnut, walnut wood
oak: oak, solid oak
bamboo: bamboo
cork: cork
rattan: rattan, wicker, woven rattan
silver: sterling silver, 925 silver, silver
gold: 14k gold, gold filled, solid gold, gold
brass: brass, solid brass, antique brass
copper: copper, hammered copper
stainless steel: stainless steel, surgical steel
iron: iron, wrought iron, cast iron
pewter: pewter
aluminum: aluminum, brushed aluminum
leather: leather, genuine leather, full grain leather, real leather
vegan leather: vegan leather, faux leather, PU leather
suede: suede, soft suede
cotton: cotton, organic cotton, cotton
canvas: canvas, waxed canvas, heavy canvas
linen: linen, washed linen, pure linen
wool: wool, merino wool, pure wool, lambswool
cashmere: cashmere
mohair: mohair, fluffy mohair
silk: silk, mulberry silk
velvet: velvet, crushed velvet
denim: denim, recycled denim
corduroy: corduroy, wide wale corduroy
felt: felt, wool felt
lace: lace, crochet lace
fleece: fleece, soft fleece
polyester: polyester, recycled polyester
nylon: nylon, ripstop nylon
jute: jute, braided jute
macrame cord: macrame cord, cotton rope
paper: paper, cotton paper, recycled paper
cardstock: cardstock, thick cardstock, kraft card
vinyl: vinyl, waterproof vinyl
resin: resin, epoxy resin
acrylic: acrylic, clear acrylic
plastic: plastic, bakelite
polymer clay: polymer clay, clay
marble: marble, carrara marble
stone: stone, soapstone, natural stone
concrete: concrete, cement
crystal: crystal, swarovski crystal
gemstone: gemstone, amethyst, moonstone, turquoise stone, rose quartz, labradorite
pearl: pearl, freshwater pearl
soy wax: soy wax, natural soy wax
beeswax: beeswax, pure beeswax
olive oil: olive oil, castile
shea butter: shea butter, goat milk and shea
rubber: rubber, natural rubber
dried flowers: dried flower, preserved flower
enamel: enamel, hard enamel
""",
)

STYLE: Final = _vocabulary(
    "style",
    """
boho: boho, bohemian, boho chic
minimalist: minimalist, minimal, simple modern
rustic: rustic, rustic country
farmhouse: farmhouse, modern farmhouse
mid-century modern: mid-century modern, MCM, mid century
art deco: art deco, gatsby style
victorian: victorian, antique victorian style
gothic: gothic, dark academia, witchy
cottagecore: cottagecore, cottage
scandinavian: scandinavian, nordic, hygge
industrial: industrial, steampunk
retro: retro, groovy retro, throwback
coastal: coastal, beach house, nautical
modern: modern, contemporary
kawaii: kawaii, cute
western: western, southwestern, cowgirl
japandi: japandi, wabi sabi
preppy: preppy, classic
streetwear: streetwear, y2k
romantic: romantic, dainty, shabby chic
abstract: abstract, geometric modern
tropical: tropical, hawaiian
""",
)

OCCASION: Final = _vocabulary(
    "occasion",
    """
birthday: birthday gift, birthday present
christmas: christmas gift, stocking stuffer, holiday gift
wedding: wedding gift, wedding, bridal shower gift
anniversary: anniversary gift
valentine's day: valentine's day gift, valentines gift
mother's day: mother's day gift
father's day: father's day gift
housewarming: housewarming gift, new home gift
graduation: graduation gift, grad gift
baby shower: baby shower gift, new baby gift
halloween: halloween, spooky season
easter: easter, easter basket gift
retirement: retirement gift
bridesmaid proposal: bridesmaid gift, bridesmaid proposal
""",
)

RECIPIENT: Final = _vocabulary(
    "recipient",
    """
mom: gift for mom, gifts for mom, mom gift
dad: gift for dad, dad gift
grandma: gift for grandma, grandmother gift
wife: gift for wife, gift for her
husband: gift for husband, gift for him
girlfriend: gift for girlfriend, gift for her
boyfriend: gift for boyfriend, gift for him
best friend: best friend gift, friendship gift
sister: sister gift, gift for sister
teacher: teacher gift, teacher appreciation gift
coworker: coworker gift, office gift
women: for women, womens, ladies
men: for men, mens
girls: for girls, girls
boys: for boys, boys
baby: for baby, newborn, infant
toddler: for toddler, toddler
kids: for kids, kids
unisex: unisex
dog: for dogs, dog lover gift
cat: for cats, cat lover gift
bride: for the bride, bride to be
""",
)

SHAPE: Final = _vocabulary(
    "shape",
    """
round: round, circle
square: square
rectangular: rectangular, rectangle
oval: oval
heart: heart shaped, heart
star: star shaped, star
hexagon: hexagon, hexagonal
teardrop: teardrop, drop shaped
crescent: crescent moon, crescent
arch: arch, arched
triangle: triangle, triangular
flower: flower shaped, daisy
tall: tall, slim
bar: bar
hoop: hoop
""",
)

ERA: Final = _vocabulary(
    "era",
    """
1920s: 1920s, 20s, art deco era
1930s: 1930s, 30s
1940s: 1940s, 40s, wartime
1950s: 1950s, 50s, fifties
1960s: 1960s, 60s, mod era
1970s: 1970s, 70s, seventies
1980s: 1980s, 80s
1990s: 1990s, 90s
""",
)

CLOSURE: Final = _vocabulary(
    "closure",
    """
laces: lace-up, with laces
velcro: velcro strap, with velcro
slip-on: slip-on, slip on
zipper: zippered, with zipper, zip up
buckle: buckled, with buckle
button: buttoned, with buttons, button up
magnetic snap: magnetic snap, with magnetic snap
drawstring: drawstring, with drawstring
open top: open top
lobster clasp: lobster clasp
toggle clasp: toggle clasp
clip-on: clip-on, clip on
pullover: pullover, pull on
tie: self-tie, with tie belt
elastic: elastic, stretchy elastic
hinged lid: hinged lid, with hinged lid
""",
)

PATTERN: Final = _vocabulary(
    "pattern",
    """
plain: plain, solid color
floral: floral, flower print, botanical
striped: striped, stripe
checkered: checkered, gingham, plaid
polka dot: polka dot, dotted
geometric: geometric, aztec
speckled: speckled, splatter
marbled: marbled, swirl
leopard: leopard print, animal print
tie dye: tie dye, ombre
""",
)

FINISH: Final = _vocabulary(
    "finish",
    """
matte: matte, satin matte
glossy: glossy, shiny
glitter: glitter, sparkly, glittery
distressed: distressed, weathered
hammered: hammered, textured
engraved: engraved, laser engraved
hand painted: hand painted
natural: natural, unfinished
""",
)

CLOTHING_SIZES: Final = ("XS", "S", "M", "L", "XL", "2XL", "3XL")
SHOE_SIZES: Final = tuple(f"US {n}" for n in (5, 6, 7, 8, 9, 10, 11, 12, 13))
RING_SIZES: Final = tuple(f"ring size {n}" for n in (4, 5, 6, 7, 8, 9, 10, 11))
PAPER_SIZES: Final = ("4x6 in", "5x7 in", "8x10 in", "11x14 in", "16x20 in", "18x24 in", "24x36 in")
VOLUMES: Final = ("4 oz", "6 oz", "8 oz", "10 oz", "12 oz", "14 oz", "16 oz", "20 oz")
BED_SIZES: Final = ("twin", "full", "queen", "king")
BABY_SIZES: Final = (
    "newborn size",
    "0-3 months",
    "3-6 months",
    "6-12 months",
    "2T",
    "3T",
    "4T",
    "5T",
)
PET_SIZES: Final = ("pet small", "pet medium", "pet large")
CHAIN_LENGTHS: Final = (
    "14 inch chain",
    "16 inch chain",
    "18 inch chain",
    "20 inch chain",
    "24 inch chain",
)

SIZE_SETS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "clothing": CLOTHING_SIZES,
        "shoe": SHOE_SIZES,
        "ring": RING_SIZES,
        "paper": PAPER_SIZES,
        "volume": VOLUMES,
        "bed": BED_SIZES,
        "baby": BABY_SIZES,
        "pet": PET_SIZES,
        "chain": CHAIN_LENGTHS,
    }
)

_SIZE_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **{s: (f"size {s}", f"{s}") for s in CLOTHING_SIZES},
        **{s: (f"size {s[3:]}", s, f"{s} womens") for s in SHOE_SIZES},
        **{s: (f"size {s[10:]}", s) for s in RING_SIZES},
        **{
            s: (s, s.replace(" in", '"'), s.replace("x", " x ").replace(" in", " inch"))
            for s in PAPER_SIZES
        },
        **{s: (s, s.replace(" ", ""), s.replace("oz", "ounce")) for s in VOLUMES},
        **{s: (f"{s} size", s) for s in BED_SIZES},
        "pet small": ("small breed",),
        "pet medium": ("medium breed",),
        "pet large": ("large breed",),
    }
)


def _sizes() -> Vocabulary:
    values = tuple(v for one in SIZE_SETS.values() for v in one)
    return Vocabulary("size", values, tuple(_SIZE_WORDS.get(v, (v,)) for v in values))


SIZE: Final = _sizes()
