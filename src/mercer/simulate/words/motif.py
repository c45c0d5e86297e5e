"""Themes that cross with objects: animals, plants, hobbies, stories, places; most of them rare.

One line per group. The group decides the emblem that a picture shows and how a title phrases it.
"""

from typing import Final

_GROUPS: Final = {
    "animal": "cat, dog, fox, bear, owl, bee, butterfly, elephant, horse, bunny, deer, whale, turtle, frog, "
    "hedgehog, raccoon, otter, sloth, llama, highland cow, goose, hummingbird, crow, raven, moth, beetle, "
    "snail, octopus, jellyfish, shark, axolotl, capybara, red panda, penguin, puffin, flamingo, corgi, "
    "dachshund, golden retriever, greyhound, black cat, siamese cat, maine coon, guinea pig, hamster, "
    "ferret, gecko, bearded dragon, ball python, koi fish, betta fish, tarantula, opossum, bat, wolf, "
    "lynx, moose, bison, donkey, alpaca, chicken, rooster, duck, koala, kangaroo, platypus, manatee",
    "plant": "sunflower, wildflower, mushroom, monstera, cactus, succulent, lavender sprig, fern, poppy, "
    "peony, dahlia, cherry blossom, eucalyptus, olive branch, oak leaf, ginkgo, aloe, bonsai, dandelion, "
    "lily of the valley, tulip, rose, lotus, pine cone, mistletoe, lemon, strawberry, avocado, peach, "
    "pumpkin, carrot, garlic, artichoke, chili pepper",
    "sky": "moon, moon phase, sun and moon, constellation, zodiac, galaxy, saturn, rocket, astronaut, "
    "aurora, rainbow, cloud, lightning bolt, meteor, solar system, telescope",
    "story": "dragon, unicorn, mermaid, fairy, gnome, wizard, witch, vampire, werewolf, phoenix, kraken, "
    "bigfoot, mothman, ufo alien, ghost, skeleton, skull, hobbit door, R2-D2, baby yoda, stormtrooper, "
    "death star, starfleet, time lord, hogwarts castle, sherlock holmes, alice in wonderland, totoro, "
    "spirited away, dinosaur, t-rex, robot, kaiju, zombie, samurai, viking, celtic knot, yggdrasil, "
    "cthulhu, griffin, dungeon master, d20 dice, wednesday goth girl, moomin, pride and prejudice",
    "hobby": "rock climbing, camping, hiking, mountain bike, surfing, skateboard, fly fishing, sailing, "
    "yoga, ballet, knitting, sewing, gardening, beekeeping, birdwatching, chess, crossword, baking, "
    "coffee, tea, craft beer, wine, whiskey, vinyl record, guitar, piano, ukulele, violin, drummer, "
    "photography, pottery, book lover, library, crime novel, running, marathon, tennis, pickleball, "
    "golf, hockey, football, basketball, soccer, motorcycle, vintage car, campervan, train, airplane, "
    "lighthouse, nurse, librarian, teacher life, paramedic, math nerd, chemistry, anatomy heart, "
    "programmer, welding, trucker, barber",
    "place": "paris, london, new york, tokyo, chicago, seattle, texas, california, alaska, appalachian "
    "mountains, scottish highlands, irish coast, route 66, yellowstone, grand canyon, lake house, cabin, "
    "desert, ocean wave, great lakes",
}  # fmt: skip


def _flat() -> tuple[tuple[str, str], ...]:
    return tuple((m.strip(), g) for g, text in _GROUPS.items() for m in text.split(","))


_ALL: Final = _flat()
MOTIFS: Final[tuple[str, ...]] = tuple(m for m, _ in _ALL)
MOTIF_GROUP: Final[tuple[str, ...]] = tuple(g for _, g in _ALL)
