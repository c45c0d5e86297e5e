"""The craft-and-vintage taxonomy: 19 roots, their leaves, and what the things of a leaf are like.

A root line starts with `@`; each other line is a leaf:

    leaf | nouns | picture | materials | price in USD | width x height in cm | options

Materials and options may carry a weight or a value after `*` or `=`. Options: `s=` size set, `sh=`
shapes, `cl=` closures, `pa` (has patterns), `fi` (has finishes), `wear=` recipients it is made for,
`v=` share that is vintage, `t=` technique words, `th=` share with a theme, `oc=` an occasion it
leans to. Nouns: the first is the plain one. This file is a table: its length is its content.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Final

_TABLE: Final = """
@Jewelry
Rings | ring, band ring, stacking ring, statement ring | ring | silver*5 gold*4 brass copper gemstone*2 resin | 48 | 2x2 | s=ring sh=round,oval,heart,teardrop fi
Engagement Rings | engagement ring, promise ring, solitaire ring | ring | gold*6 silver*2 gemstone*2 | 420 | 2x2 | s=ring sh=round,oval,teardrop,hexagon oc=wedding
Necklaces | necklace, pendant necklace, layering necklace, choker | necklace | silver*4 gold*5 brass pearl*2 gemstone*3 resin stainless_steel | 38 | 2x4 | s=chain sh=round,heart,star,teardrop,bar,crescent cl=lobster_clasp,toggle_clasp
Lockets | locket, photo locket, keepsake locket | necklace | brass*3 silver*3 gold*3 | 52 | 3x3 | s=chain sh=oval,heart,round v=.5
Drop Earrings | drop earrings, dangle earrings, statement earrings | earrings | polymer_clay*5 silver*3 gold*3 resin*2 brass leather gemstone acrylic | 26 | 2.5x5 | sh=teardrop,arch,round,crescent,hexagon pa
Stud Earrings | stud earrings, studs, post earrings | earrings | silver*4 gold*4 polymer_clay*2 pearl*2 gemstone wood | 19 | 1x1 | sh=round,heart,star,flower,square fi
Hoop Earrings | hoop earrings, huggie hoops, hoops | earrings | gold*5 silver*4 brass polymer_clay resin | 29 | 3x3 | sh=hoop fi
Bracelets | bracelet, beaded bracelet, bangle, cuff bracelet | bracelet | silver*3 gold*3 gemstone*4 leather*2 copper*2 macrame_cord pearl | 27 | 6.5x1 | cl=lobster_clasp,elastic,toggle_clasp,magnetic_snap fi
Anklets | anklet, ankle bracelet | bracelet | gold*3 silver*3 gemstone*2 macrame_cord | 18 | 24x.5 | cl=lobster_clasp,elastic
Brooches | brooch, lapel pin brooch, costume brooch | pin | brass*3 resin enamel*3 silver crystal*3 | 24 | 4x4 | sh=oval,flower,star,round v=.65
Body Jewelry | nose ring, septum ring, belly ring | ring | stainless_steel*4 gold*2 silver*2 | 17 | 1x1 | sh=hoop,round
Watches | wrist watch, watch, dress watch, pocket watch | watch | stainless_steel*4 leather*3 gold*2 wood | 95 | 4x4 | cl=buckle v=.6 sh=round,square,rectangular
Cufflinks | cufflinks, cuff links, tie clip | pin | silver*3 brass*3 enamel wood stainless_steel | 36 | 1.5x1.5 | wear=men oc=wedding sh=round,square fi
Jewelry Boxes | jewelry box, trinket box, ring box | box | wood*3 walnut*2 leather glass velvet*2 | 44 | 16x9 | cl=hinged_lid,zipper,magnetic_snap v=.2 fi
@Ceramics & Pottery
Mugs | mug, coffee mug, tea mug, coffee cup | mug | ceramic*12 enamel | 31 | 9x10 | s=volume pa fi t=hand-thrown,wheel-thrown,hand-built th=.25
Teapots | teapot, tea set, tea pot | teapot | ceramic*8 glass iron | 72 | 20x15 | s=volume pa fi t=hand-thrown,wheel-thrown v=.25
Bowls | bowl, serving bowl, ramen bowl, salad bowl | bowl | ceramic*8 wood*2 walnut glass | 42 | 18x8 | pa fi sh=round,oval
Plates | plate, dinner plate, dessert plate, side plate | plate | ceramic*9 glass stone | 34 | 24x2.5 | pa fi sh=round,square,oval v=.25
Vases | vase, bud vase, flower vase, ikebana vase | vase | ceramic*7 glass*3 concrete brass terracotta | 45 | 12x22 | pa fi sh=tall,round,teardrop,arch v=.25
Planters | planter, plant pot, succulent planter, flower pot | planter | ceramic*4 terracotta*4 concrete*3 wood macrame_cord | 29 | 14x13 | pa fi sh=round,square,hexagon
Spoon Rests | spoon rest, spoon holder | plate | ceramic*6 wood*2 | 19 | 20x9 | pa fi sh=oval,round
Butter Dishes | butter dish, butter keeper | box | ceramic*8 glass*2 | 46 | 18x9 | pa v=.25 sh=rectangular,round
Ceramic Sculptures | sculpture, figurine, ceramic figure | figurine | ceramic*6 terracotta*2 polymer_clay*2 | 58 | 12x18 | fi th=.5 v=.3
Soap Dishes | soap dish, soap holder | plate | ceramic*5 concrete*2 wood*2 marble | 18 | 13x9 | sh=oval,rectangular,round pa
Incense Holders | incense holder, incense burner | bowl | ceramic*5 brass*3 wood concrete | 21 | 12x5 | fi sh=round,crescent,flower th=.2
@Kitchen & Dining
Cutting Boards | cutting board, charcuterie board, serving board, cheese board | board | walnut*4 oak*3 bamboo*2 wood*3 marble | 54 | 45x25 | sh=rectangular,round,heart fi oc=wedding
Drinking Glasses | drinking glass, tumbler, whiskey glass, iced coffee glass | glass | glass*10 crystal*2 | 24 | 8x12 | s=volume fi pa v=.3
Wine Glasses | wine glass, goblet, champagne flute | wineglass | glass*7 crystal*4 pewter | 33 | 8x21 | fi v=.35 oc=wedding
Coasters | coasters, coaster set, drink coasters | plate | wood*3 stone*2 cork*2 ceramic*2 resin*3 leather | 23 | 10x10 | sh=round,square,hexagon pa fi th=.2
Aprons | apron, kitchen apron, cross back apron | dress | linen*5 cotton*4 canvas*2 denim leather | 39 | 70x85 | cl=tie,buckle pa
Tea Towels | tea towel, kitchen towel, dish towel | fabric | linen*4 cotton*5 | 16 | 45x70 | pa th=.3
Napkins | cloth napkins, napkin set, dinner napkins | fabric | linen*5 cotton*3 | 30 | 42x42 | pa oc=wedding
Cooking Spoons | cooking spoon, serving spoon, stirring spoon, spurtle | spoon | wood*4 walnut*3 oak bamboo | 22 | 6x31 | fi t=hand-carved
Kitchen Knives | chef knife, kitchen knife, paring knife | knife | stainless_steel*5 iron | 135 | 5x32 | fi t=hand-forged
Storage Jars | storage jar, canister, cookie jar, spice jar | jar | ceramic*4 glass*5 bamboo wood | 28 | 11x16 | s=volume cl=hinged_lid v=.35 pa
Trays | serving tray, tray, ottoman tray | board | wood*4 rattan*2 brass resin marble | 47 | 40x28 | sh=round,rectangular,oval v=.2
Recipe Boxes | recipe box, recipe card box | box | wood*5 iron | 38 | 18x13 | cl=hinged_lid fi v=.25 oc=wedding
@Home Decor
Candles | candle, scented candle, pillar candle, jar candle | candle | soy_wax*7 beeswax*3 | 22 | 8x9 | s=volume sh=round,tall,heart t=hand-poured,small-batch
Candle Holders | candle holder, candlestick, tea light holder | candlestick | brass*4 ceramic*3 glass*2 wood*2 iron*2 concrete | 28 | 8x18 | v=.35 fi sh=round,tall,star
Throw Pillows | throw pillow, pillow cover, cushion cover, lumbar pillow | pillow | linen*3 cotton*4 velvet*3 wool silk | 34 | 45x45 | pa cl=zipper,button sh=square,rectangular,round th=.2
Throw Blankets | throw blanket, blanket, afghan, chunky blanket | blanket | wool*4 cotton*4 fleece*2 mohair cashmere | 78 | 130x170 | pa v=.15 t=hand-knitted,crocheted,hand-woven
Rugs | rug, area rug, runner rug, kilim rug | rug | wool*5 cotton*2 jute*3 | 165 | 120x180 | pa sh=rectangular,round,oval v=.4 t=hand-woven,hand-knotted
Wall Hangings | wall hanging, woven wall art, wall tapestry | wallhanging | macrame_cord*5 wool*2 cotton felt | 56 | 50x80 | pa sh=triangle,rectangular t=hand-woven,hand-knotted
Wall Clocks | wall clock, kitchen clock, mantel clock | clock | wood*4 oak iron*2 resin*2 vinyl*2 plastic | 59 | 30x30 | sh=round,square,hexagon v=.35 th=.2
Mirrors | mirror, wall mirror, vanity mirror, sunburst mirror | mirror | wood*3 rattan*3 brass*3 iron resin | 98 | 45x60 | sh=round,oval,arch,rectangular,hexagon v=.35
Picture Frames | picture frame, photo frame | frame | wood*5 oak*2 brass*2 silver resin | 27 | 22x27 | s=paper sh=rectangular,oval,square v=.3 fi
Wreaths | wreath, door wreath, front door wreath | wreath | dried_flowers*6 felt jute*2 cotton | 62 | 50x50 | sh=round,heart oc=christmas
Dried Flowers | dried flower bouquet, dried flowers, flower bunch | bouquet | dried_flowers | 33 | 25x45 | oc=wedding
Garlands | garland, bunting, mantel garland, banner | garland | felt*4 paper*3 cotton*2 wood | 21 | 200x15 | pa oc=birthday th=.15 fi
Baskets | basket, storage basket, woven basket, laundry basket | basket | rattan*5 jute*4 cotton*2 bamboo | 41 | 32x30 | pa v=.2 t=hand-woven,hand-braided
Sun Catchers | suncatcher, sun catcher, window hanging | suncatcher | stained_glass*5 crystal*3 glass | 32 | 18x25 | sh=round,heart,star,teardrop th=.4
Wall Shelves | floating shelf, wall shelf, shelf | shelf | wood*5 walnut*2 oak*2 iron | 68 | 60x14 | sh=rectangular,arch,triangle
Bookends | bookends, book ends, book stopper | bookend | wood*3 marble*3 iron*2 brass*2 stone | 43 | 12x16 | v=.4 th=.35
Ornaments | ornament, christmas ornament, tree ornament | ornament | glass*4 ceramic*2 wood*4 felt*2 acrylic*2 | 14 | 8x8 | sh=round,star,heart fi oc=christmas th=.4 v=.15
Door Mats | doormat, welcome mat, door mat | rug | jute*5 rubber | 36 | 75x45 | pa sh=rectangular th=.25
Wall Signs | wall sign, name sign, door sign | board | wood*6 iron*2 acrylic | 39 | 50x25 | fi sh=rectangular,round,arch th=.25
@Lighting
Table Lamps | table lamp, desk lamp, bedside lamp, accent lamp | lamp | ceramic*3 wood*3 brass*3 glass*2 marble | 118 | 28x46 | v=.45 pa sh=round,tall
Pendant Lights | pendant light, hanging lamp, ceiling light | pendantlamp | rattan*4 glass*2 brass*2 paper ceramic iron | 135 | 38x35 | v=.15 sh=round,teardrop,triangle
Floor Lamps | floor lamp, standing lamp, reading lamp | floorlamp | wood*3 brass*3 iron*2 | 210 | 40x155 | v=.35
Wall Sconces | wall sconce, wall lamp, wall light | sconce | brass*5 iron*2 glass ceramic wood | 92 | 15x28 | v=.3
Night Lights | night light, nursery lamp, moon lamp | nightlight | acrylic*3 wood*3 ceramic glass | 38 | 14x16 | th=.5 sh=round,crescent,star,heart
Lamp Shades | lampshade, lamp shade, drum shade | shade | linen*4 cotton*3 rattan*2 paper stained_glass | 57 | 35x25 | pa v=.25 sh=round
String Lights | string lights, fairy lights, lantern string | garland | glass*2 paper*3 rattan plastic | 26 | 300x8 | sh=round,star
Lanterns | lantern, candle lantern, oil lantern | lantern | iron*4 glass*2 brass*2 paper | 45 | 16x32 | v=.4 sh=square,round,hexagon
@Furniture
Chairs | chair, dining chair, accent chair, lounge chair | chair | wood*3 oak*3 walnut*2 rattan*3 velvet*2 leather | 260 | 55x85 | v=.55
Stools | stool, bar stool, step stool, milking stool | stool | wood*5 oak*2 walnut iron | 110 | 35x48 | v=.35 sh=round,square
Coffee Tables | coffee table, cocktail table, river table | table | wood*4 walnut*3 oak*2 resin marble glass | 420 | 110x45 | sh=round,oval,rectangular,hexagon v=.35
Side Tables | side table, end table, nightstand, plant stand | sidetable | wood*4 oak*2 walnut*2 rattan brass marble | 145 | 42x55 | sh=round,square,hexagon v=.45
Desks | desk, writing desk, standing desk | table | wood*3 oak*3 walnut*3 | 480 | 120x76 | v=.4 sh=rectangular
Bookshelves | bookshelf, bookcase, ladder shelf | bookshelf | wood*4 oak*3 walnut bamboo | 290 | 80x180 | v=.35
Dressers | dresser, chest of drawers, sideboard, credenza | dresser | wood*3 oak*2 walnut*3 | 620 | 120x85 | v=.65
Benches | bench, entryway bench, storage bench | bench | wood*4 oak*3 walnut leather | 230 | 110x46 | v=.25
Headboards | headboard, bed headboard, bed frame | headboard | wood*3 rattan*2 velvet*3 linen | 340 | 160x110 | s=bed sh=arch,rectangular
Cribs & Kids Furniture | toddler chair, kids table, montessori shelf | stool | wood*5 oak bamboo | 120 | 45x55 | wear=kids,toddler
@Clothing
Dresses | dress, maxi dress, sundress, midi dress, wrap dress | dress | linen*4 cotton*4 silk velvet polyester lace | 72 | 50x110 | s=clothing pa cl=button,zipper,tie,pullover wear=women*9,girls v=.35
T-Shirts | t-shirt, tee, graphic tee, shirt | tshirt | cotton*9 linen | 25 | 52x72 | s=clothing cl=pullover wear=unisex*5,women*2,men*3,kids pa th=.6 v=.2 t=screen-printed,hand-printed
Sweaters | sweater, cardigan, pullover, knit jumper | sweater | wool*5 cotton*2 mohair*2 cashmere*2 | 88 | 54x64 | s=clothing cl=button,pullover*3,zipper wear=women*5,men*3,unisex pa v=.35 t=hand-knitted,crocheted,chunky knit
Sweatshirts | sweatshirt, hoodie, crewneck | sweater | cotton*5 fleece*3 polyester | 42 | 56x70 | s=clothing cl=pullover*4,zipper wear=unisex*5,women,men,kids th=.5
Jackets | jacket, bomber jacket, chore coat, blazer | jacket | denim*4 leather*4 wool*2 canvas*2 corduroy suede | 105 | 56x68 | s=clothing cl=zipper*4,button*4 wear=women*3,men*4,unisex v=.6
Coats | coat, trench coat, overcoat, winter coat | jacket | wool*6 cashmere cotton polyester leather | 160 | 58x105 | s=clothing cl=button*5,zipper,tie wear=women*4,men*3 v=.55
Skirts | skirt, midi skirt, wrap skirt, pleated skirt | skirt | cotton*3 linen*3 denim silk wool velvet | 51 | 40x70 | s=clothing pa cl=zipper,button,elastic*2,tie wear=women v=.35
Pants | pants, trousers, wide leg pants, overalls | pants | linen*4 cotton*4 denim*3 wool corduroy | 66 | 42x102 | s=clothing cl=button*2,zipper*2,elastic*2,drawstring wear=women*4,men*4,unisex pa v=.3
Kimonos & Robes | kimono, robe, kimono robe, bathrobe | robe | silk*4 cotton*3 linen*2 velvet | 74 | 60x115 | cl=tie,open_top wear=women*5,men,bride pa v=.25
Socks | socks, boot socks, ankle socks | socks | wool*5 cotton*4 | 16 | 10x30 | cl=pullover wear=women*2,men*2,unisex*3,kids pa th=.4 t=hand-knitted
Baby Clothes | baby bodysuit, baby romper, baby onesie | tshirt | cotton*7 wool linen | 22 | 28x42 | s=baby cl=magnetic_snap,button,zipper,pullover wear=baby*5,toddler*3 pa th=.6 oc=baby_shower
Costumes | costume, cosplay costume, cosplay cape | robe | polyester*4 cotton*2 velvet*2 felt | 85 | 55x140 | s=clothing wear=women*2,men*2,kids*3 cl=zipper,velcro,tie oc=halloween th=.8
Swimwear | swimsuit, bikini, one piece swimsuit | swimsuit | nylon*5 polyester*3 | 49 | 40x60 | s=clothing wear=women*5,girls cl=tie*3,pullover pa v=.15
Aprons for Kids | kids apron, toddler smock, art smock | dress | cotton*4 linen*2 canvas | 24 | 45x55 | wear=kids*3,toddler*2 cl=velcro,tie pa th=.4
@Accessories
Scarves | scarf, infinity scarf, shawl, wrap | scarf | wool*4 silk*4 cashmere*2 cotton*2 mohair | 38 | 35x180 | pa v=.3 t=hand-knitted,hand-woven,hand-dyed
Hats | hat, beanie, bucket hat, sun hat | hat | wool*5 cotton*3 felt*2 denim | 29 | 28x20 | wear=women*3,men*3,unisex*3,baby pa v=.25 th=.25 t=hand-knitted,crocheted
Gloves | gloves, fingerless gloves, mittens | gloves | wool*6 leather*3 cashmere mohair | 27 | 10x24 | wear=women*4,men*3,kids pa v=.2 t=hand-knitted
Belts | belt, waist belt, dress belt | belt | leather*7 vegan_leather canvas suede | 46 | 105x3.5 | cl=buckle*6,magnetic_snap wear=women*3,men*5 v=.35 fi
Sunglasses | sunglasses, cat eye sunglasses, shades | glasses | acrylic*3 plastic*3 wood*2 bamboo | 34 | 14x5 | wear=women*3,men*2,unisex*3 v=.5 sh=round,square,oval,heart
Hair Accessories | hair clip, scrunchie, headband, claw clip | bow | silk*3 velvet*3 cotton*2 acrylic*2 resin brass | 11 | 10x6 | wear=women*3,girls*3 cl=clip-on,elastic pa fi
Ties & Bow Ties | bow tie, necktie, skinny tie | bow | silk*4 cotton*3 linen*2 wool wood | 25 | 12x6 | wear=men*6,boys*2,dog cl=clip-on,tie,buckle pa th=.25 oc=wedding v=.25
Keychains | keychain, key fob, key ring, key holder | keychain | leather*5 acrylic*3 resin*3 brass*2 macrame_cord | 13 | 4x10 | th=.5 fi sh=round,rectangular,heart
Face Masks & Bandanas | bandana, neck gaiter, kerchief | fabric | cotton*6 silk linen | 12 | 55x55 | pa th=.3 cl=tie v=.2
@Bags & Purses
Tote Bags | tote bag, tote, market tote, work tote | tote | leather*4 canvas*5 cotton*3 vegan_leather jute linen | 58 | 40x36 | cl=zipper*4,open_top*4,magnetic_snap*2 pa v=.1 th=.3
Backpacks | backpack, rucksack, daypack | backpack | leather*4 canvas*4 nylon*2 vegan_leather | 92 | 30x42 | cl=zipper*4,drawstring*2,buckle*3 pa v=.25
Crossbody Bags | crossbody bag, crossbody purse, sling bag | purse | leather*5 vegan_leather*2 suede cotton canvas | 69 | 24x18 | cl=zipper*5,magnetic_snap*3,buckle v=.25 pa
Handbags | handbag, top handle bag, shoulder bag, purse | purse | leather*5 vegan_leather*2 velvet suede rattan | 96 | 30x22 | cl=zipper*3,magnetic_snap*3,buckle*2 v=.5
Clutches | clutch, evening clutch, clutch bag | pouch | leather*3 velvet*2 silk*2 suede brass | 49 | 26x15 | cl=magnetic_snap*4,zipper*3 fi v=.4 oc=wedding
Wallets | wallet, card holder, bifold wallet, minimalist wallet | wallet | leather*7 vegan_leather*2 cork canvas | 41 | 11x9 | cl=zipper*2,button*2,magnetic_snap,open_top*2 wear=men*4,women*3,unisex fi v=.1
Pouches | zipper pouch, makeup bag, cosmetic bag, coin purse | pouch | cotton*5 linen*2 leather*2 velvet canvas | 18 | 20x14 | cl=zipper*8,drawstring*2,magnetic_snap pa th=.35
Duffel Bags | duffel bag, weekender bag, travel bag | duffel | leather*4 canvas*5 nylon | 138 | 52x30 | cl=zipper*8,buckle v=.2
Laptop Sleeves | laptop sleeve, laptop case, tablet sleeve | pouch | felt*4 leather*3 cotton*2 vegan_leather | 37 | 36x26 | cl=zipper*4,magnetic_snap*2,elastic pa th=.2
Diaper Bags | diaper bag, nappy bag, mommy bag | tote | canvas*3 leather*2 cotton*3 nylon | 75 | 40x32 | cl=zipper*4,magnetic_snap oc=baby_shower
@Shoes
Sneakers | sneakers, trainers, running shoes, high top shoes | shoe | canvas*5 leather*4 nylon*2 suede rubber | 68 | 11x12 | s=shoe cl=laces*7,slip-on*2,velcro*2 wear=women*4,men*5,kids*2 v=.3 pa th=.2 t=hand-painted,customised
Boots | boots, ankle boots, chelsea boots, cowboy boots | boot | leather*8 suede*3 rubber vegan_leather | 124 | 12x28 | s=shoe cl=laces*3,zipper*3,slip-on*3,buckle wear=women*5,men*4 v=.5 t=hand-stitched
Sandals | sandals, slides, gladiator sandals, strappy sandals | sandal | leather*7 vegan_leather cork rubber | 57 | 10x6 | s=shoe cl=buckle*5,slip-on*4,velcro,tie wear=women*6,men*3 t=hand-stitched
Loafers | loafers, moccasins, penny loafers | loafer | leather*6 suede*4 | 79 | 11x10 | s=shoe cl=slip-on*8,buckle wear=women*4,men*5 v=.35 t=hand-stitched
Slippers | slippers, house slippers, house shoes | slipper | wool*4 felt*5 suede*2 leather | 45 | 10x9 | s=shoe cl=slip-on*8,pullover wear=women*4,men*3,unisex*2,kids th=.15 t=hand-felted,crocheted
Heels | heels, pumps, wedding shoes, mary janes | heel | leather*4 suede*2 velvet*2 silk lace | 83 | 9x15 | s=shoe cl=slip-on*4,buckle*4,laces wear=women*6,bride*2 v=.4 fi
Oxfords | oxford shoes, brogues, derby shoes | shoe | leather*8 suede | 98 | 11x11 | s=shoe cl=laces*9,buckle wear=women*3,men*6 v=.5 t=hand-stitched
Baby Shoes | baby shoes, baby booties, baby moccasins | slipper | leather*4 wool*4 cotton*2 felt | 21 | 6x6 | s=baby cl=slip-on*4,velcro*3,laces*2,elastic wear=baby*6,toddler*3 oc=baby_shower t=crocheted,hand-stitched
@Toys & Games
Stuffed Animals | stuffed animal, plush toy, plushie, soft toy | plush | cotton*4 wool*3 fleece*3 felt mohair | 33 | 18x28 | wear=kids*4,baby*3 th=.9 v=.2 t=crocheted,hand-sewn,hand-knitted
Dolls | doll, rag doll, waldorf doll, art doll | doll | cotton*6 wool*2 felt ceramic | 48 | 14x35 | wear=kids*4,girls*3 v=.35 th=.25 t=hand-sewn
Wooden Toys | push toy, stacking toy, pull along toy, toddler toy | woodentoy | wood*9 | 27 | 16x14 | wear=toddler*5,kids*3,baby th=.5 t=hand-carved,hand-cut v=.15
Puzzles | puzzle, jigsaw puzzle, peg puzzle, name puzzle | puzzle | wood*6 cardstock*3 | 29 | 30x22 | wear=kids*3,toddler*3 th=.5 v=.15
Board Games | board game, chess set, backgammon set, card game | game | wood*5 cardstock*3 marble leather | 62 | 38x38 | v=.4 th=.2 sh=square
Baby Rattles | baby rattle, teether, teething ring | rattle | wood*5 cotton*3 rubber | 16 | 8x12 | wear=baby oc=baby_shower th=.4 sh=round,star t=crocheted,hand-sanded
Play Dough & Sensory | sensory kit, play dough kit, busy book | box | felt*3 cotton*2 wood*2 | 28 | 24x18 | wear=toddler*3,kids*2 th=.4
Finger Puppets | finger puppets, hand puppet, puppet set | plush | felt*5 wool*2 cotton*2 | 15 | 6x10 | wear=kids*3,toddler th=.7 t=hand-felted,hand-sewn
Dice | dice set, dnd dice, polyhedral dice | dice | resin*6 acrylic*2 brass gemstone*2 | 31 | 2x2 | fi th=.3 pa
Model Kits | model kit, miniature, terrain kit, dollhouse kit | figurine | resin*4 wood*3 plastic*3 cardstock | 35 | 10x14 | th=.5 v=.3
@Art & Collectibles
Art Prints | art print, wall print, giclee print, poster | poster | paper*9 canvas*2 | 24 | 28x36 | s=paper th=.6 v=.1 t=printed,risograph,screen-printed
Paintings | painting, oil painting, original painting, canvas art | poster | canvas*6 paper*2 wood | 145 | 50x40 | s=paper th=.5 v=.3 t=hand-painted
Watercolors | watercolor, watercolor painting, watercolor print | poster | paper*8 | 42 | 28x36 | s=paper th=.7 t=hand-painted
Photographs | photograph, photo print, fine art photo | poster | paper*7 aluminum acrylic | 48 | 40x30 | s=paper th=.5 v=.3
Posters | poster, movie poster, travel poster, concert poster | poster | paper*8 | 19 | 45x60 | s=paper th=.5 v=.4
Sculptures | sculpture, carving, statue | figurine | wood*4 brass*2 iron*2 stone*2 marble resin | 130 | 16x30 | th=.5 v=.3 fi t=hand-carved
Enamel Pins | enamel pin, pin badge, lapel pin, backpack pin | pin | enamel*8 acrylic | 11 | 3x3 | th=.9 fi sh=round,star,heart
Stickers | sticker, laptop sticker, bumper sticker, sticker sheet | sticker | vinyl*8 paper*2 | 5 | 7x7 | th=.9 fi sh=round,square,heart
Embroidery Art | embroidery hoop art, embroidery art, hoop art | hoop | cotton*5 linen*3 | 46 | 18x18 | th=.5 sh=round,oval t=hand-stitched,hand-embroidered
Collectible Plates | collector plate, decorative plate, wall plate | plate | ceramic*8 pewter | 22 | 22x22 | v=.9 th=.5 pa sh=round
Coins & Medals | medal, coin, token, challenge coin | coin | silver*3 copper*3 brass*3 | 26 | 4x4 | v=.8 th=.3 sh=round
@Paper & Party
Greeting Cards | greeting card, birthday card, thank you card, note card | card | cardstock*6 paper*3 | 6 | 13x18 | th=.6 oc=birthday fi v=.05 t=letterpress,hand-drawn
Notebooks | notebook, journal, sketchbook, travel journal | book | leather*4 paper*4 cork cotton | 29 | 15x21 | cl=elastic*3,tie*2,magnetic_snap,buckle th=.25 fi v=.05 t=hand-bound
Planners | planner, weekly planner, wedding planner, agenda | book | paper*4 vegan_leather*2 leather | 32 | 16x22 | cl=elastic oc=graduation pa
Wedding Invitations | wedding invitation, invitation suite, save the date | card | cardstock*5 paper*3 acrylic velvet | 4 | 13x18 | oc=wedding fi pa t=letterpress
Gift Wrap | wrapping paper, gift wrap, gift tags, gift bag | fabric | paper*8 cotton | 9 | 50x70 | pa th=.3 fi oc=christmas
Party Decorations | party banner, cupcake topper, party decorations, balloon garland | garland | paper*3 cardstock*4 acrylic*2 wood | 15 | 20x15 | th=.5 fi oc=birthday
Stamps | stamp, address stamp, logo stamp | stamp | rubber*5 wood*2 brass*2 | 21 | 5x5 | th=.4 sh=round,square,rectangular t=laser-cut
Bookmarks | bookmark, corner bookmark, page marker | bookmark | leather*3 paper*4 brass wood acrylic | 8 | 5x17 | th=.6 fi
Calendars | calendar, wall calendar, desk calendar | poster | paper*6 wood | 23 | 21x30 | th=.5
Vintage Books | book, hardcover book, antique book, cookbook | book | paper*6 leather | 25 | 15x22 | v=.95 th=.2
@Craft Supplies
Yarn | yarn, yarn skein, hand dyed yarn, sock yarn | yarn | wool*7 cotton*2 mohair*2 cashmere silk | 24 | 12x20 | t=hand-dyed,hand-spun pa
Fabric | fabric, fabric by the yard, quilting fabric, fat quarter | fabric | cotton*6 linen*3 silk velvet wool denim | 13 | 110x90 | pa v=.2 th=.3
Beads | beads, bead strand, spacer beads, loose beads | beads | gemstone*5 glass*5 wood*2 ceramic brass polymer_clay | 9 | 2x40 | sh=round,heart,star,teardrop fi v=.15
Sewing Patterns | sewing pattern, pdf pattern, quilt pattern | card | paper | 10 | 16x22 | wear=women*3,kids*2 v=.5
Knitting Patterns | knitting pattern, crochet pattern, amigurumi pattern | card | paper | 7 | 21x29 | th=.5 v=.1
Buttons | buttons, coat buttons, shank buttons | beads | wood*4 plastic*3 brass*2 pearl resin | 7 | 2x2 | sh=round,square,heart,flower v=.4
Ribbon & Trim | ribbon, trim, ribbon roll, bias tape | ribbon | silk*3 velvet*3 cotton*2 lace*3 polyester*2 | 8 | 2.5x10 | pa v=.25 fi
Candle Making | candle making kit, candle wicks, wax melts | candle | soy_wax*6 beeswax*3 | 26 | 14x14 | sh=round,heart
Leather Craft | craft hide, offcuts, craft scraps | hide | leather*8 suede*2 | 34 | 40x30 | fi
Resin Supplies | casting mold, jewelry mold, coaster mold | box | resin*4 rubber*4 | 19 | 12x12 | th=.3 sh=round,hexagon,heart fi
Glitter & Confetti | confetti, table confetti, sprinkle mix | jar | paper*2 plastic*4 | 6 | 5x8 | fi sh=round,star,heart
Looms & Tools | weaving loom, knitting needles, crochet hook, embroidery hoop | hoop | wood*6 bamboo*2 aluminum | 28 | 30x40 | v=.2 sh=round,rectangular
@Bath & Beauty
Soap | soap bar, handmade soap, goat milk soap, bar soap | soap | olive_oil*4 shea_butter*4 beeswax | 8 | 8x5 | sh=rectangular,round,heart t=cold process,small-batch
Bath Bombs | bath bomb, bath bombs, shower steamer | soap | shea_butter*3 dried_flowers | 7 | 6x6 | sh=round,heart,star fi t=small-batch
Lip Balm | lip balm, tinted lip balm, lip butter | jar | beeswax*6 | 6 | 4x2 | t=small-batch
Perfume | perfume oil, solid perfume, natural perfume | bottle | glass*6 beeswax | 34 | 4x9 | s=volume v=.15 t=small-batch wear=women*3,men*2,unisex*3
Hand Mirrors | hand mirror, compact mirror, pocket mirror | mirror | brass*3 wood*3 silver*2 acrylic | 24 | 8x14 | sh=round,oval,heart v=.5 th=.25
Brushes & Combs | hair comb, beard comb, hair brush | comb | wood*6 bamboo*2 brass | 17 | 6x17 | wear=women*2,men*3 v=.15 fi
Beard Care | beard oil, beard balm, shaving soap | bottle | glass*4 beeswax*2 | 16 | 4x9 | wear=men s=volume t=small-batch
@Weddings
Wedding Rings | wedding band, wedding ring set, matching wedding bands | ring | gold*5 silver*3 wood stainless_steel | 260 | 2x2 | s=ring oc=wedding fi wear=women*3,men*3
Bridal Veils | bridal veil, wedding veil, cathedral veil | scarf | lace*4 silk*3 polyester*2 | 98 | 90x200 | oc=wedding wear=bride
Guest Books | wedding guest book, guest book, guest book alternative | book | leather*2 wood*3 paper*3 velvet acrylic | 52 | 25x25 | oc=wedding fi
Cake Toppers | wedding cake topper, cake topper | figurine | wood*4 acrylic*4 polymer_clay*2 | 28 | 14x16 | oc=wedding th=.35 fi
Boutonnieres & Bouquets | boutonniere, bridal bouquet, bridesmaid bouquet | bouquet | dried_flowers*7 silk*2 | 68 | 25x35 | oc=wedding wear=bride*2,men
Ring Bearer Pillows | ring bearer pillow, ring dish, ring box | pillow | linen*3 silk*2 velvet*2 lace ceramic | 31 | 15x15 | oc=wedding sh=square,heart
Bridesmaid Gifts | bridesmaid robe, bridesmaid box, bridesmaid proposal box | robe | silk*3 cotton*3 polyester | 33 | 40x60 | oc=bridesmaid_proposal wear=women,bride
@Pets
Dog Collars | dog collar, puppy collar, martingale collar | collar | leather*5 nylon*4 cotton*3 | 27 | 40x2.5 | s=pet wear=dog cl=buckle*6,magnetic_snap pa th=.2
Pet Bandanas | dog bandana, pet bandana, puppy scarf | fabric | cotton*8 linen | 13 | 45x30 | s=pet wear=dog*6,cat cl=tie,magnetic_snap pa th=.35
Pet Beds | dog bed, cat bed, cat cave | petbed | wool*3 felt*4 cotton*3 rattan | 72 | 50x35 | s=pet wear=dog*3,cat*4 sh=round,oval t=hand-felted
Cat Toys | cat toy, catnip toy, catnip kicker | plush | cotton*4 felt*4 wool*2 | 11 | 8x12 | wear=cat th=.6 t=hand-sewn
Pet Portraits | pet portrait, custom pet portrait, dog portrait | poster | paper*5 canvas*3 | 45 | 25x30 | s=paper wear=dog*5,cat*4 t=hand-painted,hand-drawn
Pet Tags | pet id tag, dog tag, cat tag | keychain | brass*4 stainless_steel*3 copper*2 aluminum | 14 | 3x3 | wear=dog*5,cat*3 fi sh=round,heart,star th=.2
Leashes | dog leash, dog lead, walking leash | belt | leather*4 cotton*3 nylon*3 | 32 | 150x2 | wear=dog pa
@Sport & Outdoors
Climbing Chalk Bags | chalk bag, climbing chalk bag, chalk bucket | pouch | nylon*4 canvas*3 fleece leather | 31 | 13x17 | cl=drawstring*6,zipper pa th=.7 t=hand-sewn
Yoga Accessories | yoga mat bag, yoga mat, meditation cushion, yoga strap | pillow | cotton*4 canvas*2 cork*2 rubber | 44 | 30x66 | pa th=.2 cl=zipper,drawstring
Camping Gear | camp mug, camping mug, campfire mug | mug | enamel*5 canvas*2 wood*2 wool | 29 | 10x9 | th=.4 v=.2 s=volume
Fishing Lures | fishing lure, fly fishing flies, fishing fly box | figurine | wood*4 brass*2 plastic | 18 | 6x3 | v=.4 t=hand-tied,hand-carved
Bike Accessories | bike bag, handlebar bag, bike bell, saddle bag | purse | canvas*3 leather*4 nylon*2 brass | 49 | 24x14 | cl=buckle*4,zipper*3,velcro*2 v=.2
Skateboards | skateboard deck, longboard, skateboard | skateboard | wood*8 bamboo | 79 | 20x80 | th=.5 v=.2 t=hand-painted
Golf Accessories | golf ball marker, golf headcover, golf towel | pouch | leather*3 wool*2 stainless_steel cotton | 26 | 10x25 | wear=men*3,women th=.3 v=.2
Pocket Knives | pocket knife, folding knife, camp knife | knife | stainless_steel*4 wood iron | 64 | 3x19 | wear=men fi v=.4 t=hand-forged
@Electronics & Audio
Radios | radio, transistor radio, tube radio | radio | wood*3 plastic*6 | 78 | 28x17 | v=.95
Record Players | record player, turntable, portable turntable | turntable | wood*4 plastic*3 | 185 | 42x16 | v=.85
Film Cameras | film camera, 35mm camera, polaroid camera, rangefinder camera | camera | leather*2 aluminum*3 plastic*4 | 96 | 14x9 | v=.98
Typewriters | typewriter, portable typewriter, manual typewriter | typewriter | iron*4 aluminum*2 plastic*2 | 195 | 30x14 | v=.98
Telephones | rotary phone, telephone, desk phone | phone | plastic*6 brass | 68 | 22x14 | v=.95
Headphone Stands | headphone stand, docking station, phone stand, desk organizer | stand | walnut*4 wood*4 oak*2 acrylic | 42 | 14x25 | fi wear=men*3,unisex
Phone Cases | phone case, iphone case, custom phone case | phonecase | leather*2 plastic*3 resin*3 wood*2 | 27 | 8x16 | pa fi th=.5
Video Games | retro game console, game cartridge, handheld game | camera | plastic | 58 | 14x9 | v=.98 th=.2
Vinyl Records | lp record, record album, 33 rpm record | record | vinyl | 22 | 31x31 | v=.9 sh=round
"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf category and how its listings are made up; weights need not sum to 1."""

    name: str
    root: str
    nouns: tuple[str, ...]
    picture: str  # the silhouette that draws it
    materials: tuple[tuple[str, float], ...]
    price: float  # median, USD
    width_cm: float
    height_cm: float
    size_set: str = ""  # key of SIZE_SETS; "" where sizes are only dimensions
    shapes: tuple[tuple[str, float], ...] = ()
    closures: tuple[tuple[str, float], ...] = ()
    wear: tuple[tuple[str, float], ...] = ()
    has_pattern: bool = False
    has_finish: bool = False
    vintage_share: float = 0.0
    theme_share: float = 0.06
    techniques: tuple[str, ...] = field(default=())  # () where the material decides
    occasion: str = ""  # that it leans to


def _weighted(text: str, sep: str) -> tuple[tuple[str, float], ...]:
    pairs = (p.partition("*") for p in text.split(sep) if p)
    return tuple((name.replace("_", " "), float(weight or 1)) for name, _, weight in pairs)


def _leaf(line: str, root: str) -> Leaf:
    name, nouns, picture, materials, price, dims, options = (f.strip() for f in line.split("|"))
    width, _, height = dims.partition("x")
    words = dict(_options(options))
    return Leaf(
        name=name,
        root=root,
        nouns=tuple(n.strip() for n in nouns.split(",")),
        picture=picture,
        materials=_weighted(materials, " "),
        price=float(price),
        width_cm=float(width),
        height_cm=float(height),
        size_set=words.get("s", ""),
        shapes=_weighted(words.get("sh", ""), ","),
        closures=_weighted(words.get("cl", ""), ","),
        wear=_weighted(words.get("wear", ""), ","),
        has_pattern="pa" in words,
        has_finish="fi" in words,
        vintage_share=float(words.get("v", 0.0)),
        theme_share=float(words.get("th", 0.06)),
        techniques=tuple(t for t in words.get("t", "").split(",") if t),
        occasion=words.get("oc", "").replace("_", " "),
    )


def _options(text: str) -> list[tuple[str, str]]:
    """`a=1 b c=two words` -> pairs; a word without `=` continues the value before or is a flag."""
    pairs: list[tuple[str, str]] = []
    for word in text.split():
        key, eq, value = word.partition("=")
        if eq or key in ("pa", "fi"):
            pairs.append((key, value))
        else:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {word}")
    return pairs


@cache
def taxonomy() -> tuple[Leaf, ...]:
    """All leaves, in the order of the table; leaf names are unique."""
    leaves, root = [], ""
    for line in _TABLE.strip().splitlines():
        if line.startswith("@"):
            root = line[1:]
        else:
            leaves.append(_leaf(line, root))
    return tuple(leaves)
