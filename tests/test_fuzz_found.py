"""What damaged files brought to light, each as a test of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from builds import QUICK, build, quick_config
from drawn_videos import draw_video, draw_videos

from somtom.pipelines.config import parse_config
from somtom.pipelines.output import read_config_tree
from somtom.schemas.clips import Clip
from somtom.schemas.folder import plan_path, shard_path, tracks_path
from somtom.schemas.plan_table import read_plan
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.schemas.tracks_table import TracksWriter, read_tracks
from somtom.sources.annotated_video import AnnotatedVideoSource
from somtom.sources.av_video import AvVideo
from somtom.sources.files import is_local_file
from somtom.transforms.place import InFolder
from somtom.transforms.relabel_shard import RelabelShards

TS_PACKET = 188
Members = list[tuple[str, bytes]]
Repack = Callable[[Path, Callable[[Members], Members]], None]


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    build(quick_config(draw_videos(folder / "in", 1)), folder / "out")
    return folder / "out"


def test_packets_of_a_stream_that_begins_late_are_left_out(tmp_path: Path) -> None:
    """PyAV raised an IndexError for the first of them."""
    path = draw_video(tmp_path / "a.ts", frames=10)
    data = bytearray(path.read_bytes())
    starts = [
        at
        for at in range(0, len(data), TS_PACKET)
        if data[at + 1] & 0x40 and int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF == 0x100
    ]
    data[starts[-1] + 2] = 4  # PID 0x104
    path.write_bytes(data)
    with AvVideo(str(path), ClipSettings()) as video:
        times = video.packet_times()
    assert times is not None and len(times) >= 8
    config = parse_config({"source": [{"kind": "video", "path": str(path)}], **QUICK})
    (source,) = config.sources
    (item,) = source.items(0)
    scan = source.scan(item, config.settings.shots, config.settings.clips, 32)
    assert scan.refs and all(
        isinstance(one, Clip) for _, one in source.read(scan.refs, config.settings.clips)
    )


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "/".join(["x" * 200] * 30)])
def test_a_table_whose_video_can_be_no_file_is_recognised_all_the_same(tmp_path: Path, name: str) -> None:
    """Path.is_file raises for a name that is too long."""
    (tmp_path / "rows.csv").write_text(f"video,start_s,stop_s,text\n{name},0,1,x\n")
    found = AnnotatedVideoSource.recognise(str(tmp_path))
    assert found is not None and "not found" in found.notes[1]
    assert not is_local_file(tmp_path / name)


@pytest.mark.parametrize("harm", ["fewer stored clips", "no clean picture"])
def test_a_shard_that_does_not_belong_to_its_plan_is_not_labelled_again(
    data_set: Path, tmp_path: Path, repack: Repack, harm: str
) -> None:
    old = Path(shutil.copytree(data_set, tmp_path / "old"))
    spec = next(read_plan(plan_path(old)))
    if harm == "fewer stored clips":
        some = list(read_tracks(tracks_path(old, spec.name)))[:-1]
        with TracksWriter(tracks_path(old, spec.name)) as writer:
            for clip in some:
                writer.write(clip)
    else:
        shard = shard_path(old, spec.name)
        repack(shard, lambda members: [one for one in members if not one[0].endswith("clean.jpg")])
    config = parse_config(read_config_tree(old))
    step = RelabelShards(InFolder(old), InFolder(tmp_path / "new"), config.settings, None)
    with pytest.raises(DataError):
        step.run(spec)
