"""What is logged, in the driver and in its workers."""

import logging

from somtom.schemas.shown import shown


def configure_logging() -> None:
    """Show errors of others (Beam remarks on every package that it could use) and warnings of our own.

    Beam also prints what a task raised, in many lines: that comes back to the driver, which says it once.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    logging.getLogger("somtom").setLevel(logging.WARNING)


class _Plain(logging.Formatter):
    """Names of strangers' files do nothing on a terminal; what a library raised keeps its lines."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(shown, super().format(record).split("\n")))
