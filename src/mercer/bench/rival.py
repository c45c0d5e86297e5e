"""What all sides of the text comparison share: the rows, the words, the columns to be given."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

COLUMNS: Final = (
    "tfidf_cosine", "overlap", "coverage", "jaccard", "query_length", "title_length",
)  # fmt: skip
HASH_WIDTH: Final = 1 << 18
PATTERN: Final = r"[0-9]+(?:[./][0-9]+)+[a-z0-9]*|[a-z0-9]+"
"""Words of ASCII texts in lower case without apostrophes, as `text.analyze` cuts them."""


@dataclass(frozen=True, slots=True)
class TextRows:
    """Row i is the query queries[query[i]] and the title titles[i]; ASCII only."""

    titles: list[str]  # (n,)
    queries: list[str]
    query: NDArray[np.int64]  # (n,)

    def batch(self) -> pa.RecordBatch:
        """The same as columns of a plan."""
        queries = pa.array(self.queries).take(pa.array(self.query))
        return pa.record_batch({"query.q": queries, "listing.title": pa.array(self.titles)})


def folded(text: str) -> str:
    """Lower case, no apostrophes: all that folding is where there are only ASCII letters."""
    return text.lower().replace("'", "").replace("`", "")


def smooth_idf(count: NDArray[np.int64], n_texts: int) -> NDArray[np.float64]:
    """The weight of words that `count` of the titles have, as scikit-learn has it."""
    idf: NDArray[np.float64] = np.log((1 + n_texts) / (1 + count)) + 1.0
    return idf
