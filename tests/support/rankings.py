"""Lists to learn from whose right order is known."""

import numpy as np

from mercer.rank.training_set import FeatureColumns, TrainingSet, grouped


def made_lists(
    *, seed: int = 0, n_queries: int = 60, n_rows: int = 8, n_features: int = 5, days: int = 0
) -> TrainingSet:
    """Grades 0 to 3 that follow the first two features; some values are missing.

    Args:
        days: over how many days the lists were served; 0: no times are known.
    """
    rng = np.random.default_rng(seed)
    n = n_queries * n_rows
    features = rng.standard_normal((n, n_features)).astype(np.float32)
    worth = 1.5 * features[:, 0] - features[:, 1] + 0.3 * rng.standard_normal(n)
    grade = np.digitize(worth, [0.5, 1.5, 2.5])
    features[rng.random(features.shape) < 0.05] = np.nan
    served = np.sort(rng.integers(1, days * 86_400_000, n_queries)) if days else None
    return grouped(
        columns=FeatureColumns.of_file([f"f{i}" for i in range(n_features)], missing="nan"),
        features=features,
        gain=2.0**grade - 1.0,
        query_code=np.repeat(np.arange(n_queries), n_rows),
        query=[f"query {i}" for i in range(n_queries)],
        served_ms=served,
    )
