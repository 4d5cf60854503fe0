"""Small builds for the tests, and what to hold them against."""

import hashlib
from pathlib import Path
from typing import Any

from somtom.pipelines.build import build_data_set
from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.finish import Totals
from somtom.pipelines.runners import RunOptions
from somtom.schemas.books import Books
from somtom.schemas.check import check_dataset
from somtom.schemas.meta_tables import read_counts, read_rejects

THREADS = RunOptions(workers=2, mode="threads", progress=False)

# Clips of 3 frames, every other one, so that a video of 24 frames gives 4, tracked on few points: quick.
QUICK: dict[str, dict[str, Any]] = {
    "clips": {"steps": 2},
    "tracking": {"tracker": "lk", "grid": 6},
    "output": {"clips_per_shard": 3, "val_fraction": 0.3},
}


def quick_tree(*paths: Path, **sections: dict[str, Any]) -> dict[str, Any]:
    """A configuration's plain tree: one video source a path, `QUICK` changed by `sections`."""
    tree: dict[str, Any] = {"source": [{"kind": "video", "path": str(path)} for path in paths]}
    for name in {*QUICK, *sections}:
        tree[name] = {**QUICK.get(name, {}), **sections.get(name, {})}
    return tree


def quick_config(*paths: Path, **sections: dict[str, Any]) -> BuildConfig:
    """The configuration of `quick_tree`."""
    return parse_config(quick_tree(*paths, **sections))


def build(config: BuildConfig, folder: Path, options: RunOptions = THREADS, **more: bool) -> Totals:
    """Build in this process unless the options say otherwise."""
    return build_data_set(config, folder, options, **more)


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file that must be equal in equal builds, hidden and temporary ones too."""
    apart = ("meta/provenance.json", "meta/timings/")
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (name := path.relative_to(folder).as_posix()).startswith(apart)
    }


def faults(folder: Path) -> list[str]:
    """What `somtom check` finds, and what a finished run must have taken away."""
    left = [str(path) for name in (".lock", "work") if (path := folder / "meta" / name).exists()]
    return [*check_dataset(folder), *left]


def book(folder: Path, stage: str, source: str) -> Books:
    """The books of one source at one stage."""
    return next(one for one in read_counts(folder) if (one.stage, one.source) == (stage, source))


def reasons(folder: Path) -> dict[str, str]:
    """Reason of each reject, by the uri and, for a clip, its start."""
    return {
        one.uri + (f"@{one.position_s:.2f}" if one.key else ""): one.reason for one in read_rejects(folder)
    }


def written(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of all files of every finished shard: who was written again shows."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for manifest in sorted((folder / "meta" / "manifests").glob("*.json"))
        for path in (
            manifest,
            folder / "shards" / f"{manifest.stem}.tar",
            folder / "tracks" / f"{manifest.stem}.parquet",
        )
        if path.exists()
    }
