"""What time it was: the client's clock, set right by ours.

The rule, also in docs/reference/events.md:

1. A request may say when it was sent by the client's clock (`sent_ms`). If that lies more than
   TOLERANCE_MS from the moment we took it, the clock is wrong, and every time of the request is moved
   by the difference. Within the tolerance the difference is the way that the request took.
2. No event happened after we heard of it: a later time becomes the time of receipt.
3. An event without a time happened when we took it.

Moving all times alike keeps their order and their distances. Source of the idea: the derived
timestamp of Snowplow, "device created + (collector - device sent)".
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

TOLERANCE_MS = 5_000
NO_TIME = -1  # in place of a time that was not given


def corrected_ms(client_ms: Ints, *, sent_ms: int | None, received_ms: int) -> Ints:
    """When the events of one request happened, on our clock.

    Args:
        client_ms: (n,) as the client's clock gave them; NO_TIME where it gave none.
        sent_ms: when the request was sent by the client's clock; None if it does not say.
        received_ms: when we took it by ours.
    Returns:
        (n,) in 0..received_ms.
    """
    offset_ms = 0 if sent_ms is None else received_ms - sent_ms
    if abs(offset_ms) <= TOLERANCE_MS:
        offset_ms = 0
    moved = np.where(client_ms == NO_TIME, received_ms, client_ms + offset_ms)
    clipped: Ints = np.clip(moved, 0, received_ms)
    return clipped
