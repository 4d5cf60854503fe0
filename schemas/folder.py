"""Where each thing lies in a data set's folder."""

from pathlib import Path

CARD = "README.md"
SHARDS, TRACKS, META, ENERGON = "shards", "tracks", "meta", ".nv-meta"
MANIFESTS, TIMINGS, DALI = "manifests", "timings", "dali"
SHEETS, REPORT = "sheets", "report.html"  # made of a data set for people to look at
CONFIG, PROVENANCE, REMOVALS = "config.toml", "provenance.json", "removals.txt"


def shard_path(folder: Path, shard: str) -> Path:
    """The tar of the shard, such as "train-000000"."""
    return folder / SHARDS / f"{shard}.tar"


def tracks_path(folder: Path, shard: str) -> Path:
    """All that labelling the shard needs."""
    return folder / TRACKS / f"{shard}.parquet"


def manifest_path(folder: Path, shard: str) -> Path:
    """What the shard is; written last."""
    return folder / META / MANIFESTS / f"{shard}.json"


def dali_path(folder: Path, shard: str) -> Path:
    """Where DALI finds the shard's members."""
    return folder / META / DALI / f"{shard}.idx"


def timings_path(folder: Path, shard: str) -> Path:
    """How long the shard took: apart, since it differs from run to run."""
    return folder / META / TIMINGS / f"{shard}.json"


def plan_path(folder: Path) -> Path:
    """The plan."""
    return folder / META / "plan.parquet"


def removals_path(folder: Path) -> Path:
    """What is to be taken out; written by people."""
    return folder / META / REMOVALS


def shard_name(split: str, number: int) -> str:
    """Name the shard.

    >>> shard_name("train", 12)
    'train-000012'
    """
    return f"{split}-{number:06d}"
