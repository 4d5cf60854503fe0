"""A folder for megatron-energon: the shards as links, each with its index beside it, and .nv-meta/."""

import os
import shutil
from pathlib import Path

from somtom.pipelines.output import OutputError
from somtom.schemas.check_meta import read_manifests
from somtom.schemas.energon import write_energon
from somtom.schemas.files import write_whole
from somtom.schemas.folder import dali_path, shard_path
from somtom.schemas.shard_index import energon_index, read_dali_index


def export_energon(folder: Path, out: Path) -> int:
    """Make `out` from the data set `folder` and return the number of samples; it costs no disk space.

    Energon reads an index next to each tar, and nowhere else. In shards/ itself it would be in the way of
    others (`datasets` given that folder, a glob), so the tars get a second name in `out`: a hard link, or a
    copy where `out` is on another disk.

    Raises:
        OutputError: `folder` holds no samples, a manifest is damaged, or `out` holds something.
        DataError: `unreadable`: an index is missing or damaged; the next build makes it again.
    """
    manifests, damaged = read_manifests(folder)
    shards = [one for one in manifests.values() if one.samples]
    if damaged or not shards:
        raise OutputError(f"{folder}: {damaged[0] if damaged else 'holds no samples'}; build it first")
    if out.exists() and any(out.iterdir()):
        raise OutputError(f"{out}: is not empty; choose another --out")
    for one in shards:
        target = shard_path(out, one.shard)
        target.parent.mkdir(parents=True, exist_ok=True)
        index = energon_index(read_dali_index(dali_path(folder, one.shard)))
        write_whole(target.with_name(f"{target.name}.idx"), index)
        try:
            os.link(shard_path(folder, one.shard), target)
        except OSError:  # another disk, or one without links
            shutil.copyfile(shard_path(folder, one.shard), target)
    write_energon(out, shards)
    return sum(len(one.samples) for one in shards)
