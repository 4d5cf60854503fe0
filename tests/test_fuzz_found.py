"""What damaged files brought to light, each as a test of its own."""

from pathlib import Path

import pytest
from builds import QUICK
from drawn_videos import draw_video

from somtom.pipelines.config import parse_config
from somtom.schemas.clips import Clip
from somtom.schemas.settings import ClipSettings
from somtom.sources.annotated_video import AnnotatedVideoSource
from somtom.sources.av_video import AvVideo
from somtom.sources.files import is_local_file

TS_PACKET = 188


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
