"""The user's own filter of pictures."""

from pathlib import Path

import numpy as np
import pytest
from builds import build, contents, faults, quick_config
from drawn_videos import draw_videos

from somtom.pipelines.config_rules import ConfigError
from somtom.schemas.annotation import Annotation, PastStep
from somtom.schemas.clips import Clip
from somtom.schemas.meta_tables import read_rejects, read_samples
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.tar import read_shard
from somtom.schemas.tracks_table import read_tracks
from somtom.transforms.image_filter import filter_pictures


def written_pictures(folder: Path) -> list[bytes]:
    """Every picture in shards/ and tracks/ but the marked ones, which are drawn on the clean ones' bytes."""
    of_samples = [
        data
        for path in (folder / "shards").glob("*.tar")
        for _, members in read_shard(path)
        for name, data in members.items()
        if name.endswith(".jpg")
    ]
    stored = (clip for path in (folder / "tracks").glob("*.parquet") for clip in read_tracks(path))
    return [*of_samples, *(one for clip in stored for one in (clip.clean_jpeg, *clip.extra_jpegs) if one)]


@pytest.mark.parametrize("least", [4, 4000], ids=["kept", "left out"])
def test_no_picture_is_written_that_was_not_filtered(tmp_path: Path, least: int) -> None:
    folder, out = draw_videos(tmp_path / "in", 2), tmp_path / "out"
    clips = {"steps": 2, "history": 1, "history_step_s": 0.1, "image_filter": "own_filters:blacken_left"}
    build(quick_config(folder, clips=clips, marks={"min_points": least}), out)
    assert faults(out) == []
    pictures = [decode_jpeg(data) for data in written_pictures(out)]
    assert len(pictures) == 16
    for picture in pictures:
        assert picture[:, : picture.shape[1] // 2 - 16].max() <= 8
    assert max(picture.max() for picture in pictures) > 100


def test_what_the_filter_drops_is_counted_and_left_nowhere(tmp_path: Path) -> None:
    folder = draw_videos(tmp_path / "in", 2)
    out = tmp_path / "out"
    build(quick_config(folder, clips={"image_filter": "own_filters:DropEverything"}), out)
    assert faults(out) == []
    assert list(read_samples(out)) == []
    assert {one.reason for one in read_rejects(out)} == {"image_filter"}
    assert written_pictures(out) == []


def test_the_filters_name_is_part_of_what_a_build_is(tmp_path: Path) -> None:
    folder = draw_videos(tmp_path / "in", 2)
    for name in ("", "own_filters:blacken_left"):
        build(quick_config(folder, clips={"image_filter": name}), tmp_path / f"out{name}")
    plain, filtered = contents(tmp_path / "out"), contents(tmp_path / "outown_filters:blacken_left")
    assert plain["meta/plan.parquet"] != filtered["meta/plan.parquet"]


def test_a_filter_that_gives_another_size_is_an_error() -> None:
    clip = Clip(np.zeros((2, 48, 64, 3), np.uint8), np.arange(2.0), 64, 48)
    with pytest.raises(ValueError, match=r"own_filters:crop must give back None or \(48, 64, 3\) uint8"):
        filter_pictures(clip, "own_filters:crop")


@pytest.mark.parametrize(
    "name", ["no_such_module:x", "own_filters:nothing", "own_filters", "own_filters:NUMBER"]
)
def test_a_filter_that_cannot_be_used_is_said_before_anything_is_written(tmp_path: Path, name: str) -> None:
    folder = draw_videos(tmp_path / "in", 1)
    with pytest.raises(ConfigError, match=f"clips.image_filter = '{name}'"):
        build(quick_config(folder, clips={"image_filter": name}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_filter_gets_pictures_of_its_own_and_only_those_that_are_written() -> None:
    past = (PastStep(-1.0),)
    frames, other = np.full((3, 8, 8, 3), 9, np.uint8), np.full((4, 6, 3), 9, np.uint8)
    clip = Clip(frames, np.arange(3.0), 8, 8, (other,), (other, other), Annotation(past=past))
    filtered = filter_pictures(clip, "own_filters:blacken_left")
    for picture in (filtered.frames[0], *filtered.history, *filtered.cameras):
        assert (picture[:, : picture.shape[1] // 2] == 0).all()
        assert (picture[:, picture.shape[1] // 2 :] == 9).all()
    assert (filtered.frames[1:] == 9).all()
    assert (clip.frames == 9).all() and (other == 9).all()
    assert filter_pictures(clip, "") is clip
