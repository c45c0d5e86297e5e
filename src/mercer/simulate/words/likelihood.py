"""What tends to go with what: colours and finishes of a material, styles of a root, countries.

Weights are relative. A name missing here is an error at import of the sampler, not a silent zero.
"""

# ruff: noqa: E501 - tables, one row per line

from typing import Final

MATERIAL_CLASS: Final[dict[str, str]] = {
    name: kind
    for kind, names in {
        "ceramic": "ceramic,terracotta,concrete,polymer clay",
        "glass": "glass,stained glass,crystal",
        "wood": "wood,walnut,oak,bamboo,cork",
        "fibre": "rattan,jute,macrame cord",
        "metal": "silver,gold,brass,copper,stainless steel,iron,pewter,aluminum",
        "leather": "leather,vegan leather,suede",
        "textile": "cotton,canvas,linen,wool,cashmere,mohair,silk,velvet,denim,corduroy,felt,lace,fleece,"
        "polyester,nylon",
        "paper": "paper,cardstock",
        "plastic": "vinyl,resin,acrylic,plastic,rubber,enamel",
        "stone": "marble,stone,gemstone,pearl",
        "wax": "soy wax,beeswax,olive oil,shea butter",
        "flower": "dried flowers",
    }.items()
    for name in names.split(",")
}

# Colours of a material class; single materials that have their own colour override it.
COLORS_OF: Final[dict[str, str]] = {
    "ceramic": "white*6 black*3 gray*3 beige*4 blue*5 green*5 brown*2 pink*3 teal*2 yellow*2 navy red orange "
    "multicolor*2 purple",
    "glass": "clear*6 green*3 blue*4 multicolor*4 brown*2 pink*2 purple yellow red teal*2 white",
    "wood": "brown*9 beige*5 black*2 white*2 gray green blue multicolor",
    "fibre": "beige*8 brown*4 white*5 gray green pink black*2",
    "metal": "silver*5 gold*5 black*2 copper",
    "leather": "brown*9 black*7 beige*3 burgundy*2 red green*2 navy*2 gray pink white*2",
    "textile": "white*5 black*5 gray*4 beige*5 blue*5 navy*3 green*5 pink*5 red*3 yellow*3 orange*2 purple*3 "
    "burgundy*2 brown*3 teal*2 multicolor*4",
    "paper": "white*6 multicolor*7 beige*4 black*3 pink*3 blue*3 green*3 yellow*2 red*2 purple brown*2 orange",
    "plastic": "multicolor*4 black*4 white*3 blue*3 green*2 pink*3 red*3 clear*2 purple*2 yellow*2 teal*2 "
    "orange beige*2",
    "stone": "white*4 gray*3 green*3 purple*4 pink*3 blue*3 teal*3 black*2 multicolor*2",
    "wax": "white*6 beige*5 pink*2 green*2 yellow*3 purple*2 black orange",
    "flower": "multicolor*5 beige*5 pink*5 white*4 purple*2 orange*2 yellow*2 burgundy*2 green*3",
    # materials
    "silver": "silver*20 multicolor",
    "gold": "gold*14 rose_gold*5",
    "brass": "gold*12 brown",
    "copper": "copper*14 brown teal",
    "stainless steel": "silver*9 black*4 gold*3",
    "iron": "black*9 gray*3 brown*2 white",
    "pewter": "silver*6 gray*5",
    "aluminum": "silver*7 black*3 gray*2",
    "terracotta": "orange*8 brown*3 white red*2",
    "concrete": "gray*9 white*3 black*2 pink",
    "pearl": "white*10 pink*2 black beige*2",
    "marble": "white*7 green*3 black*3 gray*2 pink",
    "beeswax": "yellow*9 beige*3",
    "denim": "blue*9 navy*5 black*3 white gray",
    "walnut": "brown*12 black",
    "oak": "beige*8 brown*6",
    "cork": "beige*5 brown*5",
    "enamel": "multicolor*5 white*4 blue*3 red*2 green*2 pink*2 black*3 yellow",
}

FINISHES_OF: Final[dict[str, str]] = {
    "ceramic": "none*6 matte*5 glossy*5 hand_painted*4 glitter distressed",
    "glass": "none*8 glossy*3 engraved*4 hand_painted*3 glitter",
    "wood": "none*6 engraved*4 distressed*3 natural*4 hand_painted*2 matte",
    "fibre": "none*8 natural*5",
    "metal": "none*7 hammered*4 matte*3 glossy*4 engraved*4 distressed",
    "leather": "none*8 distressed*3 engraved*4 natural*3 glossy",
    "textile": "none*12 glitter hand_painted*2 distressed",
    "paper": "none*5 matte*4 glossy*3 glitter*3 hand_painted*2",
    "plastic": "none*4 glossy*5 glitter*5 matte*4",
    "stone": "none*7 glossy*4 natural*4 engraved",
    "wax": "none*10 natural*4 glitter",
    "flower": "none*9 natural*4 glitter",
}

PATTERNS_OF: Final[dict[str, str]] = {
    "ceramic": "plain*6 speckled*7 floral*4 striped*2 marbled*3 geometric*2 polka_dot*2",
    "glass": "plain*8 floral*2 marbled*3 striped polka_dot",
    "wood": "plain*9 geometric*2 striped floral",
    "fibre": "plain*7 striped*3 geometric*3 checkered",
    "metal": "plain*9 floral geometric",
    "leather": "plain*12 floral leopard*2 geometric",
    "textile": "plain*7 floral*6 striped*4 checkered*4 polka_dot*2 geometric*3 leopard*2 tie_dye*2",
    "paper": "plain*4 floral*6 striped*2 checkered*2 polka_dot*2 geometric*3 marbled*3",
    "plastic": "plain*5 marbled*5 floral*3 leopard*2 tie_dye polka_dot speckled",
    "stone": "plain*4 marbled*6",
    "wax": "plain*7 marbled*2 floral",
    "flower": "plain",
}

STYLES_OF: Final[dict[str, str]] = {
    "Jewelry": "boho*5 minimalist*7 art_deco*3 victorian*3 gothic*3 romantic*5 western*2 modern*3 retro*2 kawaii*2 "
    "coastal*2 abstract*2 cottagecore",
    "Ceramics & Pottery": "minimalist*5 rustic*4 japandi*5 scandinavian*3 boho*3 modern*4 farmhouse*3 cottagecore*3 "
    "retro*2 abstract*2 coastal*2 mid-century_modern*2 kawaii*2 gothic",
    "Kitchen & Dining": "farmhouse*6 rustic*5 modern*4 minimalist*3 scandinavian*3 cottagecore*2 retro*2 "
    "mid-century_modern*2 coastal japandi*2 romantic art_deco",
    "Home Decor": "boho*7 farmhouse*5 rustic*4 minimalist*4 scandinavian*4 mid-century_modern*4 modern*4 "
    "cottagecore*3 coastal*3 gothic*2 retro*2 art_deco*2 japandi*2 abstract*2 western tropical industrial*2 victorian",
    "Lighting": "mid-century_modern*6 industrial*5 boho*4 modern*4 art_deco*4 scandinavian*3 rustic*2 retro*2 "
    "minimalist*3 japandi*2 victorian*2 coastal",
    "Furniture": "mid-century_modern*8 industrial*3 rustic*5 farmhouse*4 scandinavian*4 modern*4 boho*2 art_deco*2 "
    "victorian*2 minimalist*2 japandi*2 retro",
    "Clothing": "boho*5 cottagecore*4 retro*4 streetwear*5 minimalist*4 preppy*3 gothic*3 western*2 romantic*3 "
    "kawaii*2 tropical*2 victorian modern*2",
    "Accessories": "boho*4 minimalist*4 retro*4 preppy*3 streetwear*3 cottagecore*3 gothic*2 western*2 kawaii*3 "
    "romantic*2 modern*2",
    "Bags & Purses": "minimalist*5 boho*5 retro*3 modern*4 preppy*3 western*3 streetwear*3 romantic*2 gothic*2 rustic*2",
    "Shoes": "streetwear*5 retro*3 western*3 boho*3 preppy*3 minimalist*3 gothic*2 romantic*2 modern*2",
    "Toys & Games": "kawaii*5 scandinavian*4 cottagecore*3 retro*3 modern*2 rustic*2 gothic boho*2 minimalist*2",
    "Art & Collectibles": "abstract*6 minimalist*4 boho*4 mid-century_modern*3 retro*4 gothic*3 cottagecore*3 modern*4 "
    "coastal*3 art_deco*2 kawaii*3 japandi*2 tropical*2 rustic western",
    "Paper & Party": "minimalist*4 boho*4 romantic*4 rustic*3 modern*3 kawaii*3 retro*2 cottagecore*2 tropical*2 art_deco",
    "Craft Supplies": "boho*3 retro*3 modern*3 cottagecore*4 kawaii*3 rustic*2 romantic*2 minimalist*2",
    "Bath & Beauty": "minimalist*4 cottagecore*4 boho*3 rustic*3 coastal*2 romantic*3 modern*3 art_deco victorian",
    "Weddings": "romantic*7 boho*6 rustic*5 minimalist*4 modern*3 art_deco*2 cottagecore*2 victorian coastal*2",
    "Pets": "boho*3 preppy*3 minimalist*3 retro*2 kawaii*3 modern*3 rustic*2 western*2",
    "Sport & Outdoors": "retro*4 rustic*4 minimalist*3 modern*3 boho*2 streetwear*3 tropical western",
    "Electronics & Audio": "retro*7 mid-century_modern*5 industrial*4 art_deco*2 modern*3 minimalist*2 streetwear",
}

HOME_ROOTS: Final = frozenset(
    {
        "Ceramics & Pottery",
        "Kitchen & Dining",
        "Home Decor",
        "Lighting",
        "Furniture",
        "Art & Collectibles",
    }
)

ROOT_WEIGHT: Final[dict[str, float]] = {
    "Jewelry": 17, "Ceramics & Pottery": 8, "Kitchen & Dining": 6, "Home Decor": 13, "Lighting": 3, "Furniture": 3,
    "Clothing": 11, "Accessories": 5, "Bags & Purses": 5, "Shoes": 3, "Toys & Games": 5, "Art & Collectibles": 8,
    "Paper & Party": 5, "Craft Supplies": 7, "Bath & Beauty": 3, "Weddings": 4, "Pets": 3, "Sport & Outdoors": 2,
    "Electronics & Audio": 3,
}  # fmt: skip

OCCASION_WEIGHT: Final = (
    "none*40 birthday*14 christmas*12 wedding*6 anniversary*5 valentine's_day*4 mother's_day*5 father's_day*3 "
    "housewarming*6 graduation*3 baby_shower*2 halloween*4 easter*2 retirement*1 bridesmaid_proposal*1"
)
GIFT_RECIPIENT_WEIGHT: Final = (
    "none*45 mom*10 dad*6 grandma*4 wife*6 husband*4 girlfriend*5 boyfriend*4 best_friend*5 sister*3 teacher*4 "
    "coworker*2 women*5 men*4 kids*2 bride*1"
)
ERA_WEIGHT: Final = "1920s*2 1930s*3 1940s*4 1950s*7 1960s*11 1970s*16 1980s*13 1990s*10"

# Country, weight, whether its sellers write inches and ounces.
COUNTRIES: Final = (
    ("US", 48, True), ("GB", 12, False), ("CA", 6, True), ("DE", 5, False), ("FR", 4, False), ("UA", 4, False),
    ("IT", 3, False), ("AU", 4, False), ("TR", 4, False), ("LT", 2, False), ("PL", 2, False), ("IN", 3, False),
    ("JP", 2, False), ("ES", 2, False), ("NL", 2, False), ("GR", 1, False), ("IE", 1, False), ("PT", 1, False),
)  # fmt: skip

# By material, or by its class where it has no techniques of its own.
TECHNIQUES_OF: Final[dict[str, tuple[str, ...]]] = {
    "ceramic": ("hand-thrown", "hand-built", "wheel-thrown", "handcrafted"),
    "glass": ("hand-blown", "fused", "handcrafted"),
    "wood": ("hand-carved", "hand-turned", "handcrafted", "live edge"),
    "fibre": ("hand-woven", "hand-braided"),
    "metal": ("hand-forged", "hand-stamped", "handcrafted", "artisan"),
    "leather": ("hand-stitched", "hand-tooled", "handcrafted"),
    "textile": ("hand-sewn", "hand-stitched", "block printed", "hand-dyed"),
    "paper": ("hand-cut", "hand-lettered", "letterpress"),
    "plastic": ("laser-cut", "handcrafted", "studio made"),
    "resin": ("hand-poured", "handcrafted"),
    "polymer clay": ("hand-sculpted", "handcrafted"),
    "concrete": ("hand-cast", "hand-poured"),
    "terracotta": ("hand-thrown", "hand-coiled"),
    "stainless steel": ("handcrafted", "hand-polished"),
    "lace": ("handcrafted", "hand-sewn"),
    "felt": ("hand-felted", "hand-sewn"),
    "stone": ("hand-polished", "wire wrapped", "hand-carved"),
    "wax": ("hand-poured", "small-batch", "hand-rolled"),
    "flower": ("hand-tied", "hand-picked"),
}
