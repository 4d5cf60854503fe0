"""The traces as Magma's own released data holds them: of every tracked point, in the frames that follow.

Magma's code picks, compensates and draws marks itself while it trains (data/openx_magma/data_utils.py). For
a picture it takes `pred_tracks` (T, N, 2), in pixels of a picture of 256 x 256, and `pred_visibility` (T, N),
over 16 frames. So these are the raw tracks of tracks/, neither stabilised nor thinned out to the marks.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.export_selection import Selection, Written
from somtom.pipelines.export_table import IMAGE, TableFiles, front_matter, picture, value
from somtom.pipelines.export_tracks import samples_and_clips
from somtom.schemas.files import write_whole
from somtom.schemas.folder import CARD
from somtom.schemas.sample import Sample
from somtom.schemas.tracks import Tracks
from somtom.schemas.tracks_table import StoredClip

SIDE = 256  # of the frame that Magma's traces are in
FILE_BYTES = 500_000_000
_FEATURES: dict[str, Any] = {
    "dataset_name": value("string"),
    "video_name": value("string"),
    "task_string": value("string"),
    "frame_index": value("int64"),
    "image": IMAGE,
    "action": [value("float64")],
    "action_bins": [value("int64")],
    "trace": [[[value("float32")]]],
    "trace_visibility": [[value("bool")]],
    "key": value("string"),
}
_CARD = """
# Traces of all tracked points

`trace` (T, N, 2) is x, y in pixels of the picture at 256 x 256, `trace_visibility` (T, N); row 0 is the
picture itself, the others are the frames that follow. Tracks are raw: camera motion is still in them.
"""


@dataclass(frozen=True)
class Magma:
    """The picture without marks, and its traces over at most `frames` later frames."""

    frames: int = 16

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        if self.frames < 1:
            raise ConfigError(f"--set frames={self.frames}: must be 1 or more")
        left: Counter[str] = Counter()
        written: Counter[str] = Counter()
        for split in chosen.counts:
            with TableFiles(out, split, _FEATURES, FILE_BYTES) as table:
                for sample, clip in samples_and_clips(chosen, split):
                    if clip.tracks is None:
                        left["no clip, so no traces"] += 1
                        continue
                    row = self._row(sample, clip, clip.tracks)
                    table.write(row, len(sample.clean_jpeg) + clip.tracks.xy.nbytes)
                    written[split] += 1
        if not written:
            raise ConfigError("--to magma: none of the samples is a clip, so there are no traces")
        write_whole(out / CARD, (front_matter(written) + _CARD).encode())
        return Written(written.total(), left)

    def _row(self, sample: Sample, clip: StoredClip, tracks: Tracks) -> dict[str, Any]:
        record, ref = sample.record, clip.ref
        size = np.array([clip.width, clip.height], np.float64)
        xy = (tracks.xy[: self.frames + 1] + 0.5) / size * SIDE - 0.5  # whole numbers are pixels' centres
        is_episode = len(record["action"]["values"]) > 0
        return {
            "dataset_name": ref.dataset,
            "video_name": ref.uri,
            "task_string": record["instruction"],
            "frame_index": ref.frames[ref.history] if is_episode else round(ref.start_s * ref.fps),
            "image": picture(f"{sample.key}.jpg", sample.clean_jpeg),
            "action": record["action"]["values"],
            "action_bins": record["action"]["bins"],
            "trace": xy.astype(np.float32).tolist(),
            "trace_visibility": tracks.seen[: self.frames + 1].tolist(),
            "key": sample.key,
        }
