"""How sellers write: title templates, sentences, fillers, and the names of their shops.

A template is words in braces (slots, filled from what the seller states) and plain text between
them. A title drops a slot that is not stated together with the text before it; a sentence is only
written when all its slots are stated.
"""

from typing import Final

# Titles of made things and of old ones. The first character of the text before a slot decides
# nothing: all of it is printed if the slot is filled and something stands before it.
CRAFT_TITLES: Final = (
    "{technique} {finish} {color} {material} {theme} {noun}, {size}, {gift}",
    "{technique} {pattern} {material} {theme} {noun}, {color}, {style} {noun2}, {gift}",
    "{color} {material} {theme} {noun} - {style} {noun2} - {gift}",
    "{head} {color} {material} {theme} {noun}, {shape} {noun2}, {occasion}",
    "{theme} {material} {noun} | {color} {pattern} {noun2} | {filler} | {gift}",
    "{head} {theme} {noun} {with_closure}, {color} {material} {noun2}, {size}, {gift}",
    "{custom} {theme} {noun}, {material} {noun2}, {occasion}, {recipient}",
    "{style} {shape} {theme} {noun}, {technique} {material} {noun2}, {dims}",
    "{adjective} {color} {theme} {noun} {with_closure}, {material}, {recipient}",
    "{material} {theme} {noun} in {color}, {style}, {recipient}, {head}",
    "{adjective} {color} {pattern} {theme} {noun}, {gift}, {head}",
    "{finish} {shape} {material} {theme} {noun}, {adjective} {noun2}, {occasion}",
    "{theme} {noun}, {head}, {color} {material} {noun2}, {gift}, {filler}",
    "{filler} {material} {theme} {noun} {with_closure} | {recipient} | {style} | {occasion}",
    "{color} {theme} {noun} | {technique} {material} | {dims} | {gift} | {filler}",
    "{noun} {theme} {style} {color} {material} {recipient} {occasion} {head}",
    "{pattern} {style} {theme} {noun} {recipient}, {color}, {material} {noun2}, {size}, {head}",
    "{custom} {color} {material} {theme} {noun} with name, {occasion}, {recipient}",
)
VINTAGE_TITLES: Final = (
    "{vintage} {era} {color} {material} {theme} {noun}, {style} {noun2}",
    "{era} {vintage} {material} {theme} {noun} | {pattern} {color} | {dims}",
    "{rare} {vintage} {theme} {noun}, {era}, {material}, {condition}",
    "{vintage} {material} {theme} {noun} {with_closure}, {era}, {style}, {size}",
    "{era} {color} {theme} {noun}, {vintage} {style} {noun2}, {recipient}",
    "{vintage} {shape} {theme} {noun} {era} {material} {color} {condition}",
    "{style} {vintage} {material} {theme} {noun}, {finish}, {dims}, {gift}",
    "{condition} {vintage} {theme} {noun} - {material} - {era} {style}",
)

FILLERS: Final[dict[str, tuple[str, ...]]] = {
    "head": ("handmade", "handmade", "handmade", "handcrafted", "artisan"),
    "vintage": ("vintage", "vintage", "vintage", "vintage", "antique"),
    "custom": ("custom", "personalized", "personalised", "custom engraved", "made to order"),
    "adjective": (
        "beautiful", "unique", "lovely", "tiny", "chunky", "oversized", "everyday", "elegant", "cozy",
        "playful",
        "classic", "delicate", "simple", "whimsical", "bold", "soft", "quirky", "pretty", "luxury",
        "small batch",
    ),
    "filler": (
        "unique", "unique", "one of a kind", "ready to ship", "small business",
        "made in small batches", "eco friendly",
        "free shipping", "best seller", "limited edition", "new design", "sustainable", "fair trade",
    ),
    "rare": ("rare", "collectible", "authentic", "old", "lovely", "signed", "hard to find"),
    "condition": ("great condition", "excellent condition", "with patina", "restored", "as found",
    "mint", "unused"),
}  # fmt: skip

# Tags that sellers add whatever they sell, and those that a stuffer adds without any right to.
COMMON_TAGS: Final = (
    "handmade", "handmade gift", "unique gift", "unique gift idea", "small business", "handmade",
    "gift for her",
    "gift for him", "unique", "handmade home", "slow made", "eco friendly", "made with love", "artisan made",
)  # fmt: skip
VINTAGE_TAGS: Final = (
    "vintage", "vintage home", "vintage gift", "vintage style", "collectible", "retro", "antique", "thrifted",
    "secondhand", "estate find", "home decor", "old", "collector gift", "preloved",
)  # fmt: skip
STUFFED_TAGS: Final = (
    "trending now", "best seller", "viral", "gift for anyone", "boho", "minimalist", "christmas gift",
    "wedding",
    "mothers day gift", "cottagecore", "aesthetic", "luxury gift", "unique", "y2k", "sale", "personalized",
    "custom", "farmhouse", "unisex gift", "stocking stuffer", "dark academia", "etsy finds",
)  # fmt: skip

# Description: one sentence of each group, in this order, where its slots are stated.
OPENINGS: Final = (
    "This {adjective} {noun} was made by hand in my small studio.",
    "Each {noun} is made one at a time, so yours will be slightly different from the one in the picture.",
    "Meet your new favourite {noun}.",
    "I designed this {theme} {noun} for people who can never have enough of it.",
    "A {adjective} {noun} that looks even better in person.",
    "Add a handmade touch to your home with this unique {noun}.",
    "Our {noun} is a customer favourite, and you can see why.",
    "Looking for a {adjective} {noun}? You just found it.",
    "Handmade {noun} from our family workshop.",
    "{noun2}, designed and finished by hand.",
)
VINTAGE_OPENINGS: Final = (
    "Found at an estate sale and carefully cleaned, this vintage {noun} is ready for a new home.",
    "A {adjective} vintage {noun} from the {era}.",
    "Vintage {noun} with all the charm of its age.",
    "You are looking at a real {era} {noun}, not a reproduction.",
    "This {noun} comes from a collection that I have been building for years.",
    "Unique old stock {noun}, kept in a dry attic until last spring.",
)
MATERIAL_SENTENCES: Final = (
    "It is made of {material}, which only gets better with time.",
    "Material: {material}.",
    "I only use {material} from suppliers I know.",
    "Made from {material} with a {finish} finish.",
    "The {color} {material} feels lovely in the hand.",
    "{material} throughout, no shortcuts.",
    "We chose {material} because it lasts.",
)
LOOK_SENTENCES: Final = (
    "The colour is {color}, shown here in daylight.",
    "Colour: {color}.",
    "The {pattern} pattern is done by hand.",
    "It has a {shape} shape and a {style} feel.",
    "It fits right into a {style} home.",
    "The {style} look goes with almost anything.",
    "Comes in {color}; ask me for other colours.",
    "Style: {style}.",
)
DETAIL_SENTENCES: Final = (
    "It comes {with_closure}.",
    "Details: {with_closure}, {finish}.",
    "Inspired by {theme}.",
    "A little something for every {theme} fan.",
    "It is {finish} by hand.",
    "Shape: {shape}.",
    "This one is {size}.",
    "Please check before you order: it is {size}.",
)
SIZE_SENTENCES: Final = (
    "It measures {width} by {height}.",
    "Measurements: {width} x {height}.",
    "About {width} across and {height} high.",
    "Width {width}, height {height}.",
)
GIFT_SENTENCES: Final = (
    "Makes a thoughtful {occasion}.",
    "Perfect as a {occasion} or just because.",
    "People often buy it as a {occasion}.",
    "Great {gift_plain}.",
    "Add a note at checkout and we will wrap it.",
    "A gift that will be used, not put away.",
)
CUSTOM_SENTENCES: Final = (
    "Leave the name or date you would like in the personalization box.",
    "Can be personalized with a name, initials or a date.",
    "Custom orders are welcome, just send me a message.",
)
CARE_SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "ceramic": (
        "Dishwasher safe, but hand washing is kinder.",
        "Glazed with food safe glazes and fired twice.",
    ),
    "glass": ("Wipe with a soft dry cloth.", "Small bubbles in the glass are part of the process."),
    "wood": (
        "Oil it from time to time and it will last for years.",
        "Grain and tone vary from piece to piece.",
    ),
    "fibre": (
        "Dust with a soft brush and keep it dry.",
        "Natural fibres smell faintly of grass at first.",
    ),
    "metal": (
        "Polish with a soft cloth when it darkens.",
        "Nickel free and safe for sensitive skin.",
    ),
    "leather": (
        "The leather softens and darkens as you use it.",
        "Edges are burnished and waxed by hand.",
    ),
    "textile": (
        "Wash cold, dry flat.",
        "Prewashed, so it will not shrink.",
        "Machine washable on gentle.",
    ),
    "paper": ("Ships flat in a rigid mailer.", "Printed with archival inks that will not fade."),
    "plastic": ("Clean with mild soap and water.", "Lightweight and hard wearing."),
    "stone": (
        "Every stone is different; that is the beauty of it.",
        "Keep away from perfume and chlorine.",
    ),
    "wax": ("No parabens, no palm oil.", "Scented with essential oils only."),
    "flower": (
        "Keep out of direct sun and it will last for years.",
        "Grown and dried in our own garden.",
    ),
}
POLICY_SENTENCES: Final = (
    "Handmade to order and shipped within two business days.",
    "Ready to ship from our studio.",
    "Made to order, please allow one week.",
    "Thank you for supporting a small business!",
    "Message me with any questions.",
    "Packed without plastic.",
    "Returns accepted within 14 days.",
    "Follow the shop for new pieces every Friday.",
    "International shipping with tracking.",
    "See our other listings for matching pieces.",
)

SELLER_NAME_STARTS: Final = (
    "Willow", "Juniper", "Moss", "Salt", "Copper", "Little", "Wild", "Golden", "Velvet", "Foxglove", "Harbor",
    "Honey", "Old Mill", "Paper", "Rust", "Sparrow", "Thistle", "Tiny", "Nordic", "Luna", "Cedar",
    "Clay", "Birch",
    "Blue Door", "Marigold", "Ember", "Fern", "Ivory", "Poppy", "Raven", "Second Hand", "Sunday",
    "Odd", "Quiet",
    "Stone", "Rosewood", "North", "Atelier", "Studio", "Casa", "Maple", "Oak", "Indigo", "Sage",
    "Pine", "Lark",
)  # fmt: skip
SELLER_NAME_ENDS: Final = (
    "& Thread", "Studio", "Ceramics", "Workshop", "Finds", "Vintage", "Goods", "Makes", "Jewelry", "Attic",
    "Handmade", "Supply", "& Co", "Atelier", "Collective", "Craft", "Leather", "House", "Emporium",
    "Mercantile",
    "Prints", "Woodworks", "Textiles", "Market", "Curiosities", "Designs", "Gifts", "Garden",
    "Pottery", "Loom",
)  # fmt: skip
