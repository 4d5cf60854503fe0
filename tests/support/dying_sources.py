"""A source that Beam's own worker processes cannot even import: they die of it."""

import os
import sys

from somtom.sources.video import VideoSource

if any("sdk_worker_main" in word for word in sys.orig_argv):
    os._exit(7)


class DiesWhenImported(VideoSource):
    """Videos, for everybody else."""
