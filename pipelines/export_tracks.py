"""Reads samples together with what tracks/ holds of the clips they come from."""

from collections.abc import Iterator

from somtom.pipelines.export_selection import Selection
from somtom.schemas.folder import tracks_path
from somtom.schemas.reasons import DataError
from somtom.schemas.sample import Sample
from somtom.schemas.tracks_table import StoredClip, read_tracks


def samples_and_clips(chosen: Selection, split: str) -> Iterator[tuple[Sample, StoredClip]]:
    """Go through the samples chosen of a split, each with its stored clip.

    Raises:
        DataError: `unreadable`, `bad_record`: a file is missing or damaged, or they do not fit each other.
    """
    for shard, keys in chosen.keys(split):
        path, wanted = tracks_path(chosen.folder, shard), set(keys)
        if not path.is_file():
            raise DataError("unreadable", f"{path.parent.name}/{path.name}: is missing")
        clips = (clip for clip in read_tracks(path) if clip.ref.key in wanted)
        for sample in chosen.read(shard, keys):
            clip = next(clips, None)
            if clip is None or clip.ref.key != sample.key:
                raise DataError(
                    "unreadable", f"{path.parent.name}/{path.name}: lacks {sample.key} in its order"
                )
            yield sample, clip
