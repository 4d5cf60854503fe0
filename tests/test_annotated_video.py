"""Rows of annotations to clips: the frames inside each row's times, and why there are none."""

import csv
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numbered_videos import HEIGHT, WIDTH, even, number_in, write

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.annotated_video import AnnotatedVideos, AnnotatedVideoSource
from somtom.sources.annotations import BadRow, Row
from somtom.sources.backends import open_video
from somtom.sources.ego4d import Ego4dSource, window
from somtom.sources.epic_kitchens import EpicKitchensSource
from somtom.sources.ssv2 import SomethingSomethingSource
from somtom.sources.timeline import record_timeline

CLIPS = ClipSettings(steps=4, step_s=0.1, min_side=16)  # 0.4 s
ONE_SHOT = ShotSettings(detector="none")
SHOTS = ShotSettings()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mp4 and late.mkv, whose clock starts at 1 s: 100 pictures, 50 ms apart."""
    folder = tmp_path_factory.mktemp("videos")
    write(folder / "a.mp4", even(100))
    write(folder / "late.mkv", even(100, start_ms=1000))
    return folder


def table(folder: Path, rows: list[tuple[str, object, object, str]]) -> str:
    """Write annotations beside nothing: in a folder of their own."""
    folder.mkdir(exist_ok=True)
    path = folder / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("video", "start_s", "stop_s", "text"), *rows])
    return str(path)


def scans(source: AnnotatedVideos, clips: ClipSettings = CLIPS, shots: ShotSettings = ONE_SHOT) -> list[Scan]:
    return [source.scan(item, shots, clips, 32) for item in source.items(0)]


def scan_rows(
    root: Path, folder: Path, rows: list[tuple[str, object, object, str]], **settings: Any
) -> list[Scan]:
    return scans(AnnotatedVideoSource(path=str(root), annotations=table(folder, rows), **settings))


def numbers(source: AnnotatedVideos, scan: Scan, clips: ClipSettings = CLIPS) -> list[list[int]]:
    given_ = []
    for _, clip in source.read(scan.refs, clips):
        assert isinstance(clip, Clip), clip
        given_.append([number_in(frame) for frame in clip.frames])
    return given_


@pytest.mark.parametrize("name", ["a.mp4", "late.mkv"])
@pytest.mark.parametrize("shots", [ONE_SHOT, ShotSettings(detector="content", threshold=250.0)])
def test_clips_lie_inside_their_row_counted_from_the_first_picture(
    root: Path, tmp_path: Path, name: str, shots: ShotSettings
) -> None:
    rows = [(name, 1.0, 2.0, "lift"), (name, "00:00:03.02", "00:00:03.49", "  drop\n it ")]
    source = AnnotatedVideoSource(path=str(root), annotations=table(tmp_path, rows), licence="X")
    first, second = scans(source, shots=shots)
    assert numbers(source, first) == [[20, 22, 24, 26, 28], [30, 32, 34, 36, 38]]
    assert numbers(source, second) == [[61, 63, 65, 67, 69]]
    assert [ref.instruction for ref in (*first.refs, *second.refs)] == ["lift", "lift", "drop it"]
    assert {ref.group for ref in (*first.refs, *second.refs)} == {f"{root.name}/{name}"}
    assert first.refs[0].uri == first.facts.uri == f"{name}#t=1.000,2.000"
    assert first.facts.frames == 21
    assert first.facts.warning == ""
    assert first.facts.fingerprint == second.facts.fingerprint != ""
    offset = 1.0 if name == "late.mkv" else 0.0
    assert first.refs[0].start_s == pytest.approx(1.0 + offset)
    assert [ref.licence for ref in first.refs] == ["X", "X"]


@given(start=st.integers(0, 4900), length=st.integers(0, 3000))
def test_every_row_gives_clips_inside_it_or_one_about_its_middle_or_a_reason(
    root: Path, start: int, length: int
) -> None:
    source = AnnotatedVideoSource(
        path=str(root),
        annotations=table(root.parent / "any", [("a.mp4", start / 1000, (start + length) / 1000, "x")]),
    )
    (result,) = scans(source)
    assert result.reject is None  # a widening of 1 s reaches everywhere in this video
    begins, ends = start / 1000, min((start + length) / 1000, 4.95)
    if result.facts.warning:
        (ref,) = result.refs
        assert "widened by" in result.facts.warning
        assert ends - begins < 0.45
        assert ref.start_s <= begins + 0.05 and ref.end_s >= ends - 0.05
        assert (
            abs((ref.start_s + ref.end_s - begins - ends) / 2) <= 0.08
            or ref.start_s < 0.01
            or ref.end_s > 4.9
        )
    else:
        assert all(begins - 0.002 <= ref.start_s and ref.end_s <= ends + 0.002 for ref in result.refs)
        assert len(result.refs) >= int((ends - begins + 0.04) / 0.5)


def test_short_rows_are_widened_within_the_video_and_only_so_far(root: Path, tmp_path: Path) -> None:
    rows = [
        ("a.mp4", 0.0, 0.1, "at the start"),
        ("a.mp4", 2.0, 2.2, "amid"),
        ("a.mp4", 4.8, 4.95, "at the end"),
    ]
    source = AnnotatedVideoSource(path=str(root), annotations=table(tmp_path, rows))
    given_ = [numbers(source, scan) for scan in scans(source)]
    assert given_ == [[[0, 2, 4, 6, 8]], [[38, 40, 42, 44, 46]], [[91, 93, 95, 97, 99]]]
    assert "widened by 0.300 s" in scans(source)[0].facts.warning
    for settings in ({"widen_s": 0.0}, {"widen_s": 0.1}):
        for scan in scan_rows(root, tmp_path, rows, **settings):
            assert scan.reject is not None
            assert scan.reject.reason == "too_short"
            assert scan.reject.message.startswith("row ")


def test_a_slow_video_is_widened_by_its_own_step(tmp_path: Path) -> None:
    write(tmp_path / "slow.mp4", even(20, step_ms=400))
    source = AnnotatedVideoSource(
        path=str(tmp_path), annotations=table(tmp_path / "t", [("slow.mp4", 2.0, 3.2, "x")])
    )
    (scan,) = scans(source)
    assert scan.refs[0].step_s == pytest.approx(0.4)
    assert numbers(source, scan) == [[4, 5, 6, 7, 8]]


def test_each_row_that_gives_nothing_says_why(root: Path, tmp_path: Path) -> None:
    (root / "notes.mp4").write_text("no video")
    rows: list[tuple[str, object, object, str]] = [
        ("a.mp4", 60.0, 61.0, "behind the end"),
        ("a.mp4", 5.6, 5.8, "just behind the end"),
        ("gone.mp4", 0.0, 1.0, "one"),
        ("gone.mp4", 1.0, 2.0, "two"),
        ("../a.mp4", 0.0, 1.0, "outside"),
        ("notes.mp4", 0.0, 1.0, "text"),
        ("a.mp4", "noon", 1.0, "when"),
        ("a.mp4", 2.0, 1.0, "backwards"),
        ("a.mp4", 1.0, 2.0, " "),
        ("a.mp4", 0.0, 1.0, "good"),
    ]
    result = scan_rows(root, tmp_path, rows)
    said = {scan.facts.uri: scan.reject.reason if scan.reject else "" for scan in result}
    assert said == {
        "a.mp4#t=0.000,1.000": "",
        "a.mp4#t=5.600,5.800": "bad_record",
        "a.mp4#t=60.000,61.000": "bad_record",
        "gone.mp4#t=0.000,1.000": "missing",
        "gone.mp4#t=1.000,2.000": "missing",
        "notes.mp4#t=0.000,1.000": "unreadable",
        "rows.csv#row=5": "unsafe_path",
        "rows.csv#row=7": "bad_record",
        "rows.csv#row=8": "bad_record",
        "rows.csv#row=9": "bad_record",
    }
    messages = {scan.facts.uri: scan.reject.message for scan in result if scan.reject}
    assert "no frame of the video lies from 60 to 61 s" in messages["a.mp4#t=60.000,61.000"]
    assert messages["rows.csv#row=8"] == "row 8: it stops at 1 s, before its start at 2 s"


def test_rows_that_begin_together_have_keys_of_their_own(root: Path, tmp_path: Path) -> None:
    rows = [("a.mp4", 1.0, 2.0, "one"), ("a.mp4", 1.0, 3.0, "one"), ("a.mp4", 1.0, 2.0, "two")]
    result = scan_rows(root, tmp_path, rows)
    keys = [ref.key for scan in result for ref in scan.refs]
    assert len(keys) == len(set(keys)) == 2 + 2 + 4
    again = scan_rows(root, tmp_path, [("a.mp4", 0.0, 1.0, "new"), *reversed(rows)])
    assert set(keys) < {ref.key for scan in again for ref in scan.refs}


def test_no_clip_of_a_row_crosses_a_cut(tmp_path: Path) -> None:
    first, second = (np.random.default_rng(seed).integers(0, 256, (12, 16, 3)) for seed in (1, 2))
    with av.open(str(tmp_path / "cut.mp4"), "w") as container:
        stream: Any = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(80):
            texture = np.kron(first if k < 45 else second, np.ones((8, 8, 1), int)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(texture, "rgb24")))
        container.mux(stream.encode(None))
    rows = [("cut.mp4", 1.0, 3.5, "over the cut"), ("cut.mp4", 2.1, 2.3, "short, before it")]
    source = AnnotatedVideoSource(path=str(tmp_path), annotations=table(tmp_path / "t", rows))
    long, short = scans(source, shots=SHOTS)
    assert (long.facts.shots, len(long.refs)) == (2, 4)
    assert not any(ref.start_s < 2.25 - 1e-6 < ref.end_s for ref in (*long.refs, *short.refs))
    assert short.refs[0].end_s == pytest.approx(2.2)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "webm"])
def test_a_row_deep_in_a_video_gives_the_same_frames_in_every_container(tmp_path: Path, suffix: str) -> None:
    codec = {"avi": "mpeg4", "webm": "libvpx-vp9"}.get(suffix, "libx264")
    write(tmp_path / f"a.{suffix}", even(120), codec, **({} if suffix != "webm" else {"cpu-used": "8"}))
    source = AnnotatedVideoSource(
        path=str(tmp_path), annotations=table(tmp_path / "t", [(f"a.{suffix}", 4.03, 4.62, "x")])
    )
    (scan,) = scans(source)
    assert numbers(source, scan) == [[81, 83, 85, 87, 89]]


def test_only_the_stretch_of_a_row_is_decoded(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from somtom.sources import timeline

    shown = 0
    add = timeline._Recorder.add

    def count(self: timeline._Recorder, picture: Any, pts: int) -> None:
        nonlocal shown
        shown += 1
        add(self, picture, pts)

    monkeypatch.setattr(timeline._Recorder, "add", count)
    scan_rows(root, tmp_path, [("a.mp4", 4.0, 4.5, "x")])
    assert shown == 11


def test_a_row_over_a_backward_jump_of_the_clock_is_refused_and_one_before_it_read(tmp_path: Path) -> None:
    one = write(tmp_path / "1.ts", even(30)).read_bytes()
    (tmp_path / "a.ts").write_bytes(one + one)
    rows = [("a.ts", 0.2, 0.8, "before"), ("a.ts", 1.0, 4.0, "over")]
    before, over = scan_rows(tmp_path, tmp_path / "t", rows)
    assert len(before.refs) == 1
    assert over.reject is not None
    assert over.reject.reason == "bad_timestamps"


def test_a_stretch_of_a_real_video_holds_the_frames_that_the_whole_has(test_data: Path) -> None:
    names = ("exo_h265.ts", "exo_slowmo_vfr.mp4", "pixfmt_zoo/bframes_open_gop.mp4", "torchcodec_av1.mkv")
    names += ("pixfmt_zoo/negative_start_editlist.mp4", "exo_vp9_odd_161x121.webm", "exo_sample.avi")
    for name in names:
        with open_video("pyav", str(test_data / "videos" / name), CLIPS) as video:
            whole = record_timeline(video, None).pts
            for first in range(3, len(whole), max(1, len(whole) // 5)):
                # Between two frames, so that seeking must not depend on a frame's very time.
                span = (int(whole[first - 1]) + 1, int(whole[min(first + 8, len(whole) - 1)]))
                part = record_timeline(video, None, span).pts
                assert np.array_equal(part, whole[(whole >= span[0]) & (whole <= span[1])]), name


def test_settings_are_checked(root: Path, tmp_path: Path) -> None:
    for wrong in ({"split": "test"}, {"video": "a.mp4"}, {"widen_s": -1.0}):
        with pytest.raises(ValueError, match="must"):
            AnnotatedVideoSource(path="x", annotations="y", **wrong)  # type: ignore[arg-type]
    for wrong in ({"passes": ()}, {"reach_s": 0.0}, {"video": "{uid}.mp4"}):
        with pytest.raises(ValueError, match="must"):
            Ego4dSource(path="x", annotations="y", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must"):
        SomethingSomethingSource(path="x", annotations="y", text="words")
    with pytest.raises(DataError, match="missing"):
        list(AnnotatedVideoSource(path=str(root / "gone"), annotations=table(tmp_path, [])).items(0))
    with pytest.raises(DataError, match="missing"):
        list(AnnotatedVideoSource(path=str(root), annotations=str(tmp_path / "gone.csv")).items(0))


def test_every_row_of_the_real_epic_kitchens_excerpt_is_read(test_data: Path, tmp_path: Path) -> None:
    path = test_data / "annotations/epic_kitchens_100/EPIC_100_validation_excerpt.csv"
    with path.open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    source = EpicKitchensSource(path=str(tmp_path), annotations=str(path))
    rows = list(source.rows())
    assert len(rows) == len(expected) == 150
    for row, record in zip(rows, expected, strict=True):
        assert isinstance(row, Row)
        assert row.video == f"{record['participant_id']}/videos/{record['video_id']}.MP4"
        assert row.text == record["narration"]
        for seconds, stamp in ((row.start_s, "start_timestamp"), (row.stop_s, "stop_timestamp")):
            hours, minutes, rest = record[stamp].split(":")
            assert seconds == pytest.approx(int(hours) * 3600 + int(minutes) * 60 + float(rest), abs=1e-6)
    items = list(source.items(0))
    assert len({item.uri for item in items}) == len(items) == 150
    assert {scan.reject.reason for scan in scans(source) if scan.reject} == {"missing"}


def test_the_windows_of_narrations_reach_half_way_to_their_neighbours(tmp_path: Path) -> None:
    said = [
        {"timestamp_sec": 10.0, "timestamp_frame": 300, "narration_text": "#C C picks a cup"},
        {"timestamp_sec": 4.0, "timestamp_frame": 120, "narration_text": "#O man X walks"},
        {"timestamp_sec": 11.0, "timestamp_frame": 330, "narration_text": "#c c drops the #Unsure"},
        {"timestamp_sec": 11.0, "timestamp_frame": 330, "narration_text": "#C looks"},
        {"timestamp_sec": None, "narration_text": "#C C waits"},
        {"timestamp_sec": 12.0, "narration_text": "#C C"},
        "no narration",
    ]
    videos = {
        "uid-1": {"status": "complete", "narration_pass_1": {"narrations": said, "summaries": [{}]}},
        "uid-2": {"status": "redacted"},
        "uid-3": {
            "narration_pass_2": {"narrations": [{"timestamp_sec": 0.5, "narration_text": "#C C sits"}]}
        },
        "uid-4": {"narration_pass_1": {"narrations": {}}},
        "uid-5": [],
    }
    path = tmp_path / "narration.json"
    path.write_text(json.dumps(videos))
    source = Ego4dSource(path=str(tmp_path), annotations=str(path))
    rows = list(source.rows())
    assert [row for row in rows if isinstance(row, Row)] == [
        Row(1, "uid-1.mp4", 9.0 - 1.0, 10.5, "picks a cup"),
        Row(2, "uid-1.mp4", 2.0, 6.0, "man X walks"),
        Row(3, "uid-1.mp4", 10.5, 11.5, "drops the something"),
        Row(4, "uid-1.mp4", 10.5, 11.5, "looks"),
        Row(8, "uid-3.mp4", 0.0, 2.5, "sits"),
    ]
    assert [row.number for row in rows if isinstance(row, BadRow)] == [5, 6, 7, 9, 10, 11]
    one_pass = replace(source, passes=("narration_pass_2",))
    assert [row.text for row in one_pass.rows() if isinstance(row, Row)] == ["sits"]
    path.write_text(json.dumps(videos)[:-30])
    assert len(list(source.rows())) == 9
    path.write_text("[]")
    with pytest.raises(DataError, match="no JSON of the kind"):
        list(source.rows())


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True), st.integers(1, 5000))
def test_windows_hold_their_narration_and_never_overlap(hundredths: list[int], reach: int) -> None:
    times = np.array(sorted(hundredths)) / 100
    windows = [window(float(time), times, reach / 100) for time in times]
    for time, (start, stop) in zip(times, windows, strict=True):
        assert 0 <= start <= time <= stop
        assert stop - start <= 2 * reach / 100 + 1e-9
    assert all(before[1] <= after[0] + 1e-9 for before, after in pairwise(windows))


def test_the_whole_of_a_something_something_video_is_its_action(test_data: Path, tmp_path: Path) -> None:
    labels = test_data / "annotations/something_something_v2/labels_filtered.json"
    write(tmp_path / "7.webm", even(30), "libvpx-vp9", **{"cpu-used": "8"})
    listed = [
        {
            "id": "7",
            "label": "covering a cup with a lid",
            "template": "Covering [something] with [something]",
            "placeholders": ["a cup", "a lid"],
        },
        {"id": "8", "label": "", "template": "Closing [something]", "placeholders": []},
        {"id": "9", "label": "x", "template": "Painting [something] blue", "placeholders": []},
        {"id": "10"},
    ]
    path = tmp_path / "train.json"
    path.write_text(json.dumps(listed))
    source = SomethingSomethingSource(path=str(tmp_path), annotations=str(path), labels=str(labels))
    rows = list(source.rows())
    assert [row.text for row in rows if isinstance(row, Row)] == [
        "covering a cup with a lid",
        "Closing something",
    ]
    assert [(row.number, row.reason) for row in rows if isinstance(row, BadRow)] == [
        (3, "bad_record"),
        (4, "bad_record"),
    ]
    first = next(row for row in replace(source, text="template").rows() if isinstance(row, Row))
    assert first.text == "Covering something with something"
    scan = next(scan for scan in scans(source) if scan.reject is None)
    assert scan.facts.uri == "7.webm"
    assert numbers(source, scan) == [[0, 2, 4, 6, 8], [10, 12, 14, 16, 18], [20, 22, 24, 26, 28]]
    assert not scan.refs[0].first_person
    path.write_text("[]")
    labels_of_mine = tmp_path / "labels.json"
    for wrong in ("[1]", '{"a": 1}', "{"):
        labels_of_mine.write_text(wrong)
        with pytest.raises(DataError, match="bad_record"):
            list(replace(source, labels=str(labels_of_mine)).rows())
