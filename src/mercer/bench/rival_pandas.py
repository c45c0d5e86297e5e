"""pandas' side of the text comparison: string methods, plain sets, and merges for the cosine."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mercer.bench.rival import COLUMNS, PATTERN, TextRows, smooth_idf


def prepare(texts: TextRows) -> Callable[[], NDArray[np.float32]]:
    """Series of titles and of distinct queries, with the weights of the titles' words."""
    titles, queries = pd.Series(texts.titles), pd.Series(texts.queries)
    idf = _idf(titles)

    def run() -> NDArray[np.float32]:
        words, asked = _words(titles), _words(queries)
        there = [set(row) for row in words]
        wanted = [set(row) for row in asked]
        pairs = [(wanted[q], row) for q, row in zip(texts.query.tolist(), there, strict=True)]
        shared = np.array([len(a & b) for a, b in pairs], float)
        left = np.array([len(a) for a, _ in pairs], float)
        right = np.array([len(b) for _, b in pairs], float)
        frame = pd.DataFrame(
            {
                "overlap": shared,
                "coverage": shared / left,
                "jaccard": shared / (left + right - shared),
                "query_length": asked.str.len().to_numpy()[texts.query],
                "title_length": words.str.len(),
            }
        )
        mine, theirs = _weighed(asked, idf), _weighed(words, idf)
        theirs["query"] = texts.query[theirs["row"]]
        both = theirs.merge(
            mine, left_on=["query", "word"], right_on=["row", "word"], suffixes=("", "_query")
        )
        product = (both["weight"] * both["weight_query"]).groupby(both["row"]).sum()
        frame["tfidf_cosine"] = product.reindex(frame.index, fill_value=0.0)
        return np.asarray(frame[list(COLUMNS)], np.float32)

    return run


def _words(texts: pd.Series) -> pd.Series:
    return texts.str.lower().str.replace("['`]", "", regex=True).str.findall(PATTERN)


def _weighed(words: pd.Series, idf: pd.Series) -> pd.DataFrame:
    """Each row's words with their share of a vector of length 1."""
    long = words.explode().dropna()
    counted = long.groupby([long.index, long]).size()
    counted.index.names = ["row", "word"]
    frame = counted.rename("n").reset_index()
    frame["weight"] = frame["n"] * frame["word"].map(idf)
    frame = frame.dropna()
    length = (frame["weight"] ** 2).groupby(frame["row"]).transform("sum") ** 0.5
    frame["weight"] /= length
    return frame[["row", "word", "weight"]]


def _idf(titles: pd.Series) -> pd.Series:
    count = _words(titles).map(set).explode().value_counts()
    return pd.Series(smooth_idf(count.to_numpy(), len(titles)), index=count.index)
