"""Snowplow's enriched events -> events of ours. docs/howto/import-events.md has the table.

They come as tab-separated lines without a header (FIELDS), or as the JSON objects that Snowplow's
analytics SDKs make of such lines. Source of names and order: the canonical event model and the
enriched TSV format of the Snowplow documentation; the schemas `snowplow_ecommerce_action`, `product`,
`transaction`, `refund` and `add_to_cart` of Iglu Central.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from mercer.events.foreign import Foreign, ForeignChoices, Names, position_of, text_of

_NAMES = """
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id
name_tracker v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid
domain_sessionidx network_userid geo_country geo_region geo_city geo_zipcode geo_latitude
geo_longitude geo_region_name ip_isp ip_organization ip_domain ip_netspeed page_url page_title
page_referrer page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery
page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content
mkt_campaign contexts se_category se_action se_label se_property se_value unstruct_event
tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country ti_orderid
ti_sku ti_name ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min
pp_yoffset_max useragent br_name br_family br_version br_type br_renderengine br_lang
br_features_pdf br_features_flash br_features_java br_features_director br_features_quicktime
br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight
br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer
os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width
doc_height tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base
base_currency geo_timezone mkt_clickid mkt_network etl_tags dvce_sent_tstamp refr_domain_userid
refr_dvce_tstamp derived_contexts domain_sessionid derived_tstamp event_vendor event_name
event_format event_version event_fingerprint true_tstamp
"""
FIELDS: Final = tuple(_NAMES.split())  # of a line, in their order

_ACTIONS: Mapping[str, str] = {
    "list_view": "impression",
    "list_click": "click",
    "add_to_cart": "cart",
    "transaction": "purchase",
    "refund": "refund",
}
_VIEWS = frozenset(("product_view", "page_view"))
_ECOMMERCE = "com_snowplowanalytics_snowplow_ecommerce"
_ACTION = f"unstruct_event_{_ECOMMERCE}_snowplow_ecommerce_action_1"
_PRODUCT = f"contexts_{_ECOMMERCE}_product_1"
_TRANSACTION = f"contexts_{_ECOMMERCE}_transaction_1"
_REFUND = f"contexts_{_ECOMMERCE}_refund_1"
_ADD_TO_CART = "unstruct_event_com_snowplowanalytics_snowplow_add_to_cart_1"
_SCHEMA = re.compile(r"iglu:([a-zA-Z0-9_.-]+)/([a-zA-Z0-9_-]+)/jsonschema/([0-9]+)-[0-9]+-[0-9]+")


def from_line(line: str, choices: ForeignChoices) -> Foreign:
    """One enriched event as a line of tab-separated values."""
    cells = line.rstrip("\r\n").split("\t")
    if len(cells) != len(FIELDS):
        return Foreign(fault=f"an enriched event has {len(FIELDS)} cells, this line {len(cells)}")
    row: dict[str, Any] = {n: c for n, c in zip(FIELDS, cells, strict=True) if c != ""}
    try:
        row.update(_unpacked(row))
    except (msgspec.MsgspecError, RecursionError, TypeError, KeyError, AttributeError):
        return Foreign(fault="contexts and unstruct_event must be self-describing JSON")
    return from_object(row, choices)


def from_object(row: Mapping[str, Any], choices: ForeignChoices) -> Foreign:
    """One enriched event as the analytics SDKs write it: flat, entities under their own names."""
    event = row.get("event")
    if event == "transaction_item":
        return _one(row, "purchase", _legacy_item(row))
    if event == "unstruct" and isinstance(cart := row.get(_ADD_TO_CART), Mapping):
        fields = _product(cart, listing="sku")  # trackers write the price under either name
        return _one(row, "cart", fields | {"price": cart.get("price", cart.get("unitPrice"))})
    if event == "unstruct" and isinstance(action := row.get(_ACTION), Mapping):
        return _ecommerce(row, str(action.get("type")), choices)
    if event == "page_view" and choices.views_are_clicks:
        return _page_view(row, choices)
    if not isinstance(event, str):
        return Foreign(fault="event is missing; a Snowplow enriched event is needed")
    return Foreign(skipped=str(row.get("event_name") or event))


def _unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    """The self-describing JSON of a line under the names that the SDKs give it."""
    made: dict[str, Any] = {}
    if "unstruct_event" in row:
        inner = msgspec.json.decode(row["unstruct_event"])["data"]
        made[_name("unstruct_event", inner["schema"])] = inner["data"]
    if "contexts" in row:
        for one in msgspec.json.decode(row["contexts"])["data"]:
            made.setdefault(_name("contexts", one["schema"]), []).append(one["data"])
    return made


def _name(prefix: str, schema: str) -> str:
    """com.acme/linkClick/jsonschema/1-0-1 -> contexts_com_acme_link_click_1."""
    match = _SCHEMA.fullmatch(schema)
    if match is None:
        return f"{prefix}_unknown"
    vendor, name, model = match.groups()
    snake = re.sub(r"([^A-Z_])([A-Z])", r"\1_\2", name).lower().replace("-", "_")
    return f"{prefix}_{re.sub('[.-]', '_', vendor).lower()}_{snake}_{model}"


def _base(row: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What all events of a row share."""
    times = ("true_tstamp", "derived_tstamp", "collector_tstamp")
    return {
        "kind": kind,
        "source": "snowplow",
        "event_id": text_of(row.get("event_id")),
        "time_ms": next((row[name] for name in times if row.get(name)), None),
        "visitor_id": text_of(row.get("domain_userid")) or text_of(row.get("network_userid")),
        "session_id": text_of(row.get("domain_sessionid")),
        "buyer_id": text_of(row.get("user_id")),
    }


def _one(row: Mapping[str, Any], kind: str, fields: Mapping[str, Any]) -> Foreign:
    return Foreign((_base(row, kind) | dict(fields),))


def _product(product: Mapping[str, Any], *, listing: str = "id") -> dict[str, Any]:
    return {
        "listing_id": text_of(product.get(listing)),
        "price": product.get("price"),
        "currency": text_of(product.get("currency")),
        "quantity": product.get("quantity"),
    }


def _legacy_item(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "listing_id": text_of(row.get("ti_sku")),
        "order_id": text_of(row.get("ti_orderid")),
        "price": row.get("ti_price"),
        "currency": text_of(row.get("ti_currency")) or text_of(row.get("tr_currency")),
        "quantity": row.get("ti_quantity"),
    }


def _ecommerce(row: Mapping[str, Any], action: str, choices: ForeignChoices) -> Foreign:
    """An action with its product entities: an event for each product."""
    is_view = action in _VIEWS and choices.views_are_clicks
    kind = "click" if is_view else _ACTIONS.get(action)
    if kind is None:
        return Foreign(skipped=action)
    products = _entities(row, _PRODUCT)
    if not products:
        return Foreign(fault=f"a {action} must have its products as entities")
    base = _base(row, kind)
    order_id = None
    if kind in ("purchase", "refund"):
        (order, *_) = [*_entities(row, _TRANSACTION), *_entities(row, _REFUND), {}]
        order_id = text_of(order.get("transaction_id"))
    names = Names(str(base["event_id"])) if base["event_id"] else None
    events = []
    for product in products:
        fields = base | _product(product) | {"order_id": order_id}
        fields["position"] = position_of(product.get("position"))
        if names is not None:
            fields["event_id"] = names.next(fields["listing_id"])
        events.append(fields)
    return Foreign(tuple(events))


def _entities(row: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = row.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _page_view(row: Mapping[str, Any], choices: ForeignChoices) -> Foreign:
    """A click, where the page has one product or its address names a listing."""
    products = _entities(row, _PRODUCT)
    if len(products) == 1:
        return _one(row, "click", _product(products[0]))
    url = row.get("page_url")
    listing_id = (
        choices.listing_of_url(url) if choices.listing_of_url and isinstance(url, str) else None
    )
    return (
        Foreign(skipped="page_view")
        if listing_id is None
        else _one(row, "click", {"listing_id": listing_id})
    )
