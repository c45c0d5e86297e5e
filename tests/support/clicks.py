"""Clicks on pages whose looks and relevance are known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mercer.rank.swap import SwapParams, swapped
from mercer.rank.training_set import FeatureColumns, TrainingSet, grouped

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clicks:
    """The log of a ranker that is half right, and the truth behind it; (n_pages * n_places,) columns."""

    look: Floats  # (n_places,) true chance of a look
    features: npt.NDArray[
        np.float32
    ]  # (n, 4): two tell relevance, one is what the ranker loves, noise
    relevance: Floats
    page: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    propensity: Floats
    is_clicked: npt.NDArray[np.bool_]

    def lists(self, gain: Floats | None = None) -> TrainingSet:
        """The pages as lists to learn from; by default the gain is the click."""
        n_pages = int(self.page[-1]) + 1
        return grouped(
            columns=FeatureColumns.of_file(["good", "bad", "loved", "noise"], missing="nan"),
            features=self.features,
            gain=self.is_clicked.astype(np.float64) if gain is None else gain,
            query_code=self.page,
            query=[f"query {i}" for i in range(n_pages)],
            position=self.position,
        )


def clicked_pages(
    *, seed: int, n_pages: int, n_places: int = 12, share: float = 0.02, eta: float = 1.0
) -> Clicks:
    """Pages of a ranker whose favourite feature says nothing of relevance; looks fall as 1 / k^eta."""
    rng = np.random.default_rng(seed)
    look = 1.0 / np.arange(1, n_places + 1) ** eta
    features = rng.standard_normal((n_pages, n_places, 4)).astype(np.float32)
    relevance = 1.0 / (1.0 + np.exp(1.5 - 1.2 * features[..., 0] + 0.8 * features[..., 1]))
    order = np.argsort(-features[..., 2] - 0.3 * features[..., 0], axis=1)
    params, draws = SwapParams(share=share), rng.random(n_pages)
    propensity = np.tile(swapped(n_places, 1.0, params).propensity, (n_pages, 1))
    for i in np.flatnonzero(draws < share):  # all others are as ranked
        made = swapped(n_places, float(draws[i]), params)
        order[i], propensity[i] = order[i][made.order], made.propensity
    relevance = np.take_along_axis(relevance, order, axis=1)
    features = np.take_along_axis(features, order[..., None], axis=1)
    is_clicked = rng.random((n_pages, n_places)) < look * relevance
    return Clicks(
        look=look,
        features=features.reshape(-1, 4),
        relevance=relevance.ravel(),
        page=np.repeat(np.arange(n_pages), n_places),
        position=np.tile(np.arange(1, n_places + 1), n_pages),
        propensity=propensity.ravel(),
        is_clicked=is_clicked.ravel(),
    )
