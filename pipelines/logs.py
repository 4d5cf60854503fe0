"""What is logged, in the driver and in its workers."""

import logging


def configure_logging() -> None:
    """Show errors of others (Beam remarks on every package that it could use) and warnings of our own.

    Beam also prints what a task raised, in many lines: that comes back to the driver, which says it once.
    """
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    logging.getLogger("somtom").setLevel(logging.WARNING)
