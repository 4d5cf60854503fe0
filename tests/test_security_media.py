"""Files that pose as videos: none has this machine read another file, ask the network or fill its memory."""

import socket
import struct
from pathlib import Path
from typing import Any

import av
import pytest
from numbered_videos import even, write

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.av_video import AvVideo
from somtom.sources.video import VideoSource

CLIPS = ClipSettings(steps=2, step_s=0.05, min_side=16)

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n"
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n"
)
DASH = (
    '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{address}/a.mp4'
    "</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>\n"
)
# What FFmpeg follows where it may: {file} is a sound video, {address} a server that waits here.
LEADING_AWAY = {
    "a list to be joined": "ffconcat version 1.0\nfile '{file}'\n",
    "a list of addresses to be joined": "ffconcat version 1.0\nfile '{address}/a.ts'\n",
    "a playlist": HLS.format("{file}"),
    "a playlist of addresses": HLS.format("{address}/a.ts"),
    "a playlist that joins": HLS.format("concat:{file}|{file}"),
    "a playlist whose key is a file": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{file}"\n#EXTINF:3,\n{file}\n',
    "a session that is announced": SDP,
    "a manifest of DASH": DASH,
    "a redirection": "[Reference]\nRef1={address}/a.ts\n",
}


@pytest.mark.parametrize("name", LEADING_AWAY)
@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_a_file_that_leads_elsewhere_is_refused_and_not_followed(
    tmp_path: Path, name: str, suffix: str
) -> None:
    other = write(tmp_path / "other.ts", even(20))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        path = tmp_path / f"a.{suffix}"
        path.write_text(LEADING_AWAY[name].format(file=other, address=address))
        with pytest.raises(DataError):
            AvVideo(str(path), CLIPS)
        (item,) = VideoSource(path=str(path)).items(0)
        assert (
            VideoSource(path=str(path)).scan(item, ShotSettings(detector="none"), CLIPS, 8).reject is not None
        )
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_frame_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.avi", even(10), codec="rawvideo", pixels="bgr24")
    data = bytearray(path.read_bytes())
    at = data.index(b"strf") + 12
    data[at : at + 8] = struct.pack("<ii", 60_000, 60_000)
    path.write_bytes(data)
    (item,) = VideoSource(path=str(path)).items(0)
    scan = VideoSource(path=str(path)).scan(item, ShotSettings(detector="none"), CLIPS, 8)
    assert scan.reject is not None and scan.reject.reason in ("too_large", "undecodable")


def test_a_video_that_claims_to_last_for_years_costs_what_it_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", [*even(20), 10**11])
    (item,) = VideoSource(path=str(path)).items(0)
    source = VideoSource(path=str(path))
    scan = source.scan(item, ShotSettings(detector="none"), CLIPS, 8)
    assert len(scan.refs) <= 20 and scan.facts.frames <= 21
    assert all(isinstance(clip, Clip | DataError) for _, clip in source.read(scan.refs, CLIPS))


def test_of_many_streams_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams: list[Any] = [container.add_stream("mpeg4", rate=20) for _ in range(100)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(12):
            for stream in streams:
                container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        for stream in streams:
            container.mux(stream.encode(None))
    with AvVideo(str(path), CLIPS) as video:
        assert sum(1 for _ in video.pictures()) == 12
