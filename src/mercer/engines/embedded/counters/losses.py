"""What the log has lost of what counters were made of."""

from dataclasses import dataclass

from mercer.engines.embedded.counters.place import Place
from mercer.engines.embedded.log.market_log import EmbeddedLog


@dataclass(frozen=True, slots=True)
class Lost:
    """Of a log, at the moment it was looked at."""

    losses: int  # as `losses` gives them
    aged: Place  # up to there it was removed because of its age

    @property
    def has_aged(self) -> bool:
        """Whether a replay from the start of the log gives less than the counters had."""
        return self.aged != Place()

    def of(self, place: Place, *, begun: Place | None) -> str:
        """Why a replay of the log cannot give the counters that stood there; "" where it can.

        Args:
            begun: where a snapshot stands that the replay may begin at; None: at the start of the log.
        """
        if place.losses < self.losses:
            return (
                "visitors were erased or the catalogue was compacted since: the log does not have what "
                "its counters had"
            )
        is_there = begun is not None and place.covers(begun) and begun.covers(self.aged)
        if self.has_aged and not is_there:
            return "its counters had events or searches that are older than the log keeps"
        return ""


def lost_of(log: EmbeddedLog) -> Lost:
    """What a log has lost up to now."""
    return Lost(
        losses(log, erased=last_erasure(log)),
        Place(
            events=log.events.expired_up_to(),
            pages={
                name: upto
                for name, part in log.pages.partitions().items()
                if (upto := part.expired_up_to())
            },
        ),
    )


def losses(log: EmbeddedLog, *, erased: int) -> int:
    """How much was taken out of the log, as a number that grows with each erasure and each compaction.

    Counters of fewer losses count events of people who are gone, or clicks by versions of listings that
    are gone; a replay of the log gives others.

    Args:
        erased: the last record of erasures that the log is without (`last_erasure`), 0 of none.
    """
    return erased + log.catalogue.n_compactions()


def last_erasure(log: EmbeddedLog, *, after: int = 0) -> int:
    """The last record of the catalogue that holds erasures; `after` where there is none behind it."""
    found = [offset for offset, _ in log.catalogue.read(after, kinds={"erasures"})]
    return found[-1] if found else after
