"""Video end to end on drawn files whose pictures carry their numbers."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numbered_videos import HEIGHT, WIDTH, draw, even, number_in, write
from PIL import Image

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources import av_video
from somtom.sources.av_video import AvVideo
from somtom.sources.sources import SOURCES, source_class
from somtom.sources.video import VideoSource

CLIPS = ClipSettings(steps=4, step_s=0.1, min_side=16)
ONE_SHOT = ShotSettings(detector="none")
DECODED = ShotSettings(detector="content", threshold=250.0)  # looks at every picture, finds no cut


def scan(path: Path, shots: ShotSettings = ONE_SHOT, clips: ClipSettings = CLIPS, **settings: Any) -> Scan:
    source = VideoSource(path=str(path), **settings)
    (item,) = source.items(0)
    return source.scan(item, shots, clips, 32)


def read(result: Scan, clips: ClipSettings = CLIPS, **settings: Any) -> list[Clip | DataError]:
    source = VideoSource(path="unused", **settings)
    given = list(source.read(result.refs, clips))
    assert [ref for ref, _ in given] == list(result.refs)
    return [clip for _, clip in given]


def numbers(clip: Clip | DataError) -> list[int]:
    assert isinstance(clip, Clip), clip
    return [number_in(frame) for frame in clip.frames]


def reason(result: Scan) -> str:
    assert result.reject is not None
    return result.reject.reason


@pytest.mark.parametrize(
    "name", ["a.mp4", "a.mkv", "a.ts", "a.mov", "a.avi", "-dash.mp4", "p%20q's.mp4", "ü 视.mp4"]
)
def test_frames_are_the_ones_their_times_name(tmp_path: Path, name: str) -> None:
    codec = "mpeg4" if name.endswith(".avi") else "libx264"
    result = scan(write(tmp_path / name, even(60), codec))
    assert result.facts.frames == 60
    assert result.facts.fps == pytest.approx(20)
    assert (result.facts.width, result.facts.height) == (WIDTH, HEIGHT)
    clips = read(result)
    assert [numbers(clip) for clip in clips] == [list(range(k, k + 9, 2)) for k in range(0, 60, 10)]
    for ref, clip in zip(result.refs, clips, strict=True):
        assert isinstance(clip, Clip)
        assert np.allclose(np.diff(clip.times_s), 0.1, atol=0.002)
        assert (ref.start_s, ref.end_s) == (clip.times_s[0], clip.times_s[-1])
        assert ref.group == f"{tmp_path.name}/{ref.uri}"


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    "gop", ["open-gop=1:keyint=12:bframes=3", "keyint=12:bframes=3", "keyint=250:bframes=2"]
)
def test_every_frame_sought_equals_the_one_decoded_in_sequence(
    tmp_path: Path, container: str, gop: str
) -> None:
    path = write(tmp_path / f"a.{container}", even(80), **{"x264-params": gop})
    with AvVideo(str(path), CLIPS) as video:
        in_sequence = {picture.pts: picture.rgb(WIDTH, HEIGHT) for picture in video.pictures()}
        assert [number_in(rgb) for rgb in in_sequence.values()] == list(range(80))
        for pts, expected in in_sequence.items():
            sought = next(video.pictures(pts))
            assert sought.pts == pts
            assert np.array_equal(sought.rgb(WIDTH, HEIGHT), expected)


def test_time_is_the_frames_own_where_the_rate_varies_and_starts_late(tmp_path: Path) -> None:
    times = [1000 + 40 * k + (9 if k % 2 else 0) for k in range(40)]
    result = scan(write(tmp_path / "a.mkv", times))
    assert result.refs[0].start_s == pytest.approx(1.0)
    for clip in read(result):
        assert isinstance(clip, Clip)
        assert [times[k] for k in numbers(clip)] == pytest.approx(list(clip.times_s * 1000))


def test_avi_that_knows_no_times_is_read_in_order(tmp_path: Path) -> None:
    result = scan(write(tmp_path / "a.avi", even(60), **{"x264-params": "bframes=3"}))
    assert [numbers(clip)[0] for clip in read(result)] == [10 * k for k in range(len(result.refs))]
    assert len(result.refs) >= 5


def test_missing_frames_are_never_bridged(tmp_path: Path) -> None:
    result = scan(write(tmp_path / "a.mp4", [*even(12), *even(12, start_ms=2000)]))
    assert [numbers(clip)[0] for clip in read(result)] == [0, 12]


@pytest.mark.parametrize(("degrees", "red"), [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (270, (0, 1))])
def test_a_rotated_video_is_upright(tmp_path: Path, degrees: int, red: tuple[int, int]) -> None:
    """`red` is the (row, column) of the quarter that is red once the picture is turned counter-clockwise."""
    result = scan(write(tmp_path / "a.mp4", even(10), degrees=degrees))
    size = (WIDTH, HEIGHT) if degrees % 180 == 0 else (HEIGHT, WIDTH)
    assert (result.facts.width, result.facts.height) == size
    assert result.facts.rotation == (-degrees) % 360
    (clip,) = read(result)
    assert isinstance(clip, Clip)
    assert (clip.width, clip.height) == size
    row, column = (
        round((place + 0.25) * side / 2) for place, side in zip(red, clip.frames.shape[1:3], strict=True)
    )
    pixel = clip.frames[0][row, column].astype(int)
    assert pixel[0] - pixel[2] > 100


def test_side_data_that_pyav_does_not_know_leaves_the_picture_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: a viewer turns the picture clockwise by 90 degrees
    one = io.BytesIO()
    Image.fromarray(draw(3)).save(one, "JPEG", exif=exif, quality=95)
    (tmp_path / "a.mjpg").write_bytes(one.getvalue() * 5)
    with AvVideo(str(tmp_path / "a.mjpg"), CLIPS) as video:
        picture = next(video.pictures())
        rgb = picture.rgb(HEIGHT, WIDTH)
    assert (picture.width, picture.height, picture.rotation) == (HEIGHT, WIDTH, 90)
    assert number_in(np.ascontiguousarray(np.rot90(rgb))) == 3


def test_pixels_are_made_square_and_large_pictures_scaled_down(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", even(10), aspect=Fraction(2))
    result = scan(path)
    assert (result.facts.width, result.facts.height) == (2 * WIDTH, HEIGHT)
    small = replace(CLIPS, short_side=48)
    (clip,) = read(result, small)
    assert isinstance(clip, Clip)
    assert (clip.width, clip.height) == (WIDTH, 48)
    assert (clip.source_width, clip.source_height) == (2 * WIDTH, HEIGHT)
    assert numbers(clip) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [
        *(("ffv1", pixels) for pixels in ("yuv420p", "yuv444p", "yuv420p10le", "yuva420p", "bgr0", "gray")),
        *(("mjpeg", "yuvj420p"), ("libx264rgb", "rgb24"), ("prores_ks", "yuv422p10le")),
    ],
)
def test_every_pixel_format_gives_the_same_colours(tmp_path: Path, codec: str, pixels: str) -> None:
    (clip,) = read(scan(write(tmp_path / "a.mkv", even(10), codec, pixels)))
    assert isinstance(clip, Clip)
    for at, colour in (((10, 100), (90, 90, 90)), ((10, 10), (200, 30, 30)), ((90, 120), (90, 90, 90))):
        wanted = np.dot(colour, (0.299, 0.587, 0.114)) if pixels == "gray" else np.array(colour)
        assert np.abs(clip.frames[0][at] - wanted).max() <= 5


def test_clips_share_frames_and_come_one_by_one(tmp_path: Path) -> None:
    overlapping = replace(CLIPS, overlap=0.8)
    result = scan(write(tmp_path / "a.mp4", even(60)), clips=overlapping)
    assert len(result.refs) > 20
    given = VideoSource(path="unused").read(result.refs, overlapping)
    first, second = next(given)[1], next(given)[1]
    assert numbers(first)[1:] == numbers(second)[:-1]


def test_clips_far_apart_are_sought_and_right(tmp_path: Path) -> None:
    sparse = replace(CLIPS, max_per_video=2)
    result = scan(write(tmp_path / "a.mp4", even(120, 400)), clips=replace(sparse, step_s=0.4))
    assert result.refs[1].start_s - result.refs[0].end_s > 10
    assert [numbers(clip)[0] for clip in read(result)] == [
        int(ref.start_s / 0.4 + 0.5) for ref in result.refs
    ]


@pytest.mark.parametrize("run", [slice(0, 12), slice(2, 5)])
def test_earlier_pictures_may_lie_before_those_of_the_clips_in_front(tmp_path: Path, run: slice) -> None:
    """The clip at frame 6 wants frame 1; those at 2 and 4, read with it, have nothing before them."""
    settings = ClipSettings(steps=1, step_s=0.05, history=1, history_step_s=0.25)
    result = scan(write(tmp_path / "a.mp4", even(24)), clips=settings)
    whole = Scan(result.facts, result.refs[run])

    clips = read(whole, clips=settings)

    starts = list(range(0, 24, 2))[run]
    assert [numbers(clip) for clip in clips] == [[start, start + 1] for start in starts]
    earlier = [[number_in(one) for one in clip.history] for clip in clips if isinstance(clip, Clip)]
    assert earlier == [[start - 5] if start > 5 else [] for start in starts]


def test_runs_cut_the_clips_into_consecutive_groups(tmp_path: Path) -> None:
    source = VideoSource(path=str(write(tmp_path / "a.mp4", even(100))))
    (item,) = source.items(3)
    refs = source.scan(item, ONE_SHOT, CLIPS, 4).refs
    assert [(ref.position, ref.run) for ref in refs] == [(k, k // 4) for k in range(10)]
    assert {ref.source for ref in refs} == {3}
    assert len({ref.key for ref in refs}) == 10


def test_no_clip_crosses_a_hard_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    first, second = (np.random.default_rng(seed).integers(0, 256, (12, 16, 3)) for seed in (1, 2))
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(60):
            texture = np.kron(first if k < 33 else second, np.ones((8, 8, 1), int)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(texture, "rgb24")))
        container.mux(stream.encode(None))
    for detector in ("adaptive", "content"):
        result = scan(path, ShotSettings(detector=detector))
        assert result.facts.shots == 2
        assert not any(ref.start_s < 1.65 - 1e-6 < ref.end_s for ref in result.refs)
        assert min(ref.start_s for ref in result.refs if ref.start_s > 1.6) == pytest.approx(1.65)


def test_a_clock_that_jumps_back_and_a_new_size_start_new_shots(tmp_path: Path) -> None:
    one = write(tmp_path / "1.ts", even(30)).read_bytes()
    two = write(tmp_path / "2.ts", even(30), size=(160, 96)).read_bytes()
    (tmp_path / "a.ts").write_bytes(one + two)
    result = scan(tmp_path / "a.ts", DECODED)
    assert "1 backward jumps" in result.facts.warning
    clips = read(result)
    assert {clip.width for clip in clips if isinstance(clip, Clip)} == {WIDTH, 160}
    assert len({ref.key for ref in result.refs}) == len(clips)
    assert [numbers(clip) for clip in clips] == [list(range(k, k + 9, 2)) for k in (0, 10, 20, 0, 10, 20)]


def test_a_damaged_end_leaves_the_good_part_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", even(80))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    result = scan(path, DECODED)
    assert 20 < result.facts.frames < 80
    assert all(numbers(clip) == list(range(10 * k, 10 * k + 9, 2)) for k, clip in enumerate(read(result)))


def test_damage_in_the_middle_taints_up_to_the_next_key_frame_only(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", even(96), **{"x264-params": "keyint=12:bframes=0:scenecut=0"})
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        hurt = [packet for packet in container.demux(video=0) if packet.size][40]
        assert hurt.pos is not None
        content[hurt.pos + 8 : hurt.pos + hurt.size] = bytes(hurt.size - 8)
    path.write_bytes(content)
    with AvVideo(str(path), CLIPS) as video:
        good = [number_in(picture.rgb(WIDTH, HEIGHT)) for picture in video.pictures() if not picture.damaged]
    assert set(range(40)) | set(range(48, 96)) <= set(good)
    assert not set(good) & set(range(40, 48))
    assert scan(path, DECODED).facts.warning
    planned_blind = read(scan(path))  # without decoding, the damage shows when the clips are read
    failed = [clip.reason for clip in planned_blind if isinstance(clip, DataError)]
    assert failed == ["corrupt_frame"]


def test_an_input_that_changed_since_it_was_planned_is_refused(tmp_path: Path) -> None:
    result = scan(write(tmp_path / "a.mp4", even(60)))
    write(tmp_path / "a.mp4", even(61))
    assert {clip.reason for clip in read(result) if isinstance(clip, DataError)} == {"changed_input"}
    assert len(read(result)) == len(result.refs)


def test_bad_files_give_their_reason(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mp4", even(60)).read_bytes()
    cases = {
        "empty_file": ("e.mp4", b""),
        "still_image": ("s.mp4", b"\x89PNG\r\n\x1a\n" + bytes(60)),
        "not_video": ("n.json", b"{}"),
        "unreadable": ("u.mp4", whole[: len(whole) // 2]),
    }
    for expected, (name, content) in cases.items():
        (tmp_path / name).write_bytes(content)
        assert reason(scan(tmp_path / name)) == expected
    missing = Item(source=0, uri="gone.mp4", locator=str(tmp_path / "gone.mp4"))
    unsafe = Item(source=0, uri="../whole.mp4", locator=str(tmp_path / "whole.mp4"))
    source = VideoSource(path=str(tmp_path))
    assert reason(source.scan(missing, ONE_SHOT, CLIPS, 1)) == "missing"
    assert reason(source.scan(unsafe, ONE_SHOT, CLIPS, 1)) == "unsafe_path"
    whole_path = tmp_path / "whole.mp4"
    assert reason(scan(whole_path, clips=replace(CLIPS, max_pixels=1000))) == "too_large"
    assert reason(scan(whole_path, clips=replace(CLIPS, min_side=100))) == "too_small"
    assert reason(scan(whole_path, clips=replace(CLIPS, max_aspect=1.1, min_side=100))) == "extreme_aspect"
    short = scan(whole_path, clips=replace(CLIPS, steps=90))
    assert reason(short) == "too_short"
    assert short.reject is not None
    assert "clips.steps = 29 would fit" in short.reject.message
    assert reason(scan(write(tmp_path / "raw.h264", even(40)))) == "bad_timestamps"
    assert (
        reason(scan(write(tmp_path / "gaps.mp4", [0, 50, 100, 900, 950, 1000, 1900, 1950, 2000])))
        == "frame_gap"
    )


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream: Any = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert reason(scan(tmp_path / "a.mp4")) == "no_video_stream"


def test_a_playlist_cannot_make_ffmpeg_read_other_files(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.ts", even(60))
    (tmp_path / "a.mp4").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:3,\n{secret}\n#EXT-X-ENDLIST\n"
    )
    (tmp_path / "a.m3u8").write_bytes((tmp_path / "a.mp4").read_bytes())
    for name in ("a.mp4", "a.m3u8"):
        with pytest.raises(DataError, match="unreadable"):
            AvVideo(str(tmp_path / name), CLIPS)


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG"])
def test_animated_pictures_are_read_like_videos(tmp_path: Path, image_format: str) -> None:
    images = [Image.fromarray(draw(k)) for k in range(12)]
    path = tmp_path / f"a.{image_format.lower()}"
    images[0].save(path, image_format, save_all=True, append_images=images[1:], duration=100, loop=0)
    result = scan(path, DECODED)
    assert [numbers(clip) for clip in read(result)] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_a_failing_store_is_not_taken_for_bad_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.mp4", even(60))

    class Failing(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:  # type: ignore[override]
            if self.tell() > 1000:
                raise OSError(5, "the disk is gone")
            return super().read(min(size or 500, 500))

    monkeypatch.setattr(av_video, "open_binary", lambda locator: Failing(locator, "rb"))
    with pytest.raises(OSError, match="the disk is gone"):
        scan(path)


def test_instructions_come_from_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    write(folder / "a.mp4", even(20))
    (tmp_path / "t.csv").write_text('video,text\na.mp4,"open  the\ndoor"\nb.mp4,close it\n')
    (tmp_path / "t.jsonl").write_text(json.dumps({"video": "a.mp4", "text": "open the door"}) + "\n\n")
    for table in ("t.csv", "t.jsonl"):
        result = scan(folder, texts=str(tmp_path / table))
        assert {ref.instruction for ref in result.refs} == {"open the door"}
    (tmp_path / "t.csv").write_text("video,text\nc.mp4,x\n")
    with pytest.raises(ValueError, match=r"no video that .* names"):
        scan(folder, texts=str(tmp_path / "t.csv"))
    (tmp_path / "t.csv").write_text("name,text\nc.mp4,x\n")
    with pytest.raises(DataError, match="bad_record"):
        scan(folder, texts=str(tmp_path / "t.csv"))


def test_settings_are_checked_and_sources_named(tmp_path: Path) -> None:
    for wrong in ({"split": "test"}, {"backend": "opencv"}):
        with pytest.raises(ValueError, match="must be"):
            VideoSource(path="x", **wrong)  # type: ignore[arg-type]
    assert source_class("video") is SOURCES["video"] is source_class("somtom.sources.video:VideoSource")
    with pytest.raises(ValueError, match="did you mean 'video'"):
        source_class("vidoe")
    for wrong_class in (
        "somtom.absent:X",
        "somtom.sources.video:Absent",
        "somtom.sources.video:ClipSettings",
    ):
        with pytest.raises(ValueError, match="source kind"):
            source_class(wrong_class)
    assert scan(write(tmp_path / "a.mp4", even(20)), dataset="d", split="val").refs[0].split == "val"


@pytest.fixture
def decord() -> Iterator[None]:
    pytest.importorskip("decord", reason='decord is not installed (pip install "somtom[decord]")')
    yield


@pytest.mark.usefixtures("decord")
def test_decord_gives_the_same_frames_and_is_refused_where_it_would_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", even(60), degrees=90)
    result = scan(path, backend="decord")
    for ours, theirs in zip(read(result), read(result, backend="decord"), strict=True):
        assert isinstance(ours, Clip)
        assert isinstance(theirs, Clip)
        assert np.abs(ours.frames.astype(int) - theirs.frames).mean() < 2
    late = scan(write(tmp_path / "b.mkv", even(60, start_ms=500)), backend="decord")
    assert reason(late) == "undecodable"
    assert late.reject is not None
    assert "pyav" in late.reject.message
