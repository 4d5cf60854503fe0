"""One opened episode of a LeRobot data set: its rows in memory, its pictures where they lie."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.backends import open_video
from somtom.sources.clips import frame_interval
from somtom.sources.dimensions import pick_dimensions
from somtom.sources.episode_video import frames_at
from somtom.sources.episodes import Episode, StepPicture
from somtom.sources.fingerprint import shared_fingerprint
from somtom.sources.images import decode_image, read_image
from somtom.sources.lerobot_index import EpisodeRow, clean, paths_of, video_paths_of
from somtom.sources.lerobot_layout import Layout, exists
from somtom.sources.lerobot_vectors import read_vector
from somtom.sources.parquet_rows import Column, EpisodeRows, as_matrix, open_parquet, reading_faults

DEFAULT_STATE = ("observation.state",)
TASK_INDEX = "task_index"


@dataclass(frozen=True)
class Wanted:
    """Settings of the source that say what of an episode is read."""

    action: tuple[str, ...] = ("action",)
    state: tuple[str, ...] = DEFAULT_STATE
    action_dims: tuple[str, ...] = ()
    instruction: str = ""
    cameras: tuple[str, ...] = ()
    tolerance_s: float = 0.0


@dataclass(frozen=True)
class Camera:
    """Where the pictures of a camera lie: in a video, or in a column of the episode's Parquet file.

    `start_s` is where the episode begins in the video, which is "" for a column.
    """

    key: str
    video: str = ""
    start_s: float = 0.0


@dataclass(frozen=True)
class Cameras:
    """The cameras of an episode that have pictures, and those that are declared and have none."""

    found: tuple[Camera, ...]
    absent: tuple[str, ...] = field(default=())


class LerobotEpisode(Episode):
    """See `episodes.Episode`; made by `open_episode`."""

    def __init__(self, layout: Layout, data: str, rows: EpisodeRows, cameras: Cameras) -> None:
        self._layout = layout
        self._data = data
        self._rows = rows
        self._cameras = {camera.key: camera for camera in cameras.found}
        self.cameras = tuple(self._cameras)
        self.tolerance_s = 0.0  # 0 = as `_tolerance` has it
        self.texts: list[str] = []

    def instruction_at(self, step: int) -> str:
        """The text of the step's own task."""
        return self.texts[step]

    def pictures(
        self, camera: str, steps: Sequence[int], clips: ClipSettings
    ) -> Iterator[StepPicture | DataError]:
        """Decode what the camera shows at the steps; see `Episode.pictures`."""
        place = self._cameras[camera]
        if not steps:
            return
        if place.video:
            times_s = (place.start_s + self.times_s[list(steps)]).tolist()
            tolerance_s = self.tolerance_s or self._tolerance()
            with open_video("pyav", place.video, clips) as video:
                yield from frames_at(video, times_s, tolerance_s, clips.short_side)
            return
        with open_parquet(self._data) as file, reading_faults(camera):
            for value in self._rows.values(file, camera, steps):
                try:
                    yield decode_image(self._encoded(value), clips, clips.short_side)
                except DataError as error:
                    yield error

    def _tolerance(self) -> float:
        """Half of the time between two steps: of a regular video exactly one frame is so near.

        The format's own 1e-4 s would refuse what float32 times cannot say (from 2048 s on they are 2.4e-4 s
        apart) and containers that round to milliseconds, and keeps no wrong frame out that this lets in.
        """
        return (frame_interval(self.times_s) or 1.0 / (self._layout.fps or 30.0)) / 2

    def _encoded(self, value: object) -> bytes:
        """Bytes of a picture that is stored in its row, or named there.

        Raises:
            DataError: it is neither.
        """
        data = value.get("bytes") if isinstance(value, dict) else value
        path = value.get("path") if isinstance(value, dict) else value
        if isinstance(data, bytes) and data:
            return data
        if not isinstance(path, str) or not path:
            raise DataError("not_image", f"a row holds no picture but {type(value).__name__}")
        if not is_safe_uri(path) or not path.isprintable() or len(path) > 1000:
            raise DataError("unsafe_path", f"the picture {path[:200]!r} leaves the data set's folder")
        locator = f"{self._layout.root}/{path}"
        if not exists(locator):
            raise DataError("missing", f"the picture {path} is not there: fetch the file")
        return read_image(locator)


def open_episode(
    uri: str, row: EpisodeRow, layout: Layout, tasks: Mapping[int, str], wanted: Wanted
) -> LerobotEpisode:
    """Read the episode's rows and find its cameras.

    Raises:
        DataError: it is missing or malformed.
        OSError: the store failed.
    """
    data = find_data(layout, row)
    text_column = wanted.instruction or TASK_INDEX
    columns = ["timestamp", *wanted.action, *wanted.state, text_column]
    with open_parquet(data) as file, reading_faults(uri):
        span = (row.span[0], row.span[1]) if row.span else None
        rows = EpisodeRows(file, row.index if layout.shares_files else None, span)
        cameras = find_cameras(layout, row, wanted.cameras, file.schema_arrow.names)
        table = rows.read(file, columns)
        texts = _texts(table, text_column, wanted.instruction != "", row, tasks, rows.count)
    episode = LerobotEpisode(layout, data, rows, cameras)
    if "timestamp" not in table:
        raise DataError("bad_timestamps", "there is no column timestamp")
    times = as_matrix(table["timestamp"], "timestamp", "bad_timestamps")
    if times.shape[1] != 1:
        raise DataError("bad_timestamps", f"timestamp is {times.shape[1]} numbers wide")
    episode.times_s = times[:, 0]
    actions, names = read_vector(layout, table, wanted.action, "bad_action")
    chosen = pick_dimensions(names, wanted.action_dims)
    episode.actions, episode.action_names = actions[:, chosen], tuple(names[place] for place in chosen)
    if wanted.state and (wanted.state != DEFAULT_STATE or wanted.state[0] in table):
        episode.states, episode.state_names = read_vector(layout, table, wanted.state, "bad_record")
    else:
        episode.states, episode.state_names = np.zeros((rows.count, 0)), ()
    episode.texts, episode.instruction = texts, texts[0]
    episode.tolerance_s = wanted.tolerance_s
    episode.fingerprint = _fingerprint(data, row, cameras)
    episode.group = uri
    episode.warning = "; ".join(_oddities(row, rows.count, cameras))
    return episode


def find_data(layout: Layout, row: EpisodeRow) -> str:
    """Locator of the Parquet file that holds the episode.

    Raises:
        DataError: `missing`, `unsafe_path` or `bad_record`.
    """
    places = paths_of(layout, row)
    found = next((place for place in places if exists(place)), None)
    if found is None:
        raise DataError(
            "missing", f"{places[0].removeprefix(layout.root + '/')} is not there: fetch the file"
        )
    return found


def find_cameras(layout: Layout, row: EpisodeRow, asked: Sequence[str], columns: Sequence[str]) -> Cameras:
    """Find where each camera's pictures lie; where none is asked for, of all but depth those that have any.

    Raises:
        DataError: `missing_camera`: one that is asked for, or every one; `unsafe_path`, `bad_record`.
    """
    found: list[Camera] = []
    absent: list[str] = []
    usual = [key for key in layout.cameras if not layout.features[key].is_depth]
    for key in [full_key(layout, name) for name in asked] or usual:
        camera: Camera | None = None
        if layout.features[key].dtype == "video":
            camera = _video(layout, row, key)
        elif key in columns:
            camera = Camera(key)
        if camera is not None:
            found.append(camera)
        elif asked:
            raise DataError("missing_camera", f"{key} is declared, but the episode has no pictures of it")
        else:
            absent.append(key)
    if not found:
        raise DataError(
            "missing_camera", f"no pictures of {', '.join(absent) or 'any camera: none is declared'}"
        )
    return Cameras(tuple(found), tuple(absent))


def full_key(layout: Layout, name: str) -> str:
    """Key of a camera by its key, or by the end of it: `ego_view` for `observation.images.ego_view`.

    Raises:
        DataError: `missing_camera`: none, or several, are called so.
    """
    matching = [key for key in layout.cameras if key == name] or [
        key for key in layout.cameras if key.endswith(f".{name}")
    ]
    if len(matching) != 1:
        known = ", ".join(layout.cameras) or "none"
        raise DataError("missing_camera", f"{len(matching)} cameras are called {name!r}; there are {known}")
    return matching[0]


def _video(layout: Layout, row: EpisodeRow, key: str) -> Camera | None:
    if layout.shares_files and key not in row.videos:
        return None
    start_s = row.videos[key][2] if layout.shares_files else 0.0
    places = video_paths_of(layout, row, key)
    return next((Camera(key, place, start_s) for place in places if exists(place)), None)


def _texts(
    table: Mapping[str, Column],
    column: str,
    asked: bool,
    row: EpisodeRow,
    tasks: Mapping[int, str],
    steps: int,
) -> list[str]:
    """The instruction at each step: its task's text, or the column's own; the episode's where it has none.

    Raises:
        DataError: `bad_record`: the column asked for is not there, or holds neither text nor numbers.
    """
    if column not in table:
        if asked:
            raise DataError("bad_record", f"there is no column {column!r} of instructions")
        return [row.task] * steps
    texts = []
    for value in table[column].to_pylist():
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(one, str):
            texts.append(clean(one))
        elif one is None or type(one) is int:
            texts.append(tasks.get(-1 if one is None else one, row.task))
        else:
            raise DataError(
                "bad_record", f"{column} must hold texts or task numbers, holds {type(one).__name__}"
            )
    return texts


def _fingerprint(data: str, row: EpisodeRow, cameras: Cameras) -> str:
    """Cover the data file and every video; the episode's number tells those of one file apart."""
    videos = [
        [camera.key, camera.start_s, shared_fingerprint(camera.video) if camera.video else ""]
        for camera in cameras.found
    ]
    return digest("lerobot", row.index, shared_fingerprint(data), videos)


def _oddities(row: EpisodeRow, steps: int, cameras: Cameras) -> Iterator[str]:
    if row.length not in (-1, steps):
        yield f"the index says {row.length} steps, the file holds {steps}"
    if cameras.absent:
        yield f"declared without pictures: {', '.join(cameras.absent)}"
