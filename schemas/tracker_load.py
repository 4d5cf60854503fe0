"""How busy a tracker was that clips were brought to: what the run's summary says of a GPU."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrackerLoad:
    """Where the time went of the processes that tracked; all zero for a tracker that works clip by clip.

    Args:
        busy_s: seconds in which the tracker worked.
        waited_s: in which it did not, while clips for it were decoded.
        other_s: in which it did not, and nothing but what comes after it was done (labelling, writing).
        halved: how often a batch did not fit into memory and was halved.
    """

    busy_s: float = 0.0
    waited_s: float = 0.0
    other_s: float = 0.0
    halved: int = 0

    def __add__(self, other: "TrackerLoad") -> "TrackerLoad":
        return TrackerLoad(
            self.busy_s + other.busy_s,
            self.waited_s + other.waited_s,
            self.other_s + other.other_s,
            self.halved + other.halved,
        )

    @property
    def total_s(self) -> float:
        """Seconds in all."""
        return self.busy_s + self.waited_s + self.other_s
