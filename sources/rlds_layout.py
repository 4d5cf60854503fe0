"""How an RLDS data set lies on disk: <data set>/<version>/{features.json, dataset_info.json, shards}."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.reasons import DataError
from somtom.sources.annotations import MAX_NAME
from somtom.sources.files import exists_remote, is_local_file, is_remote, local_path, match_remote
from somtom.sources.json_files import read_json
from somtom.sources.rlds_features import Feature, parse_features

FEATURES, INFO = "features.json", "dataset_info.json"
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
MAX_SHARDS = 1 << 20
MAX_EPISODES = 1 << 20  # of one shard
DEFAULT_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_FIELD = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class Shard:
    """One file of episodes; `episodes` is how many dataset_info.json counts in it, -1 where it does not."""

    name: str
    split: str
    episodes: int


@dataclass(frozen=True)
class Info:
    """What dataset_info.json says: the data set's name, and the shards of each split, in its order."""

    name: str
    version: str
    shards: Mapping[str, tuple[Shard, ...]]


def version_folder(path: str, version: str = "") -> str:
    """Find the folder that holds features.json: the path itself, or that of a version in it.

    Args:
        path: a version's folder, or one that holds versions.
        version: the name of the one to take; "" takes the newest.

    Raises:
        DataError: `missing`.
    """
    root = path.rstrip("/") or "/"
    if version:
        return f"{root}/{version}"
    if _exists(f"{root}/{FEATURES}"):
        return root
    versions = [name for name in _versions(root) if VERSION.fullmatch(name)]
    if not versions:
        raise DataError("missing", f"neither {root} nor a version's folder in it holds {FEATURES}")
    return f"{root}/{max(versions, key=lambda name: tuple(map(int, name.split('.'))))}"


def read_features(folder: str) -> dict[str, Feature]:
    """Read a version's features.json.

    Raises:
        DataError: `missing`, `bad_record`.
        OSError: the store failed.
    """
    return parse_features(read_json(f"{folder}/{FEATURES}"))


def read_info(folder: str) -> Info:
    """Read a version's dataset_info.json.

    Raises:
        DataError: `missing`; `bad_record`: it is malformed; `unsafe_path`: a shard leaves the folder;
            `unsupported`: the shards are no TFRecord files.
        OSError: the store failed.
    """
    tree = read_json(f"{folder}/{INFO}")
    if not isinstance(tree, Mapping) or not isinstance(tree.get("splits"), list):
        raise DataError("bad_record", f"{INFO} names no splits: is it of TensorFlow Datasets?")
    form = str(tree.get("fileFormat") or "tfrecord")
    if form != "tfrecord":
        raise DataError("unsupported", f"the data set's files are {form!r}: only tfrecord is read")
    name, version = (str(tree.get(member, "")) for member in ("name", "version"))
    shards: dict[str, tuple[Shard, ...]] = {}
    for split in tree["splits"]:
        if not isinstance(split, Mapping) or not isinstance(split.get("name"), str):
            raise DataError("bad_record", f"a split in {INFO} is malformed")
        shards[split["name"]] = tuple(_shards(split, name, form))
    if sum(map(len, shards.values())) > MAX_SHARDS:
        raise DataError("bad_record", f"{INFO} names over {MAX_SHARDS} shards")
    return Info(name, version, shards)


def _shards(split: Mapping[str, object], dataset: str, form: str) -> Iterator[Shard]:
    template, name = str(split.get("filepathTemplate") or DEFAULT_TEMPLATE), str(split["name"])
    lengths = split.get("shardLengths")
    if not isinstance(lengths, list):  # written so before shards were counted
        lengths = ["-1"] * _count(split.get("numShards", 0), MAX_SHARDS)
    for number, length in enumerate(lengths):
        values = {
            "DATASET": dataset,
            "SPLIT": name,
            "FILEFORMAT": form,
            "SHARD_INDEX": f"{number:05d}",
            "NUM_SHARDS": f"{len(lengths):05d}",
            "SHARD_X_OF_Y": f"{number:05d}-of-{len(lengths):05d}",
        }
        episodes = -1 if length == "-1" else _count(length, MAX_EPISODES)
        yield Shard(_fill(template, values), name, episodes)


def _fill(template: str, values: Mapping[str, str]) -> str:
    unknown = [name for name in _FIELD.findall(template) if name not in values]
    path = _FIELD.sub(lambda found: values.get(found[1], ""), template)
    too_long = any(len(part.encode("utf-8", "surrogatepass")) > MAX_NAME for part in path.split("/"))
    if unknown or too_long or not path.isprintable():
        raise DataError("bad_record", f"filepathTemplate {template!r:.200} in {INFO} is not understood")
    if not is_safe_uri(path):
        raise DataError("unsafe_path", f"filepathTemplate {template!r:.200} leaves the data set's folder")
    return path


def _count(value: object, most: int) -> int:
    if not (
        isinstance(value, (str, int)) and re.fullmatch(r"[0-9]{1,12}", str(value)) and int(value) <= most
    ):
        raise DataError("bad_record", f"{value!r:.40} in {INFO} is no count up to {most}")
    return int(value)


def _exists(locator: str) -> bool:
    return exists_remote(locator) if is_remote(locator) else is_local_file(local_path(locator))


def _versions(root: str) -> list[str]:
    """Names of the folders in a folder that hold features.json."""
    if is_remote(root):
        found = match_remote(f"{root}/*/{FEATURES}")
        return [PurePosixPath(one.path).parent.name for one in found]
    folder = local_path(root)
    return [one.name for one in folder.iterdir() if (one / FEATURES).is_file()] if folder.is_dir() else []
