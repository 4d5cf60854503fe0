"""What is broken, hostile or absurd in a LeRobot data set: one reject with a reason, the rest is read."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lerobot_folders import (
    CAMERA,
    SECOND,
    info_of,
    png_of,
    write_json,
    write_lines,
    write_table,
    write_v21,
    write_v30,
)

from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.lerobot import LerobotSource

CLIPS = ClipSettings(steps=3, step_s=0.01)


def scan_all(folder: Path, **settings: Any) -> list[Scan]:
    source = LerobotSource(path=str(folder), **settings)
    return [source.scan(item, ShotSettings(), CLIPS, 32) for item in source.items(0)]


def outcomes(folder: Path, **settings: Any) -> dict[str, str]:
    """Reason of each item's reject, "" for one that gives clips which can all be read."""
    source = LerobotSource(path=str(folder), **settings)
    found = {}
    for scan in scan_all(folder, **settings):
        reason = scan.reject.reason if scan.reject else ""
        for _, clip in source.read(scan.refs, CLIPS):
            reason = clip.reason if isinstance(clip, DataError) else reason
        found[scan.facts.uri] = reason
    return found


def rejected(folder: Path, **settings: Any) -> str:
    """Why the only episode gives nothing."""
    (scan,) = scan_all(folder, **settings)
    assert scan.reject is not None
    assert scan.reject.message.isprintable()
    return scan.reject.reason


def with_column(folder: Path, **columns: Any) -> Path:
    return write_v21(folder, {0: 8}, lambda rows: rows | columns)


def test_a_missing_or_cut_off_file_rejects_its_own_episode_only(tmp_path: Path) -> None:
    write_v21(tmp_path, dict.fromkeys(range(6), 8))
    data = tmp_path / "data" / "chunk-000"
    (data / "episode_000001.parquet").unlink()
    (data / "episode_000002.parquet").write_bytes((data / "episode_000002.parquet").read_bytes()[:-9])
    (data / "episode_000003.parquet").write_bytes(b"")
    for camera in (CAMERA, SECOND):
        videos = tmp_path / "videos" / "chunk-000" / camera
        (videos / "episode_000004.mp4").unlink()
        whole = (videos / "episode_000005.mp4").read_bytes()
        (videos / "episode_000005.mp4").write_bytes(whole[: len(whole) // 2])

    assert outcomes(tmp_path) == {
        "episode_000000": "",
        "episode_000001": "missing",
        "episode_000002": "unreadable",
        "episode_000003": "unreadable",
        "episode_000004": "missing_camera",
        "episode_000005": "unreadable",
    }


def test_damaged_pages_are_said_to_be_unreadable(tmp_path: Path) -> None:
    path = with_column(tmp_path) / "data" / "chunk-000" / "episode_000000.parquet"
    whole = bytearray(path.read_bytes())
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    whole[4 : len(whole) - footer] = bytes(0xFF for _ in range(len(whole) - footer - 4))
    path.write_bytes(whole)

    assert rejected(tmp_path) == "unreadable"


def test_a_video_that_ends_early_fails_only_the_clips_behind_its_end(tmp_path: Path) -> None:
    write_v21(tmp_path, {0: 12})
    short = write_v21(tmp_path / "short", {0: 6})
    name = Path("videos") / "chunk-000" / CAMERA / "episode_000000.mp4"
    (tmp_path / name).write_bytes((short / name).read_bytes())
    source = LerobotSource(path=str(tmp_path))
    (item,) = source.items(0)

    results = [clip for _, clip in source.read(source.scan(item, ShotSettings(), CLIPS, 32).refs, CLIPS)]

    assert [one.reason if isinstance(one, DataError) else "" for one in results] == [
        "",
        "corrupt_frame",
        "corrupt_frame",
    ]


def test_broken_and_double_rows_of_the_index_are_items_of_their_own(tmp_path: Path) -> None:
    write_v21(tmp_path, {0: 8, 1: 8})
    good = {"episode_index": 1, "length": 8}
    rows = [
        "{",
        "[1]",
        good,
        {"length": 3},
        {"episode_index": -1},
        {"episode_index": "0"},
        {"episode_index": True},
        {"episode_index": 10**400},
        {"episode_index": 10**12, "tasks": "far"},
        good | {"tasks": [None, 7], "length": "x"},
        {"episode_index": 0, "tasks": ["\ud800 a\nb"], "length": 9},
    ]
    write_lines(tmp_path / "meta" / "episodes.jsonl", rows)

    scans = scan_all(tmp_path)

    assert [scan.facts.uri for scan in scans] == sorted(scan.facts.uri for scan in scans)
    assert all(is_safe_uri(scan.facts.uri) for scan in scans)
    reasons = [(scan.facts.uri, scan.reject.reason if scan.reject else "") for scan in scans]
    assert reasons == [
        ("episode_000000", ""),
        ("episode_000001", ""),  # the build makes the second of a uri a duplicate
        ("episode_000001", ""),
        ("episode_1000000000000", "missing"),
        *((f"meta/episodes.jsonl#row={number}", "bad_record") for number in (1, 2, 4, 5, 6, 7, 8)),
    ]
    assert scans[0].facts.warning == "the index says 9 steps, the file holds 8"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("../{episode_index}.parquet", "unsafe_path"),
        ("/etc/{episode_index}", "unsafe_path"),
        ("data/{episode_index}/../../../x", "unsafe_path"),
        ("gs://other/{episode_index}", "unsafe_path"),
        ("data/{episode_index.__class__}", "bad_record"),
        ("data/{0}", "bad_record"),
        ("data/{episode_index!r}", "bad_record"),
        ("data/{episode_index:>1000000000}", "bad_record"),
        ("data/{episode_index:0999999999d}", "bad_record"),
        ("data/{unknown}", "bad_record"),
        ("data/{{episode_index}}", "bad_record"),
        ("data/" + "x" * 300, "bad_record"),
        ("data/\0", "bad_record"),
    ],
)
def test_a_template_that_climbs_or_is_odd_is_refused(tmp_path: Path, template: str, reason: str) -> None:
    write_v21(tmp_path / "rows", {0: 8}, data_path=template)
    write_v21(tmp_path / "videos", {0: 8}, video_path=template)

    assert rejected(tmp_path / "rows") == reason
    assert rejected(tmp_path / "videos") == reason


def test_a_camera_whose_name_climbs_is_refused(tmp_path: Path) -> None:
    features = info_of("v2.1")["features"]
    features = {"../../../../etc/x": features[CAMERA], **features}
    write_v21(tmp_path, {0: 8}, features=features)

    assert rejected(tmp_path) == "unsafe_path"
    assert outcomes(tmp_path, cameras=("wrist",)) == {"episode_000000": ""}


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "", "nowhere.png"])
def test_a_picture_named_in_a_row_must_lie_in_the_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.png").write_bytes(png_of(1))
    features = info_of("v2.1")["features"]
    features[CAMERA] = {"dtype": "image"}
    pictures = [{"bytes": None, "path": path}] * 7 + [{"bytes": b"no picture", "path": path}]
    folder = tmp_path / "data set"
    write_v21(folder, {0: 8}, lambda rows: rows | {CAMERA: pictures}, features=features)
    source = LerobotSource(path=str(folder))
    (scan,) = scan_all(folder)

    first, last = (clip for _, clip in source.read(scan.refs, CLIPS))

    assert isinstance(first, DataError) and isinstance(last, DataError)
    reasons = {"": "not_image", "nowhere.png": "missing"}
    assert first.reason == reasons.get(path, "unsafe_path")


LISTS = pa.list_(pa.float64())
BAD_ACTIONS: dict[str, Any] = {
    "texts": ["a"] * 8,
    "texts in lists": [["a", "b", "c"]] * 8,
    "too wide": [[1.0] * 4] * 8,
    "ragged": pa.array([[1.0] * 3] * 7 + [[1.0] * 2], LISTS),
    "null": pa.array([[1.0] * 3] * 7 + [None], LISTS),
    "all null": [None] * 8,
    "empty": pa.array([[]] * 8, LISTS),
    "structs": [{"x": 1.0, "y": 1.0, "z": 1.0}] * 8,
    "bytes": [b"\0" * 24] * 8,
    "times": pa.array([0] * 8, pa.timestamp("us")),
}


@pytest.mark.parametrize("case", BAD_ACTIONS)
def test_actions_of_another_type_or_width_are_refused(tmp_path: Path, case: str) -> None:
    assert rejected(with_column(tmp_path, action=BAD_ACTIONS[case])) == "bad_action"


def test_absent_columns_and_wrong_settings_are_refused(tmp_path: Path) -> None:
    write_v21(tmp_path, {0: 8})

    assert rejected(tmp_path, action=("actions",)) == "bad_action"
    assert rejected(tmp_path, action_dims=("z",)) == "bad_action"
    assert rejected(tmp_path, action_dims=("3",)) == "bad_action"
    assert rejected(tmp_path, action_dims=("x", "0")) == "bad_action"
    assert rejected(tmp_path, state=("observation.stat",)) == "bad_record"
    assert rejected(tmp_path, instruction="nowhere") == "bad_record"
    assert rejected(tmp_path, instruction="timestamp") == "bad_record"
    assert outcomes(tmp_path, state=()) == {"episode_000000": ""}
    for wrong in ({"action": ()}, {"tolerance_s": -1.0}, {"tolerance_s": float("nan")}):
        with pytest.raises(ValueError, match="must"):
            LerobotSource(path=str(tmp_path), **wrong)


@pytest.mark.parametrize(
    "times",
    [
        [0.0] * 8,
        [0.0, 0.05, 0.04, *[1.0] * 5],
        [float("nan")] * 8,
        [float("inf")] * 8,
        ["0"] * 8,
        [[0.0, 1.0]] * 8,
        [None] * 8,
    ],
)
def test_times_that_do_not_rise_or_are_none_are_refused(tmp_path: Path, times: list[Any]) -> None:
    assert rejected(with_column(tmp_path, timestamp=times)) == "bad_timestamps"


def test_an_action_that_is_not_finite_fails_only_its_clip(tmp_path: Path) -> None:
    values = [[1.0] * 3 for _ in range(8)]
    values[4][1] = float("nan")
    with_column(tmp_path, action=pa.array(values, LISTS))
    source = LerobotSource(path=str(tmp_path))
    (scan,) = scan_all(tmp_path)

    first, last = (clip for _, clip in source.read(scan.refs, CLIPS))

    assert isinstance(first, Clip)
    assert isinstance(last, DataError) and last.reason == "bad_action"
    assert scan.actions is not None and (scan.actions.rows, scan.actions.bad_rows) == (7, 1)


def test_numbers_that_make_no_sense_in_info_json_do_no_harm(tmp_path: Path) -> None:
    odd: list[dict[str, Any]] = [
        {"fps": 0},
        {"fps": -3},
        {"fps": "30"},
        {"fps": 1e400},
        {"chunks_size": 0},
        {"chunks_size": -1},
        {"chunks_size": None},
        {"total_episodes": 10**12},
        {"data_path": None},
        {"video_path": 7},
        {"codebase_version": 3},
    ]
    for number, change in enumerate(odd):
        folder = write_v21(tmp_path / str(number), {0: 8}, **change)
        assert outcomes(folder) == {"episode_000000": ""}, change


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"features": []}', '{"features": {}, "codebase_version": "v1.6"}', "[" * 100_000],
)
def test_what_is_no_info_json_is_said_before_anything_is_read(tmp_path: Path, content: str) -> None:
    write_v21(tmp_path, {0: 8})
    (tmp_path / "meta" / "info.json").write_text(content)

    with pytest.raises(DataError):
        list(LerobotSource(path=str(tmp_path)).items(0))
    assert LerobotSource.recognise(str(tmp_path)) is None


def test_a_data_set_without_an_index_is_said_to_have_none(tmp_path: Path) -> None:
    write_v21(tmp_path, {0: 8})
    (tmp_path / "meta" / "episodes.jsonl").write_text("")

    with pytest.raises(DataError, match="no episode"):
        list(LerobotSource(path=str(tmp_path)).items(0))
    (tmp_path / "meta" / "episodes.jsonl").unlink()
    with pytest.raises(DataError, match=r"episodes\.jsonl"):
        list(LerobotSource(path=str(tmp_path)).items(0))
    assert LerobotSource.recognise(str(tmp_path)) is not None


def test_odd_metadata_does_not_stop_a_data_set_from_being_recognised(tmp_path: Path) -> None:
    features: dict[str, Any] = {
        "a": {"dtype": "video", "shape": ["x", -1], "info": [], "names": {"a": {"b": [1, None]}}},
        "b": {"dtype": 7, "shape": 3},
        "c": 9,
    }
    write_json(tmp_path / "meta" / "info.json", {"codebase_version": "v2.0", "features": features})
    write_json(tmp_path / "meta" / "modality.json", {"action": {"a": 1, "b": {"start": -1, "end": 10**9}}})
    write_lines(tmp_path / "meta" / "episodes.jsonl", ["{"])

    found = LerobotSource.recognise(str(tmp_path))

    assert found is not None
    assert any("bad_record" in note for note in found.notes)


def test_broken_index_files_and_rows_of_v30_are_items_of_their_own(tmp_path: Path) -> None:
    write_v30(tmp_path, [8, 8])
    folder = tmp_path / "meta" / "episodes" / "chunk-000"
    index = pq.read_table(folder / "file-000.parquet").to_pylist()
    wrong = [
        index[0] | {"data/file_index": None},
        index[0] | {"data/chunk_index": -1},
        index[0] | {"data/file_index": 7, "episode_index": 5},
        index[0] | {"episode_index": 6},
        index[0] | {"episode_index": 7, f"videos/{CAMERA}/from_timestamp": None},
        index[0] | {"episode_index": None},
    ]
    pq.write_table(pa.Table.from_pylist([*index, *wrong]), folder / "file-001.parquet")
    (folder / "file-000.parquet").write_bytes(b"PAR1 but no more")
    write_table(folder / "file-002.parquet", {"something": [1]})
    (tmp_path / "meta" / "tasks.parquet").unlink()

    name = "meta/episodes/chunk-000/file-00"
    assert outcomes(tmp_path) == {
        "episode_000000": "",
        "episode_000001": "",
        "episode_000005": "missing",
        "episode_000006": "bad_record",  # its file holds no row of it
        "episode_000007": "bad_record",
        f"{name}0.parquet": "unreadable",
        f"{name}1.parquet#row=3": "bad_record",
        f"{name}1.parquet#row=4": "bad_record",
        f"{name}1.parquet#row=8": "bad_record",
        f"{name}2.parquet#row=1": "bad_record",
    }


def test_a_shared_file_without_episode_numbers_is_refused(tmp_path: Path) -> None:
    write_v30(tmp_path, [8])
    path = tmp_path / "data" / "chunk-000" / "file-000.parquet"
    pq.write_table(pq.read_table(path).drop_columns("episode_index"), path)

    assert rejected(tmp_path) == "bad_record"


def test_a_broken_table_of_tasks_rejects_every_episode(tmp_path: Path) -> None:
    write_v30(tmp_path, [8, 8])
    (tmp_path / "meta" / "tasks.parquet").write_bytes(b"")

    assert set(outcomes(tmp_path).values()) == {"unreadable"}
    found = LerobotSource.recognise(str(tmp_path))
    assert found is not None
    assert any("unreadable" in note for note in found.notes)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    not_text = pa.array([b"\xff"] * 8).cast(pa.string(), safe=False)
    write_v21(tmp_path / "rows", {0: 8}, lambda rows: rows | {"language": not_text})
    write_v30(tmp_path / "tasks", [8])
    write_table(tmp_path / "tasks" / "meta" / "tasks.parquet", {"task_index": range(8), "task": not_text})

    assert rejected(tmp_path / "rows", instruction="language") == "unreadable"
    assert rejected(tmp_path / "tasks") == "unreadable"
    assert outcomes(tmp_path / "rows") == {"episode_000000": ""}


@pytest.mark.parametrize("seed", range(3))
def test_any_damage_to_any_file_becomes_rejects(tmp_path: Path, seed: int) -> None:
    """Bytes are changed, added and taken away, mostly in the footers, which rule over the rest."""
    random = np.random.default_rng(seed)
    for folder in (write_v21(tmp_path / "a", {0: 8}), write_v30(tmp_path / "b", [8])):
        for path in sorted(one for one in folder.rglob("*") if one.is_file() and one.suffix != ".mp4"):
            whole = path.read_bytes()
            for _ in range(8):
                broken = bytearray(whole)
                for _ in range(int(random.integers(1, 6))):
                    place = int(random.integers(max(0, len(broken) - 1500), len(broken)))
                    broken[place : place + int(random.integers(0, 3))] = random.bytes(1)
                path.write_bytes(broken)
                LerobotSource.recognise(str(folder))
                with contextlib.suppress(DataError):
                    outcomes(folder)
            path.write_bytes(whole)
        assert set(outcomes(folder).values()) == {""}


def test_payloads_hold_no_path_of_this_machine(tmp_path: Path) -> None:
    for folder in (write_v21(tmp_path / "a", {0: 8}), write_v30(tmp_path / "b", [8])):
        for item in LerobotSource(path=str(folder)).items(0):
            assert str(tmp_path) not in item.payload
            assert item.locator.startswith(str(folder))
            json.loads(item.payload)
