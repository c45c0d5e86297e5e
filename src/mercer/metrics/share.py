"""How large a share is at least, of which only a few cases were seen."""

import numpy as np

from mercer.metrics.ragged import Floats, Ints


def wilson_low(hits: Ints, n: Ints, *, z: float) -> Floats:
    """The lower end of the Wilson interval of hits / n.

    Args:
        hits: (m,) cases that were so, 0 <= hits <= n.
        n: (m,) cases that were seen, >= 1.
        z: standard normal quantile; the true share lies above the bound with probability Phi(z).
    Returns:
        (m,) in [0, 1]: below hits / n, and the less so the more was seen.
    Source:
        Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    cases = n.astype(np.float64)
    share, z2 = hits / cases, z**2
    spread = z * np.sqrt(share * (1 - share) / cases + z2 / (4 * cases * cases))
    low: Floats = (share + z2 / (2 * cases) - spread) / (1 + z2 / cases)
    return low
