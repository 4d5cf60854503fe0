"""The work of a build without the pipeline: the same kernels in a plain loop that decodes each file once."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tar import ShardWriter
from somtom.sources.backends import open_video
from somtom.sources.pictures import scaled_size
from somtom.sources.shots import SHORT_SIDE, CutFinder, detector_maker
from somtom.tracking.trackers import make_tracker
from somtom.transforms.label_clip import label_clip
from somtom.transforms.shared_tracker import SharedTracker
from somtom.transforms.track_clips import track_refs


@dataclass
class _Growing:
    """A clip whose frames arrive."""

    ref: Ref
    frames: list[NDArray[np.uint8]] = field(default_factory=list)


def run_kernels(
    inputs: Sequence[tuple[str, Sequence[Ref]]], settings: BuildSettings, folder: Path
) -> tuple[float, int]:
    """Make a shard of each input's clips, whose frames are known beforehand.

    Args:
        inputs: locator of each file, and its planned clips, maybe none.
        settings: of the build.
        folder: where the tar goes.

    Returns:
        CPU seconds of the loop alone, without imports, and the number of samples.
    """
    cv2.setNumThreads(1)
    shared = SharedTracker(make_tracker(settings.tracking), settings.tracking)
    begun = time.process_time()
    with ShardWriter(folder / "kernels.tar") as shard:
        for locator, refs in inputs:
            for ref, clip in _decode(locator, refs, settings):
                (stored,) = track_refs([(ref, clip)], shared, settings)
                if stored.tracks is None:
                    continue
                try:
                    shard.write(label_clip(stored, settings))
                except DataError:
                    continue  # filtered, as in a build
        samples = shard.samples
    return time.process_time() - begun, samples


def _decode(locator: str, refs: Sequence[Ref], settings: BuildSettings) -> Iterator[tuple[Ref, Clip]]:
    """Decode a file once: look for shots and collect the clips' frames on the way."""
    make_detector = detector_maker(settings.shots)
    growing = [_Growing(ref) for ref in refs]
    places: dict[int, list[_Growing]] = {}
    for one in growing:
        for pts in one.ref.frames:
            places.setdefault(pts, []).append(one)
    due = Counter({one.ref.key: len(one.ref.frames) for one in growing})
    try:
        with open_video("pyav", locator, settings.clips) as video:
            finder = CutFinder(make_detector()) if make_detector else None
            for picture in video.pictures():
                size = (picture.width, picture.height)
                if finder is not None and not picture.damaged:
                    finder.add(picture.rgb(*scaled_size(*size, SHORT_SIDE)))
                takers = places.pop(picture.pts, []) if picture.pts is not None else []
                if not takers:
                    continue
                rgb = picture.rgb(*scaled_size(*size, settings.clips.short_side))
                for one in takers:
                    one.frames.append(rgb)
                    due[one.ref.key] -= 1
                    if not due[one.ref.key]:
                        seconds = np.zeros(len(one.frames))
                        yield one.ref, Clip(np.stack(one.frames), seconds, *size)
                        one.frames.clear()
    except DataError:
        return  # rejected, as in a build
