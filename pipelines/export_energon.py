"""A folder for megatron-energon: the shards as links, each with its index beside it, and .nv-meta/."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.export_selection import Selection, Written
from somtom.pipelines.output import OutputError
from somtom.schemas.check_meta import read_manifests
from somtom.schemas.energon import write_energon
from somtom.schemas.files import write_whole
from somtom.schemas.folder import dali_path, shard_path
from somtom.schemas.shard_index import energon_index, read_dali_index


@dataclass(frozen=True)
class Energon:
    """The shards themselves, so all of a split or none; it costs no disk space.

    Energon reads an index next to each tar, and nowhere else. In shards/ itself it would be in the way of
    others (`datasets` given that folder, a glob), so the tars get a second name in `out`: a hard link, or a
    copy where `out` is on another disk.
    """

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        if not chosen.is_whole:
            raise ConfigError("--to energon links whole shards: choose by `--to tar` first, then export that")
        manifests, damaged = read_manifests(chosen.folder)
        if damaged:
            raise OutputError(f"{chosen.folder}: {damaged[0]}; build it first")
        shards = [one for one in manifests.values() if one.samples and one.split in chosen.counts]
        for one in shards:
            target = shard_path(out, one.shard)
            target.parent.mkdir(parents=True, exist_ok=True)
            index = energon_index(read_dali_index(dali_path(chosen.folder, one.shard)))
            write_whole(target.with_name(f"{target.name}.idx"), index)
            try:
                os.link(shard_path(chosen.folder, one.shard), target)
            except OSError:  # another disk, or one without links
                shutil.copyfile(shard_path(chosen.folder, one.shard), target)
            for _ in one.samples:
                chosen.on_sample()
        write_energon(out, shards)
        return Written(chosen.total)
