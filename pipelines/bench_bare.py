"""The decoding that a source's clips need, in plain loops that know beforehand what to read."""

import contextlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import IO, Any

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image, ImageSequence

from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings
from somtom.sources.annotated_video import AnnotatedVideos
from somtom.sources.clips import frame_interval
from somtom.sources.episodes import Episode
from somtom.sources.files import local_path, open_binary
from somtom.sources.hdf5_episodes import Hdf5Episode, Hdf5Source
from somtom.sources.hdf5_files import load_h5py
from somtom.sources.images import read_image
from somtom.sources.lerobot import LerobotSource
from somtom.sources.lerobot_episode import find_cameras, find_data
from somtom.sources.lerobot_index import row_of
from somtom.sources.llava import LlavaSource
from somtom.sources.parquet_rows import EpisodeRows, open_parquet
from somtom.sources.pictures import scaled_size
from somtom.sources.places import Place, read_placed
from somtom.sources.reading import SEEK_GAP_S
from somtom.sources.rlds import RldsEpisode, RldsSource
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.sniff import HEAD_BYTES, is_animated_webp
from somtom.sources.tf_example import Example
from somtom.sources.video import VideoSource


@dataclass(frozen=True)
class Frames:
    """Frames of a video: at each time, which rise, the first one at most `margin_s` before it."""

    locator: str
    times_s: tuple[float, ...]
    margin_s: float
    short_side: int

    def __len__(self) -> int:
        return len(self.times_s)

    def decode(self) -> int:
        """Decode from the key frame before the first on; gives how many frames were converted."""
        with av.open(str(local_path(self.locator))) as container:
            stream: Any = container.streams.best("video")
            stream.codec_context.thread_count = 1
            first_pts = int((self.times_s[0] - self.margin_s) / stream.time_base)
            if first_pts > (stream.start_time or 0):
                with contextlib.suppress(av.FFmpegError):  # then it is decoded from its start
                    container.seek(first_pts, stream=stream)
            reformatter, done = VideoReformatter(), 0
            for frame in container.decode(stream):
                if frame.time is not None and frame.time >= self.times_s[done] - self.margin_s:
                    size = scaled_size(frame.width, frame.height, self.short_side)
                    rgb = reformatter.reformat(
                        frame, *size, format="rgb24", interpolation=Interpolation.AREA, threads=1
                    )
                    rgb.to_ndarray()
                    done += 1
                    if done == len(self.times_s):
                        break
        return done


@dataclass(frozen=True)
class Animation:
    """All pictures of an animated WebP, of which `count` are used."""

    locator: str
    count: int

    def __len__(self) -> int:
        return self.count

    def decode(self) -> int:
        """Decode the animation; gives how many pictures are used of it."""
        with Image.open(local_path(self.locator)) as image:
            for picture in ImageSequence.Iterator(image):
                np.asarray(picture.convert("RGB"))
        return self.count


@dataclass(frozen=True)
class Pictures:
    """Encoded pictures that lie in a file, by their offset and size."""

    path: Path
    places: tuple[tuple[int, int], ...]
    short_side: int

    def __len__(self) -> int:
        return len(self.places)

    def decode(self) -> int:
        """Decode one after the other; gives how many."""
        with self.path.open("rb") as file:
            for offset, size in self.places:
                file.seek(offset)
                with Image.open(io.BytesIO(file.read(size))) as image:
                    _scale(np.asarray(image.convert("RGB")), self.short_side)
        return len(self.places)


@dataclass(frozen=True)
class Rows:
    """Pictures that are rows of an HDF5 dataset."""

    locator: str
    dataset: str
    steps: tuple[int, ...]
    short_side: int

    def __len__(self) -> int:
        return len(self.steps)

    def decode(self) -> int:
        """Read row by row; gives how many."""
        with load_h5py().File(local_path(self.locator)) as file:
            dataset = file[self.dataset]
            for step in self.steps:
                _scale(dataset[step], self.short_side)
        return len(self.steps)


Work = Frames | Animation | Pictures | Rows


def _scale(picture: Any, short_side: int) -> None:
    size = scaled_size(picture.shape[1], picture.shape[0], short_side)
    if size != (picture.shape[1], picture.shape[0]):
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


class Spool:
    """A file that encoded pictures are laid down in, as a plain loop could find them."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    def pictures(self, encoded: Iterable[bytes], short_side: int) -> Pictures:
        """Lay down some pictures."""
        places = []
        for data in encoded:
            places.append((self._file.tell(), len(data)))
            self._file.write(data)
        return Pictures(self._path, tuple(places), short_side)


def plan_bare(source: object, refs: Sequence[Ref], clips: ClipSettings, spool: Spool) -> list[Work]:
    """Find what must be decoded for readable refs, those of an item together, each picture once.

    The spool takes the pictures that lie in records.

    Raises:
        LookupError: there is no loop for this kind of source.
    """
    plan = next((plan for base, plan in PLANS.items() if isinstance(source, base)), None)
    if plan is None:
        raise LookupError(f"there is no plain loop for {type(source).__name__}")
    return list(plan(source, refs, clips, spool))


def _videos(source: object, refs: Sequence[Ref], clips: ClipSettings, spool: Spool) -> Iterator[Work]:
    """Each file once, however many rows of a table name it; stretches far apart are sought."""
    times: dict[str, set[float]] = {}
    for ref in refs:
        time_base = Fraction(*json.loads(ref.payload)["time_base"])
        times.setdefault(ref.locator, set()).update(float(pts * time_base) for pts in ref.frames)
    for locator, wanted in times.items():
        with open_binary(locator) as file:
            if is_animated_webp(file.read(HEAD_BYTES)):
                yield Animation(locator, len(wanted))
                continue
        yield from _stretches(locator, sorted(wanted), 1e-4, clips.short_side)


def _stretches(locator: str, times_s: Sequence[float], margin_s: float, short_side: int) -> Iterator[Frames]:
    cuts = [place for place, (a, b) in enumerate(pairwise(times_s), start=1) if b - a > SEEK_GAP_S]
    for first, end in pairwise([0, *cuts, len(times_s)]):
        yield Frames(locator, tuple(times_s[first:end]), margin_s, short_side)


def _items(refs: Sequence[Ref]) -> Iterator[tuple[Ref, list[Ref]]]:
    """The refs of each item, and the first of them."""
    for _, group in groupby(refs, key=lambda ref: ref.uri):
        own = list(group)
        yield own[0], own


def _steps(episode: Episode, refs: Sequence[Ref], clips: ClipSettings) -> dict[str, tuple[int, ...]]:
    """Steps of which each camera's pictures are needed."""
    first, *others = episode.cameras
    starts = tuple(sorted({ref.frames[ref.history] for ref in refs}))
    all_steps = tuple(sorted({step for ref in refs for step in ref.frames}))
    return {first: all_steps} | dict.fromkeys(others[: clips.cameras], starts)


def _lerobot(source: LerobotSource, refs: Sequence[Ref], clips: ClipSettings, spool: Spool) -> Iterator[Work]:
    layout = source.layout
    for ref, own in _items(refs):
        episode, row = source.open(ref.uri, ref.locator, ref.payload), row_of(ref.payload)
        data = find_data(layout, row)
        with open_parquet(data) as file:
            cameras = find_cameras(layout, row, source.cameras, file.schema_arrow.names).found
            places = {camera.key: camera for camera in cameras}
            for camera, steps in _steps(episode, own, clips).items():
                place = places[camera]
                if place.video:
                    times = (place.start_s + episode.times_s[list(steps)]).tolist()
                    margin_s = frame_interval(episode.times_s) / 2
                    yield from _stretches(place.video, times, margin_s, clips.short_side)
                    continue
                rows = EpisodeRows(file, row.index if layout.shares_files else None)
                values = rows.values(file, camera, steps)
                yield spool.pictures((_stored(one, layout.root) for one in values), clips.short_side)


def _stored(value: Any, root: str) -> bytes:
    """Bytes of a picture that is stored in its row, or named there."""
    data = value.get("bytes") if isinstance(value, dict) else value
    if isinstance(data, bytes):
        return data
    return read_image(f"{root}/{value['path'] if isinstance(value, dict) else value}")


def _rlds(source: RldsSource, refs: Sequence[Ref], clips: ClipSettings, spool: Spool) -> Iterator[Work]:
    for ref, own in _items(refs):
        episode: RldsEpisode = source.open(ref.uri, ref.locator, ref.payload)
        with episode.place.opened() as (file, span):
            example = Example(file, span)
            for camera, steps in _steps(episode, own, clips).items():
                key = episode.keys[camera]
                places = example.spans(key)
                encoded = (example.value(key, places[step]) for step in steps)
                yield spool.pictures(encoded, clips.short_side)


def _hdf5(source: Hdf5Source, refs: Sequence[Ref], clips: ClipSettings, spool: Spool) -> Iterator[Work]:
    for ref, own in _items(refs):
        episode = source.open(ref.uri, ref.locator, ref.payload)
        if not isinstance(episode, Hdf5Episode):
            raise TypeError(f"{type(source).__name__} opens no Hdf5Episode")
        with load_h5py().File(local_path(ref.locator)) as file:
            for camera, steps in _steps(episode, own, clips).items():
                dataset = file[episode.images[camera]]
                if dataset.ndim == 4:
                    yield Rows(ref.locator, dataset.name, steps, clips.short_side)
                else:
                    encoded = (bytes(dataset[step]).rstrip(b"\0") for step in steps)
                    yield spool.pictures(encoded, clips.short_side)


def _screens(source: ScreenSource, refs: Sequence[Ref], clips: ClipSettings, spool: Spool) -> Iterator[Work]:
    for ref, own in _items(refs):
        episode = source.open(ref.uri, ref.locator, ref.payload)
        yield spool.pictures(_shown(episode, own), clips.screen_short_side)


def _shown(episode: ScreenEpisode, refs: Sequence[Ref]) -> Iterator[bytes]:
    """The picture of each step, once where the next steps show the same."""
    last: bytes | None = None
    for step in sorted({step for ref in refs for step in ref.frames}):
        data = episode.picture(step)
        if data is not last:
            yield data
        last = data


def _pairs(source: LlavaSource, refs: Sequence[Ref], clips: ClipSettings, spool: Spool) -> Iterator[Work]:
    for ref in refs:
        place = Place(*json.loads(ref.payload)["place"])
        (record,) = read_placed(ref.locator, [place])
        folder = source.images or ref.locator.rpartition("/")[0]
        yield spool.pictures([read_image(f"{folder}/{record['image']}")], clips.short_side)


PLANS: dict[type, Callable[[Any, Sequence[Ref], ClipSettings, Spool], Iterator[Work]]] = {
    VideoSource: _videos,
    AnnotatedVideos: _videos,
    LerobotSource: _lerobot,
    RldsSource: _rlds,
    Hdf5Source: _hdf5,
    ScreenSource: _screens,
    LlavaSource: _pairs,
}
