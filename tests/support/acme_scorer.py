"""A ranker as another team would write it."""

import numpy as np


class Weights:
    """A weighted sum; the weights come with the model file."""

    features = ("price", "age")

    def __init__(self, data: bytes) -> None:
        self.weights = [float(word) for word in data.decode().split()]

    def score(self, matrix):
        """A list, as somebody would do it who never read the contract to its end."""
        return [float(row @ np.array(self.weights)) for row in matrix]


def broken(data: bytes) -> None:
    """A factory that cannot do its work."""
    raise RuntimeError("no weights today")
