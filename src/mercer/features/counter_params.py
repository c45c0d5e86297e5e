"""Parameters that all features of counters have."""

from mercer.features.counter_keys import COUNTED_KINDS, FACETS, OWNERS, SEARCH_ENTITIES, SEEN
from mercer.features.param import Param
from mercer.features.transform import Params

_SEARCHED = tuple(name for name, _, _ in SEARCH_ENTITIES if name not in OWNERS)
ENTITIES = (
    *("listing", "seller", "category", "query", *OWNERS),
    *(name for name in _SEARCHED if "." not in name),
)
PAIRS = (
    *("query_listing", SEEN, *(f"{owner}.{facet}" for owner in OWNERS for facet in FACETS)),
    *(name for name in _SEARCHED if "." in name),
)

WHOSE = Param(
    name="whose",
    kind="text",
    doc=f"whose events: {', '.join(ENTITIES)}; of two ids {', '.join(PAIRS)}, or "
    "visitor.attributes.NAME (session, buyer)",
)
HALF_LIFE = Param(
    name="half_life_h", kind="number", doc="one of counters.half_life_hours", low=0.5, high=1e4
)


def kind_param(name: str, doc: str) -> Param:
    """A kind of event."""
    return Param(name=name, kind="choice", choices=COUNTED_KINDS, doc=doc)


def n_ids(params: Params) -> int:
    """How many ids the entity has."""
    return 1 if params["whose"] in ENTITIES else 2


def check_whose(params: Params) -> str | None:
    """It must be one that is counted."""
    entity = params["whose"]
    owner, _, name = entity.partition(".attributes.")
    if entity in ENTITIES or entity in PAIRS or (owner in OWNERS and name):
        return None
    return f"whose is {entity!r}; allowed: {WHOSE.doc.removeprefix('whose events: ')}"
