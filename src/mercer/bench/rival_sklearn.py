"""scikit-learn's side of the text comparison."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from mercer.bench.rival import HASH_WIDTH, PATTERN, TextRows, folded


class Sklearn:
    """The hashing trick over titles, and the cosine of query and title by TF-IDF."""

    def __init__(self, texts: TextRows) -> None:
        how = {"preprocessor": folded, "token_pattern": PATTERN, "dtype": np.float32}
        self._texts = texts
        self._hashing = HashingVectorizer(n_features=HASH_WIDTH, ngram_range=(1, 2), **how)
        self._tfidf = TfidfVectorizer(**how).fit(texts.titles)

    def hashing(self) -> Any:
        """(n, HASH_WIDTH) sparse rows of length 1: words and pairs of words, signed."""
        return self._hashing.transform(self._texts.titles)

    def cosine(self) -> NDArray[np.float32]:
        """(n,) both vectors have length 1, so their product is the cosine."""
        queries = self._tfidf.transform(self._texts.queries)
        titles = self._tfidf.transform(self._texts.titles)
        return np.asarray(queries[self._texts.query].multiply(titles).sum(axis=1)).ravel()


def prepare(texts: TextRows) -> Sklearn:
    """Fitted on the titles."""
    return Sklearn(texts)
