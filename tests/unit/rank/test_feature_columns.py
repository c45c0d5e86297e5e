"""What the columns of a feature set are known to say."""

from mercer.features.declare import FeatureSet
from mercer.features.fit import fit
from mercer.features.plan import compile_plan
from mercer.rank.training_set import FeatureColumns

DECLARED = """
name = "s"
[[feature]]
name = "price"
entity = "listing"
transform = "log1p"
inputs = ["listing.price_micros"]
[[node]]
name = "wanted"
entity = "query"
transform = "hash_all"
inputs = ["query.categories"]
[[node]]
name = "path"
entity = "listing"
transform = "hash_all"
inputs = ["listing.category_path"]
[[feature]]
name = "met"
entity = "pair"
transform = "ids_shared"
inputs = ["wanted", "path"]
[[feature]]
name = "met_place"
entity = "pair"
transform = "rank"
inputs = ["met"]
[[feature]]
name = "labels"
entity = "pair"
transform = "word_overlap"
inputs = ["query.terms", "listing.labels"]
[[feature]]
name = "said"
entity = "query"
transform = "size"
inputs = ["query.categories"]
"""


def test_what_a_column_says_is_told_by_what_it_reads() -> None:
    """A number of the listing; its category beside what is asked; the rest, lists and queries, is neither."""
    feature_set = FeatureSet.from_toml(DECLARED)
    columns = FeatureColumns.of_plan(compile_plan(feature_set, fit(feature_set, None)))
    assert columns.names == ("price", "met", "met_place", "labels", "said")
    assert columns.of_listing == {"price"}
    assert columns.of_kind == {"met"}
