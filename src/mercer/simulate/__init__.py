"""A synthetic marketplace whose true preferences are known. Imports only schema and metrics."""

from mercer.simulate.catalogue import World, generate_catalogue
from mercer.simulate.mix import MixQuery, query_mix
from mercer.simulate.picture.buyer_photo import draw_buyer_photo
from mercer.simulate.picture.draw import draw_listing, draw_look, draw_reference
from mercer.simulate.query import SimQuery, generate_queries
from mercer.simulate.relevance import JUDGMENTS, grades, judgments, relevance

__all__ = [
    "JUDGMENTS",
    "MixQuery",
    "SimQuery",
    "World",
    "draw_buyer_photo",
    "draw_listing",
    "draw_look",
    "draw_reference",
    "generate_catalogue",
    "generate_queries",
    "grades",
    "judgments",
    "query_mix",
    "relevance",
]
