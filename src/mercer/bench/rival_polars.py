"""Polars' side of the text comparison: expressions over lists, and joins for the cosine."""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercer.bench.rival import COLUMNS, PATTERN, TextRows


def prepare(texts: TextRows) -> Callable[[], NDArray[np.float32]]:
    """Frames of titles and of distinct queries, with the weights of the titles' words."""
    titles = pl.DataFrame({"title": texts.titles, "query": texts.query}).with_row_index("row")
    queries = pl.DataFrame({"q": texts.queries}).with_row_index("query")
    queries = queries.with_columns(pl.col("query").cast(pl.Int64))
    idf = _idf(titles)

    def run() -> NDArray[np.float32]:
        with_words = titles.lazy().with_columns(title=_words("title"))
        asked = queries.lazy().with_columns(q=_words("q"))
        both = with_words.join(asked, on="query", how="left", maintain_order="left")
        a, b = pl.col("q").list.unique(), pl.col("title").list.unique()
        shared = a.list.set_intersection(b).list.len()
        sets = both.select(
            "row",
            overlap=shared,
            coverage=shared / a.list.len(),
            jaccard=shared / a.list.set_union(b).list.len(),
            query_length=pl.col("q").list.len(),
            title_length=pl.col("title").list.len(),
        )
        left = _weighed(asked.select("query", "q"), "query", "q", idf)
        right = _weighed(with_words.select("row", "query", "title"), "row", "title", idf)
        product = (
            right.join(with_words.select("row", "query"), on="row")
            .join(left, on=["query", "word"])
            .group_by("row")
            .agg(tfidf_cosine=(pl.col("weight") * pl.col("weight_right")).sum())
        )
        done = sets.join(product, on="row", how="left", maintain_order="left").with_columns(
            pl.col("tfidf_cosine").fill_null(0.0)
        )
        return done.select(pl.col(COLUMNS).cast(pl.Float32)).collect().to_numpy()

    return run


def _words(column: str) -> pl.Expr:
    text = pl.col(column).str.to_lowercase().str.replace_all("['`]", "")
    return text.str.extract_all(PATTERN)


def _weighed(frame: pl.LazyFrame, key: str, words: str, idf: pl.DataFrame) -> pl.LazyFrame:
    """Each row's words with their share of a vector of length 1."""
    weighed = (
        frame.select(key, word=words)
        .explode("word")
        .group_by(key, "word")
        .len()
        .join(idf.lazy(), on="word")
        .with_columns(weight=pl.col("len") * pl.col("idf"))
    )
    length = (pl.col("weight") ** 2).sum().over(key).sqrt()
    return weighed.select(key, "word", weight=pl.col("weight") / length)


def _idf(titles: pl.DataFrame) -> pl.DataFrame:
    n = len(titles)
    words = titles.select(word=_words("title").list.unique()).explode("word")
    counted = words.drop_nulls().group_by("word").len()
    weight = ((1 + n) / (1 + pl.col("len"))).log() + 1.0
    return counted.select("word", idf=weight)
