"""Where counts go in a Beam pipeline: to Beam's own counters and distributions."""

from apache_beam.metrics import Metrics

from somtom.transforms.metrics import COUNTERS, DISTRIBUTIONS, NAMESPACE

_COUNTERS = {name: Metrics.counter(NAMESPACE, name) for name in COUNTERS}
_DISTRIBUTIONS = {name: Metrics.distribution(NAMESPACE, name) for name in DISTRIBUTIONS}


class BeamSink:
    """Sends counts to the bundle that this thread works on."""

    def count(self, name: str, number: int) -> None:
        """Add to one of `COUNTERS`."""
        _COUNTERS[name].inc(number)

    def observe(self, name: str, value: int) -> None:
        """Add a value to one of `DISTRIBUTIONS`."""
        _DISTRIBUTIONS[name].update(value)
