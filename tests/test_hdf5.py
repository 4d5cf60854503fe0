"""Robot episodes in HDF5: what is read equals what h5py gives, and nothing else is touched."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from builds import QUICK, build, faults, reasons
from drawn_hdf5 import (
    CLIPS,
    draw_pictures,
    first_clip,
    jpeg,
    read,
    reason_of,
    scan,
    why,
    write_aloha,
    write_demos,
    write_libero,
)
from numpy.typing import NDArray
from PIL import Image

from somtom.pipelines.config import parse_config
from somtom.schemas.clips import Clip
from somtom.schemas.settings import ClipSettings
from somtom.sources.aloha import TWO_ARMS, AlohaSource
from somtom.sources.libero import LiberoSource
from somtom.sources.robomimic import POSE_ACTION, RobomimicSource


def test_demonstrations_are_listed_by_their_number(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "lift.hdf5", {"demo_10": 4, "demo_2": 4, "demo_0": 4})
    uris = [item.uri for item in RobomimicSource(str(path)).items(0)]
    assert uris == ["lift.hdf5#demo_0", "lift.hdf5#demo_2", "lift.hdf5#demo_10"]


def test_what_is_read_equals_what_h5py_gives(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "lift.hdf5", {"demo_0": 9})
    source = RobomimicSource(str(tmp_path))
    clips = [clip for clip in read(source) if isinstance(clip, Clip)]
    assert len(clips) == 3
    with h5py.File(path) as file:
        demo = file["data/demo_0"]
        for number, clip in enumerate(clips):
            robot, first = clip.annotation.robot, 3 * number
            assert robot is not None
            assert (clip.frames == demo["obs/agentview_image"][first : first + 3]).all()
            assert (clip.cameras[0] == demo["obs/robot0_eye_in_hand_image"][first]).all()
            assert (robot.actions == demo["actions"][first : first + 1]).all()
            state = [*demo["obs/robot0_eef_pos"][first], *demo["obs/robot0_gripper_qpos"][first]]
            assert robot.state.tolist() == state
            assert np.allclose(clip.times_s, np.arange(first, first + 3) / 20)
    assert robot.state_names[0] == "robot0_eef_pos_0" and len(robot.state_names) == 5


def test_only_the_steps_asked_for_are_read(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "lift.hdf5", {"demo_0": 9})
    with h5py.File(path, "r+") as file:
        file["data/demo_0/obs/agentview_image"].id.write_direct_chunk((4, 0, 0, 0), b"no zlib stream")
    got = read(RobomimicSource(str(path)))
    assert why(got) == ["", "corrupt_frame", ""]


def test_masks_say_the_split_where_asked(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "lift.hdf5", {"demo_0": 4, "demo_1": 4, "demo_2": 4})
    source = RobomimicSource(str(path), split_by_mask=True)
    splits = [scan(source, item).refs[0].split for item in source.items(0)]
    assert splits == ["train", "val", ""]
    only = RobomimicSource(str(path), filter_key="valid")
    assert [item.uri for item in only.items(0)] == ["lift.hdf5#demo_1"]
    assert reason_of(RobomimicSource(str(path), filter_key="50_percent")) == "bad_record"


def test_the_control_rate_is_the_files_unless_set(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "a.hdf5", {"demo_0": 9}, {"env_kwargs": {"control_freq": 10}})
    assert first_clip(RobomimicSource(str(path))).times_s[1] == pytest.approx(0.1)
    assert first_clip(RobomimicSource(str(path), control_hz=50)).times_s[1] == pytest.approx(0.02)


def test_an_action_has_names_only_where_they_are_known(tmp_path: Path) -> None:
    pose = {"env_kwargs": {"controller_configs": {"type": "OSC_POSE", "control_delta": True}}}
    joint = {"env_kwargs": {"controller_configs": {"type": "JOINT_POSITION"}}}
    for env, names in ((pose, POSE_ACTION), (joint, tuple(f"actions_{k}" for k in range(7)))):
        path = write_demos(tmp_path / "a.hdf5", {"demo_0": 4}, env)
        robot = first_clip(RobomimicSource(str(path))).annotation.robot
        assert robot is not None and robot.names == names
    named = RobomimicSource(str(path), action_names=tuple("abcdefg"))
    assert scan(named, next(iter(named.items(0)))).action_names == tuple("abcdefg")
    assert reason_of(replace(named, action_names=("a", "b"))) == "bad_action"


def test_dimensions_of_the_action_can_be_picked(tmp_path: Path) -> None:
    source = AlohaSource(str(write_aloha(tmp_path / "a.hdf5")), action_dims=("right_gripper", "0"))
    robot = first_clip(source).annotation.robot
    assert robot is not None and robot.names == (TWO_ARMS[13], TWO_ARMS[0])
    assert reason_of(AlohaSource(str(tmp_path), action_dims=("tail",))) == "bad_action"


def test_words_come_from_the_demonstration_then_the_file_and_first_from_the_setting(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "a.hdf5", {"demo_0": 4}, {"lang": "举起 方块"})
    source = RobomimicSource(str(path))
    item = next(iter(source.items(0)))
    assert scan(source, item).refs[0].instruction == "举起 方块"
    with h5py.File(path, "r+") as file:
        file["data/demo_0"].attrs["ep_meta"] = json.dumps({"lang": "open the drawer"})
    assert scan(source, item).refs[0].instruction == "open the drawer"
    assert scan(replace(source, instruction="lift"), item).refs[0].instruction == "lift"


def test_fingerprints_tell_demonstrations_and_their_actions_apart(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "a.hdf5", {"demo_0": 4, "demo_1": 4})
    source = RobomimicSource(str(path))
    before = [scan(source, item).facts.fingerprint for item in source.items(0)]
    refs = scan(source, next(iter(source.items(0)))).refs
    with h5py.File(path, "r+") as file:
        file["data/demo_0/actions"][0, 0] = 9.0
    after = [scan(source, item).facts.fingerprint for item in source.items(0)]
    assert len({*before, *after}) == 4
    assert [clip.reason for _, clip in source.read(refs, CLIPS)] == ["changed_input"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("turn", "turned"),
    [("", lambda one: one[::-1]), ("rotate", lambda one: one[::-1, ::-1]), ("none", lambda one: one)],
)
def test_liberos_pictures_are_turned_upright(
    tmp_path: Path, turn: str, turned: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> None:
    path = write_libero(tmp_path / "task_demo.hdf5")
    source = LiberoSource(str(path), **({"turn": turn} if turn else {}))  # type: ignore[arg-type]
    clip = first_clip(source)
    with h5py.File(path) as file:
        assert (clip.frames[0] == turned(file["data/demo_0/obs/agentview_rgb"][0])).all()
        assert (clip.cameras[0] == turned(file["data/demo_0/obs/eye_in_hand_rgb"][0])).all()


def test_libero_says_its_task_its_pose_and_its_states(tmp_path: Path) -> None:
    source = LiberoSource(str(write_libero(tmp_path / "a.hdf5", '"put the mug on the plate"')))
    ref = scan(source, next(iter(source.items(0)))).refs[0]
    robot = first_clip(source).annotation.robot
    assert ref.instruction == "put the mug on the plate"
    assert robot is not None and robot.names == POSE_ACTION and len(robot.state) == 15
    broken = LiberoSource(str(write_libero(tmp_path / "b.hdf5", ["no", "text"])))
    assert reason_of(broken) == "bad_record"


@pytest.mark.parametrize("form", ["raw", "padded", "bytes"])
def test_alohas_pictures_are_those_that_pillow_decodes(tmp_path: Path, form: str) -> None:
    source = AlohaSource(str(write_aloha(tmp_path / "episode_0.hdf5", form)))
    clip = first_clip(source)
    expected = draw_pictures(6, 0)
    if form != "raw":
        expected = np.stack([np.asarray(Image.open(io.BytesIO(jpeg(one)))) for one in expected])
    assert (clip.frames == expected[:3]).all()
    assert (first_clip(replace(source, colours="bgr")).frames == expected[:3, ..., ::-1]).all()
    assert np.allclose(clip.times_s, np.arange(3) / 50)


def test_alohas_numbers_equal_what_h5py_gives(tmp_path: Path) -> None:
    path = write_aloha(tmp_path / "episode_0.hdf5")
    robot = first_clip(AlohaSource(str(path), state=("qpos", "qvel"))).annotation.robot
    assert robot is not None and robot.names == TWO_ARMS
    with h5py.File(path) as file:
        assert (robot.actions[0] == file["action"][0].astype(np.float64)).all()
        assert (robot.state[14:] == file["observations/qvel"][0].astype(np.float64)).all()
    assert robot.state_names[0] == "qpos_left_waist" and robot.state_names[27] == "qvel_right_gripper"


def test_mobile_alohas_base_is_part_of_the_action_where_asked(tmp_path: Path) -> None:
    path = write_aloha(tmp_path / "episode_0.hdf5")
    base = np.arange(12.0).reshape(6, 2)
    with h5py.File(path, "r+") as file:
        file["base_action"] = base
    source = AlohaSource(str(path), action=("action", "base_action"))
    robot = first_clip(source).annotation.robot
    assert robot is not None and robot.names == (*TWO_ARMS, "base_linear", "base_angular")
    assert robot.actions[0, 14:].tolist() == base[0].tolist()
    assert reason_of(AlohaSource(str(path), action=("torque",))) == "bad_action"


def test_alohas_words_come_from_the_file_or_a_sidecar(tmp_path: Path) -> None:
    path = write_aloha(tmp_path / "episode_0.hdf5")
    source = AlohaSource(str(tmp_path))
    item = next(iter(source.items(0)))
    assert scan(source, item).refs[0].instruction == ""
    with h5py.File(path, "r+") as file:
        file["language_raw"] = np.array([b"fold the shirt"], dtype=object)
    assert scan(source, item).refs[0].instruction == "fold the shirt"
    (tmp_path / "episode_0.txt").write_text("закрой\nдверь", encoding="utf-8")
    assert scan(replace(source, sidecar="{stem}.txt"), item).refs[0].instruction == "закрой дверь"
    (tmp_path / "words.json").write_text(json.dumps({"instruction": "pick it"}))
    assert scan(replace(source, sidecar="words.json"), item).refs[0].instruction == "pick it"
    absent = scan(replace(source, sidecar="none.txt"), item).reject
    assert absent is not None and absent.reason == "missing"
    with pytest.raises(ValueError, match="sidecar"):
        replace(source, sidecar="../words.json")


def test_cameras_are_those_asked_for_in_that_order(tmp_path: Path) -> None:
    path = write_aloha(tmp_path / "a.hdf5")
    clip = first_clip(AlohaSource(str(path), cameras=("cam_low", "cam_high")))
    assert (clip.frames[0] == draw_pictures(6, 1)[0]).all()
    assert (clip.cameras[0] == draw_pictures(6, 0)[0]).all()
    assert reason_of(AlohaSource(str(path), cameras=("wrist",))) == "missing_camera"


def test_kinds_recognise_their_own_files(tmp_path: Path) -> None:
    paths = {
        RobomimicSource: write_demos(tmp_path / "a.hdf5", {"demo_0": 4}),
        LiberoSource: write_libero(tmp_path / "b.hdf5"),
        AlohaSource: write_aloha(tmp_path / "c.hdf5"),
    }
    (tmp_path / "d.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    for kind, path in paths.items():
        found = [one for one in paths if one.recognise(str(path)) is not None]  # type: ignore[attr-defined]
        assert found == [kind]
        assert kind.recognise(str(tmp_path / "d.hdf5")) is None  # type: ignore[attr-defined]
        assert kind.recognise(str(tmp_path / "nothing")) is None  # type: ignore[attr-defined]


def test_a_folder_of_two_kinds_is_recognised_as_both(tmp_path: Path) -> None:
    write_aloha(tmp_path / "a.hdf5")
    write_demos(tmp_path / "b.hdf5", {"demo_0": 4, "demo_1": 4})
    (tmp_path / "c.hdf5").write_bytes(b"")
    for kind, note in (
        (AlohaSource, "a.hdf5: (6, 14) actions"),
        (RobomimicSource, "b.hdf5: 2 demonstrations"),
    ):
        found = kind.recognise(str(tmp_path))  # type: ignore[attr-defined]
        assert found.settings == {"path": str(tmp_path / note.partition(":")[0])}
        assert found.notes[:2] == ("1 of 3 files looked into, of 3 HDF5 files", note)


def test_what_a_kind_is_given_names_its_files_alone(tmp_path: Path) -> None:
    for name in ("one/episode_0.hdf5", "one/episode_1.hdf5", "mixed/episode_0.hdf5", "mixed/episode_1.hdf5"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_aloha(tmp_path / name)
    write_demos(tmp_path / "lift.hdf5", {"demo_0": 4})
    write_demos(tmp_path / "mixed" / "lift.hdf5", {"demo_0": 4})
    (tmp_path / "mixed" / "cut.hdf5").write_bytes(b"")

    def path_for(kind: Any, folder: Path) -> tuple[str, list[str]]:
        found = kind.recognise(str(folder))
        items = kind(found.settings["path"]).items(0)
        return str(Path(found.settings["path"]).relative_to(tmp_path)), [item.uri for item in items]

    episodes = ["episode_0.hdf5", "episode_1.hdf5"]
    assert path_for(AlohaSource, tmp_path / "mixed") == ("mixed/episode_*.hdf5", episodes)
    assert path_for(RobomimicSource, tmp_path / "mixed") == ("mixed/lift.hdf5", ["lift.hdf5#demo_0"])
    assert path_for(AlohaSource, tmp_path / "one") == ("one", episodes)
    (tmp_path / "mixed" / "lift.hdf5").rename(tmp_path / "one" / "lift.hdf5")
    (tmp_path / "one" / "cut.hdf5").write_bytes(b"")
    assert path_for(AlohaSource, tmp_path / "mixed") == ("mixed", ["cut.hdf5", *episodes]), (
        "damaged ones stay"
    )
    found = AlohaSource.recognise(str(tmp_path))
    assert found is not None and found.settings["path"] == str(tmp_path) and "a glob" in found.notes[-1]


def test_without_h5py_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_demos(tmp_path / "a.hdf5", {"demo_0": 4})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ValueError, match=r'pip install "somtom\[hdf5\]"'):
        list(RobomimicSource(str(path)).items(0))
    assert RobomimicSource.recognise(str(path)) is None


@pytest.mark.parametrize("wrong", [{"turn": "left"}, {"colours": "bgra"}, {"control_hz": float("nan")}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RobomimicSource("a.hdf5", **wrong)


def test_the_three_kinds_build_one_data_set_that_balances(tmp_path: Path) -> None:
    write_demos(tmp_path / "lift.hdf5", {"demo_0": 9, "demo_1": 9, "demo_2": 2})
    write_libero(tmp_path / "mug.hdf5")
    write_aloha(tmp_path / "episode_0.hdf5", "padded")
    kinds = {"robomimic": "lift.hdf5", "libero": "mug.hdf5", "aloha": "episode_0.hdf5"}
    blocks = [{"kind": kind, "path": str(tmp_path / name)} for kind, name in kinds.items()]
    config = parse_config({**QUICK, "source": blocks, "clips": {"steps": 2, "step_s": 0.01, "cameras": 1}})
    totals = build(config, tmp_path / "out")
    assert faults(tmp_path / "out") == []
    assert totals.samples == 3 + 3 + 2 + 2
    assert reasons(tmp_path / "out") == {"lift.hdf5#demo_2": "too_short"}


def test_real_files_give_what_h5py_gives(test_data: Path) -> None:
    folder = test_data / "robot/hdf5"
    clips = ClipSettings(steps=1, step_s=0.001, short_side=1024)
    with h5py.File(folder / "robomimic_layout.hdf5", locking=False) as file:
        source = RobomimicSource(str(folder / "robomimic_layout.hdf5"))
        items = list(source.items(0))
        assert [item.uri.partition("#")[2] for item in items] == sorted(file["data"])
        for item in items:
            demo = file[f"data/{item.uri.partition('#')[2]}"]
            refs = scan(source, item, clips).refs
            assert len(refs) == len(demo["actions"]) // 2
            for ref, clip in source.read(refs, clips):
                assert isinstance(clip, Clip) and clip.annotation.robot is not None
                assert (clip.frames == demo["obs/agentview_image"][ref.frames[0] : ref.frames[-1] + 1]).all()
                assert (clip.annotation.robot.actions[0] == demo["actions"][ref.frames[0]]).all()
    with h5py.File(folder / "aloha_layout/episode_0.hdf5", locking=False) as file:
        aloha = AlohaSource(str(folder / "aloha_layout"))
        refs = scan(aloha, next(iter(aloha.items(0))), clips).refs
        assert len(refs) == len(file["action"]) // 2
        rows, lengths = file["observations/images/cam_high"], file["compress_len"][0].astype(int)
        for ref, clip in aloha.read(refs, clips):
            assert isinstance(clip, Clip) and clip.annotation.robot is not None
            first = ref.frames[0]
            picture = Image.open(io.BytesIO(bytes(rows[first][: lengths[first]])))
            assert (clip.frames[0] == np.asarray(picture)).all()
            assert (clip.annotation.robot.actions[0] == file["action"][first].astype(np.float64)).all()
            assert (clip.annotation.robot.state == file["observations/qpos"][first].astype(np.float64)).all()
