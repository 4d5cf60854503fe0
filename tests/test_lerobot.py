from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lerobot_folders import (
    CAMERA,
    FPS,
    SECOND,
    TASKS,
    action_of,
    info_of,
    png_of,
    write_json,
    write_v21,
    write_v30,
    write_video,
)
from numbered_videos import draw, number_in
from shelf import Shelf

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.dimensions import pick_dimensions
from somtom.sources.lerobot import LerobotSource
from somtom.sources.lerobot_layout import fill_path, flat_names

CLIPS = ClipSettings(steps=3, step_s=0.01, cameras=1, history=1, history_step_s=0.1, action_chunk=2)


def scan_all(source: LerobotSource, clips: ClipSettings = CLIPS) -> dict[str, Scan]:
    return {item.uri: source.scan(item, ShotSettings(), clips, 32) for item in source.items(0)}


def read_all(source: LerobotSource, scan: Scan, clips: ClipSettings = CLIPS) -> list[tuple[Ref, Clip]]:
    found = list(source.read(scan.refs, clips))
    assert [ref for ref, _ in found] == list(scan.refs)
    assert [str(clip) for _, clip in found if not isinstance(clip, Clip)] == []
    return [(ref, clip) for ref, clip in found if isinstance(clip, Clip)]


def check_episode(source: LerobotSource, scan: Scan, number: int, first_picture: int) -> None:
    """Hold every clip against what was written for that episode."""
    assert scan.action_names == ("x", "y", "grip")
    for ref, clip in read_all(source, scan):
        earlier, steps = ref.frames[: ref.history], ref.frames[ref.history :]
        assert [number_in(one) for one in clip.frames] == [first_picture + step for step in steps]
        assert [number_in(one) for one in clip.history] == [first_picture + step for step in earlier]
        assert [number_in(one) for one in clip.cameras] == [first_picture + steps[0]]
        np.testing.assert_allclose(clip.times_s, np.array(steps) / FPS, atol=1e-6)
        robot = clip.annotation.robot
        assert robot is not None
        expected = np.array([action_of(number, steps[0]), action_of(number, steps[0] + 1)], np.float32)
        assert (robot.actions == expected[: len(robot.actions)]).all()
        assert robot.state.tolist() == [number, steps[0]]
        assert robot.state_names == ("state_0", "state_1")
        assert [step.action for step in clip.annotation.past] == [
            tuple(np.array(action_of(number, step), np.float32).tolist()) for step in earlier
        ]


def test_each_episode_of_v21_is_read_from_its_own_files(tmp_path: Path) -> None:
    source = LerobotSource(path=str(write_v21(tmp_path, {3: 12, 0: 9, 1007: 8})))

    scans = scan_all(source)

    assert list(scans) == ["episode_000000", "episode_000003", "episode_001007"]
    for number, length in {0: 9, 3: 12, 1007: 8}.items():
        scan = scans[f"episode_{number:06d}"]
        assert (scan.facts.frames, len(scan.refs)) == (length, length // 4)
        check_episode(source, scan, number, 0)


@pytest.mark.parametrize("row_group", [1000, 7, 1])
def test_each_episode_of_v30_is_read_from_its_part_of_the_files(tmp_path: Path, row_group: int) -> None:
    lengths = [9, 12, 8, 10]
    source = LerobotSource(path=str(write_v30(tmp_path, lengths, row_group)))

    scans = scan_all(source)

    assert list(scans) == [f"episode_{number:06d}" for number in range(4)]
    for number, scan in enumerate(scans.values()):
        assert scan.facts.frames == lengths[number]
        check_episode(source, scan, number, sum(lengths[:number]))
    assert len({scan.facts.fingerprint for scan in scans.values()}) == 4


def test_the_instruction_is_the_task_of_the_clips_first_step(tmp_path: Path) -> None:
    source = LerobotSource(path=str(write_v30(tmp_path, [12])))

    refs = scan_all(source)["episode_000000"].refs

    assert [(ref.frames[ref.history], ref.instruction) for ref in refs] == [
        (0, TASKS[0]),
        (4, TASKS[0]),
        (8, TASKS[1]),
    ]


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("annotation.human.task", [1] * 8, TASKS[1]),
        ("language", ["  pick\nit up "] * 8, "pick it up"),
        ("listed", [[0]] * 8, TASKS[0]),
        ("unknown", [99] * 8, TASKS[0]),
    ],
)
def test_the_instruction_may_come_from_any_column(
    tmp_path: Path, column: str, values: list[Any], expected: str
) -> None:
    write_v21(tmp_path, {0: 8}, lambda rows: rows | {column: values})

    scan = scan_all(LerobotSource(path=str(tmp_path), instruction=column))["episode_000000"]

    assert {ref.instruction for ref in scan.refs} == {expected}


def test_without_task_numbers_the_episodes_first_text_is_the_instruction(tmp_path: Path) -> None:
    write_v21(tmp_path, {0: 8}, lambda rows: {name: rows[name] for name in rows if name != "task_index"})
    (tmp_path / "meta" / "tasks.jsonl").unlink()

    scan = scan_all(LerobotSource(path=str(tmp_path)))["episode_000000"]

    assert {ref.instruction for ref in scan.refs} == {TASKS[0]}


def test_a_template_that_does_not_fit_the_files_gives_way_to_the_usual_one(tmp_path: Path) -> None:
    write_v21(
        tmp_path, {0: 8, 4: 8}, data_path="data/chunk-{episode_index:03d}/episode_{episode_index:06d}.parquet"
    )

    scans = scan_all(LerobotSource(path=str(tmp_path)))

    assert [len(scan.refs) for scan in scans.values()] == [2, 2]


def test_cameras_are_chosen_by_key_or_short_name_and_the_absent_are_passed_over(tmp_path: Path) -> None:
    write_v21(tmp_path, {0: 8})
    (tmp_path / "videos" / "chunk-000" / CAMERA / "episode_000000.mp4").unlink()

    def camera_of(*names: str) -> str:
        scan = scan_all(LerobotSource(path=str(tmp_path), cameras=names))["episode_000000"]
        return scan.reject.reason if scan.reject else scan.refs[0].camera

    assert camera_of() == SECOND
    assert camera_of("wrist") == SECOND
    assert camera_of(SECOND) == SECOND
    assert camera_of("front") == "missing_camera"
    assert camera_of("nowhere") == "missing_camera"
    warning = scan_all(LerobotSource(path=str(tmp_path)))["episode_000000"].facts.warning
    assert CAMERA in warning


def test_a_depth_camera_is_read_only_when_asked_for(tmp_path: Path) -> None:
    features = info_of("v2.1")["features"]
    features[CAMERA]["info"]["video.is_depth_map"] = True
    write_v21(tmp_path, {0: 8}, features=features)

    for names, camera in (((), SECOND), (("front",), CAMERA)):
        source = LerobotSource(path=str(tmp_path), cameras=names)
        assert scan_all(source)["episode_000000"].refs[0].camera == camera


def test_several_columns_make_one_action_and_dimensions_are_picked(tmp_path: Path) -> None:
    write_v21(
        tmp_path,
        {0: 8},
        lambda rows: rows | {"action.base": pa.array([[7, 8]] * 8, pa.list_(pa.int32())), "done": [True] * 8},
    )
    keys = ("action", "action.base", "done")

    def names_and_row(*dims: str) -> tuple[tuple[str, ...], list[float]]:
        source = LerobotSource(path=str(tmp_path), action=keys, action_dims=dims)
        scan = scan_all(source)["episode_000000"]
        robot = read_all(source, scan)[1][1].annotation.robot
        assert robot is not None
        assert robot.names == scan.action_names
        return scan.action_names, robot.actions[0].tolist()

    first = np.array(action_of(0, 4), np.float32).tolist()
    names = ("action.x", "action.y", "action.grip", "action.base.base_0", "action.base.base_1", "done.done_0")
    assert names_and_row() == (names, [*first, 7, 8, 1])
    assert names_and_row("done.done_0", "0", "action.base.base") == (
        ("done.done_0", "action.x", "action.base.base_0", "action.base.base_1"),
        [1, first[0], 7, 8],
    )


def test_parts_of_modality_json_name_the_dimensions_and_pick_them(tmp_path: Path) -> None:
    write_v21(tmp_path, {0: 8})
    parts = {"action": {"arm": {"start": 0, "end": 2}, "hand": {"start": 2, "end": 3}}}
    write_json(tmp_path / "meta" / "modality.json", parts)

    assert scan_all(LerobotSource(path=str(tmp_path)))["episode_000000"].action_names == (
        "arm_0",
        "arm_1",
        "hand",
    )
    picked = LerobotSource(path=str(tmp_path), action_dims=("hand", "arm"))
    assert scan_all(picked)["episode_000000"].action_names == ("hand", "arm_0", "arm_1")


@pytest.mark.parametrize("stored", ["bytes", "struct", "path"])
def test_pictures_stored_in_the_rows_or_beside_them_are_read(tmp_path: Path, stored: str) -> None:
    def with_pictures(rows: dict[str, Any]) -> dict[str, Any]:
        pngs = [png_of(step) for step in range(8)]
        values: list[Any] = pngs
        if stored == "struct":
            values = [{"bytes": png, "path": "frame.png"} for png in pngs]
        if stored == "path":
            (tmp_path / "images").mkdir(parents=True)
            for step, png in enumerate(pngs):
                (tmp_path / "images" / f"{step}.png").write_bytes(png)
            values = [{"bytes": None, "path": f"images/{step}.png"} for step in range(8)]
        return rows | {CAMERA: values}

    features = info_of("v2.1")["features"]
    features[CAMERA] = {"dtype": "image", "shape": [96, 128, 3], "names": None}
    write_v21(tmp_path, {0: 8}, with_pictures, features=features)
    source = LerobotSource(path=str(tmp_path))

    clips = read_all(source, scan_all(source)["episode_000000"])

    assert (clips[1][1].frames == np.stack([draw(step) for step in range(4, 8)])).all()


def test_only_the_frames_near_to_the_steps_times_count(tmp_path: Path) -> None:
    """A data set whose clock starts a step late, as robots in simulation have it."""

    def late(rows: dict[str, Any]) -> dict[str, Any]:
        return rows | {"timestamp": [(step + 1) / FPS for step in range(8)]}

    source = LerobotSource(path=str(write_v21(tmp_path, {0: 8}, late)))
    refs = scan_all(source)["episode_000000"].refs

    (_, first), (_, last) = source.read(refs, CLIPS)

    assert isinstance(first, Clip)
    assert [number_in(one) for one in first.frames] == [1, 2, 3, 4]
    assert isinstance(last, DataError)  # nothing is shown at the time of the last step
    assert last.reason == "corrupt_frame"
    wide = replace(source, tolerance_s=1.01 / FPS)
    assert [type(clip) for _, clip in wide.read(refs, CLIPS)] == [Clip, Clip]


def test_published_statistics_are_taken_only_where_they_are_whole(tmp_path: Path) -> None:
    write_v30(tmp_path, [8])
    whole = {name: [0.0, 1.0, 2.0] for name in ("q01", "q99", "min", "max", "mean", "std")}
    source = LerobotSource(path=str(tmp_path), action_dims=("grip", "x"))

    def published(entry: Any) -> tuple[Any, ...] | None:
        write_json(tmp_path / "meta" / "stats.json", {"action": entry})
        stats = source.published_stats()
        return None if stats is None else (stats.names, stats.q99, stats.count, stats.origin)

    assert source.published_stats() is None
    assert published(whole) == (("grip", "x"), (2.0, 0.0), -1, "published")
    assert published(whole | {"count": [12]}) == (("grip", "x"), (2.0, 0.0), 12, "published")
    for broken in (
        {name: whole[name] for name in whole if name != "q01"},
        whole | {"q99": [1.0]},
        whole | {"q01": [9.0, 9.0, 9.0]},
        whole | {"mean": ["a", 1, 2]},
        whole | {"std": float("nan")},
        [],
        None,
    ):
        assert published(broken) is None
    (tmp_path / "meta" / "stats.json").write_text("{")
    assert source.published_stats() is None


def test_what_a_folder_holds_is_said(tmp_path: Path) -> None:
    found = LerobotSource.recognise(str(write_v30(tmp_path / "drawer", [8, 9])))

    assert found is not None
    assert found.settings == {"path": str(tmp_path / "drawer")}
    said = "\n".join(found.notes)
    for words in (
        "v3.0",
        "2 episodes",
        CAMERA,
        "h264",
        "3 numbers: x, y, grip",
        TASKS[0],
        "20 steps a second",
    ):
        assert words in said
    assert LerobotSource.recognise(str(tmp_path)) is None
    assert LerobotSource.recognise(str(tmp_path / "nowhere")) is None


def test_an_episode_whose_video_changed_after_planning_is_refused(tmp_path: Path) -> None:
    source = LerobotSource(path=str(write_v21(tmp_path, {0: 8})))
    refs = scan_all(source)["episode_000000"].refs
    write_video(tmp_path / "videos" / "chunk-000" / SECOND / "episode_000000.mp4", 9)

    results = [clip for _, clip in source.read(refs, CLIPS)]

    assert [one.reason for one in results if isinstance(one, DataError)] == ["changed_input"] * 2


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_a_data_set_in_a_remote_store_is_read_like_a_local_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    folder = write_v21(tmp_path, {0: 8, 1: 12}) if version == "v2.1" else write_v30(tmp_path, [8, 12])
    files = [path for path in folder.rglob("*") if path.is_file()]
    content = {f"shelf://raw/drawer/{path.relative_to(folder)}": path.read_bytes() for path in files}
    monkeypatch.setattr(Shelf, "content", content)
    source = LerobotSource(path="shelf://raw/drawer/")

    scans = scan_all(source)

    assert LerobotSource.recognise("shelf://raw/drawer") is not None
    local = scan_all(LerobotSource(path=str(folder)))
    assert {uri: scan.facts for uri, scan in scans.items()} == {
        uri: scan.facts for uri, scan in local.items()
    }
    check_episode(source, scans["episode_000001"], 1, 8 if version == "v3.0" else 0)


@given(st.integers(0, 10**12), st.integers(0, 12))
def test_numbers_in_a_path_are_padded_as_python_pads_them(number: int, width: int) -> None:
    template = f"a/{{episode_index:0{width}d}}.b" if width else "a/{episode_index}.b"

    assert fill_path(template, {"episode_index": number}) == f"a/{number:0{width or 1}d}.b"


@given(st.recursive(st.text(max_size=3) | st.integers() | st.none(), st.lists))
def test_names_of_any_form_give_distinct_texts_or_none(value: Any) -> None:
    names = flat_names(value)

    assert len(set(names)) == len(names)
    assert all(names)


@given(st.lists(st.sampled_from(["a_0", "a_1", "b"]), unique=True))
def test_dimensions_by_name_and_by_place_are_the_same(names: list[str]) -> None:
    every = ("a_0", "a_1", "b")

    assert pick_dimensions(every, names) == (
        pick_dimensions(every, [str(every.index(name)) for name in names]) if names else [0, 1, 2]
    )
