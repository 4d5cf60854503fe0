"""Where the seconds of a shard went."""

import time
from collections import Counter

from somtom.schemas.tracker_load import TrackerLoad


class Clock:
    """Adds up the seconds spent in each step; `load` says more of a tracker that clips are brought to."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.load = TrackerLoad()
        self._last = time.perf_counter()

    def lap(self, step: str) -> float:
        """Book the time since the last lap on `step`; returns it."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self.seconds[step] += seconds  # type: ignore[assignment]  # a Counter adds floats as well
        return seconds
