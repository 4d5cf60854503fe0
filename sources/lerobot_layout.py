"""What a LeRobot data set says of itself: meta/info.json, meta/modality.json, and where its files lie."""

import contextlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.reasons import DataError
from somtom.sources.annotations import MAX_NAME
from somtom.sources.files import exists_remote, is_local_file, is_remote, local_path, open_binary

MAX_META_BYTES = 1 << 28
MAX_WIDTH = 4096  # numbers of one action or state
DEFAULT_CHUNKS_SIZE = 1000
FIELD = re.compile(r"\{([^{}]*)\}")
NAMED = re.compile(r"(\w+)(?::(0?[0-9]{1,2})d?)?", re.ASCII)
# By whether episodes share files, as the format's own code has them.
DATA_PATHS = {
    False: "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
    True: "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
}
VIDEO_PATHS = {
    False: "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    True: "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
}
CAMERA_TYPES = ("video", "image")


@dataclass(frozen=True)
class Feature:
    """One column, or one camera: as info.json declares it.

    `names` are flattened, empty where there are none; `codec` is "" where none is said; `is_depth`: its
    pictures are distances.
    """

    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...]
    codec: str
    is_depth: bool


@dataclass(frozen=True)
class Layout:
    """A data set's metadata, checked.

    Args:
        root: folder of the data set, without a slash at its end.
        version: `codebase_version` as it stands there.
        shares_files: several episodes are in a file (v3.0), by what lies there.
        fps: 0.0 where it makes no sense.
        chunks_size: episodes a chunk, of v2.
        data_paths, video_paths: templates, the ones to try first first.
        features: by key, in the order of info.json.
        parts: of `action` and `observation.state`: what meta/modality.json calls stretches of them.
    """

    root: str
    version: str
    shares_files: bool
    fps: float
    chunks_size: int
    data_paths: tuple[str, ...]
    video_paths: tuple[str, ...]
    features: Mapping[str, Feature]
    parts: Mapping[str, Mapping[str, tuple[int, int]]]

    @property
    def cameras(self) -> tuple[str, ...]:
        """Keys of what is declared as video or image, in order."""
        return tuple(key for key, feature in self.features.items() if feature.dtype in CAMERA_TYPES)

    def locators(self, templates: tuple[str, ...], values: Mapping[str, int | str]) -> list[str]:
        """Where a file may lie, the likeliest first.

        Raises:
            DataError: `unsafe_path` or `bad_record`.
        """
        return [f"{self.root}/{fill_path(template, values)}" for template in templates]


def read_layout(path: str) -> Layout:
    """Read meta/info.json and what stands beside it.

    Raises:
        DataError: `missing`, or `bad_record`: it is no LeRobot data set of a version that is read here.
        OSError: the store failed.
    """
    root = path.rstrip("/")
    info = read_json(f"{root}/meta/info.json")
    declared = info.get("features")
    if not isinstance(declared, dict):
        raise DataError("bad_record", f"{root}/meta/info.json has no features: is it a LeRobot data set?")
    version = str(info.get("codebase_version", ""))[:20]
    shares_files = not exists(f"{root}/meta/episodes.jsonl")
    if version.startswith("v1") or not (version.startswith(("v2", "v3")) or "data_path" in info):
        raise DataError(
            "bad_record", f"codebase_version {version!r} is not read: convert it to v2.1 with LeRobot's tools"
        )
    return Layout(
        root=root,
        version=version,
        shares_files=shares_files,
        fps=_positive(info.get("fps"), 1e6),
        chunks_size=int(_positive(info.get("chunks_size"), 2**40)) or DEFAULT_CHUNKS_SIZE,
        data_paths=_templates(info.get("data_path"), DATA_PATHS[shares_files]),
        video_paths=_templates(info.get("video_path"), VIDEO_PATHS[shares_files]),
        features={key: _feature(one) for key, one in declared.items() if isinstance(one, dict)},
        parts=_parts(root),
    )


def read_json(locator: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        DataError: `missing`, or `bad_record`.
        OSError: the store failed.
    """
    with open_binary(locator) as file:
        content = file.read(MAX_META_BYTES + 1)
    if len(content) > MAX_META_BYTES:
        raise DataError("bad_record", f"{locator} is larger than {MAX_META_BYTES} bytes")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError("bad_record", f"{locator} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError("bad_record", f"{locator} must hold an object, is {type(value).__name__}")
    return value


def exists(locator: str) -> bool:
    """Whether a file is there."""
    if is_remote(locator):
        return exists_remote(locator)
    return is_local_file(local_path(locator))


def fill_path(template: str, values: Mapping[str, int | str]) -> str:
    """Fill a path's template by hand: plain names, whole numbers padded with zeros, and nothing else.

    >>> fill_path("data/chunk-{chunk_index:03d}/{video_key}.mp4", {"chunk_index": 7, "video_key": "cam"})
    'data/chunk-007/cam.mp4'

    Raises:
        DataError: `bad_record`: it is of another form; `unsafe_path`: the result leaves the folder.
    """

    def value_of(found: re.Match[str]) -> str:
        named = NAMED.fullmatch(found[1])
        value = values.get(named[1]) if named else None
        if named is None or value is None or (named[2] and isinstance(value, str)):
            known = ", ".join(values)
            raise DataError("bad_record", f"{found[0][:40]!r} in a path of info.json is none of {known}")
        return f"{value:0{int(named[2])}d}" if named[2] else str(value)

    path = FIELD.sub(value_of, template)
    if not is_safe_uri(path):
        raise DataError("unsafe_path", f"{path[:200]!r} of info.json leaves the data set's folder")
    long = any(len(part.encode("utf-8", "surrogatepass")) > MAX_NAME for part in path.split("/"))
    if long or len(path) > 4 * MAX_NAME or not path.isprintable() or "{" in path or "}" in path:
        raise DataError("bad_record", f"{path[:80]!r} of info.json can be no file's name")
    return path


def flat_names(value: object) -> tuple[str, ...]:
    """Flatten names of any form seen: a list, a list in a list, lists by group, positions by name.

    >>> flat_names({"motors": ["a", "b"]}), flat_names([["a", "b"]]), flat_names({"b": 1, "a": 0})
    (('a', 'b'), ('a', 'b'), ('a', 'b'))
    """
    found = list(_names(value, 0))
    usable = len(found) == len(set(found)) <= MAX_WIDTH and all(
        name and name.isprintable() and len(name) <= MAX_NAME for name in found
    )
    return tuple(found) if usable else ()


def _names(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)) and depth < 4:
        children = value
        if isinstance(value, dict):
            places = [place for place in value.values() if type(place) is int]
            children = (
                sorted(value, key=value.__getitem__) if len(places) == len(value) else list(value.values())
            )
        for child in children:
            yield from _names(child, depth + 1)


def _feature(declared: Mapping[str, Any]) -> Feature:
    shape = declared.get("shape")
    sizes = shape if isinstance(shape, list) else []
    more = declared.get("info") or declared.get("video_info")
    more = more if isinstance(more, dict) else {}
    codec = more.get("video.codec")
    return Feature(
        dtype=str(declared.get("dtype", ""))[:20],
        shape=tuple(size for size in sizes if type(size) is int and 0 < size < 2**31)[:8],
        names=flat_names(declared.get("names")),
        codec=codec[:20] if isinstance(codec, str) else "",
        is_depth=more.get("video.is_depth_map") is True,
    )


def _parts(root: str) -> dict[str, dict[str, tuple[int, int]]]:
    """What GR00T's meta/modality.json calls the stretches of each vector; of a broken one, nothing."""
    tree: dict[str, Any] = {}
    with contextlib.suppress(DataError):
        tree = read_json(f"{root}/meta/modality.json")
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for kind, usual in (("action", "action"), ("state", "observation.state")):
        entries = tree.get(kind)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(entry, dict):
                continue
            first, end = entry.get("start"), entry.get("end")
            key = entry.get("original_key") or usual
            if type(first) is int and type(end) is int and 0 <= first < end <= MAX_WIDTH:
                found.setdefault(str(key), {})[name] = (first, end)
    return found


def _positive(value: object, most: float) -> float:
    """A number above 0 and up to `most`, 0.0 for anything else."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= most
    return float(value) if good and math.isfinite(float(value)) else 0.0  # type: ignore[arg-type]


def _templates(declared: object, usual: str) -> tuple[str, ...]:
    """The declared template, then the usual one: some data sets declare one that does not fit their files."""
    given = declared if isinstance(declared, str) and declared else usual
    return tuple(dict.fromkeys((given, usual)))
